"""What a machine gives: a few numbers, measured or assumed. Plain Python: no torch in here."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from lwtrain.scaling.cost import Work


class Rate(NamedTuple):
    """How fast work is done that is not small: what is reached, not what a data sheet says.

    Attributes:
        operations: Floating-point operations a second.
        bytes: Of tensors that are made, a second; reading what they are made of is part of it.
    """

    operations: float
    bytes: float

    def seconds(self, work: Work) -> float:
        """Say how long work takes, its arithmetic and its traffic one after the other.

        Example:
            >>> Rate(operations=100.0, bytes=10.0).seconds(Work(operations=50.0, bytes=20.0))
            2.5
        """
        return work.operations / self.operations + work.bytes / self.bytes


@dataclass(frozen=True)
class Machine:
    """One device, and what connects it.

    Attributes:
        learning: Of training steps.
        resting: Of layers that pass images on without learning.
        updating: Bytes of parameters that the optimizer changes in a second.
        memory: Bytes of a front that are written, or read, in a second where it lies in memory.
        disk: The same where it lies on a disk.
        network: Bytes a second that a device sends to another, while it receives as many.
        step_seconds: Of a training step, whatever it computes: the loop around it.
        epoch_seconds: Of an epoch, and so of a visit: to end the one before, and to begin.
        layer_seconds: Of each layer that learns in it, whatever its size: to start its kernels.
        augmentation: Seconds to augment an image.
        overlaps: Whether fronts are read and written while layers compute.
    """

    learning: Rate
    resting: Rate
    updating: float
    memory: float
    disk: float
    network: float
    step_seconds: float
    epoch_seconds: float
    layer_seconds: float
    augmentation: float
    overlaps: bool = False

    def to_json(self) -> dict[str, Any]:
        """Write it with JSON's own types."""
        return asdict(self) | {"learning": self.learning._asdict(), "resting": self.resting._asdict()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Machine":
        """Read what `to_json` wrote."""
        return cls(**values | {"learning": Rate(**values["learning"]), "resting": Rate(**values["resting"])})
