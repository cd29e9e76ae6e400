"""RESULTS.md: the table of all results, written by no hand."""

from collections.abc import Iterator, Sequence

from tabulating.rows import ResultRow, Spread

HEADER = """\
# Results

Made by `python scripts/results.py` from the files in `results/`; no figure is typed by hand. Each file holds the
command, all settings, the revision of the code, the machine, and the learning curve of one run. Accuracies are of the
test images, in %, which were read once, at the end of each run; the best layer is the one that is best on the
validation images. Of several seeds: the mean, and half of the distance between the best and the worst.
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


def write_markdown(rows: Sequence[ResultRow]) -> str:
    """Give the page's text."""
    machines = {machine_of(row): "" for row in rows}
    marks = {machine: chr(ord("A") + number) for number, machine in enumerate(machines)}
    lines = [HEADER]
    for title in dict.fromkeys(title_of(row) for row in rows):
        lines += [f"## {title}", "", _line(COLUMNS), _line("---" for _ in COLUMNS)]
        lines += [_line(_cells(row, marks)) for row in rows if title_of(row) == title] + [""]
    if marks:
        lines += ["## Machines", ""] + [f"- {mark}: {machine}" for machine, mark in marks.items()] + [""]
    return "\n".join(lines)


def title_of(row: ResultRow) -> str:
    """Name the data set, its classes if they are chosen, and how many labels are known."""
    config = row.first["config"]
    classes = config["dataset"].get("classes")
    chosen = f" ({', '.join(classes)})" if classes else ""
    return f"{config['dataset']['name']}{chosen}, labels: {config['labels']}"


def machine_of(row: ResultRow) -> str:
    """Describe what the runs of a row were made on; they may have had several machines."""
    machines = dict.fromkeys(
        ", ".join(f"{name} {value}" for name, value in record["machine"].items()) for record in row.records
    )
    return "; ".join(machines)


def percent(accuracy: Spread | None) -> str:
    """Write accuracies, with their spread where there are several.

    Example:
        >>> percent(Spread((0.5, 0.51))), percent(Spread((0.5,))), percent(None)
        ('50.5 ± 0.5', '50.0', '')
    """
    if accuracy is None:
        return ""
    spread = f" ± {100 * accuracy.half_range:.1f}" if len(accuracy.values) > 1 else ""
    return f"{100 * accuracy.mean:.1f}{spread}"


def duration(seconds: float) -> str:
    """Write a time.

    Example:
        >>> duration(59.6), duration(3600)
        ('1 min 0 s', '60 min 0 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def _cells(row: ResultRow, marks: dict[str, str]) -> Iterator[str]:
    yield f"`{row.words or '(defaults)'}`"
    yield ", ".join(str(record["config"]["seed"]) for record in row.records)
    for accuracy in (row.accuracy("vote"), row.accuracy("head"), row.best_layer()):
        yield percent(accuracy)
    yield duration(row.figure("seconds").mean)
    yield f"{row.figure('peak_memory_mib').mean:,.0f}"
    yield ", ".join(dict.fromkeys(str(record["revision"]) for record in row.records))
    yield marks[machine_of(row)]
    yield f"cut short: {'; '.join(row.first['cut_short'])}" if row.first["cut_short"] else ""


def _line(cells: Iterator[str] | Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
