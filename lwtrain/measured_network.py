"""How a network is measured while it learns: each layer is heard when it has trained, and all of them vote."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor

from lwtrain.backbones.backbone import Shape
from lwtrain.ballots import Ballots
from lwtrain.checkpoint_format import stamp
from lwtrain.data.index_batches import RowBatch
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.fitting_images import check_images
from lwtrain.fronts.front import Front
from lwtrain.layer import HorizontalLayer, LinearHead
from lwtrain.network import VotingNetwork
from lwtrain.tally import Tally
from lwtrain.undeclared import datamodule_of
from lwtrain.votes import BY_VALIDATION, VoteRule


class MeasuredNetwork(VotingNetwork):
    """Keeps every layer's opinion of the validation images as long as it holds, and counts.

    Promise: a figure belongs to the network as it stands. What a layer has said is forgotten when the layer, or one
    below it, trains again.

    Args:
        layers: The horizontal layers, the one nearest the image first.
        head: The classifier behind the last of them.
        vote_rule: How the votes are counted; by default all are worth the same.

    Attributes:
        input_shape: (channels, height, width) of the images that it reads; None if nobody has said.
        learners: The layers with a loss of their own on each batch.
        end_to_end: Whether the head's loss teaches the whole backbone.
        figures: The latest of each tag.
        complete_vote: The last validation's accuracy, where all voters had spoken.
    """

    def __init__(self, layers: Sequence[HorizontalLayer], head: LinearHead, vote_rule: VoteRule | None = None) -> None:
        super().__init__(layers, head, vote_rule)
        self.input_shape: Shape | None = None
        self.learners, self.end_to_end = [0], False
        self.validation_front: Front | None = None
        self.ballots, self.test_ballots = Ballots(), Ballots()
        self.figures: dict[str, float] = {}
        self.expected = set(range(len(self.layers)))
        self.complete_vote: Tensor | None = None
        self._tally = Tally(self.names)

    def setup(self, stage: str) -> None:
        """Make sure that the data fit the network and its vote, before anything is computed.

        Raises:
            ValueError: If not.
        """
        data = datamodule_of(self.trainer)
        if isinstance(data, SemiSupervisedDataModule):
            for split in (data.train, data.test):
                if split is not None:
                    check_images(split.images.shape[1:], split.labels, self.input_shape, self.num_classes)
            weights = self.vote_rule.weights
            if stage != "test" and not len(data.held_out) and weights in BY_VALIDATION:
                reason = "validation=test would weigh the layers by the test images"
                raise ValueError(
                    f"vote.weights={weights}: {reason}; choose equal or doubling, or a share to validate on"
                )

    def check_batch(self, batch: RowBatch | tuple[Tensor, Tensor]) -> None:
        """Make sure that the images of a batch fit the network.

        Raises:
            ValueError: If not.
        """
        if not isinstance(batch, RowBatch):
            images, labels = batch
            check_images(images.shape[1:], labels, self.input_shape, self.num_classes)

    @property
    def entry(self) -> int:
        """The lowest layer that trains, before which the front has to stand."""
        return 0 if self.end_to_end else self.learners[0]

    @property
    def active_name(self) -> str:
        """Under which name the active layer's figures are found; the head's where all layers train."""
        return self.names[self.learners[-1]]

    def expect(self, layers: Iterable[int]) -> None:
        """Say whose votes make the vote complete: those of all layers that the schedule visits."""
        self.expected = set(layers)

    def forget_opinions(self) -> None:
        """Throw away all that layers have said of validation images, figures and all: the network is another one."""
        self.ballots.reopen(0)
        self.complete_vote = None
        self.figures = {tag: value for tag, value in self.figures.items() if "val" not in tag.split("/")}

    def on_train_epoch_start(self) -> None:
        """Throw away the opinions that this epoch's training will make old."""
        self.ballots.reopen(self.entry)

    def on_validation_epoch_start(self) -> None:
        """Throw away what is about to be said again: by the active layer (row batches), or by all (image batches)."""
        self.ballots.reopen(0 if self.validation_front is None else self.entry)

    def validation_step(self, batch: RowBatch | tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Hear the learning layers (row batches), or all layers up to them (image batches)."""
        last = self.learners[-1] if self.trainer.state.fn == "fit" else len(self.layers) - 1
        if batch_idx == 0:
            self.check_batch(batch)
        if isinstance(batch, RowBatch):
            self.hear(range(self.entry, last + 1), batch)
        else:
            self._hear_images(batch, range(last + 1), self.ballots)

    def on_validation_epoch_end(self) -> None:
        """Write down the accuracies of the layers heard, and of their vote, weighed anew once all have spoken."""
        if not self.trainer.sanity_checking:
            for layer, accuracy in self._tally.accuracies(self.ballots).items():
                self.accuracies[layer] = accuracy
            voters = self.voter_numbers
            if voters and self.ballots.knows(voters):
                self.mixture.zero_()
                self.mixture[voters] = self._tally.mixture(self.ballots, voters).to(self.mixture)
            figures = self._tally.count(self.ballots, voters, "val", self.expected, self.weigh)
            self.complete_vote = figures.get("vote/val/accuracy")
            self.record(figures)

    def on_test_epoch_start(self) -> None:
        """Begin with empty ballots."""
        self.test_ballots.reopen(0)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Hear all layers, in one pass."""
        self._hear_images(batch, range(len(self.layers)), self.test_ballots)

    def on_test_epoch_end(self) -> None:
        """Write down every layer's accuracy, and the vote's."""
        self.record(self._tally.count(self.test_ballots, self.voter_numbers, "test", weigh=self.weigh))

    def hear(self, layers: range, batch: RowBatch) -> None:
        """Take the opinions of layers, the first of which the validation front stands before.

        Rows behind the labelled ones are those that another process takes the opinions of.
        What a single layer passes on is handed on, so that the front need not be rolled.
        """
        assert self.validation_front is not None, "row batches come with a front"
        labels = batch.labels.to(self.device)
        for opinion in self.opinions(self.validation_front[batch.rows], layers, self.voter_numbers):
            self.ballots.cast(opinion.layer, opinion.probabilities[: len(labels)], labels)
            if len(layers) == 1:
                self.validation_front.hand_on(batch.rows, opinion.outputs)

    def _hear_images(self, batch: tuple[Tensor, Tensor], layers: range, ballots: Ballots) -> None:
        images, labels = batch
        flips = self.vote_rule.flips and self.trainer.state.fn != "fit"  # as with row batches, whose front has one view
        for number, probabilities in self.judge(images, layers, self.voter_numbers, flips=flips):
            ballots.cast(number, probabilities[: len(labels)], labels)

    def record(self, figures: dict[str, Tensor]) -> None:
        """Make figures known to callbacks and loggers; in a fit at once, so that no checkpoint is ahead of them."""
        written = {name: float(value) for name, value in figures.items()}
        self.figures |= written
        fitting = self.trainer.state.fn == "fit"
        # The metrics agree on all processes, but Lightning cannot know that.
        self.log_dict(figures, logger=False if fitting else None, sync_dist=True)
        for logger in self.loggers if fitting else []:
            logger.log_metrics(written, step=self.global_step)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the figures so far, whose of them have been written down, and the checkpoint's format."""
        checkpoint["made_by"] = stamp()
        checkpoint["figures"], checkpoint["announced"] = dict(self.figures), sorted(self.ballots.announced)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the figures so far."""
        self.figures = dict(checkpoint["figures"])
        self.ballots.announced = set(checkpoint["announced"])
