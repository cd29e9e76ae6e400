"""What TensorBoard shows beside curves: how accurate each depth is, what is taken for what, and the first filters."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import TensorBoardLogger
from torch.utils.tensorboard.summary import custom_scalars

from lwtrain.autoencoding import can_decode, learns_to_rebuild
from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.charts import charts
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.data.view import View
from lwtrain.judgement import Judgement, judgement
from lwtrain.layer import HorizontalLayer
from lwtrain.milestones import evenly, milestones
from lwtrain.schedules import Moment
from lwtrain.stack import LayerStack
from lwtrain.undeclared import datamodule_of, is_trial_run

_MOST = 5  # times that a run is drawn: half a second each


class Dashboard(Callback):
    """Fills TensorBoard's pages Custom Scalars and Images.

    When the fit starts: which curves stand in one chart (`lwtrain.charts`). At the end of a wave, else of a visit, else
    after a share of the epochs (`lwtrain.milestones`), five times at most and evenly spaced:

    - `accuracy/by_depth`: the validation accuracy of each layer, a line for each wave, and that of the vote;
    - `accuracy/confusion`: which class the vote takes for which;
    - `accuracy/mistakes`: the validation images that it is surest about, and wrong;
    - `layer_0/filters`: the kernels of the convolution that reads the image, where there is one.

    What makes no sense is left out: a depth where the head alone classifies, classes where a network learns to rebuild.

    Promises: the training does not change by its presence; a resumed run goes on with the lines that its checkpoint
    holds, and shows nothing twice. No picture costs a pass through the network: they show the opinions that the
    validation has heard.

    With several processes the first one draws, and the mistakes are those of its own share of the images.

    Args:
        schedule: Tells where the run is.
        classes: What the classes are called; by default by their numbers.

    Example:
        >>> from lwtrain.callbacks.named_schedules import WaveSchedule
        >>> schedule = WaveSchedule(epochs=2, waves=2)
        >>> callbacks = [schedule, Dashboard(schedule, classes=["airplane", "bird"])]
    """

    def __init__(self, schedule: LayerSchedule, classes: Sequence[str] | None = None) -> None:
        self._schedule, self._classes = schedule, classes
        self._due: dict[int, Look] = {}
        self._history: dict[str, dict[str, float]] = {}

    @property
    def history(self) -> dict[str, dict[str, float]]:
        """By wave, the accuracies of the layers and of "vote", by name, as they were drawn."""
        return {line: dict(accuracies) for line, accuracies in self._history.items()}

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Read the schedule; a checkpoint, if any, is read after this."""
        if stage == "fit":
            assert isinstance(pl_module, LayerStack)
            self._due, self._history = looks(self._schedule.timetable(len(pl_module.layers)), pl_module.names), {}

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Lay the charts out."""
        assert isinstance(pl_module, LayerStack)
        names = [pl_module.names[number] for number in sorted(pl_module.expected)]
        parts = [part for part in pl_module.layers if isinstance(part, HorizontalLayer)]
        rebuilds = any(part.objective.rebuilds and part.sidecar.rebuilds for part in parts)
        layout = charts(names, rebuilds=rebuilds, autoencodes=rebuilds and can_decode(pl_module))
        for logger in _tensorboards(trainer) if trainer.is_global_zero else []:
            logger.experiment._get_file_writer().add_summary(custom_scalars(layout))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draw, if it is time."""
        assert isinstance(pl_module, LayerStack)
        look = self._due.get(trainer.current_epoch)
        cut_short = not trainer.fit_loop.epoch_loop.batch_progress.is_last_batch
        loggers = _tensorboards(trainer)
        if look is None or cut_short or not loggers:
            return
        said = judgement(pl_module)  # by all processes together
        if said is not None:
            self._remember(pl_module, said, look.line)
        if look.drawn and trainer.is_global_zero:
            for tag, pixels in self._draw(trainer, pl_module, said, look.place).items():
                for logger in loggers:
                    logger.experiment.add_image(tag, pixels, trainer.global_step, dataformats="HWC")

    def state_dict(self) -> dict[str, Any]:
        """Give the lines drawn so far."""
        return {"history": self.history}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the lines drawn so far."""
        self._history = {line: dict(accuracies) for line, accuracies in state_dict["history"].items()}

    # Steps of the hooks

    def _remember(self, stack: LayerStack, said: Judgement, line: str) -> None:
        tags = {stack.names[voter]: f"{stack.names[voter]}/val/accuracy" for voter in said.voters}
        heard = {name: stack.figures[tag] for name, tag in tags.items() if tag in stack.figures}
        self._history[line] = {**heard, "vote": said.accuracy}

    def _draw(self, trainer: pl.Trainer, stack: LayerStack, said: Judgement | None, place: str) -> dict[str, Any]:
        """Give the pictures, (height, width, 3) uint8, by tag."""
        from lwtrain.pictures.dashboard import draw_depth, draw_first_filters, draw_judgement  # loads matplotlib

        pictures = draw_first_filters(stack)
        if said is not None and len(stack.expected) > 1:
            pictures["accuracy/by_depth"] = draw_depth(self._history, stack.names)
        if said is not None and not learns_to_rebuild(stack):
            classes = self._classes or [str(number) for number in range(stack.num_classes)]
            pictures |= draw_judgement(said, _validation_images(trainer), classes, place)
        return pictures


class Look(NamedTuple):
    """A moment at which a run is looked at.

    Attributes:
        line: Under which name accuracies by depth are drawn, instead of those under the same name before.
        place: Where the run is.
        drawn: Whether pictures are made.
    """

    line: str
    place: str
    drawn: bool


def looks(moments: Sequence[Moment], names: Sequence[str]) -> dict[int, Look]:
    """Choose when a run is looked at, by epoch.

    Example:
        >>> from lwtrain.schedules import sequential, simultaneous, timetable, wave
        >>> names = ["layer_0", "head"]
        >>> looks(timetable(wave(num_layers=2, epochs=2, waves=2)), names)[3]
        Look(line='wave 2', place='after wave 2', drawn=True)
        >>> looks(timetable(sequential(num_layers=2, epochs=2)), names)[1]
        Look(line='layers so far', place='after layer_0', drawn=True)
        >>> looks(timetable(simultaneous(num_layers=2, epochs=2)), names)[1]
        Look(line='epoch 2', place='after epoch 2', drawn=True)
    """
    found, epochs = {}, milestones(moments)
    drawn = evenly(epochs, _MOST)
    num_waves, num_visits = (
        len({moment.visit.wave for moment in moments}),
        len({id(moment.visit) for moment in moments}),
    )
    for epoch in epochs:
        visit = moments[epoch].visit
        line = place = f"wave {visit.wave + 1}" if num_waves > 1 else f"epoch {epoch + 1}"
        if num_waves == 1 and num_visits > 1 and isinstance(visit.layer, int):
            line, place = "layers so far", names[visit.layer]
        found[epoch] = Look(line, f"after {place}", epoch in drawn)
    return found


def _tensorboards(trainer: pl.Trainer) -> list[TensorBoardLogger]:
    trying = is_trial_run(trainer)
    return [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger) and not trying]


def _validation_images(trainer: pl.Trainer) -> View | None:
    data = datamodule_of(trainer)
    return data.validation_view() if isinstance(data, SemiSupervisedDataModule) else None
