"""Views, and the fronts that keep them, in the course of a fit."""

from collections.abc import Callable
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from small_fronts import count_rows
from tiny import differing, fit, tensors, tiny_data, tiny_stack
from torch import Tensor

from lwtrain import BackpropSchedule, CustomSchedule, LayerSchedule, SequentialSchedule, WaveSchedule
from lwtrain.data.augmentation import preset
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.fronts.held import HeldFront
from lwtrain.fronts.recompute import RecomputeFront
from lwtrain.stack import LayerStack

ROWS = torch.arange(48)
AGAIN = [  # layer 0 trains again in a wave in which layer 1 has read what it made, in two views
    {"layer": 0, "epochs": 2, "wave": 0},
    {"layer": 1, "epochs": 2, "wave": 0},
    {"layer": 0, "epochs": 1, "wave": 0},
    {"layer": 1, "epochs": 2, "wave": 0},
]
SCHEDULES: dict[str, Callable[..., LayerSchedule]] = {
    "sequential": lambda **settings: SequentialSchedule(5, **settings),
    "wave": lambda **settings: WaveSchedule(6, 2, **settings),
    "backprop": lambda **settings: BackpropSchedule(5, **settings),
    "again": lambda **settings: CustomSchedule(AGAIN, **settings),
    "from above": lambda **settings: CustomSchedule([{"layer": 2, "epochs": 3}, {"layer": 1, "epochs": 3}], **settings),
}


def augmented(**settings: Any) -> SemiSupervisedDataModule:
    return tiny_data(augmentation=preset("heavy_10"), **settings)


class Shown(pl.Callback):
    """Remembers the images of every epoch's view, and the front that holds it."""

    def __init__(self) -> None:
        self.views: list[Tensor] = []
        self.fronts: list[HeldFront | RecomputeFront] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, LayerStack)
        front = pl_module.front
        assert isinstance(front, HeldFront | RecomputeFront)
        assert front._view is not None
        self.views.append(front._view[ROWS])
        self.fronts.append(front)

    def classes(self) -> list[int]:
        """Number the views in the order in which they come first."""
        seen: list[Tensor] = []
        numbers = []
        for view in self.views:
            if not any(torch.equal(view, other) for other in seen):
                seen.append(view)
            numbers.append(next(number for number, other in enumerate(seen) if torch.equal(view, other)))
        return numbers


@pytest.mark.parametrize("front", ["memory", "disk", "recompute"])
@pytest.mark.parametrize(
    ("views", "expected"),
    [
        ("fresh", [0, 1, 2, 3, 4] * 3),
        (1, [0] * 15),
        (2, [0, 1, 0, 1, 0] * 3),
        (3, [0, 1, 2, 0, 1] * 3),
        (7, [0, 1, 2, 3, 4] * 3),
    ],
)
def test_a_visit_cycles_through_its_views(front: str, views: Any, expected: list[int]) -> None:
    shown = Shown()
    fit(SequentialSchedule(5, front=front, views=views), data=augmented(), callbacks=[shown])
    assert shown.classes() == expected


def test_every_wave_has_views_of_its_own() -> None:
    shown = Shown()
    fit(WaveSchedule(6, 2, front="memory", views=2), data=augmented(), callbacks=[shown])
    assert shown.classes() == [0, 1, 0] * 3 + [2, 3, 2] * 3


@pytest.mark.parametrize(("views", "kept"), [("fresh", 1), (1, 1), (2, 2), (7, 5)])
def test_there_is_a_front_for_each_view_that_is_kept(views: Any, kept: int) -> None:
    shown = Shown()
    fit(SequentialSchedule(5, front="memory", views=views), data=augmented(), callbacks=[shown])
    assert len(set(map(id, shown.fronts))) == kept


def onward(schedule: LayerSchedule, data: SemiSupervisedDataModule) -> list[int]:
    """Count the training rows that layers pass on to the next."""
    stack = tiny_stack()
    rows = count_rows(list(stack.layers[:2]))
    fit(schedule, stack, data, limit_val_batches=0)
    return [count - 1 for count in rows]  # one is sent ahead to be measured


