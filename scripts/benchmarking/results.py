"""What several samples of a row say together: medians, spreads, and ratios between rows."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import NamedTuple

from benchmarking.row import Precision, Row
from benchmarking.sample import Sample

Quantity = Callable[[Sample], float]


class Figure(NamedTuple):
    """A median and the range around it."""

    median: float
    lowest: float
    highest: float


def figure(values: Sequence[float]) -> Figure:
    """Sum values up.

    Example:
        >>> figure([3.0, 1.0, 2.0])
        Figure(median=2.0, lowest=1.0, highest=3.0)
    """
    return Figure(median(values), min(values), max(values))


def time(sample: Sample) -> float:
    """The milliseconds that an image takes in a wave or an epoch."""
    return sample.milliseconds_per_image


def speed(sample: Sample) -> float:
    """The layer-images in a second."""
    return sample.layer_images_per_second


def memory(sample: Sample) -> float:
    """The MiB at the peak."""
    return sample.peak_mib


def operations(sample: Sample) -> float:
    """The floating-point operations in a second."""
    return sample.operations_per_second


class Results:
    """All samples, by row and round.

    Args:
        rows: In the order in which they are shown.
        samples: Of these rows and, perhaps, of others, which are left out.
    """

    def __init__(self, rows: Iterable[Row], samples: Iterable[Sample]) -> None:
        self.rows = list(rows)
        self._samples: dict[str, dict[int, Sample]] = {row.name: {} for row in self.rows}
        self._errors: dict[str, str] = {}
        settings = {row.name: row for row in self.rows}
        for sample in samples:
            if settings.get(sample.row.name) != sample.row:
                continue
            if sample.error is None:
                self._samples[sample.row.name][sample.repeat] = sample
            else:
                self._errors[sample.row.name] = sample.error

    def samples(self, name: str) -> list[Sample]:
        """Give the samples of a row, in the order of their rounds."""
        return [sample for _, sample in sorted(self._samples.get(name, {}).items())]

    def error(self, name: str) -> str | None:
        """Say why a row has no figures."""
        return None if self.samples(name) else self._errors.get(name)

    def figure(self, name: str, quantity: Quantity) -> Figure | None:
        """Sum up what a row's samples say; None if there are none."""
        samples = self.samples(name)
        return figure([quantity(sample) for sample in samples]) if samples else None

    def ratio(self, name: str, base: str, quantity: Quantity) -> Figure | None:
        """Divide one row's quantity by another's, round by round, so that what slows a whole round cancels out.

        Returns:
            None if no round has both.
        """
        ours, theirs = self._samples.get(name, {}), self._samples.get(base, {})
        rounds = sorted(ours.keys() & theirs.keys())
        return figure([quantity(ours[round]) / quantity(theirs[round]) for round in rounds]) if rounds else None

    def peak(self, precision: Precision) -> float | None:
        """Give the most operations per second that a matrix product reached."""
        names = [row.name for row in self.rows if row.method == "product" and row.precision == precision]
        reached = [sample.operations_per_second for name in names for sample in self.samples(name)]
        return max(reached, default=None)

    def share_of_peak(self, row: Row) -> float | None:
        """Give how much of the machine's peak a row reaches, by its median."""
        peak, reached = self.peak(row.precision), self.figure(row.name, operations)
        return None if peak is None or reached is None else reached.median / peak
