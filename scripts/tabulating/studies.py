"""The results of a study, run by run, as a section of the page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lwtrain.config.flattening import flatten
from lwtrain.errors import DataError
from studying import budgets
from studying.study import Study, StudyRun, key_of, read_study
from tabulating.cells import difference, duration, line, percent, seeds_of
from tabulating.record import telling_words
from tabulating.rows import Record, ResultRow, Spread, gather, read_records

COLUMNS = (
    "run",
    "settings beyond the base",
    "seeds",
    "vote, validation",
    "vote, test",
    "head, test",
    "validation, difference in points",
    "test, difference in points",
    "time",
    "peak MiB",
    "revision",
    "machine",
    "",
)

_FEW = 20  # missing rows that are worth naming


@dataclass(frozen=True)
class StudyRow:
    """A run of a study, in one of its budgets if it has any, by all seeds that have a result.

    Runs of one name that differ by more than their seed, such as one that was cut short, have rows of their own.
    """

    run: StudyRun
    result: ResultRow
    minutes: float | None

    @property
    def label(self) -> str:
        """The run's name, and its budget."""
        return self.run.name if self.minutes is None else f"{self.run.name}, {self.minutes:g} min"


@dataclass(frozen=True)
class StudyResults:
    """A study and what its runs came to."""

    study: Study
    rows: tuple[StudyRow, ...]

    def against(self, row: StudyRow) -> StudyRow | None:
        """Find the row to which another one's difference is taken; None of one that stands alone."""
        if row.run.against == row.run.name:
            return None
        others = [other for other in self.rows if (other.run.name, other.minutes) == (row.run.against, row.minutes)]
        return max(others, key=lambda other: len(other.result.records), default=None)

    def missing(self) -> list[str]:
        """Name the runs that have not been carried out with all seeds."""
        seeds: dict[tuple[str, float | None], set[int]] = {}
        for row in self.rows:
            there = seeds.setdefault((row.run.name, row.minutes), set())
            there.update(record["config"]["seed"] for record in row.result.records)
        return [
            run.name if minutes is None else f"{run.name} ({minutes:g} min)"
            for minutes in self.study.budgets
            for run in self.study.runs
            if set(self.study.seeds) - seeds.get((run.name, minutes), set())
        ]


def read_studies(results: Path) -> list[StudyResults]:
    """Read all studies that have results: their folders lie in `results`, the studies' files beside it.

    Raises:
        ConfigError: If a study's file is not there, or mistaken.
        DataError: If a result is damaged, or of a run that the study has not got.
    """
    folders = sorted(folder for folder in results.glob("*/") if any(folder.glob("*_seed-*.json")))
    return [_read(folder, read_study(folder.name, results.parent / "studies")) for folder in folders]


def _read(folder: Path, study: Study) -> StudyResults:
    records = read_records(folder, besides=(budgets.FILE,))
    runs = {run.name: run for run in study.runs}
    for record in records:
        if record.get("run") not in runs:
            raise DataError(f"{folder}: results of the run {record.get('run')}, which the study has not got")
    there: list[float | None] = sorted({record["minutes"] for record in records if "minutes" in record})
    rows = [
        StudyRow(run, result, minutes)
        for minutes in there or [None]
        for run in study.runs
        for result in gather(
            [record for record in records if (record["run"], record.get("minutes")) == (run.name, minutes)]
        )
    ]
    return StudyResults(study, tuple(rows))


def section(results: StudyResults, marks: dict[str, str], picture: str | None = None) -> Iterator[str]:
    """Give the lines of a study's section: question, table, what is still to come, learning curves.

    Args:
        results: The study's.
        marks: A letter for each machine.
        picture: Where the curves are, as seen from the page.
    """
    study = results.study
    base = f"All share `{' '.join(study.base)}`." if study.base else ""
    yield from (f"## {study.title}", "", study.text, "", f"`python scripts/study.py {study.name}`. {base}".rstrip(), "")
    yield from (line(COLUMNS), line("---" for _ in COLUMNS))
    for row in results.rows:
        yield line(_cells(row, results, marks))
    yield ""
    if missing := results.missing():
        rows = len(study.runs) * len(study.budgets)
        told = ", ".join(missing) if len(missing) <= _FEW else f"{len(missing)} of {rows} rows"
        yield from (f"Not all seeds yet: {told}.", "")
    if len({machine for row in results.rows for machine in row.result.machines}) > 1:
        yield from ("Times and curves are of several machines: compare seconds only where that is the same one.", "")
    if picture:
        yield from (f"![Learning curves: {study.title}]({picture})", "")


def _cells(row: StudyRow, results: StudyResults, marks: dict[str, str]) -> Iterator[str]:
    result, other = row.result, results.against(row)
    yield row.label
    yield f"`{' '.join(_own_words(row, results.study)) or '(none)'}`"
    yield seeds_of(result)
    yield from (
        percent(result.accuracy("vote", "val")),
        percent(result.accuracy("vote")),
        percent(result.accuracy("head")),
    )
    for stage in ("val", "test"):
        points = None if other is None else points_between(result, other.result, stage)
        yield f"{difference(points)} to {row.run.against}" if points else ""
    yield duration(result.figure("seconds").mean)
    yield f"{result.figure('peak_memory_mib').mean:,.0f}"
    yield ", ".join(dict.fromkeys(str(record["revision"]) for record in result.records))
    yield marks[result.machine]
    yield "; ".join(_notes(row, results.study))


def points_between(row: ResultRow, other: ResultRow, stage: str) -> Spread | None:
    """Give the differences of votes, seed by seed: they share the images that have labels and those that validate."""
    votes, others = (_votes(each, stage) for each in (row, other))
    return Spread.of(votes[seed] - others[seed] for seed in votes if seed in others)


def _votes(row: ResultRow, stage: str) -> dict[int, float]:
    votes = {record["config"]["seed"]: record["accuracy"][stage].get("vote") for record in row.records}
    return {seed: vote for seed, vote in votes.items() if vote is not None}


def _own_words(row: StudyRow, study: Study) -> list[str]:
    return [word for word in _words(row.result.first) if word not in study.base]


def _words(record: Record) -> list[str]:
    return telling_words(record["command"])


def _notes(row: StudyRow, study: Study) -> Iterator[str]:
    """Say what is to be known of a row: why it was cut short, and whether its study has changed since."""
    if row.result.first["cut_short"]:
        yield f"cut short: {', '.join(row.result.first['cut_short'])}"
    given, settings = {key_of(word) for word in _words(row.result.first)}, flatten(row.result.first["config"])
    others = (word for word in study.words(row.run) if key_of(word) not in given)
    if without := [word for word in others if not _was_so(word, settings)]:
        yield f"made without {' '.join(without)}"


def _was_so(word: str, settings: Mapping[str, Any]) -> bool:
    """Whether a setting that no word gave was the default when the run was made."""
    key, _, value = word.partition("=")
    return value == str(settings.get(key, settings.get(f"{key}.name")))
