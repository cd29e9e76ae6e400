"""The same seed makes the same weights: for every schedule, every objective and every front."""

from collections.abc import Callable

import pytest
import torch
from tiny import differing, fit, tensors, tiny_autoencoder, tiny_backbone, tiny_data

from lwtrain import (
    BackpropSchedule,
    CustomSchedule,
    LayerSchedule,
    PipelinedSchedule,
    SequentialSchedule,
    SimultaneousSchedule,
    WaveSchedule,
)
from lwtrain.building import build_stack
from lwtrain.callbacks.named_schedules import SCHEDULES as NAMED
from lwtrain.data.augmentation import preset
from lwtrain.objectives import OBJECTIVES
from lwtrain.stack import LayerStack

SIDECARS = {
    "by_task": ("c", {"hidden": 8}),
    "by_supervision": ("a", {"hidden": 8}),
    "by_task_labelled": ("b", {"hidden": 8}),
    "prediction": ("pool", {"grid": 2}),
    "predsim": ("similarity", {}),
    "hsic": ("pool", {"grid": 2}),
    "infopro": ("infopro", {}),
}
VISITS = [{"layer": 1}, {"layer": 0}, {"layer": "head"}, {"layer": 0}]
SCHEDULES: dict[str, Callable[[str], LayerSchedule]] = {
    "wave": lambda front: WaveSchedule(2, 2, front=front),
    "sequential": lambda front: SequentialSchedule(1, front=front),
    "simultaneous": lambda front: SimultaneousSchedule(1, front=front),
    "pipelined": lambda front: PipelinedSchedule(1, front=front),
    "backprop": lambda front: BackpropSchedule(1, front=front),
    "custom": lambda front: CustomSchedule(VISITS, front=front),
}
LOCAL = (*SIDECARS, "reconstruction")
OBJECTIVES_OF = dict.fromkeys(SCHEDULES, LOCAL) | {"backprop": ("by_task", "reconstruction")}  # the others rest there
FRONTS = ("memory", "disk", "recompute")


def run(schedule: LayerSchedule, objective: str, drawn_before: int) -> LayerStack:
    """Train with a seed, after so many random numbers were drawn for something else."""
    if objective == "reconstruction":
        stack = tiny_autoencoder()
    else:
        encoder, settings = SIDECARS[objective]
        torch.manual_seed(0)
        stack = build_stack(tiny_backbone(), encoder=encoder, encoder_settings=settings, objective=objective)
    torch.rand(drawn_before)
    labels = "all" if objective in ("hsic", "predsim", "infopro") else 12
    return fit(schedule, stack, tiny_data(labels=labels, augmentation=preset("heavy_10")))


@pytest.mark.parametrize(("name", "objective"), [(name, each) for name in SCHEDULES for each in OBJECTIVES_OF[name]])
def test_one_seed_makes_one_network_whatever_the_front(name: str, objective: str) -> None:
    expected = run(SCHEDULES[name](FRONTS[0]), objective, drawn_before=0)
    for number, front in enumerate(FRONTS):
        found = run(SCHEDULES[name](front), objective, drawn_before=number)
        assert differing(tensors(found.layers), tensors(expected.layers)) == [], front
        assert found.figures == expected.figures


def test_every_objective_and_schedule_is_tried() -> None:
    assert set(LOCAL) == set(OBJECTIVES)
    assert set(SCHEDULES) == set(NAMED)
