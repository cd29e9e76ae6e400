"""What stands in the cells of a table: accuracies, times, seeds."""

from collections.abc import Iterable

from tabulating.rows import ResultRow, Spread


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


def difference(accuracies: Spread | None) -> str:
    """Write by how much accuracies differ, in points.

    Example:
        >>> difference(Spread((0.012, 0.02))), difference(Spread((-0.01,))), difference(Spread((-0.0001,)))
        ('+1.6 ± 0.4', '-1.0', '+0.0')
    """
    written = percent(accuracies).replace("-0.0", "0.0")
    return f"+{written}" if written and not written.startswith("-") else written


def duration(seconds: float) -> str:
    """Write a time.

    Example:
        >>> duration(59.6), duration(3600)
        ('1 min 0 s', '60 min 0 s')
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def seeds_of(row: ResultRow) -> str:
    """Write how many seeds there are, and which.

    Example:
        >>> seeds_of(ResultRow(({"config": {"seed": 0}}, {"config": {"seed": 2}})))
        '2: 0, 2'
        >>> seeds_of(ResultRow(({"config": {"seed": 1}},)))
        'one seed: 1'
    """
    seeds = [str(record["config"]["seed"]) for record in row.records]
    return f"{len(seeds) if len(seeds) > 1 else 'one seed'}: {', '.join(seeds)}"


def line(cells: Iterable[str]) -> str:
    """Write a line of a table.

    Example:
        >>> line(["a", "b"])
        '| a | b |'
    """
    return f"| {' | '.join(cells)} |"
