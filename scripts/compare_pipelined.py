"""Compare a line of processes with all layers in one process: python scripts/compare_pipelined.py [--processes 2] ...

`schedule=pipelined` on N processes of one thread each, against `schedule=simultaneous` in one process of N threads and
of one, in turns: images a second (each run's first epoch does not count), what they should be by docs/scaling.md (the
slowest process sets the pace; a step of each layer is measured when the run starts), and the share of its time that
each process of the line has waited. Bundled images; takes a minute or two a round.
"""

import csv
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
EPOCHS, BATCH_SIZE = 3, 64
BATCHES = 100  # so many that those which are still on their way when the first process is done count little


@dataclass(frozen=True)
class Contender:
    """A way to train.

    Attributes:
        name: What it is called in the table.
        words: The settings that make it.
        threads: Of each of its processes.
        processes: How many it has.
    """

    name: str
    words: tuple[str, ...]
    threads: int
    processes: int = 1


@dataclass(frozen=True)
class Reading:
    """What one epoch of a run has shown."""

    images_per_second: float
    waited: tuple[float, ...]  # the share of its time that each process of a line has waited
    foretold: float | None  # images a second


def contenders(processes: int) -> list[Contender]:
    """List who is compared."""
    line = ("schedule=pipelined", f"trainer.devices={processes}")
    return [
        Contender("simultaneous, 1 thread", ("schedule=simultaneous",), 1),
        Contender(f"simultaneous, {processes} threads", ("schedule=simultaneous",), processes),
        Contender(f"pipelined, {processes} processes", line, 1, processes),
    ]


def measure(contender: Contender, settings: Sequence[str]) -> list[Reading]:
    """Train, and read off all epochs but the first.

    Raises:
        SystemExit: If the training fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        fixed = ("trainer.accelerator=cpu", f"trainer.limit_train_batches={BATCHES}", "trainer.limit_val_batches=1")
        quiet = ("progress=none", "callbacks.dashboard=false", "layer.store=false", f"hydra.run.dir={folder}")
        words = [*contender.words, f"schedule.epochs={EPOCHS}", f"batch_size={BATCH_SIZE}", *fixed, *quiet, *settings]
        environment = os.environ | {"OMP_NUM_THREADS": str(contender.threads)}
        run = subprocess.run(
            [sys.executable, "train.py", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
        if run.returncode:
            sys.exit("\n".join([f"{contender.name}: failed", *run.stderr.splitlines()[-8:]]))
        return read(Path(folder, "metrics.csv"), contender.processes, foretold(run.stdout + run.stderr))


def foretold(said: str) -> float | None:
    """Give the images a second of the slowest process, by what the run has said of its deal; None if it has not.

    Example:
        >>> foretold("schedule.deal=[1, 2], as a step takes 30.0, 20.0, 20.0 ms by layer")
        1600.0
    """
    found = re.search(r"schedule\.deal=\[([\d, ]+)\], as a step takes ([\d., ]+) ms", said)
    if found is None:
        return None
    counts, costs = (json.loads(f"[{numbers}]") for numbers in found.groups())
    ends = list(accumulate(counts))
    return BATCH_SIZE / max(sum(costs[end - count : end]) for count, end in zip(counts, ends, strict=True)) * 1000


def read(path: Path, processes: int, expected: float | None) -> list[Reading]:
    """Read the epochs of a run off its metrics.csv, all but the first."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("speed/images_per_second")]
    readings = []
    for row in rows[1:]:
        trained = sum(float(row[f"time/{part}"]) for part in ("data", "front", "loss", "step"))
        tags = [f"pipeline/rank_{rank}/waited" for rank in range(processes)] if processes > 1 else []
        waited = tuple(float(row[tag]) / trained for tag in tags)
        readings.append(Reading(float(row["speed/images_per_second"]), waited, expected))
    return readings


def show(measured: dict[str, list[Reading]]) -> Table:
    """Write medians, and how they compare with the first contender's."""
    table = Table("", "images/s", "lowest to highest", "foretold", "times the first", "waited, by process")
    first = None
    for name, readings in measured.items():
        speeds = [reading.images_per_second for reading in readings]
        median = statistics.median(speeds)
        first = first or median
        waited = zip(*(reading.waited for reading in readings), strict=True)
        shares = ", ".join(f"{statistics.median(process):.0%}" for process in waited)
        expected = [reading.foretold for reading in readings if reading.foretold]
        said = f"{statistics.median(expected):.0f}" if expected else ""
        span = f"{min(speeds):.0f} to {max(speeds):.0f}"
        table.add_row(name, f"{median:.0f}", span, said, f"{median / first:.2f}", shares)
    return table


def parse() -> Namespace:
    """Understand the command line."""
    parser = ArgumentParser(
        description=(__doc__ or "").partition("\n\n")[0], formatter_class=ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=2, help="of the line")
    parser.add_argument("--rounds", type=int, default=3, help="in which all take their turns")
    parser.add_argument("settings", nargs="*", default=["model.width=0.25", "precision=32"], help="of all of them")
    return parser.parse_args()


def main() -> None:
    """Measure in turns, and show."""
    options = parse()
    some = contenders(options.processes)
    measured: dict[str, list[Reading]] = {contender.name: [] for contender in some}
    for _ in range(options.rounds):
        for contender in some:
            measured[contender.name] += measure(contender, options.settings)
    console = Console()
    console.width = max(console.width, 110)  # where the output goes to a file, rich would squeeze it to 80
    console.print(show(measured))
    console.print(f"{options.rounds} rounds of {EPOCHS - 1} epochs of {BATCHES} batches: {' '.join(options.settings)}")


if __name__ == "__main__":
    main()
