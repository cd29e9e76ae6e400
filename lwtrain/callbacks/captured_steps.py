"""Lets a stack train by captured steps."""

from collections.abc import Callable

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from lwtrain.cuda_graphs import CapturedStep, GraphRecorder, Recorder, check_cuda_graphs
from lwtrain.replaced_steps import ReplacedSteps, StepPlace, step_places
from lwtrain.stack import LayerStack


class CapturedSteps(Callback):
    """Captures each layer's local step, or the step that trains all layers end to end, as a CUDA graph.

    Promise: what is learned is what would be learned without; only the host has less to do. A layer's graphs are there
    from its second batch on until its visit ends, and hold their memory as long.

    Args:
        make_recorder: Makes what records the work of one visit; by default CUDA graphs do.

    Raises:
        ConfigError: In `fit`, if there is no NVIDIA GPU and CUDA graphs are to be used.
    """

    def __init__(self, make_recorder: Callable[[], Recorder] = GraphRecorder) -> None:
        self._make_recorder = make_recorder
        self._places: list[StepPlace] = []
        self._captured: list[CapturedStep] = []  # for each of them
        self._replaced = ReplacedSteps()

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Look for a GPU before anything has been trained."""
        if stage == "fit":
            self.check(trainer.strategy.root_device)

    def check(self, device: torch.device) -> None:
        """Make sure that steps on a device can be captured.

        Raises:
            ConfigError: If there is no NVIDIA GPU and CUDA graphs are to be used.
        """
        if self._make_recorder is GraphRecorder:
            check_cuda_graphs(device)

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Let gradients stay where they are."""
        assert isinstance(pl_module, LayerStack)
        pl_module.keeps_gradients = True

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put captured steps in the place of those that this epoch takes."""
        assert isinstance(pl_module, LayerStack)
        self._replaced.take_away()
        places = step_places(pl_module)
        if places != self._places:
            record, share = self._make_recorder(), 1 / trainer.accumulate_grad_batches
            self._captured = [CapturedStep(place.step, place.owner, record, share) for place in places]
            self._places = places
        self._replaced.put(places, self._captured)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Put the steps back that learn nothing faster."""
        self._replaced.take_away()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the stack as it was."""
        self._close(pl_module)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Leave the stack as it was."""
        self._close(pl_module)

    def _close(self, module: pl.LightningModule) -> None:
        assert isinstance(module, LayerStack)
        self._replaced.take_away()
        self._places, self._captured = [], []
        module.keeps_gradients = False
