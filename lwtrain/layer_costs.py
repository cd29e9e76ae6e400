"""What a training step of each layer costs on this machine, measured."""

import copy
import statistics
import time

import torch
from torch import Tensor

from lwtrain.data.view import as_inputs
from lwtrain.fronts.front import Precision
from lwtrain.local_module import LocalModule
from lwtrain.stack import LayerStack

_STEPS = 4  # the first of which does not count: memory and kernels are found then


def layer_costs(stack: LayerStack, batch_size: int, precision: Precision) -> list[float]:
    """Measure each layer's step, forward and backward, on a batch of noise.

    Promise: the network, and what torch is going to draw, stay as they are.

    Args:
        stack: Knows what images it reads.
        batch_size: Of a training batch, all of it labelled.
        precision: Makes the context that layers run in.

    Returns:
        Seconds by layer, the head's last.
    """
    assert stack.input_shape is not None, "the stack has to know its images"
    with torch.random.fork_rng(), precision():
        images = inputs = as_inputs(torch.rand(batch_size, *stack.input_shape, device=stack.device))
        labels = torch.arange(batch_size, device=stack.device) % stack.num_classes
        costs = []
        for number in range(len(stack.layers)):
            part = copy.deepcopy(stack.part(number)).requires_grad_(True).train()
            for idle in part.idle_parameters():
                idle.requires_grad_(False)
            seconds, outputs = _measured(part, inputs, labels, images)
            costs.append(seconds)
            if outputs is not None:
                inputs = outputs
    return costs


def _measured(part: LocalModule, inputs: Tensor, labels: Tensor, images: Tensor) -> tuple[float, Tensor | None]:
    times, outputs = [], None
    for _ in range(_STEPS):
        began = _now(inputs.device)
        step = part.local_step(inputs, labels, carry=True, images=images)
        step.losses.total.backward()
        times.append(_now(inputs.device) - began)
        outputs = None if step.outputs is None else step.outputs.detach()
    return statistics.median(times[1:]), outputs


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
