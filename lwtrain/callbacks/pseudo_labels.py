"""Self-training: a network labels those unlabelled images that it is surest of, and layers learn from them."""

import math
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.data.label_split import NO_LABEL
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.data.row_count import row_counts
from lwtrain.evaluating import evaluating
from lwtrain.fronts.front import rows_at_once
from lwtrain.network import VotingNetwork
from lwtrain.part_times import spent_on
from lwtrain.schedules import Together, awake
from lwtrain.stack import LayerStack
from lwtrain.undeclared import datamodule_of


class Answers(NamedTuple):
    """What teachers take the unlabelled images for, (teachers, images) each."""

    sureness: Tensor
    classes: Tensor


class PseudoLabels(Callback):
    """Gives those unlabelled images labels that a teacher is surest of.

    The teacher sees each image as it is, the layers learn from it augmented: what holds for the one view shall hold for
    the other. That is the idea of FixMatch (Sohn et al. 2020, arXiv:2001.07685), whose teacher is the network of the
    same step. Here it is the network as it stands when a layer begins to train again, so that one forward pass over
    the unlabelled images serves a whole wave, no gradient crosses layers, and fronts serve as ever. The surest are
    picked by their rank rather than by a threshold, as by Cascante-Bonilla et al. (2021, "Curriculum labeling",
    arXiv:2001.06001): how sure a vote of weak and strong layers sounds says little, but the order is good. As there, a
    network that has been trained can teach one that begins anew, which then need not unlearn early mistakes.

    Promises: where the network teaches itself no layer trains twice with the same labels, for they are made anew before
    an epoch of a layer that has trained since they were made (once a wave, where a visit is one epoch; else before each
    epoch but a visit's first); labels follow from weights alone, so that a run resumed from any epoch goes on bit for
    bit; and no hidden label is used but to report how many pseudo-labels are right.

    Args:
        schedule: Of the run; it says who trains when, and stands before this among the callbacks.
        teacher: "vote": all layers that have trained, by their mean, however the stack's own votes are counted; "own":
            the layer that learns, for itself; a trained network: that one, by its vote, from the first epoch on. It is
            asked once, and has to know nothing of the images held out (`lwtrain.teaching_run.load_teacher`).
        share: How many of the images that the teacher takes for one class get that label in the end, the surest ones;
            above 0 and at most 1. Taken class by class, so that classes which are hard to tell get their share, too.
        ramp: In which part of the run's epochs the share grows, evenly, from nothing to its full size; 0: it has that
            from the first labels on. A network that has just begun is mostly wrong, and believes what it has learned.

    Raises:
        ValueError: If a setting is out of range; when the fit starts, if the layers learn at once and each would need
            its own labels, or if the data module is not a `SemiSupervisedDataModule`.
    """

    def __init__(
        self,
        schedule: LayerSchedule,
        teacher: str | VotingNetwork = "vote",
        share: float = 0.8,
        ramp: float = 1.0,
    ) -> None:
        if not isinstance(teacher, VotingNetwork) and teacher not in ("vote", "own"):
            raise ValueError(f"pseudo_labels.teacher={teacher}: choose vote or own, or give a trained network")
        if not 0 < share <= 1:
            raise ValueError(f"pseudo_labels.share={share}: choose a number above 0 and at most 1")
        if not 0 <= ramp <= 1:
            raise ValueError(f"pseudo_labels.ramp={ramp}: choose a number from 0 to 1")
        self.schedule, self.teacher, self.share, self.ramp = schedule, teacher, share, ramp
        self._labels: Tensor | None = None  # (teachers, unlabelled images) int16
        self._answers: Answers | None = None  # of a teacher that trains no more
        self._plan: list[float | None] = []  # by epoch

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Forget the labels of an earlier fit; a checkpoint, if any, is read after this."""
        if stage == "fit":
            self._labels = self._answers = None

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make sure that there is a way to hand labels out."""
        assert isinstance(pl_module, LayerStack)
        turns = self.schedule.turns(0, None)
        if self.teacher == "own" and Together.SIMULTANEOUS in turns:
            raise ValueError("pseudo_labels.teacher=own: layers that learn at once share a batch; choose vote")
        self._data(trainer).pseudo_labels = None  # left over where an earlier fit was interrupted
        self._plan = self._planned(len(pl_module.layers))

    @spent_on("front")
    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Hand the labels out that the learning layer is to learn from, new ones if it knows the last."""
        assert isinstance(pl_module, LayerStack)
        data, share = self._data(trainer), self._plan[trainer.current_epoch]
        if len(data.unlabelled) and share is not None:
            with torch.no_grad(), evaluating(pl_module), trainer.precision_plugin.forward_context():
                self._labels = self._given(pl_module, data, share)
            pl_module.record(self._figures(pl_module, data))
        if self._labels is not None:
            teacher = pl_module.learners[-1] if self.teacher == "own" else 0
            data.pseudo_labels = self._labels[teacher]

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the labels back."""
        self._data(trainer).pseudo_labels = None

    def filling(self, trainer: pl.Trainer, stack: LayerStack) -> list[float]:
        """Foresee what share of the rows each epoch of the run trains on, where those without a label are left out."""
        data, share, shares = self._data(trainer), 0.0, []
        labelled, others = row_counts(len(data.labelled), len(data.unlabelled), data.batches)
        for made in self._planned(len(stack.layers)):
            share = share if made is None else made
            shares.append(1.0 if data.idle_rows else (labelled + share * others) / (labelled + others))
        return shares

    def state_dict(self) -> dict[str, Any]:
        """Give what a checkpoint keeps: two bytes for each unlabelled image and teacher."""
        return {"labels": self._labels}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the labels of the checkpoint."""
        self._labels = state_dict["labels"]

    def _data(self, trainer: pl.Trainer) -> SemiSupervisedDataModule:
        data = datamodule_of(trainer)
        if not isinstance(data, SemiSupervisedDataModule):
            teacher = "a network" if isinstance(self.teacher, VotingNetwork) else self.teacher
            raise ValueError(f"pseudo_labels.teacher={teacher}: needs a SemiSupervisedDataModule; choose none")
        return data

    def _planned(self, num_layers: int) -> list[float | None]:
        """Give what share of the images gets new labels before each epoch of the run; None: there are no new ones."""
        moments = self.schedule.timetable(num_layers)
        growing = self.ramp * len(moments)
        plan: list[float | None] = []
        beforehand = isinstance(self.teacher, VotingNetwork)
        taught = set(range(num_layers)) if beforehand else set[int]()  # by the last labels, or before there were any
        for epoch, moment in enumerate(moments):
            learners = set(awake(moment.visit.layer, num_layers, self.schedule.rest))
            if learners & taught:
                plan.append(self.share * min(1.0, epoch / growing) if growing else self.share)
                taught = set()
            else:
                plan.append(None)
            taught |= learners
        return plan

    def _given(self, stack: LayerStack, data: SemiSupervisedDataModule, share: float) -> Tensor:
        """Label a share of the unlabelled images by what the teachers take them for."""
        answers = self._answers or self._ask(stack, data)
        if isinstance(self.teacher, VotingNetwork):
            self._answers = answers
        labels = [surest(*answer, share) for answer in zip(*answers, strict=True)]
        if self.teacher == "own":
            labels = [
                own if voter in stack.voter_numbers else torch.full_like(own, NO_LABEL)  # some have never trained
                for voter, own in enumerate(labels)
            ]
        return torch.stack(labels).cpu()

    def _ask(self, stack: LayerStack, data: SemiSupervisedDataModule) -> Answers:
        """Let the teachers look at all unlabelled images."""
        if isinstance(self.teacher, VotingNetwork):
            self.teacher.to(stack.device)
        highest = []
        for rows in data.unlabelled.split(rows_at_once(stack.device)):
            images = data.train.images[rows.to(data.train.images.device)].to(stack.device)
            highest.append(self._probabilities(stack, images).max(dim=2))
        if isinstance(self.teacher, VotingNetwork):
            self.teacher.cpu()  # it leaves the accelerator to those who learn
        sureness, classes = zip(*highest, strict=True)
        return Answers(torch.cat(sureness, dim=1), torch.cat(classes, dim=1))

    def _probabilities(self, stack: LayerStack, images: Tensor) -> Tensor:
        """Give what each teacher says of some images, (teachers, images, classes)."""
        if isinstance(self.teacher, VotingNetwork):
            return self.teacher.vote(images)[None]
        shares = stack.layer_probabilities(images, flips=False)
        return shares if self.teacher == "own" else shares[stack.voters].mean(dim=0, keepdim=True)

    def _figures(self, stack: LayerStack, data: SemiSupervisedDataModule) -> dict[str, Tensor]:
        """Say how many images got a label, and of how many it is right, where that is known."""
        assert self._labels is not None
        truth, figures = data.train.labels[data.unlabelled], {}
        voices = stack.names if self.teacher == "own" else ["vote"]
        heard = stack.voters.tolist() if self.teacher == "own" else [True]
        for name, labels, spoken in zip(voices, self._labels, heard, strict=True):
            if spoken:
                sure = labels != NO_LABEL
                figures[f"{name}/pseudo_labels/share"] = sure.float().mean()
                known = sure & (truth >= 0)
                if known.any():
                    figures[f"{name}/pseudo_labels/accuracy"] = (labels == truth)[known].float().mean()
        return figures


def surest(sureness: Tensor, classes: Tensor, share: float) -> Tensor:
    """Label the surest images of each class that they are taken for, and no others.

    Args:
        sureness: (images,): The higher, the surer.
        classes: (images,) int64: What they are taken for.
        share: Of the images taken for one class; rounded up, so that no such class is left out.

    Returns:
        (images,) int16: class numbers, and `NO_LABEL` elsewhere.

    Example:
        >>> surest(torch.tensor([0.9, 0.6, 0.7]), torch.tensor([1, 1, 0]), share=0.5)
        tensor([ 1, -1,  0], dtype=torch.int16)
    """
    labels = torch.full_like(classes, NO_LABEL, dtype=torch.int16)
    for number in classes.unique().tolist():
        members = torch.nonzero(classes == number).squeeze(1)
        order = sureness[members].argsort(descending=True, stable=True)
        labels[members[order[: math.ceil(share * len(members))]]] = number
    return labels
