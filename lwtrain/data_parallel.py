"""Data parallelism that follows the layer that trains."""

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy
from torch.nn.modules.batchnorm import _BatchNorm

from lwtrain.stack import LayerStack


def synchronise_active_layer(trainer: pl.Trainer) -> None:
    """Let data parallelism follow the active layer.

    DDP hooks itself to the parameters that need a gradient at the moment it wraps the module. A layer that wakes up
    later would train unsynchronised, and silently. It also counts on one backward pass, behind the forward pass: where
    a `LayerStack`'s step takes many, the wrapping makes weights equal and is taken off again, and the stack averages
    its gradients.
    """
    strategy, module = trainer.strategy, trainer.lightning_module
    if isinstance(strategy, DDPStrategy):
        strategy.model = strategy.lightning_module
        strategy.configure_ddp()
        if isinstance(module, LayerStack) and module.steps_backward_often:
            strategy.model = strategy.lightning_module


def share_statistics(trainer: pl.Trainer) -> None:
    """Give all processes the first one's batch-norm statistics.

    DDP does so before each forward pass; what the last batch of an epoch has moved would stay different.
    """
    stack = trainer.lightning_module
    in_a_line = isinstance(stack, LayerStack) and stack.pipeline is not None  # of processes with layers of their own
    if isinstance(trainer.strategy, DDPStrategy) and trainer.world_size > 1 and not in_a_line:
        for module in stack.modules():
            if isinstance(module, _BatchNorm):
                for buffer in module.buffers():
                    torch.distributed.broadcast(buffer, src=0)
