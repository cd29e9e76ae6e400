"""RESULTS.md: the table of all results, written by no hand."""

from collections.abc import Iterator, Mapping, Sequence

from tabulating.cells import duration, line, percent, seeds_of
from tabulating.rows import ResultRow
from tabulating.studies import StudyResults, section

HEADER = """\
# Results

Made by `python scripts/results.py` from the files in `results/`; no figure is typed by hand. Each file holds the
command, all settings, the revision of the code, the machine, and the learning curve of one run. Accuracies are of the
test images, in %, which were read once, at the end of each run; the best layer is the one that is best on the
validation images. Of several seeds: the mean, and half of the distance between the best and the worst. Studies come
first, and in them the validation images, on which choices are made; differences are in points, seed by seed.
"""
COLUMNS = (
    "`python train.py` ...",
    "seeds",
    "vote",
    "head",
    "best layer",
    "time",
    "peak MiB",
    "revision",
    "machine",
    "",
)


def write_markdown(
    rows: Sequence[ResultRow], studies: Sequence[StudyResults] = (), pictures: Mapping[str, str] | None = None
) -> str:
    """Give the page's text: studies first, then single runs.

    Args:
        rows: Runs of no study.
        studies: With their results.
        pictures: Where the learning curves of a study are, by its name.
    """
    of_studies = [row.result for study in studies for row in study.rows]
    machines = dict.fromkeys(row.machine for row in (*of_studies, *rows))
    marks = {machine: chr(ord("A") + number) for number, machine in enumerate(machines)}
    lines = [HEADER]
    for study in studies:
        lines += section(study, marks, (pictures or {}).get(study.study.name))
    for title in dict.fromkeys(title_of(row) for row in rows):
        lines += [f"## {title}", "", line(COLUMNS), line("---" for _ in COLUMNS)]
        lines += [line(_cells(row, marks)) for row in rows if title_of(row) == title] + [""]
    if marks:
        lines += ["## Machines", ""] + [f"- {mark}: {machine}" for machine, mark in marks.items()] + [""]
    return "\n".join(lines)


def title_of(row: ResultRow) -> str:
    """Name the data set, its classes if they are chosen, and how many labels are known."""
    config = row.first["config"]
    classes = config["dataset"].get("classes")
    chosen = f" ({', '.join(map(str, classes))})" if classes else ""
    return f"{config['dataset']['name']}{chosen}, labels: {config['labels']}"


def _cells(row: ResultRow, marks: dict[str, str]) -> Iterator[str]:
    yield f"`{row.words or '(defaults)'}`"
    yield seeds_of(row)
    for accuracy in (row.accuracy("vote"), row.accuracy("head"), row.best_layer()):
        yield percent(accuracy)
    yield duration(row.figure("seconds").mean)
    yield f"{row.figure('peak_memory_mib').mean:,.0f}"
    yield ", ".join(dict.fromkeys(str(record["revision"]) for record in row.records))
    yield marks[row.machine]
    yield f"cut short: {'; '.join(row.first['cut_short'])}" if row.first["cut_short"] else ""
