"""Sends every row into a process of its own, round after round, and keeps what comes back."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path

from benchmarking.quietness import Quietness
from benchmarking.row import Row
from benchmarking.sample import Sample, SampleFile
from lwtrain.machine import machine_name

SCRIPT = Path(__file__).resolve().parents[1] / "benchmark.py"
LONGEST_SECONDS = 3600.0

Measure = Callable[[Row, int], Sample]
Report = Callable[[str, Sample], None]


def judge(rows: Sequence[Row], repeats: int, file: SampleFile, measure: Measure, report: Report) -> list[Sample]:
    """Measure every row in every round, one after the other, so that the machine's moods meet all of them.

    Args:
        rows: What to measure.
        repeats: How many rounds.
        file: Holds what has been measured before: of that, only failures are tried again.
        measure: Measures a row.
        report: Hears of each sample as it comes, with its place in the whole.

    Returns:
        The samples of these rows, old and new.
    """
    known = {
        (sample.row, sample.repeat): sample
        for sample in file.read()
        if sample.error is None and sample.machine == machine_name()
    }
    samples = []
    for number, (repeat, row) in enumerate(product(range(repeats), rows), start=1):
        sample = known.get((row, repeat))
        if sample is None:
            sample = measure(row, repeat)
            file.add(sample)
        report(f"{number}/{repeats * len(rows)}", sample)
        samples.append(sample)
    return samples


def measure_in_a_process(row: Row, repeat: int, folder: Path, longest: float = LONGEST_SECONDS) -> Sample:
    """Start a process that measures one row; where it fails or takes too long, the sample says so."""
    task = json.dumps({"row": asdict(row), "repeat": repeat, "folder": str(folder)})
    quietness = Quietness()
    try:
        run = subprocess.run(
            [sys.executable, str(SCRIPT), "--child", task], capture_output=True, text=True, timeout=longest, check=False
        )
    except subprocess.TimeoutExpired:
        return Sample(row, repeat, machine_name(), error=f"took more than {longest:.0f} s")
    if run.returncode != 0:
        return Sample(row, repeat, machine_name(), error=_last_line(run.stderr) or f"ended with {run.returncode}")
    return replace(Sample.from_json(_last_line(run.stdout)), others=quietness.taken_by_others())


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else ""
