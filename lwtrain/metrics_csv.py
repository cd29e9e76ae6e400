"""Reads what a run logged, step by step. No torch in here."""

import csv
from pathlib import Path

from lwtrain.errors import DataError


def read_metrics_csv(path: Path) -> list[dict[str, str]]:
    """Read a run's metrics.csv.

    Returns:
        Its rows, each by tag; every text in them is empty or a number, and `step` is a whole one.

    Raises:
        DataError: If it is missing or damaged.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            int(row["step"])
            for text in row.values():  # None where a row is too short, a list where it is too long
                float(text or (0 if text == "" else "missing"))
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{path}: not a table of figures ({reason}).\nTake it away to go on without it") from error
    return rows
