"""One measurement: what a fresh process found out about a row. Plain Python: no torch in here."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarking.row import Row


@dataclass(frozen=True)
class Sample:
    """What one process measured.

    Attributes:
        row: What it measured.
        repeat: In which round.
        machine: On what; see `lwtrain.machine.machine_name`.
        seconds: For all images, once through all layers.
        layers: That learn, the head included.
        peak_mib: The most memory held, beyond what the same process held after training a tiny network the same way.
        operations: Floating-point operations in those seconds.
        others: The share of the cores' time that other processes took while this one ran.
        error: Why there are no figures.
    """

    row: Row
    repeat: int
    machine: str
    seconds: float = 0.0
    layers: int = 0
    peak_mib: float = 0.0
    operations: float = 0.0
    others: float = 0.0
    error: str | None = None

    @property
    def milliseconds_per_image(self) -> float:
        """Of a wave or an epoch, and so comparable between rows of different length."""
        return 1000 * self.seconds / self.row.images

    @property
    def layer_images_per_second(self) -> float:
        """Each image counts once per layer that learns from it."""
        return self.row.images * self.layers / self.seconds

    @property
    def operations_per_second(self) -> float:
        """Operations that the method carries out, needed by another one or not."""
        return self.operations / self.seconds

    def to_json(self) -> str:
        """Write as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "Sample":
        """Read a line.

        Raises:
            ValueError: If the line was not written whole.
            TypeError: If it was written with other fields.
        """
        values = json.loads(line)
        return cls(**values | {"row": Row(**values["row"])})


class SampleFile:
    """Keeps samples line by line, so that a benchmark that was stopped goes on where it was."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Iterator[Sample]:
        """Give what has been measured; a line that was cut off, or written by another version, is left out."""
        for line in self._path.read_text().splitlines() if self._path.exists() else ():
            try:
                yield Sample.from_json(line)
            except (ValueError, TypeError, KeyError):
                continue

    def add(self, sample: Sample) -> None:
        """Write one down at once, on a line of its own even where the last one was cut off."""
        written = self._path.read_text() if self._path.exists() else ""
        cut_off = written and not written.endswith("\n")
        with self._path.open("a") as file:
            file.write(("\n" if cut_off else "") + sample.to_json() + "\n")

    def clear(self) -> None:
        """Forget all."""
        self._path.unlink(missing_ok=True)
