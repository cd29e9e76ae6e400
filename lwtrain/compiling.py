"""Compiles training steps with torch.compile, and keeps the time that it takes."""

import importlib.util
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch._dynamo import config
from torch._dynamo.callback import callback_handler

from lwtrain.errors import ConfigError
from lwtrain.local_module import LocalStep
from lwtrain.replaced_steps import Step

Backend = str | Callable[..., Any]

_MOST_SHAPES = 8  # of one layer's batches: an epoch has 2 or 3, a user's own loader may have more


class StepCompiler:
    """Turns training steps into compiled ones, which draw the same random numbers and agree within float rounding.

    A step is compiled when it first runs, forward and backward, and once more for every further shape of batch. Layers
    that are alike share what is compiled.

    Args:
        backend: torch.compile's; "inductor" generates code, others need no C++ compiler.

    Attributes:
        seconds: Spent on compiling so far, by the name of the step.
    """

    def __init__(self, backend: Backend = "inductor") -> None:
        self.backend, self.seconds = backend, dict[str, float]()
        self._running, self._started = "", 0.0
        self._closing = ExitStack()

    def compiled(self, name: str, step: Step) -> Step:
        """Give a step that compiles itself when it runs.

        Args:
            name: Under which its seconds are found.
            step: Gives the losses of a batch.
        """
        # Else inductor draws random numbers of its own, and dropout would differ from that of a run not compiled.
        options: dict[str, str | int | bool | Callable[..., object]] | None = (
            {"fallback_random": True} if self.backend == "inductor" else None
        )
        compiled: Step = torch.compile(step, backend=self.backend, dynamic=False, options=options)

        def run(*arguments: Any, **settings: Any) -> LocalStep:
            self._running = name
            return compiled(*arguments, **settings)

        return run

    def open(self, num_steps: int) -> None:
        """Begin to watch the clock, and make room for so many steps: torch keeps what it compiled by source line."""
        limits = ("recompile_limit", "accumulated_recompile_limit")
        room = {limit: max(getattr(config, limit), num_steps * _MOST_SHAPES) for limit in limits}
        self._closing.enter_context(config.patch(room))
        callback_handler.register_start_callback(self._start)
        self._closing.callback(callback_handler.remove_start_callback, self._start)
        callback_handler.register_end_callback(self._stop)
        self._closing.callback(callback_handler.remove_end_callback, self._stop)

    def close(self) -> None:
        """Stop watching, and leave torch's limits as they were."""
        self._closing.close()

    def _start(self, *_: object) -> None:
        self._started = time.perf_counter()

    def _stop(self, *_: object) -> None:
        self.seconds[self._running] = self.seconds.get(self._running, 0.0) + time.perf_counter() - self._started


def check_compiler(device: torch.device) -> None:
    """Make sure that what inductor generates for a device can be compiled.

    Raises:
        ConfigError: If a compiler is missing.
    """
    remedy = "install one or set compile=false"
    if device.type == "cpu":
        usual = "clang++" if sys.platform == "darwin" else "g++"
        if not _is_there(os.environ.get("CXX", usual)):
            raise ConfigError(f"compile=true: needs a C++ compiler ({usual}); {remedy}")
    elif device.type == "cuda":
        if importlib.util.find_spec("triton") is None:
            raise ConfigError("compile=true: needs the package triton; install it or set compile=false")
        if not any(map(_is_there, [os.environ.get("CC", "gcc"), "clang"])):
            raise ConfigError(f"compile=true: needs a C compiler (gcc); {remedy}")


def _is_there(command: str) -> bool:
    words = shlex.split(command)  # CXX may bring arguments, or another program before it
    return bool(words) and all(shutil.which(word) for word in words if not word.startswith("-"))
