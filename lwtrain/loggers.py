"""Curves that go on where a resumed run goes on: what was written after the checkpoint is cut off."""

import csv
import io
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_fabric.utilities.rank_zero import rank_zero_only
from pytorch_lightning.loggers import Logger, TensorBoardLogger
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from torch.utils.tensorboard.summary import hparams

from lwtrain.files import disk_at_fault, write_whole
from lwtrain.metrics_csv import read_metrics_csv

START = -1
"""The `resume_step` of a run that begins again from its start: nothing that was written before holds."""


class RunCSVLogger(Logger):
    """Writes `metrics.csv`: a row per step at which something was logged, a column per tag.

    Promise: the file is always whole; rows later than `resume_step` are dropped, so that none is there twice.

    Args:
        folder: Where metrics.csv goes.
        resume_step: The step of the checkpoint that the run goes on from, or `START`; None for a new run.
    """

    def __init__(self, folder: Path, resume_step: int | None = None) -> None:
        super().__init__()
        self._path = folder / "metrics.csv"
        self._rows: dict[int, dict[str, Any]] = {}
        if resume_step is not None and self._path.exists():
            table = read_metrics_csv(self._path)
            rows = [{tag: value for tag, value in row.items() if value != ""} for row in table]
            self._rows = {int(row["step"]): row for row in rows if int(row["step"]) <= resume_step}

    @property
    def name(self) -> str:
        """Part of Lightning's paths; not used here."""
        return ""

    @property
    def version(self) -> str:
        """Part of Lightning's paths; not used here."""
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add figures to the row of `step`."""
        step = len(self._rows) if step is None else step
        self._rows.setdefault(step, {"step": step}).update(_without_epoch(metrics))

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Ignore settings: config.yaml beside the file has them."""

    @rank_zero_only
    def save(self) -> None:
        """Write the file beside its place and rename it."""
        tags = sorted({tag for row in self._rows.values() for tag in row} - {"step"})
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, ["step", *tags])
        writer.writeheader()
        writer.writerows(self._rows.values())
        write_whole(self._path, lambda file: file.write(table.getvalue().encode()))

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is left."""
        self.save()


class RunTensorBoardLogger(TensorBoardLogger):
    """Writes TensorBoard's events into the run's folder itself, so that runs are called by their folders.

    Args:
        folder: The run's folder.
        resume_step: The step of the checkpoint that the run goes on from, or `START`; later events are hidden.
    """

    def __init__(self, folder: Path, resume_step: int | None = None) -> None:
        first = 0 if resume_step is None else resume_step + 1  # a start that was killed early may have left events
        _wait_for_a_later_name(folder)
        super().__init__(save_dir=folder, name="", version="", default_hp_metric=False, purge_step=first)
        self._folder, self._new = folder, resume_step is None

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add points to the curves; Lightning's count of epochs, which it slips in here and there, is left out."""
        with disk_at_fault(self._folder):
            super().log_metrics(_without_epoch(metrics), step)

    @rank_zero_only
    def log_settings(self, settings: Mapping[str, Any], metrics: Sequence[str], first: Collection[str] = ()) -> None:
        """Fill the HPARAMS page.

        Args:
            settings: The run's.
            metrics: Tags that stand beside them; of their curves the last point is shown.
            first: The settings that are shown before anybody asks for more. TensorBoard sorts by name, but puts before
                all others those that are said to differ.
        """
        experiment, *session = hparams(dict(settings), dict.fromkeys(metrics, 0.0))
        plugin = experiment.value[0].metadata.plugin_data
        content = HParamsPluginData.FromString(plugin.content)
        for setting in content.experiment.hparam_infos:
            setting.differs = setting.name in first
        plugin.content = content.SerializeToString()
        writer = self.experiment._get_file_writer()  # the public call would start a run of its own
        for summary in (experiment, *session):
            writer.add_summary(summary)

    @rank_zero_only
    def log_text(self, tag: str, text: str) -> None:
        """Show a text as it stands; where a run goes on it is there already, and TensorBoard would show it twice."""
        if self._new:
            lines = "\n".join(f"    {line}" for line in text.splitlines())  # Markdown's way to leave a text alone
            self.experiment.add_text(tag, lines)

    @rank_zero_only
    def save(self) -> None:
        """Bring all events to disk."""
        with disk_at_fault(self._folder):
            self.experiment.flush()

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Bring what is left to disk."""
        with disk_at_fault(self._folder):
            super().finalize(status)


def _wait_for_a_later_name(folder: Path) -> None:
    """Let the second pass in which the folder's last events file was begun.

    TensorBoard reads such files in the order of their names: the second, and then a count as text, "10" before "9".
    """
    while any(folder.glob(f"events.out.tfevents.{int(time.time())}.*")):
        time.sleep(0.01)


def _without_epoch(metrics: Mapping[str, float]) -> dict[str, float]:
    return {tag: value for tag, value in metrics.items() if tag != "epoch"}