@pytest.mark.parametrize("front", ["memory", "disk"])
def test_each_view_is_rolled_once_a_visit(front: str) -> None:
    assert onward(SequentialSchedule(5, front=front, views=1), augmented()) == [48, 48]
    assert onward(SequentialSchedule(5, front=front, views=2), augmented()) == [2 * 48, 2 * 48]
    assert onward(WaveSchedule(6, 2, front=front, views=2), augmented()) == [2 * 2 * 48, 2 * 2 * 48]


@pytest.mark.parametrize("front", ["memory", "disk"])
def test_a_fresh_view_climbs_from_the_images_in_every_epoch(front: str) -> None:
    assert onward(SequentialSchedule(5, front=front), augmented()) == [2 * 5 * 48, 5 * 48]


@pytest.mark.parametrize("views", ["fresh", 1, 3])
def test_images_that_nothing_alters_have_one_view(views: Any) -> None:
    data = tiny_data(labels="all", batches="proportional")
    assert len(data.rows((0, 0)).images) == 36
    assert onward(SequentialSchedule(4, front="memory", views=views), data) == [36, 36]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("views", [1, 2])
def test_all_fronts_train_the_same_with_views(name: str, views: int) -> None:
    memory, *others = (
        fit(SCHEDULES[name](front=front, views=views), data=augmented()) for front in ("memory", "disk", "recompute")
    )
    for other in others:
        assert differing(tensors(memory.layers), tensors(other.layers)) == []
        assert memory.figures == other.figures


@pytest.mark.parametrize("name", ["sequential", "wave", "backprop"])
def test_views_change_the_training_unless_no_visit_has_more_epochs(name: str) -> None:
    fresh, two, many = (
        tensors(fit(SCHEDULES[name](front="memory", views=views), data=augmented()).layers) for views in ("fresh", 2, 5)
    )
    assert len(differing(fresh, two)) > 0
    assert differing(fresh, many) == []


@pytest.mark.parametrize("epoch", [2, 4, 7, 11])
def test_views_resume_bit_for_bit(epoch: int, tmp_path: Any) -> None:
    def schedule(front: str = "memory") -> LayerSchedule:
        return WaveSchedule(6, 2, front=front, views=2)

    whole = fit(schedule(), data=augmented())
    fit(schedule(), data=augmented(), folder=tmp_path, max_epochs=epoch)
    resumed = fit(schedule("disk"), tiny_stack(9), augmented(), resume=tmp_path / "last.ckpt", seed=9)
    assert differing(tensors(resumed.layers), tensors(whole.layers)) == []


@pytest.mark.parametrize("front", ["memory", "disk"])
def test_validating_often_and_in_part_reads_nothing_stale(front: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("lwtrain.data.module.CHUNK", "lwtrain.fronts.front.CHUNK"):
        monkeypatch.setattr(place, 4)  # three batches of validation images
    settings = {"val_check_interval": 0.5, "limit_val_batches": 2}  # as many rows are heard as there are, not all
    held, recomputed = (fit(WaveSchedule(2, 2, front=name), **settings) for name in (front, "recompute"))
    assert held.figures == recomputed.figures
    one, other = (stack.ballots.vote([0, 1, 2])[0] for stack in (held, recomputed))
    assert torch.equal(one, other)


def test_a_fit_that_breaks_off_lets_go_of_all_fronts() -> None:
    class Break(pl.Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            raise RuntimeError("broken off")

    stack = tiny_stack()
    schedule = WaveSchedule(1, 1, front="disk")
    with pytest.raises(RuntimeError, match="broken off"):
        fit(schedule, stack, callbacks=[Break()])
    assert stack.front is None
    assert stack.validation_front is None
    whole, again = fit(WaveSchedule(1, 1)), fit(schedule, tiny_stack())  # and the schedule can be carried out again
    assert differing(tensors(whole.layers), tensors(again.layers)) == []
