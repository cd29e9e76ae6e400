"""Train for thousands of visits, and look whether anything grows: python scripts/long_run.py [--visits 2000].

A network of three layers learns from 60 small images, a visit an epoch, with everything on that a run has on by
default: checkpoints, curves, pictures, validation. Memory, open files and threads are read at every visit's end; after
the first quarter of the visits, in which the first pictures open their fonts, memory may grow by 2 %, and the others
not at all.
"""

# ruff: noqa: I001
from lwtrain.config.loading import load_config  # lwtrain before Lightning, which imports torchvision
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.from_config import build_callbacks, build_data, build_loggers, build_network, build_schedule, build_trainer
from lwtrain.quiet import quieten_lightning

import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

SETTINGS = [
    *("dataset=fake", "dataset.num_images=60", "dataset.num_classes=3", "dataset.image_size=16", "labels=15"),
    *("dataset.augmentation=light", "model=vgg8b", "model.width=0.0625", "model.layer_depth=3"),
    *(
        "encoder=c",
        "encoder.hidden=8",
        "batch_size=15",
        "trainer.log_every_n_steps=5",
        "front=disk",
        "progress=none",
        "trainer.accelerator=cpu",
    ),
]
LAYERS = 3  # the head included
GROWTH = 0.02
MIB = 2**20


@dataclass(frozen=True)
class Reading:
    """What a process holds at one moment."""

    bytes: int
    files: int  # open ones
    threads: int


class Gauge(Callback):
    """Reads what this process holds at every epoch's end."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self._process = psutil.Process()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Read."""
        memory = self._process.memory_info().rss
        self.readings.append(Reading(memory, self._process.num_fds(), self._process.num_threads()))


def run(visits: int, folder: Path) -> list[Reading]:
    """Train for at least so many visits.

    Args:
        visits: Each of one epoch.
        folder: Where the run goes.
    """
    waves = -(-visits // LAYERS)
    config = load_config([*SETTINGS, f"schedule.waves={waves}", f"schedule.epochs={waves}"])
    pl.seed_everything(config.seed, verbose=False)
    data = build_data(config)
    stack = build_network(config, data)
    schedule, gauge = build_schedule(config, set(), folder), Gauge()
    callbacks = build_callbacks(config, schedule, Stopwatch(schedule), folder)
    epochs = len(schedule.timetable(len(stack.layers)))
    loggers = build_loggers(config, folder, resume_step=None)
    build_trainer(config, folder, [*callbacks, gauge], loggers, epochs).fit(stack, datamodule=data)
    return gauge.readings


def grown(readings: Sequence[Reading]) -> list[str]:
    """Say what has grown between a tenth after the first quarter and the last tenth; nothing if all is well."""
    tenth, beginning = max(1, len(readings) // 10), len(readings) // 4
    early, late = readings[beginning : beginning + tenth], readings[-tenth:]
    before, after = (statistics.median(each.bytes for each in some) for some in (early, late))
    lines = []
    if after > before * (1 + GROWTH):
        lines.append(f"memory: from {before / MIB:.1f} to {after / MIB:.1f} MiB")
    for what in ("files", "threads"):
        # Not the most of them: TensorBoard's thread opens its file for the moment of every flush.
        usual, now = (statistics.median_low(getattr(each, what) for each in some) for some in (early, late))
        if now > usual:
            lines.append(f"{what}: from {usual} to {now}")
    return lines


def main() -> None:
    """Train, print, and fail if something has grown."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=2000, metavar="N", help="of one epoch each (default: 2000)")
    options = parser.parse_args()
    quieten_lightning()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        readings = run(options.visits, Path(folder))
        checkpoints = sorted(path.name for path in Path(folder, "checkpoints").iterdir())
    print("visit  memory, MiB  open files  threads")
    for number in range(0, len(readings), max(1, len(readings) // 10)):
        reading = readings[number]
        print(f"{number + 1:5}  {reading.bytes / MIB:11.1f}  {reading.files:10}  {reading.threads:7}")
    print(f"{len(readings)} visits in {time.monotonic() - began:.0f} s; checkpoints: {', '.join(checkpoints)}")
    if lines := grown(readings):
        sys.exit("\n".join(lines))


if __name__ == "__main__":
    main()
