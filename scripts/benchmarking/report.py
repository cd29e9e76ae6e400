"""The results as a file that others can read."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from benchmarking.results import Figure, Quantity, Results, memory, operations, speed, time
from benchmarking.row import Row
from benchmarking.tables import BASES
from benchmarking.targets import Target
from lwtrain.machine import describe_machine

QUANTITIES: dict[str, Quantity] = {
    "milliseconds_per_image": time,
    "layer_images_per_second": speed,
    "peak_mib": memory,
    "operations_per_second": operations,
}


def benchmark_report(results: Results, targets: Sequence[Target], command: str) -> dict[str, Any]:
    """Gather what was measured, on what and by which command, down to every sample."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "machine": describe_machine(),
        "peak_operations_per_second": {precision: results.peak(precision) for precision in ("bf16", "fp32")},
        "targets": [asdict(target) | {"verdict": target.verdict} for target in targets],
        "rows": [_row(results, row) for row in results.rows],
    }


def _row(results: Results, row: Row) -> dict[str, Any]:
    figures = {name: _plain(results.figure(row.name, quantity)) for name, quantity in QUANTITIES.items()}
    ratios = {
        f"{word} / {base}": _plain(results.ratio(row.name, f"{row.group}/{row.case}/{name}", quantity))
        for base, name in BASES.items()
        for word, quantity in (("time", time), ("memory", memory))
    }
    return {
        "name": row.name,
        "settings": asdict(row),
        "error": results.error(row.name),
        **figures,
        "share_of_peak": results.share_of_peak(row),
        "ratios": {name: ratio for name, ratio in ratios.items() if ratio is not None},
        "samples": [
            {name: value for name, value in asdict(sample).items() if name not in ("row", "machine", "error")}
            for sample in results.samples(row.name)
        ],
    }


def _plain(figure: Figure | None) -> dict[str, float] | None:
    return None if figure is None else figure._asdict()
