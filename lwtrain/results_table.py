"""Many runs side by side: the settings that tell them apart, and what came of each."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from lwtrain.config.wording import shown
from lwtrain.errors import ConfigError
from lwtrain.files import write_whole
from lwtrain.registry import choices_hint
from lwtrain.runs import Run, differing_settings

FIGURES = (
    "head/val/accuracy",
    "best_layer",
    "best_layer/val/accuracy",
    "vote/val/accuracy",
    "head/test/accuracy",
    "best_layer/test/accuracy",
    "vote/test/accuracy",
    "seconds",
)
"""What is shown of each run unless something else is asked for."""

_NO_EDGE = 10_000  # columns of a file or a pipe


@dataclass(frozen=True)
class ResultsTable:
    """A row for each run.

    Attributes:
        settings: The columns in which the runs' settings stand.
        figures: Those of what came of them.
        rows: By column; where a run has no value the column is missing. `run` names it, `failure` says why it failed.
    """

    settings: list[str]
    figures: list[str]
    rows: list[dict[str, Any]]

    @classmethod
    def of(cls, runs: Sequence[Run], root: Path, metrics: Iterable[str] = ()) -> Self:
        """Set runs side by side.

        Args:
            runs: In the order of the rows.
            root: The folder that runs are named from.
            metrics: Patterns of the tags to show, such as `layer_*/val/accuracy`; by default `FIGURES`.

        Raises:
            ConfigError: If no run has a tag that is asked for.
        """
        known = sorted({tag for run in runs for tag in run.figures})
        figures = [tag for tag in FIGURES if tag in known]
        if patterns := list(metrics):
            figures = list(dict.fromkeys(tag for pattern in patterns for tag in _matching(pattern, known)))
        settings = differing_settings(runs)
        rows = [
            {"run": str(run.folder.relative_to(root))}
            | {name: run.settings[name] for name in settings if name in run.settings}
            | {tag: run.figures[tag] for tag in figures if tag in run.figures}
            | ({} if run.failure is None else {"failure": run.failure})
            for run in runs
        ]
        return cls(settings, figures, rows)

    @property
    def columns(self) -> list[str]:
        """All columns, as the CSV file has them."""
        return ["run", *self.settings, *self.figures, "failure"]

    def sorted_by(self, column: str) -> Self:
        """Put the rows with the largest values last; those without one come first.

        Raises:
            ConfigError: If there is no such column.
        """
        if column not in self.columns:
            raise ConfigError(f"--sort {column}: {choices_hint(column, self.columns)}")
        return replace(self, rows=sorted(self.rows, key=lambda row: _sort_key(row.get(column))))

    def csv(self) -> str:
        """Write the table as CSV: settings as the command line has them, figures with six digits."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        for row in self.rows:
            settings = {name: shown(row[name]) for name in self.settings if name in row}
            figures = {tag: f"{row[tag]:.6g}" for tag in self.figures if isinstance(row.get(tag), float)}
            writer.writerow(row | settings | figures)
        return text.getvalue()

    def write_csv(self, path: Path) -> None:
        """Write the table into a file, wholly or not at all.

        Raises:
            ConfigError: If it cannot be written.
        """
        try:
            write_whole(path, lambda file: file.write(self.csv().encode()))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written ({error.strerror})") from error

    def show(self, console: Console | None = None) -> None:
        """Print the table, and below it why runs have failed."""
        console = console or Console(highlight=False)
        if not console.is_terminal:
            console.width = _NO_EDGE
        table = self._table(each_setting=True)
        if Measurement.get(console, console.options.update(max_width=_NO_EDGE), table).maximum > console.width:
            table = self._table(each_setting=False)
        console.print(table)
        for row in self.rows:
            if "failure" in row:
                console.print(f"{row['run']}: {row['failure']}", markup=False, soft_wrap=True)

    def _table(self, each_setting: bool) -> Table:
        """Make the table for the screen, with a column for each setting or one for all of them."""
        table = Table("run", *(self.settings if each_setting else ["settings"] if self.settings else []))
        for tag in self.figures:
            table.add_column(tag.removesuffix("/accuracy").replace("/", "\n"), justify="right")
        for row in self.rows:
            settings = {name: shown(row[name]) for name in self.settings if name in row}
            if each_setting:
                texts = [settings.get(name, "") for name in self.settings]
            else:
                texts = [" ".join(f"{name}={text}" for name, text in settings.items())] if self.settings else []
            table.add_row(row["run"], *texts, *(_written(row, tag) for tag in self.figures))
        return table


def _matching(pattern: str, known: list[str]) -> list[str]:
    found = [tag for tag in known if fnmatchcase(tag, pattern)]
    if not found:
        raise ConfigError(f"--metric {pattern}: no run has it; {choices_hint(pattern, known)}")
    return found


def _sort_key(value: Any) -> tuple[int, float, str]:
    """Numbers come by size, texts after them by the alphabet."""
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, (int, float)):
        return 1, float(value), ""
    return 2, 0.0, shown(value)


def _written(row: Mapping[str, Any], tag: str) -> str:
    value = row.get(tag)
    if value is None or isinstance(value, str):
        return value or ""
    if tag.endswith("accuracy"):
        return f"{value:.2%}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
