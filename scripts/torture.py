"""Kill trainings at random moments, go on with the same command, and compare what comes out with undisturbed runs.

python scripts/torture.py                                # 100 kills; see how long below
python scripts/torture.py --kills 6 --only wave-disk     # fewer, of one kind
python scripts/torture.py --seed 1                       # at other moments

Schedules are sequential, wave and simultaneous, fronts lie in memory or on disk; learned alpha, dropout and
augmentation are on. SIGKILL comes at any time, while a file is written, or while the front rolls; every fifth signal is
SIGTERM or Ctrl-C, after which a run stops by itself. At the end weights, optimizer, metrics, tables and curves have to
be bitwise those of the undisturbed run, and no unfinished file may be left.
"""

# ruff: noqa: I001
import lwtrain.training  # noqa: F401 - loaded once, before processes are forked
from torturing.moments import MOMENTS, any_time
from torturing.traces import differences
from torturing.victims import Victim

import os
import shutil
import signal
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections import Counter
from itertools import count
from pathlib import Path
from random import Random

COMMON = [
    *(
        "model=vgg8b",
        "model.width=0.0625",
        "model.layer_depth=3",
        "encoder=c",
        "encoder.hidden=16",
        "encoder.dropout=0.1",
    ),
    *("dataset=fake", "dataset.num_images=2000", "dataset.channels=1", "dataset.image_size=16"),
    *("objective.alpha=learned", "dataset.augmentation=heavy_10"),
    *("labels=500", "batch_size=64", "precision=32", "progress=plain", "callbacks.pictures=2"),
    *("trainer.limit_train_batches=10", "trainer.limit_val_batches=4", "trainer.accelerator=cpu"),
]
SCHEDULES = {
    "sequential": ["schedule=sequential", "schedule.epochs=4"],
    "wave": ["schedule=wave", "schedule.epochs=4", "schedule.waves=2"],
    "simultaneous": ["schedule=simultaneous", "schedule.epochs=6"],
}
CASES = {
    f"{name}-{front}": [*COMMON, *words, f"front={front}"]
    for name, words in SCHEDULES.items()
    for front in ("memory", "disk")
}
GENTLE = (signal.SIGTERM, signal.SIGINT)


def main() -> None:
    """Torture, print, and fail if anything came out differently."""
    options = _parse()
    os.environ["OMP_NUM_THREADS"] = "1"  # sums come out the same, and forked processes have no threads to miss
    random, began = Random(options.seed), time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="lwtrain-torture-", dir=options.folder))
    kills: Counter[str] = Counter()
    faults: list[str] = []
    for number, case in enumerate(options.only):
        share = options.kills // len(options.only) + (number < options.kills % len(options.only))
        faults += torture(case, share, place, random, kills)
    print(f"{kills.total()} signals ({', '.join(f'{times} {what}' for what, times in sorted(kills.items()))})")
    print(f"{time.monotonic() - began:.0f} s, seed {options.seed}")
    if faults:
        sys.exit("\n".join([f"runs differ; they are kept in {place}", *faults]))
    shutil.rmtree(place)
    print("every run ended as if nothing had happened")


def torture(case: str, num_kills: int, place: Path, random: Random, kills: Counter[str]) -> list[str]:
    """Carry one kind of run out, undisturbed and then disturbed so many times, in as many runs as that takes.

    Returns:
        What came out differently.
    """
    expected = place / case / "undisturbed"
    expected.parent.mkdir()
    if Victim(words_for(case, expected), expected.with_suffix(".log")).wait() != 0:
        return [f"{case}: does not train at all; see {expected.with_suffix('.log')}"]
    faults: list[str] = []
    left = num_kills
    for run in count(1):
        if not left:
            return faults
        folder = expected.with_name(f"disturbed-{run}")
        before = left
        while True:  # until the run is done
            victim = Victim(words_for(case, folder), folder.with_suffix(".log"))
            if left and strike(victim, folder, random, kills):
                left -= 1
            code = victim.wait()
            if code == 0:
                break
            if code not in (-signal.SIGKILL, *(128 + number for number in GENTLE), *(-number for number in GENTLE)):
                return [*faults, f"{case}: exit code {code}; the log ends with", victim.last_words()]
        found = differences(expected, folder)
        print(f"{case}: run {run}, {before - left} signals: {'the same' if not found else 'different'}", flush=True)
        faults += [f"{case}, run {run}: {line}" for line in found[:5]]
        if not found:
            shutil.rmtree(folder)
    raise AssertionError("numbers do not end")


def words_for(case: str, folder: Path) -> list[str]:
    """Give the command line: the same one begins a run and goes on with it."""
    return [*CASES[case], f"hydra.run.dir={folder}", "ckpt_path=auto"]


def strike(victim: Victim, folder: Path, random: Random, kills: Counter[str]) -> bool:
    """Wait for a moment and send a signal; say whether there was still somebody to feel it."""
    if random.random() < 0.2:
        number, what = random.choice(GENTLE), "any time"
        any_time(victim, folder, random)
    else:
        number, what = signal.SIGKILL, random.choice(sorted(MOMENTS))
        MOMENTS[what](victim, folder, random)
    struck = victim.strike(number)
    if struck:
        kills[f"{number.name} at any time" if what == "any time" else f"{number.name} while {what}"] += 1
    return struck


def _parse() -> Namespace:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, metavar="N", help="signals in all (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="draws the moments")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--folder", type=Path, help="where runs lie while they are compared")
    return parser.parse_args()


if __name__ == "__main__":
    main()
