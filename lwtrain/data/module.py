"""The data of a run: few labelled images, many without labels, some held out; in memory as bytes, or in files."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor

from lwtrain.data.augmentation import Augmentation
from lwtrain.data.images import fingerprint
from lwtrain.data.index_batches import (
    RowBatch,
    Rows,
    count_batches,
    count_training_batches,
    labelled_first,
    lay_rows,
    share,
    shuffled_batches,
)
from lwtrain.data.label_split import NO_LABEL, split_labels
from lwtrain.data.load import Split
from lwtrain.data.mixup import Mixup
from lwtrain.data.row_count import Batches, check_batches, too_few_labels
from lwtrain.data.view import View
from lwtrain.errors import DataError
from lwtrain.fronts.front import CHUNK
from lwtrain.seeds import generator_for

log = logging.getLogger(__name__)


class BatchLoader:
    """Yields the batches that `batches` makes, anew in every epoch; no worker process loads them."""

    def __init__(self, num_batches: int, batches: Callable[[], Iterator[Any]]) -> None:
        self._num_batches = num_batches
        self._batches = batches

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[Any]:
        return self._batches()


class SemiSupervisedDataModule(pl.LightningDataModule):
    """Splits a data set by labels and deals out its rows, batch by batch.

    Promises: the labelled subset, the validation images, every augmentation and the order of every epoch follow from
    `seed` alone; no validation or test image is ever in a training row; within `trainer.fit` batches are
    `RowBatch`es (places in the front), elsewhere pairs of images and labels.

    Of several processes each has its own rows, as many as the others and in as many batches. Of training rows that do
    not divide, the last is learned from by more than one process. A validation or test image that fills a share up
    comes without its label, which another process has, so that it counts once: there may be fewer labels than images.

    Args:
        train: Images, (num_images, channels, height, width) uint8, and their labels, (num_images,) int64. Where a label
            is negative, the image has none: it is learned from without, and never validated on.
        test: The same, for `trainer.test`; also what validates where `validation="test"`.
        labels: How many images keep their labels: "all", a number, or a share. The same number of each class.
        validation: The share of the training images held out for validation, or "test".
        batches: How labelled and unlabelled rows share a batch; see `lwtrain.data.index_batches.lay_rows`.
        batch_size: The most rows in a batch, over all processes together.
        augmentation: What happens to each training row; nothing by default.
        idle_rows: Whether batches hold rows without a label, true or given, as well. What learns from labels alone only
            takes their part in batch norm's statistics, and is faster without them.
        mixup: Blends the rows of each training batch; None: they stay as they are.
        seed: Decides everything that is drawn.

    Attributes:
        pseudo_labels: (unlabelled images,) class numbers that training batches take for labels, negative where there is
            none; None: as if all were negative. A row that has one counts as labelled.
        shares_batches: Whether each of several processes has a share of the training rows; else all have all of them.

    Raises:
        ValueError: If labels, validation or batch_size cannot be had from these images.

    Example:
        >>> images, labels = torch.zeros(60, 1, 8, 8, dtype=torch.uint8), torch.arange(60) % 3
        >>> data = SemiSupervisedDataModule(Split(images, labels), labels=12, validation=0.1, batch_size=16)
        >>> len(data.labelled), len(data.unlabelled), len(data.held_out)
        (12, 42, 6)
        >>> [len(batch.rows) for batch in data.train_dataloader()]
        [14, 14, 14, 14, 14, 14]
    """

    def __init__(
        self,
        train: Split,
        test: Split | None = None,
        *,
        labels: int | float | str = "all",
        validation: float | str = 0.1,
        batches: Batches = "half",
        batch_size: int = 128,
        augmentation: Augmentation | None = None,
        idle_rows: bool = True,
        mixup: Mixup | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_batches(batches)
        if validation == "test" and test is None:
            raise ValueError("validation=test: there are no test images; choose a share of the training images")
        self.train, self.test = train, test
        self.batches, self.batch_size, self.seed = batches, batch_size, seed
        self.idle_rows, self.mixup = idle_rows, mixup
        self.augmentation = None if augmentation == Augmentation() else augmentation  # that one alters nothing
        self.num_classes = int(train.labels.max()) + 1
        self.labelled, self.unlabelled, self.held_out = split_labels(train.labels, labels, validation, seed)
        self.pseudo_labels: Tensor | None = None
        self.shares_batches = True

        rows = self.rows((0, 0))
        if not 2 <= batch_size <= len(rows.images):
            raise ValueError(f"batch_size={batch_size}: choose 2 to {len(rows.images)}, the training rows")
        self.check_processes(1)
        self.on_order: Callable[[Sequence[RowBatch]], None] | None = None  # hears each epoch's training batches
        self._unaltered: View | None = None
        self.turn_to((0, 0))

    @property
    def training_images(self) -> Tensor:
        """The numbers of the images to train on, labelled or not, in order: all but those held out."""
        return torch.cat([self.labelled, self.unlabelled]).sort().values

    def check_processes(self, world: int) -> None:
        """Make sure that so many processes can share the training rows.

        Raises:
            ValueError: If a process would be left without rows, or a batch without a labelled one.
        """
        rows = self._share_of(0, world, (0, 0))
        if self.batch_size < 2 * world:
            raise ValueError(f"batch_size={self.batch_size}: {world} processes share it; choose {2 * world} or more")
        if (labels := self._lay((0, 0)).num_labelled) < world:
            raise ValueError(
                f"labels={labels}: too few for {world} processes; choose {world} or more, or fewer of them"
            )
        if rows.num_labelled < count_training_batches(rows, self.batch_size, world):
            raise too_few_labels(len(self.labelled), self.batches, "batch")

    def rows(self, view: tuple[int, int]) -> Rows:
        """Lay out this process's training rows for one view, (wave, epoch of the visit)."""
        return self._share_of(*self._training_place(), view)

    def _share_of(self, rank: int, world: int, view: tuple[int, int]) -> Rows:
        rows = self._lay(view)
        labelled, unlabelled = (share(some, rank, world) for some in rows.images.tensor_split([rows.num_labelled]))
        return Rows(torch.cat([labelled, unlabelled]), len(labelled))

    def _lay(self, view: tuple[int, int]) -> Rows:
        return lay_rows(self.labelled, self.unlabelled, self.batches, generator_for(self.seed, "rows", *view))

    def turn_to(self, view: tuple[int, int]) -> View:
        """Make `view` the one whose rows the training batches name, and give it: the same object where none differ."""
        rows = self.rows(view)
        if self.augmentation is None:
            if self._unaltered is None or not torch.equal(rows.images, self._unaltered.rows):
                self._unaltered = View(self.train.images, rows.images)
            self._view, self._rows = view, rows
            return self._unaltered
        self._view, self._rows = view, rows
        rank, _ = self._training_place()
        drawn = self.augmentation.draw(len(self._rows.images), generator_for(self.seed, "augmentation", *view, rank))
        return View(self.train.images, self._rows.images, self.augmentation, drawn)

    def images_to(self, device: torch.device) -> None:
        """Keep the images on the device that reads them."""
        self.train, self._unaltered = replace(self.train, images=self.train.images.to(device)), None
        if self.test is not None:
            self.test = replace(self.test, images=self.test.images.to(device))

    def validation_view(self) -> View:
        """Give this process's share of the validation images, as they are."""
        split, held = self._validation()
        return View(split.images, share(held, *self._place()))

    def train_dataloader(self) -> BatchLoader:
        """Batches of rows of the current view, in an order drawn for each epoch."""
        _, world = self._training_place()
        self.check_processes(world)
        rows = self.rows(self._view)
        num_batches = count_training_batches(rows, self.batch_size, world)
        return BatchLoader(num_batches, lambda: self._training_batches(num_batches))

    def val_dataloader(self) -> BatchLoader:
        """Batches of validation rows within `trainer.fit`, else batches of (images, labels)."""
        return self._in_order(*self._validation(), by_place=self._fitting())

    def test_dataloader(self) -> BatchLoader:
        """Batches of (images, labels)."""
        if self.test is None:
            raise ValueError("this data module was given no test images")
        return self._in_order(self.test, torch.arange(len(self.test.labels)))

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Move a batch; the rows stay, for it is the host that looks them up."""
        if isinstance(batch, RowBatch):
            own = None if batch.own is None else batch.own.to(device, non_blocking=True)
            return RowBatch(batch.rows, batch.labels.to(device, non_blocking=True), own)
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def _training_batches(self, num_batches: int) -> Iterator[RowBatch]:
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        generator = generator_for(self.seed, "order", *self._view, epoch)
        labels = self._row_labels()
        believed = None if self.pseudo_labels is None else labels >= 0
        shuffled = shuffled_batches(self._rows, num_batches, generator, believed)
        batches = [labelled_first(places, labels, idle=self.idle_rows) for places, _ in shuffled]
        if self.mixup is not None:
            place = self.seed, "mixup", *self._view, epoch, self._training_place()[0]
            batches = [self.mixup(batch, *place, number) for number, batch in enumerate(batches)]
        if self.on_order is not None:
            self.on_order(batches)
        yield from batches

    def _row_labels(self) -> Tensor:
        """Give what each row is to be learned as, (num_rows,) int64: negative where nothing is known or believed."""
        believed = torch.full((len(self.train.labels),), NO_LABEL)
        if self.pseudo_labels is not None:
            believed[self.unlabelled] = self.pseudo_labels.to(believed.dtype)
        labelled, others = self._rows.images.tensor_split([self._rows.num_labelled])
        return torch.cat([self.train.labels[labelled], believed[others]])

    def _in_order(self, split: Split, held: Tensor, *, by_place: bool = False) -> BatchLoader:
        """Deal this process's share of some images out as they stand, into as many batches on every process."""
        rank, world = self._place()
        rows, counted = share(held, rank, world), len(held[rank::world])

        def batch(places: Tensor) -> Any:
            labels = split.labels[rows[places[places < counted]]]
            return RowBatch(places, labels) if by_place else (split.images[rows[places]], labels)

        num_batches = count_batches(len(rows), CHUNK)  # the front's: what it is handed on is what it would make itself
        return BatchLoader(num_batches, lambda: map(batch, torch.arange(len(rows)).split(CHUNK)))

    def _validation(self) -> tuple[Split, Tensor]:
        if self.test is not None and not len(self.held_out):
            return self.test, torch.arange(len(self.test.labels))
        return self.train, self.held_out

    def _fitting(self) -> bool:
        return self.trainer is not None and self.trainer.state.fn == "fit"

    def _place(self) -> tuple[int, int]:
        """Which process of how many this is."""
        return (0, 1) if self.trainer is None else (self.trainer.global_rank, self.trainer.world_size)

    def _training_place(self) -> tuple[int, int]:
        """Which of how many processes with rows of their own this is."""
        return self._place() if self.shares_batches else (0, 1)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, to notice when it is continued with other data, or by more or fewer processes."""
        _, world = self._training_place()
        return {"fingerprint": self.fingerprint(), "processes": world}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Compare with the data a checkpoint was made with, and with how many processes shared them.

        Raises:
            DataError: If the images, their labels, or how they are split have changed since.
        """
        if state_dict["fingerprint"] != self.fingerprint():
            raise DataError("ckpt_path: its run had other training data, labels or validation images than are here now")
        (rank, world), before = self._training_place(), state_dict.get("processes")
        if self.trainer is not None and rank == 0 and before not in (None, world):
            reason = "batches are dealt out anew, so the run does not end bit for bit as it would have"
            log.warning("ckpt_path: made by %d process(es), gone on with by %d: %s", before, world, reason)

    def fingerprint(self) -> str:
        """A short text that changes with the labels, the split, and (as far as a sample of pixels shows) the images."""
        digest = hashlib.blake2b(repr(tuple(self.train.images.shape)).encode(), digest_size=8)
        digest.update(fingerprint(self.train.images))
        for tensor in (self.train.labels, self.labelled, self.unlabelled, self.held_out):
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()
