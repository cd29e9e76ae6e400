"""Captured steps: the same training bit for bit, by whatever records and replays them."""

from collections import Counter
from collections.abc import Callable

import pytest
from tiny import differing, fit, tensors, tiny_data, tiny_stack

from lwtrain import BackpropSchedule, LayerSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.callbacks.captured_steps import CapturedSteps
from lwtrain.cuda_graphs import Replay
from lwtrain.optimizers import OptimizerFactory

SCHEDULES: dict[str, Callable[[], LayerSchedule]] = {
    "wave": lambda: WaveSchedule(4, 2),
    "simultaneous": lambda: SimultaneousSchedule(2),
    "settling": lambda: SimultaneousSchedule(4, settle=0.25),
    "backprop": lambda: BackpropSchedule(2),
}
OPTIMIZERS = {
    "adam": OptimizerFactory("adam", settings={"weight_decay": 0.01}),
    "sgd": OptimizerFactory("sgd", lr=0.05, settings={"momentum": 0.9}),
}


class Repeats:
    """Stands in for CUDA graphs: what is recorded is carried out again. It counts what it hears of."""

    def __init__(self) -> None:
        self.counts = Counter[str]()

    def __call__(self) -> "Repeats":
        self.counts["recorders"] += 1
        return self

    def record(self, work: Callable[[], None]) -> Replay:
        self.counts["recorded"] += 1

        def replay() -> None:
            self.counts["replayed"] += 1
            work()

        return replay


def captured(repeats: Repeats | None = None) -> CapturedSteps:
    repeats = repeats or Repeats()

    def make_recorder() -> Callable[[Callable[[], None]], Replay]:
        repeats.counts["recorders"] += 1
        return repeats.record

    return CapturedSteps(make_recorder)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_captured_steps_train_the_same_weights(name: str, optimizer: str) -> None:
    make, data = OPTIMIZERS[optimizer], {"batch_size": 11}  # 48 rows, half and half: batches of 10 and of 8
    callback = captured()
    mine = fit(SCHEDULES[name](), tiny_stack(optimizer=make), data=tiny_data(**data), callbacks=[callback])
    theirs = fit(SCHEDULES[name](), tiny_stack(optimizer=make), data=tiny_data(**data))
    assert differing(tensors(mine.layers), tensors(theirs.layers)) == []
    assert mine.figures == theirs.figures
