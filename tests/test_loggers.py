import csv
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.summary.writer import event_file_writer
from tiny import fit

from lwtrain import WaveSchedule
from lwtrain.callbacks.stopwatch import Stopwatch
from lwtrain.checkpoints import load_checkpoint
from lwtrain.loggers import START, RunCSVLogger, RunTensorBoardLogger
from lwtrain.part_times import PARTS


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return [{tag: value for tag, value in row.items() if value} for row in csv.DictReader(file)]


def events(folder: Path) -> EventAccumulator:
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def curve(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events(folder).Scalars(tag)]


def run(folder: Path, resume: Path | None = None, **settings: Any) -> dict[str, float]:
    """A wave in which everything is logged; from a checkpoint, in the same folder."""
    step = None if resume is None else load_checkpoint(resume)["global_step"]
    schedule = WaveSchedule(epochs=1, waves=1)
    written = [RunCSVLogger(folder, step), RunTensorBoardLogger(folder, step)]
    return fit(
        schedule, callbacks=[Stopwatch(schedule)], folder=folder, logger=written, resume=resume, **settings
    ).figures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three epochs of 4 steps each, stopped after the second, gone astray in the third, and resumed."""
    folder = tmp_path_factory.mktemp("run")
    run(folder, max_epochs=2)
    kept = (folder / "last.ckpt").rename(folder / "kept.ckpt")
    run(folder, resume=kept, limit_train_batches=3)  # what a killed process left behind
    run(folder, resume=kept)
    return folder


def test_a_step_has_one_row_whatever_is_logged_for_it(tmp_path: Path) -> None:
    logger = RunCSVLogger(tmp_path)
    logger.log_metrics({"train/loss": 0.5}, step=1)
    logger.log_metrics({"train/loss": 0.25}, step=2)
    logger.log_metrics({"head/val/accuracy": 0.75}, step=2)
    logger.save()
    assert (tmp_path / "metrics.csv").read_text().splitlines() == [
        "step,head/val/accuracy,train/loss",
        "1,,0.5",
        "2,0.75,0.25",
    ]


def test_a_resumed_file_goes_on_at_the_checkpoint(tmp_path: Path) -> None:
    logger = RunCSVLogger(tmp_path)
    for step in range(1, 6):
        logger.log_metrics({"old": step / 10}, step=step)
    logger.save()
    before = rows(tmp_path)
    resumed = RunCSVLogger(tmp_path, resume_step=3)
    resumed.log_metrics({"new": 1.5}, step=3)
    resumed.log_metrics({"new": 2.5}, step=4)
    resumed.save()
    assert rows(tmp_path) == [*before[:2], {**before[2], "new": "1.5"}, {"step": "4", "new": "2.5"}]


def test_a_new_run_begins_a_new_file(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        logger = RunCSVLogger(tmp_path)
        logger.log_metrics({"x": value}, step=int(value))
        logger.save()
    assert rows(tmp_path) == [{"step": "2", "x": "2.0"}]


def test_resuming_without_a_file_begins_one(tmp_path: Path) -> None:
    logger = RunCSVLogger(tmp_path / "moved", resume_step=7)
    logger.log_metrics({"x": 1.0}, step=8)
    logger.finalize("success")
    assert rows(tmp_path / "moved") == [{"step": "8", "x": "1.0"}]


def test_a_kill_while_writing_leaves_the_old_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logger = RunCSVLogger(tmp_path)
    logger.log_metrics({"x": 1.0}, step=1)
    logger.save()

    def die_midway(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", die_midway)  # written, and not yet in its place
    logger.log_metrics({"x": 2.0}, step=2)
    with pytest.raises(KeyboardInterrupt):
        logger.save()
    assert rows(tmp_path) == [{"step": "1", "x": "1.0"}]
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]


def test_every_step_and_every_epoch_of_a_run_is_in_its_table(folder: Path) -> None:
    table = rows(folder)
    assert [int(row["step"]) for row in table] == list(range(1, 13))
    assert all("train/loss" in row for row in table)
    for name, step in (("layer_0", 4), ("layer_1", 8), ("head", 12)):
        epoch = table[step - 1]
        assert float(epoch[f"{name}/train/loss"]) > 0
        assert 0 <= float(epoch[f"{name}/val/accuracy"]) <= 1
        assert float(epoch[f"{name}/lr"]) == pytest.approx(1e-3 * 0.25)  # before the last of 4 steps
        assert int(float(epoch["schedule/layer"])) == step // 4 - 1
    assert "layer_1/train/alpha" in table[7]
    assert "layer_1/train/reconstruction_unlabelled" in table[7]
    assert [row["step"] for row in table if "vote/val/accuracy" in row] == ["12"]


def test_tensorboard_shows_the_same_curves(folder: Path) -> None:
    table = rows(folder)
    tags = {tag for row in table for tag in row} - {"step"}
    assert set(events(folder).Tags()["scalars"]) == tags
    for tag in tags - {"speed/images_per_second", "memory/peak_mib"} - {f"time/{part}" for part in PARTS}:
        expected = [(int(row["step"]), float(row[tag])) for row in table if tag in row]
        steps, values = zip(*curve(folder, tag), strict=True)
        assert list(steps) == [step for step, _ in expected]
        assert list(values) == pytest.approx([value for _, value in expected], rel=1e-6)  # kept as float32


def test_what_came_after_the_checkpoint_is_hidden_from_tensorboard(tmp_path: Path) -> None:
    for resume_step in (None, 2):
        logger = RunTensorBoardLogger(tmp_path, resume_step)
        for step in range(1 + (resume_step or 0), 5):
            logger.log_metrics({"x": step + (0.5 if resume_step else 0.0)}, step=step)
        logger.finalize("success")
    assert curve(tmp_path, "x") == [(1, 1.0), (2, 2.0), (3, 3.5), (4, 4.5)]


def test_events_of_one_second_are_read_in_the_order_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = event_file_writer.AtomicCounter(9)  # then 10, which sorts first
    monkeypatch.setattr(event_file_writer, "_global_uid", counter)
    test_what_came_after_the_checkpoint_is_hidden_from_tensorboard(tmp_path)


def test_hyperparameters_stand_beside_the_runs_own_metric(tmp_path: Path) -> None:
    logger = RunTensorBoardLogger(tmp_path)
    logger.log_settings({"model": "vgg11", "model.width": 0.5, "seed": 3}, metrics=["vote/val/accuracy"])
    logger.log_metrics({"vote/val/accuracy": 0.75}, step=1)
    logger.save()
    content = events(tmp_path).PluginTagToContent("hparams")
    data = {tag: plugin_data_pb2.HParamsPluginData.FromString(given) for tag, given in content.items()}
    metrics = [info.name.tag for info in data["_hparams_/experiment"].experiment.metric_infos]
    assert metrics == ["vote/val/accuracy"]
    hparams = data["_hparams_/session_start_info"].session_start_info.hparams
    assert (hparams["model"].string_value, hparams["model.width"].number_value) == ("vgg11", 0.5)
    assert hparams["seed"].number_value == 3
    assert events(tmp_path).Tags()["scalars"] == ["vote/val/accuracy"]  # no hp_metric = -1


def test_the_settings_that_tell_most_come_first(tmp_path: Path) -> None:
    logger = RunTensorBoardLogger(tmp_path)
    logger.log_settings({"batch_size": 64, "model": "vgg11", "seed": 3}, ["vote/val/accuracy"], first=["model"])
    logger.save()
    content = events(tmp_path).PluginTagToContent("hparams")["_hparams_/experiment"]
    settings = plugin_data_pb2.HParamsPluginData.FromString(content).experiment.hparam_infos
    assert {setting.name: setting.differs for setting in settings} == {
        "batch_size": False,
        "model": True,
        "seed": False,
    }


def test_a_text_is_there_once_however_often_a_run_goes_on(tmp_path: Path) -> None:
    for resume_step in (None, 2, START):
        logger = RunTensorBoardLogger(tmp_path, resume_step)
        logger.log_text("config", f"seed: {resume_step}\n# __init__")
        logger.finalize("success")
    (text,) = events(tmp_path).Tensors("config/text_summary")
    assert text.tensor_proto.string_val[0] == b"    seed: None\n    # __init__"


def test_a_run_is_called_by_its_folder(tmp_path: Path) -> None:
    logger = RunTensorBoardLogger(tmp_path)
    logger.log_metrics({"x": 1.0}, step=1)
    logger.save()
    assert [path.parent for path in tmp_path.rglob("events.out.tfevents.*")] == [tmp_path]


def test_the_count_of_epochs_that_lightning_slips_in_is_left_out(tmp_path: Path) -> None:
    for logger in (RunCSVLogger(tmp_path), RunTensorBoardLogger(tmp_path)):
        logger.log_metrics({"epoch": 3, "x": 1.0}, step=1)
        logger.save()
    assert rows(tmp_path) == [{"step": "1", "x": "1.0"}]
    assert events(tmp_path).Tags()["scalars"] == ["x"]
