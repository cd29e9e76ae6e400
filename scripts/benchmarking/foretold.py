"""What was foretold of a row, and what came. Plain Python: no torch in here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from benchmarking.row import Row

HEADINGS = ("trained", "predicted, s", "measured, s", "error")


@dataclass(frozen=True)
class Foretold:
    """A row that a machine's numbers were not taken from.

    Attributes:
        row: What was trained.
        predicted: Seconds, by the cost model.
        measured: Seconds, the median of the rounds.
    """

    row: Row
    predicted: float
    measured: float

    @property
    def error(self) -> float:
        """How far the prediction is off, of what was measured."""
        return self.predicted / self.measured - 1

    def cells(self) -> tuple[str, str, str, str]:
        """Write a line of a table, under `HEADINGS`.

        Example:
            >>> Foretold(Row("foretell", "a", "vgg8b", "wave", "pool", "disk", width=0.5), 1.1, 1.0).cells()
            ('vgg8b of width 0.5, wave-pool-disk, batches of 128', '1.10', '1.00', '+10 %')
        """
        row = self.row
        trained = f"{row.network} of width {row.width:g}, {row.contender}, batches of {row.batch_size}"
        return trained, f"{self.predicted:.2f}", f"{self.measured:.2f}", f"{round(100 * self.error):+d} %"

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Foretold":
        """Read what a calibration has written."""
        return cls(Row(**values["row"]), values["predicted"], values["measured"])


def show_foretold(foretold: Sequence[Foretold]) -> Table:
    """Make the table of all predictions."""
    table = Table(*HEADINGS, title="Foretold, and measured afterwards")
    for each in foretold:
        table.add_row(*each.cells())
    return table
