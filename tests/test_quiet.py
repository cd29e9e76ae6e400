import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import tiny_data, tiny_stack

from lwtrain import History, WaveSchedule, quiet_trainer


@pytest.fixture(autouse=True)
def lightning_as_before() -> Iterator[None]:
    """Give Lightning's loggers back as they were."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "pytorch_lightning.profilers")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def test_it_runs_the_whole_schedule_and_says_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    history = History()
    quiet_trainer(WaveSchedule(epochs=2, waves=2), logger=history, accelerator="cpu").fit(tiny_stack(), tiny_data())
    captured = capfd.readouterr()
    assert (captured.out, captured.err, list(tmp_path.iterdir())) == ("", "", [])
    assert {tag: len(history[tag]) for tag in ("layer_0/val/accuracy", "head/val/accuracy")} == {
        "layer_0/val/accuracy": 2,
        "head/val/accuracy": 2,
    }


def test_settings_are_lightnings_own() -> None:
    trainer = quiet_trainer(WaveSchedule(epochs=2, waves=2), max_epochs=3, accelerator="cpu", limit_train_batches=1)
    assert (trainer.max_epochs, trainer.limit_train_batches) == (3, 1)
