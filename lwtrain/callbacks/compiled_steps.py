"""Lets a stack train by compiled steps."""

import logging

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from lwtrain.compiling import Backend, StepCompiler, check_compiler
from lwtrain.replaced_steps import ReplacedSteps, Step, StepPlace, step_places
from lwtrain.stack import LayerStack


class CompiledSteps(Callback):
    """Compiles each layer's local step, or the step that trains all layers end to end, when it first trains.

    Promise: only the steps are compiled, and only within `fit`; names of weights and checkpoints are those of a run
    that is not compiled.

    When not to use it: in short runs. Each layer pays its warm-up (`seconds`) once in every process, and a layer trains
    by the same mathematics before and after.

    Args:
        backend: See `StepCompiler`.
    """

    def __init__(self, backend: Backend = "inductor") -> None:
        self._compiler = StepCompiler(backend)
        self._compiled: dict[str, Step] = {}
        self._replaced = ReplacedSteps()
        self._reported: dict[str, float] = {}

    @property
    def seconds(self) -> dict[str, float]:
        """What compiling has taken in this process, by layer; the head stands for a step end to end."""
        return self._compiler.seconds

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Look for a compiler before anything has been trained."""
        if stage == "fit":
            self.check(trainer.strategy.root_device)

    def check(self, device: torch.device) -> None:
        """Make sure that steps on a device can be compiled.

        Raises:
            ConfigError: If a compiler is needed and missing.
        """
        if self._compiler.backend == "inductor":
            check_compiler(device)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Watch torch's compiler."""
        assert isinstance(pl_module, LayerStack)
        self._compiler.open(len(pl_module.layers))

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put compiled steps in the place of those that this epoch takes."""
        assert isinstance(pl_module, LayerStack)
        self._replaced.take_away()
        places = step_places(pl_module)
        self._replaced.put(places, [self._of(place) for place in places])

    def _of(self, place: StepPlace) -> Step:
        key = f"{place.name}.{place.method}"
        if key not in self._compiled:
            self._compiled[key] = self._compiler.compiled(place.name, place.step)
        return self._compiled[key]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the steps back that learn nothing faster, and say what compiling has taken."""
        self._replaced.take_away()
        for name, seconds in self.seconds.items():
            if news := seconds - self._reported.get(name, 0.0):
                logging.getLogger(__name__).info("%s: compiled in %.1f s", name, news)
        self._reported = dict(self.seconds)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the stack as it was."""
        self._close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Leave the stack as it was."""
        self._close()

    def _close(self) -> None:
        self._replaced.take_away()
        self._compiled = {}
        self._compiler.close()
