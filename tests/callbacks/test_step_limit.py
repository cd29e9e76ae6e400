from pathlib import Path

from tiny import differing, fit, tensors

from lwtrain import WaveSchedule
from lwtrain.callbacks.step_limit import StepLimit
from lwtrain.checkpoints import load_checkpoint

STEPS = 4  # of an epoch


def test_a_run_stops_at_its_limit_and_stores_whole_epochs_only(tmp_path: Path) -> None:
    stack = fit(WaveSchedule(2, 2), folder=tmp_path, callbacks=[StepLimit(STEPS + 2)])
    assert stack.trainer.global_step == STEPS + 2
    assert load_checkpoint(tmp_path / "last.ckpt")["global_step"] == STEPS


def test_a_run_resumed_without_the_limit_ends_as_one_that_had_none(tmp_path: Path) -> None:
    whole = fit(WaveSchedule(2, 2))
    fit(WaveSchedule(2, 2), folder=tmp_path, callbacks=[StepLimit(STEPS + 2)])
    resumed = fit(WaveSchedule(2, 2), resume=tmp_path / "last.ckpt", seed=9)
    assert differing(tensors(resumed.layers), tensors(whole.layers)) == []
