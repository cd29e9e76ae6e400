"""Many runs side by side: the settings that tell them apart, and what came of each."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import mean
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

HALF_RANGE = "/half_range"
"""Behind a figure's tag: half of the distance between the least and the greatest of several runs."""

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

    def over(self, setting: str) -> Self:
        """Put the runs together that differ in nothing else: means of their figures, and half of the range.

        Runs without figures are left out. `run` says which were put together.

        Args:
            setting: Whose values make no difference any longer, such as seed.

        Raises:
            ConfigError: If the runs do not differ in it.

        Example:
            >>> rows = [{"run": f"{seed}", "seed": seed, "labels": 100, "seconds": 4.0 + seed} for seed in (0, 1, 2)]
            >>> ResultsTable(["labels", "seed"], ["seconds"], rows).over("seed").rows
            [{'run': '3: 0, 1, 2', 'labels': 100, 'seconds': 5.0, 'seconds/half_range': 1.0}]
        """
        if setting not in self.settings:
            raise ConfigError(f"--over {setting}: the runs do not differ in it; {choices_hint(setting, self.settings)}")
        settings = [name for name in self.settings if name != setting]
        groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in self.rows:
            if any(tag in row for tag in self.figures):
                groups.setdefault(tuple(shown(row.get(name)) for name in settings), []).append(row)
        return replace(self, settings=settings, rows=[self._together(rows, settings) for rows in groups.values()])

    def _together(self, rows: Sequence[Mapping[str, Any]], settings: Iterable[str]) -> dict[str, Any]:
        merged: dict[str, Any] = {"run": f"{len(rows)}: {', '.join(str(row['run']) for row in rows)}"}
        merged |= {name: rows[0][name] for name in settings if name in rows[0]}
        for tag in self.figures:
            values = [row[tag] for row in rows if isinstance(row.get(tag), (int, float))]
            if values:
                merged[tag] = mean(values)
            if len(values) > 1:
                merged[tag + HALF_RANGE] = (max(values) - min(values)) / 2
        return merged

    @property
    def columns(self) -> list[str]:
        """All columns, as the CSV file has them."""
        spreads = {tag + HALF_RANGE for tag in self.figures if any(tag + HALF_RANGE in row for row in self.rows)}
        figures = [column for tag in self.figures for column in (tag, tag + HALF_RANGE)]
        return ["run", *self.settings, *(tag for tag in figures if tag in {*self.figures, *spreads}), "failure"]

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
            figures = {tag: f"{value:.6g}" for tag, value in row.items() if isinstance(value, float)}
            writer.writerow(row | figures | settings)
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

    def texts(self) -> list[list[str]]:
        """Give the rows as they are read: the run, its settings, its figures."""
        return [
            [
                row["run"],
                *(shown(row[name]) if name in row else "" for name in self.settings),
                *(_written(row, tag) for tag in self.figures),
            ]
            for row in self.rows
        ]

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
    half = row.get(tag + HALF_RANGE)
    if tag.endswith("accuracy"):
        return f"{value:.2%}" if half is None else f"{value:.2%} ± {100 * half:.2f}"
    return " ± ".join(
        f"{number:,.0f}" if abs(value) >= 100 else f"{number:.3g}" for number in (value, half) if number is not None
    )
