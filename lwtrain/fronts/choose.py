"""What `front=auto` stands for."""

from dataclasses import dataclass
from pathlib import Path

from lwtrain.fronts.size import readable

OF_MEMORY = 0.5  # the layers' own work, and whatever else the machine does, have the rest
OF_DEVICE = 0.6  # the same; on an accelerator little else runs


@dataclass(frozen=True)
class Free:
    """Bytes that one process can have.

    Attributes:
        memory: The host's.
        disk: In `folder`.
        folder: Where a front on disk would lie.
        device: The accelerator's; None where there is none.
    """

    memory: int
    disk: int
    folder: Path
    device: int | None = None


def fits_device(needed: int, free: Free) -> bool:
    """Whether fronts of so many bytes can stay on the accelerator."""
    return free.device is not None and needed <= OF_DEVICE * free.device


def choose(needed: int, free: Free) -> tuple[str, str]:
    """Choose a front by the bytes that all fronts of the run need.

    Returns:
        Its name, and the reason to show.

    Example:
        >>> choose(needed=3 * 2**30, free=Free(memory=8 * 2**30, disk=0, folder=Path("outputs")))
        ('memory', '3.0 GiB of 8.0 GiB free')
    """
    size = readable(needed)
    if fits_device(needed, free):
        assert free.device is not None
        return "memory", f"{size} of {readable(free.device)} free on the accelerator"
    if needed <= OF_MEMORY * free.memory:
        return "memory", f"{size} of {readable(free.memory)} free"
    too_much = f"{size} are more than half of the {readable(free.memory)} of free memory"
    if needed <= free.disk:
        return "disk", f"{too_much}; {readable(free.disk)} are free in {free.folder}"
    return "recompute", f"{too_much}, and more than the {readable(free.disk)} free in {free.folder}"
