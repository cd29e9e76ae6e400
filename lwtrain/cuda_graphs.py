"""Captures training steps as CUDA graphs: the host launches one graph where it launched some hundred kernels.

A small layer's kernels take less time on a GPU than the host needs to launch them, one by one. A graph holds all of a
layer's step, forward and backward, and is launched at once.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from lwtrain.errors import ConfigError
from lwtrain.local_module import LocalStep
from lwtrain.objectives.objective import Losses
from lwtrain.replaced_steps import Step

Replay = Callable[[], None]
Recorder = Callable[[Callable[[], None]], Replay]
"""Gives what does some work again, on the same tensors. Recording does not do it."""

_MOST_SHAPES = 8  # of batches whose graphs a layer keeps, each with memory of its own; the one unused longest goes


class GraphRecorder:
    """Records work on a GPU as CUDA graphs that share one pool of memory.

    What one graph needs for a moment, the next uses again, so they have to be replayed one after the other.
    """

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream()

    def __call__(self, work: Callable[[], None]) -> Replay:
        """Record the kernels that `work` launches, which run when they are replayed.

        Not by `torch.cuda.graph`, which gives all cached memory back first: layers that train in turns are recorded
        often. Other threads go on with what they do, such as reading batches ahead.
        """
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize()
        with torch.cuda.stream(self._stream):
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                work()
            except BaseException:
                with suppress(RuntimeError):  # that the capture has failed is known
                    graph.capture_end()
                raise
            graph.capture_end()
        replay: Replay = graph.replay
        return replay


class CapturedStep:
    """A layer's local step that takes its gradients at once, and is captured when a shape of batch comes again.

    The first batch of each shape runs as it is, so that all is loaded and chosen that a capture has no place for; the
    caller then takes the gradients of its losses. From the second on a graph takes them; its losses have none left.

    Gradients have their places before a step, and should stay there, or the step is captured anew. Each step is over
    before the next one of any layer begins: what a step gives is written over when it is replayed.

    Args:
        step: The layer's.
        owner: Whose parameters it takes gradients for, and whose buffers it may write to.
        record: Makes something that can be replayed of the work.
        share: What losses are multiplied by before their gradients are taken.

    Raises:
        ConfigError: When it is called, if the step cannot be captured: it may wait for the GPU, say.
    """

    def __init__(self, step: Step, owner: nn.Module, record: Recorder, share: float = 1.0) -> None:
        self._step, self._record, self._share = step, record, share
        self._parameters, self._buffers = list(owner.parameters()), list(owner.buffers())
        self._captures: dict[Any, _Capture] = {}
        self._met: set[Any] = set()

    def __call__(self, inputs: Tensor, labels: Tensor, *, images: Tensor | None = None, **settings: Any) -> LocalStep:
        """Do what the step does; see `lwtrain.local_module.LocalModule.local_step`."""
        given = {"inputs": inputs, "labels": labels} | ({} if images is None else {"images": images})
        key = *settings.items(), *((tensor.shape, tensor.dtype) for tensor in given.values())
        if not torch.is_grad_enabled():
            return self._step(**given, **settings)
        if key not in self._met:
            self._met.add(key)
            return self._step(**given, **settings)
        capture = self._captures.pop(key, None)
        if capture is None or not capture.holds():
            step = partial(self._step, **settings)
            capture = _Capture(step, given, self._parameters, self._share, self._record)
        self._captures[key] = capture  # behind all others
        if len(self._captures) > _MOST_SHAPES:
            del self._captures[next(iter(self._captures))]
        result = capture(given)
        # What a graph writes, such as batch norm's statistics, torch knows nothing of: folded layers would stay.
        torch.autograd.graph.increment_version(self._buffers)
        return result


class _Capture:
    """A step on tensors that stay where they are."""

    def __init__(
        self,
        step: Step,
        given: Mapping[str, Tensor],
        parameters: Iterable[nn.Parameter],
        share: float,
        record: Recorder,
    ) -> None:
        self._given = {name: tensor.clone() for name, tensor in given.items()}
        self._gradients = [(parameter, parameter.grad) for parameter in parameters if parameter.requires_grad]
        self._result: LocalStep | None = None

        def learn() -> None:
            taken = step(**self._given)
            (taken.losses.total * share).backward()
            terms = {name: term.detach() for name, term in taken.losses._asdict().items() if term is not None}
            outputs = None if taken.outputs is None else taken.outputs.detach()
            self._result = LocalStep(Losses(**terms), taken.logits.detach(), outputs)

        torch.clear_autocast_cache()  # weights in half precision have to be made anew in every replay
        try:
            self._replay = record(learn)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise ConfigError(f"cuda_graphs=true: a step cannot be captured ({reason}); choose false") from error
        finally:
            torch.clear_autocast_cache()

    def holds(self) -> bool:
        """Whether all gradients are where they were: a graph would write where they no longer are."""
        return all(parameter.grad is gradient for parameter, gradient in self._gradients)

    def __call__(self, given: Mapping[str, Tensor]) -> LocalStep:
        for name, tensor in given.items():
            self._given[name].copy_(tensor)
        self._replay()
        assert self._result is not None
        return self._result


def check_cuda_graphs(device: torch.device) -> None:
    """Make sure that steps on a device can be captured.

    Raises:
        ConfigError: If it is no NVIDIA GPU.
    """
    if device.type != "cuda" or torch.version.cuda is None:
        raise ConfigError(f"cuda_graphs=true: needs an NVIDIA GPU, and this run is on {device.type}; choose false")
