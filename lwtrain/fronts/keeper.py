"""Owns the fronts of a run: which views there are, and which front stands where."""

import tempfile
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

import pytorch_lightning as pl

from lwtrain.data.index_batches import RowBatch
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.data.view import View
from lwtrain.fronts.file import NamelessFile
from lwtrain.fronts.front import Front
from lwtrain.fronts.making import FRONTS, Purpose, build_fronts
from lwtrain.micro_batches import micro_batches
from lwtrain.part_times import spent_on
from lwtrain.stack import LayerStack
from lwtrain.undeclared import datamodule_of

Views = int | Literal["fresh"]


class Fit(NamedTuple):
    """One fit, and the fronts that it reads."""

    trainer: pl.Trainer
    stack: LayerStack
    data: SemiSupervisedDataModule
    training: list[Front]  # one for each view that is kept
    validation: Front
    validation_view: View
    files: list[NamelessFile]


class FrontKeeper:
    """Puts a training front and a validation front before the layers of a stack, in the course of a fit.

    Args:
        front: "auto", "memory", "disk" or "recompute".
        views: How many augmented views a visit of several epochs cycles through; "fresh": a new one for each epoch.
            Of as many views the activations are kept.
        folder: Where fronts on disk lie; None: where the system keeps temporary files.

    Raises:
        ValueError: If a setting is none of these.
    """

    def __init__(self, front: str = "auto", views: Views = "fresh", folder: Path | None = None) -> None:
        if front not in FRONTS:
            raise ValueError(f"front={front}: choose {', '.join(FRONTS[:-1])} or {FRONTS[-1]}")
        if views != "fresh" and views < 1:
            raise ValueError(f"front.views={views}: choose fresh, or 1 or more")
        self.front, self.views, self.folder = front, views, folder or Path(tempfile.gettempdir())
        self.num_batches: int | None = None  # of an epoch that are going to be read; None: all
        self._fit: Fit | None = None
        self._turned_to: tuple[int, int] | None = None  # the view whose rows the batches name
        self._shown: dict[int, tuple[tuple[int, int], View]] = {}  # what each training front holds

    def open(
        self,
        trainer: pl.Trainer,
        stack: LayerStack,
        entries: Collection[int],
        longest_visit: int,
        given: Front | None = None,
    ) -> None:
        """Make the fronts, at the start of a fit.

        Args:
            trainer: Whose data module says what there is to read.
            stack: Gets the fronts.
            entries: The layers before which a front is going to stand.
            longest_visit: Epochs of the longest visit; more views than that are never seen.
            given: Stands before the layers in training, where that front is not the keeper's to make.

        Raises:
            ValueError: If the data module does not fit the front, or the front does not fit the disk.
        """
        self.close()  # left over where an earlier fit was interrupted
        data = datamodule_of(trainer)
        if not isinstance(data, SemiSupervisedDataModule):
            if self.front not in ("auto", "recompute"):
                raise ValueError(f"front={self.front}: needs a SemiSupervisedDataModule; choose front=recompute")
            return
        data.images_to(stack.device)
        purpose = Purpose(
            list(stack.layers),
            trainer.precision_plugin.forward_context,
            stack.device,
            max(entries, default=0),
            trainer.num_devices,
            trainer.is_global_zero,
        )
        views = [] if given else [data.turn_to((0, 0))] * self._num_fronts(data, longest_visit)
        validation_view = data.validation_view()
        (*training, validation), files = build_fronts(self.front, purpose, [*views, validation_view], self.folder)
        training = [given] if given else training
        self._fit = Fit(trainer, stack, data, training, validation, validation_view, files)
        stack.front, stack.validation_front = training[0], validation
        data.on_order = self._expect

    @spent_on("front")
    def bring(self, layer: int, wave: int, epoch: int) -> None:
        """Bring a training front before the layer that is about to train, in the view of this epoch of its visit.

        The view is the same for all layers of one wave. What the layer made before is forgotten.
        """
        if self._fit is None:
            return
        number = epoch if self.views == "fresh" else epoch % self.views
        front = self._fit.training[number % len(self._fit.training)]
        for each in [*self._fit.training, self._fit.validation]:
            each.forget(layer)
        front.advance(layer, self._turn_to((wave, number)))
        self._fit.stack.front = front

    def bring_validation(self, layer: int, unheard: Iterable[int] = ()) -> None:
        """Bring the validation front before a layer.

        Args:
            layer: Where it has to stand.
            unheard: The layers below, in order, that have to be heard on the way.
        """
        if self._fit is None:
            return
        trainer, stack, data, _, front, view, _ = self._fit
        front.forget(layer)  # handed on by a validation that is past, maybe in the middle of this epoch
        with trainer.precision_plugin.forward_context():
            for number in unheard:
                front.advance(number, view)
                for batch in islice(data.val_dataloader(), int(trainer.num_val_batches[0])):
                    stack.hear(range(number, number + 1), batch)
        front.advance(layer, view)

    def close(self) -> None:
        """Let go of all activations."""
        if self._fit is not None:
            _, stack, data, training, validation, _, files = self._fit
            stack.front = stack.validation_front = data.on_order = None
            for front in [*training, validation]:
                front.clear()
            for file in files:
                file.close()
        self._fit, self._turned_to, self._shown = None, None, {}

    def _num_fronts(self, data: SemiSupervisedDataModule, longest_visit: int) -> int:
        one_for_all = data.turn_to((0, 0)) is data.turn_to((0, 1))
        return 1 if self.views == "fresh" or one_for_all else min(self.views, longest_visit)

    @spent_on("data")
    def _turn_to(self, key: tuple[int, int]) -> View:
        """Let the batches name the rows of a view, and give it: the same object as long as it is kept."""
        assert self._fit is not None
        place = 0 if self.views == "fresh" else key[1]
        if self._turned_to != key:
            view = self._fit.data.turn_to(key)
            if place not in self._shown or self._shown[place][0] != key:
                self._shown[place] = key, view
            self._turned_to = key
        return self._shown[place][1]

    def _expect(self, batches: Sequence[RowBatch]) -> None:
        """Hear the order of an epoch."""
        if self._fit is not None and self._fit.stack.front is not None:
            most, read = self._fit.stack.micro_batch, batches[: self.num_batches]
            self._fit.stack.front.expect([part.rows for batch in read for part in micro_batches(batch, most)])
