"""From a front's name to the fronts of a run, with the space that they need."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from lwtrain.data.view import View
from lwtrain.fronts.choose import Free, choose, fits_device
from lwtrain.fronts.disk import DiskFront
from lwtrain.fronts.file import AVAILABLE, NamelessFile, reserve
from lwtrain.fronts.free_space import free_disk, free_memory
from lwtrain.fronts.front import Front, Precision
from lwtrain.fronts.memory import MemoryFront
from lwtrain.fronts.recompute import RecomputeFront
from lwtrain.fronts.size import bytes_per_row, front_bytes, readable

FRONTS = ("auto", "memory", "disk", "recompute")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Purpose:
    """What fronts are made for.

    Attributes:
        layers: The network.
        precision: Makes the context its layers run in.
        device: Where it is.
        highest: The highest layer that a front is going to stand before.
        processes: How many there are on this machine; they share its memory and its disk.
        speaks: Whether this process is the one that says what was chosen.
    """

    layers: Sequence[nn.Module]
    precision: Precision
    device: torch.device
    highest: int
    processes: int = 1
    speaks: bool = True


def build_fronts(
    name: str, purpose: Purpose, views: Sequence[View], folder: Path
) -> tuple[list[Front], list[NamelessFile]]:
    """Make a front for each of some views.

    Args:
        name: One of `FRONTS`.
        purpose: What they are made for.
        views: As large as those that they are going to hold, and all of images of one size.
        folder: Where files would lie.

    Returns:
        The fronts, and files to be closed when they are no longer read.

    Raises:
        ConfigError: If the folder has no space for them.
    """
    if name == "recompute":
        return [RecomputeFront(purpose.layers, purpose.precision) for _ in views], []
    passed = purpose.layers[: purpose.highest]
    row_bytes = bytes_per_row(views[0], passed, purpose.precision, purpose.device)
    sizes = [front_bytes(row_bytes, len(view)) for view in views]
    free = _free_for(purpose, folder)
    if name == "auto":
        name = _choose(sum(sizes), free, purpose.speaks)
    elif name == "memory" and purpose.speaks:
        _warn_of_too_little(sum(sizes), free)
    return _make(name, purpose, sizes, free)


def _free_for(purpose: Purpose, folder: Path) -> Free:
    disk = free_disk(folder) if AVAILABLE else 0
    device = torch.cuda.mem_get_info(purpose.device)[0] if purpose.device.type == "cuda" else None
    return Free(free_memory() // purpose.processes, disk // purpose.processes, folder, device)


def _choose(needed: int, free: Free, speaks: bool) -> str:
    name, reason = choose(needed, free)
    if speaks:
        _log.info("front=%s: %s", name, reason)
    return name


def _warn_of_too_little(needed: int, free: Free) -> None:
    if needed > free.memory and not fits_device(needed, free):
        remedy = "front=disk and front=recompute need less"
        _log.warning("front=memory: needs %s, %s are free; %s", readable(needed), readable(free.memory), remedy)


def _make(name: str, purpose: Purpose, sizes: Sequence[int], free: Free) -> tuple[list[Front], list[NamelessFile]]:
    layers, precision, device, highest = purpose.layers, purpose.precision, purpose.device, purpose.highest
    if name == "recompute":
        return [RecomputeFront(layers, precision) for _ in sizes], []
    if name == "disk":
        files = reserve(free.folder, sizes)
        return [DiskFront(layers, precision, file, highest=highest, device=device) for file in files], files
    kept_on = _kept_on(device, sum(sizes), free)
    return [MemoryFront(layers, precision, highest=highest, device=device, kept_on=kept_on) for _ in sizes], []


def _kept_on(device: torch.device, needed: int, free: Free) -> torch.device:
    """Say whose memory keeps the activations: an accelerator's only where they fit."""
    return device if device.type != "cuda" or fits_device(needed, free) else torch.device("cpu")
