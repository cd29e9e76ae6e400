"""What each epoch of a run spent on what, on one processor."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from benchmarking.images import SHAPE, first, make_images
from benchmarking.row import Row
from benchmarking.with_lwtrain import Lwtrain
from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.scaling.cost import LayerCost
from lwtrain.scaling.counting import count_costs

Parts = dict[str, float]  # seconds, by `lwtrain.part_times.PARTS`


class Watched:
    """A row that can be trained again and again, each epoch's parts noted.

    Seconds are those that the process had a processor for, so that what else a shared machine does counts as little as
    it can; on a GPU they are a clock's, and CUDA_LAUNCH_BLOCKING=1 has each kernel counted where it belongs.

    Args:
        row: Of lwtrain's own ways to train.
        folder: Where a front on disk lies.

    Attributes:
        row: As given.
        costs: What its layers ask for.
    """

    def __init__(self, row: Row, folder: Path) -> None:
        torch.manual_seed(row.seed)
        self.row = row
        self._contender, self._images = Lwtrain(row, SHAPE, folder), make_images(row.images, row.seed, row.data_dir)
        self.costs: list[LayerCost] = count_costs(self._contender.stack)

    def warm_up(self) -> None:
        """Train on a batch: what is done once is done."""
        self._contender.train(first(self._images, self.row.batch_size))

    def train(self) -> list[Parts]:
        """Train once, and give what each epoch took."""
        epochs: list[Parts] = []

        def watch(schedule: LayerSchedule) -> Sequence[Callback]:
            stopwatch = Stopwatch(schedule, time.perf_counter if torch.cuda.is_available() else time.process_time)
            return stopwatch, _Notes(stopwatch, epochs)

        self._contender.train(self._images, watch)
        return epochs


class _Notes(Callback):
    """Reads a stopwatch as epochs end."""

    def __init__(self, stopwatch: Stopwatch, epochs: list[Parts]) -> None:
        self._stopwatch, self._epochs, self._before = stopwatch, epochs, dict(stopwatch.seconds_by_part)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        now = dict(self._stopwatch.seconds_by_part)
        self._epochs.append({part: now[part] - self._before[part] for part in now})
        self._before = now


def take_turns(rows: Sequence[Watched], rounds: int, report: Callable[[str], None]) -> list[list[list[Parts]]]:
    """Train rows round after round, so that the machine's moods meet all of them; gives [row][round][epoch]."""
    taken: list[list[list[Parts]]] = [[] for _ in rows]
    for row in rows:
        row.warm_up()
    for number in range(rounds):
        for row, times in zip(rows, taken, strict=True):
            times.append(row.train())
            report(f"round {number + 1}/{rounds}, {row.row.name}: {sum(map(_sum, times[-1])):.2f} s")
    return taken


def _sum(parts: Parts) -> float:
    return sum(parts.values())
