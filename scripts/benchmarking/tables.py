"""The results as tables for a terminal."""

from collections.abc import Iterable, Iterator

from rich.table import Table

from benchmarking.quietness import DISTURBED
from benchmarking.results import Figure, Quantity, Results, memory, operations, speed, time
from benchmarking.row import Row
from benchmarking.targets import Target

TITLES = {
    "peak": "The machine: products of square matrices",
    "speed": "Speed: one wave or epoch",
    "memory": "Memory: VGG-11B with large batches",
    "depth": "Depth: convolutions of 32 channels on 32 x 32 pixels",
    "images": "Many images: VGG-11 of a quarter of its width",
}
BASES = {"published": "published-c", "backprop bf16": "backprop-bf16", "lwtrain's backprop": "lwtrain-backprop"}
FAILED = "[red]failed[/]"


def show_results(results: Results) -> Iterator[Table]:
    """Make one table for each group."""
    for group in dict.fromkeys(row.group for row in results.rows):
        rows = [row for row in results.rows if row.group == group]
        yield _peak_table(results, rows) if group == "peak" else _table(results, group, rows)


def show_targets(targets: Iterable[Target]) -> Table:
    """Make the table of what was to be reached; what these rows say nothing about is only counted."""
    targets = list(targets)
    silent = sum(target.figure is None for target in targets)
    table = Table(
        "target", "limit", "figure", "", title="Targets", caption=f"{silent} not measured" if silent else None
    )
    for target in targets:
        if target.figure is not None:
            style = "green" if target.reached else "red"
            limit, verdict = f"{target.bound} {target.limit:g}", f"[{style}]{target.verdict}[/]"
            table.add_row(target.says, limit, f"{target.figure:.2f}", verdict)
    return table


def show_troubles(results: Results) -> Iterator[str]:
    """Say what came in the way of rows that have no figures, and of those that others have slowed down."""
    for row in results.rows:
        if error := results.error(row.name):
            yield f"{row.name}: {error}"
    taken = [sample.others for row in results.rows for sample in results.samples(row.name)]
    if disturbed := sum(others > DISTURBED for others in taken):
        yield (
            f"The machine was not quiet: in {disturbed} of {len(taken)} measurements, other processes took more than "
            f"{DISTURBED:.0%} of its time, {max(taken):.0%} at most. Do not trust these times."
        )


def _peak_table(results: Results, rows: list[Row]) -> Table:
    table = Table("matrices", "precision", "TFLOP/s", title=TITLES["peak"])
    for row in rows:
        reached = results.figure(row.name, operations)
        table.add_row(f"{row.case} x {row.case}", row.precision, _spread(reached, 1e-12) or FAILED)
    return table


def _table(results: Results, group: str, rows: list[Row]) -> Table:
    cases = {row.case for row in rows}
    bases = {
        words: name for words, name in BASES.items() if any(results.samples(f"{group}/{case}/{name}") for case in cases)
    }
    table = Table(title=TITLES.get(group, group))
    table.add_column("", no_wrap=True)
    for header in ("images", "ms/image", "layer-images/s", "peak MiB", "TFLOP/s", "of peak"):
        table.add_column(header, justify="right")
    for quantity in ("time", "memory"):
        for words in bases:
            table.add_column(f"{quantity} /\n{words}", justify="right")
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        closes = following is None or following.case != row.case
        table.add_row(*_cells(results, row, list(bases.values())), end_section=closes)
    return table


def _cells(results: Results, row: Row, bases: list[str]) -> Iterator[str]:
    yield f"{row.case} {row.contender}"
    yield f"{row.images:,}"
    if not results.samples(row.name):
        yield FAILED
        return
    yield _spread(results.figure(row.name, time))
    yield _spread(results.figure(row.name, speed))
    yield _spread(results.figure(row.name, memory))
    reached, share = results.figure(row.name, operations), results.share_of_peak(row)
    yield "" if reached is None else f"{reached.median * 1e-12:.2g}"
    yield "" if share is None else f"{share:.0%}"
    quantities: tuple[Quantity, ...] = time, memory
    for quantity in quantities:
        for base in bases:
            ratio = results.ratio(row.name, f"{row.group}/{row.case}/{base}", quantity)
            yield "" if ratio is None else f"{ratio.median:.2f}"


def _spread(figure: Figure | None, unit: float = 1.0) -> str:
    """Write a median with its range, such as "12.3 (11.9-14.0)"."""
    if figure is None:
        return ""
    median, lowest, highest = (_number(value * unit) for value in figure)
    return median if lowest == highest else f"{median} ({lowest}-{highest})"


def _number(value: float) -> str:
    """Write three digits, and no exponent.

    Example:
        >>> _number(1234.5), _number(12.34), _number(0.01234)
        ('1,234', '12.3', '0.0123')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
