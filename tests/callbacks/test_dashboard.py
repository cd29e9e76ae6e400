from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tiny import differing, fit, tensors, tiny_autoencoder, tiny_images, tiny_stack, tiny_trainer
from torch.utils.data import DataLoader, TensorDataset

from lwtrain import BackpropSchedule, LayerSchedule, SequentialSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.callbacks.dashboard import Dashboard, looks
from lwtrain.checkpoints import load_checkpoint
from lwtrain.loggers import RunTensorBoardLogger
from lwtrain.schedules import timetable, wave
from lwtrain.stack import LayerStack

DRAWN = {"accuracy/by_depth", "accuracy/confusion", "accuracy/mistakes", "layer_0/filters"}


def shown(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), size_guidance={"images": 0, "tensors": 0}).Reload()


def pictures(folder: Path) -> dict[str, list[int]]:
    """The steps of the images, by tag."""
    events = shown(folder)
    return {tag: [event.step for event in events.Images(tag)] for tag in events.Tags()["images"]}


def train(schedule: LayerSchedule, logs: Path, dashboard: Dashboard | None = None, **settings: Any) -> LayerStack:
    given = {"logger": RunTensorBoardLogger(logs), **settings}
    return fit(schedule, callbacks=[dashboard or Dashboard(schedule)], **given)


@pytest.fixture(scope="module")
def waves(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Dashboard, LayerStack]:
    folder, schedule = tmp_path_factory.mktemp("waves"), WaveSchedule(epochs=2, waves=2)
    dashboard = Dashboard(schedule)
    return folder, dashboard, train(schedule, folder, dashboard, folder=folder)


def test_training_in_waves_does_not_change_by_its_presence(waves: tuple[Path, Dashboard, LayerStack]) -> None:
    folder, _, stack = waves
    assert differing(tensors(stack), tensors(fit(WaveSchedule(epochs=2, waves=2)))) == []
    assert pictures(folder) == {key: [12, 24] for key in DRAWN}


@pytest.mark.parametrize(
    ("make", "steps"),
    [
        (lambda: SequentialSchedule(epochs=1), [4, 8, 12]),
        (lambda: SimultaneousSchedule(epochs=2), [4, 8]),
    ],
)
def test_other_training_does_not_change_either(make: Any, steps: list[int], tmp_path: Path) -> None:
    with_it, without = train(make(), tmp_path), fit(make())
    assert differing(tensors(with_it), tensors(without)) == []
    assert pictures(tmp_path) == dict.fromkeys(DRAWN, steps)


def test_end_to_end_the_head_has_no_depth(tmp_path: Path) -> None:
    with_it, without = train(BackpropSchedule(epochs=2), tmp_path), fit(BackpropSchedule(epochs=2))
    assert differing(tensors(with_it), tensors(without)) == []
    assert pictures(tmp_path) == {key: [4, 8] for key in DRAWN - {"accuracy/by_depth"}}


def test_an_autoencoder_takes_nothing_for_a_class(tmp_path: Path) -> None:
    train(WaveSchedule(epochs=1, waves=1), tmp_path, stack=tiny_autoencoder())
    assert set(pictures(tmp_path)) == {"accuracy/by_depth", "layer_0/filters"}


def test_lines_hold_the_figures_of_their_waves(waves: tuple[Path, Dashboard, LayerStack]) -> None:
    folder, dashboard, stack = waves
    events = shown(folder)
    for number in (0, 1):
        values = {name: events.Scalars(f"{name}/val/accuracy")[number].value for name in [*stack.names, "vote"]}
        assert dashboard.history[f"wave {number + 1}"] == pytest.approx(values)


def test_many_waves_are_drawn_five_times_and_remembered_each() -> None:
    chosen = looks(timetable(wave(num_layers=3, epochs=25, waves=25)), ["layer_0", "layer_1", "head"])
    assert [look.line for look in chosen.values()] == [f"wave {number}" for number in range(1, 26)]
    assert [epoch for epoch, look in chosen.items() if look.drawn] == [14, 29, 44, 59, 74]


def test_a_resumed_run_goes_on_with_its_lines_and_shows_nothing_twice(
    waves: tuple[Path, Dashboard, LayerStack], tmp_path: Path
) -> None:
    through, broken = waves[0], tmp_path
    train(WaveSchedule(epochs=2, waves=2), broken, folder=broken, max_epochs=4)
    kept = (broken / "last.ckpt").rename(broken / "kept.ckpt")
    step = load_checkpoint(kept)["global_step"]
    for _ in range(2):  # what the first of them draws belongs to a process that was killed
        schedule = WaveSchedule(epochs=2, waves=2)
        logger = RunTensorBoardLogger(broken, step)
        fit(schedule, callbacks=[Dashboard(schedule)], logger=logger, folder=broken, resume=kept)
    assert pictures(broken) == pictures(through)
    states = [load_checkpoint(folder / "last.ckpt")["callbacks"]["Dashboard"] for folder in (broken, through)]
    assert states[0] == states[1]
    assert list(states[0]["history"]) == ["wave 1", "wave 2"]
    last = [shown(folder).Images("accuracy/by_depth")[-1].encoded_image_string for folder in (broken, through)]
    assert last[0] == last[1]


def test_the_charts_find_their_curves(waves: tuple[Path, Dashboard, LayerStack]) -> None:
    folder, _, stack = waves
    events = shown(folder)
    (event,) = events.Tensors("custom_scalars__config__")
    layout = Layout.FromString(event.tensor_proto.string_val[0])
    charts = {chart.title: list(chart.multiline.tag) for chart in layout.category[0].chart}
    assert [category.title for category in layout.category] == ["accuracy", "losses", "course of the run"]
    assert charts["vote, head and last layer (validation)"] == [
        f"{name}/val/accuracy$" for name in ("vote", "head", "layer_1")
    ]
    assert charts["all layers (validation)"] == [f"{name}/val/accuracy$" for name in stack.names]
    assert set(events.Tags()["scalars"]) >= {tag.rstrip("$") for tag in charts["all layers (validation)"]}


def test_images_of_a_plain_loader_are_counted_and_not_shown(tmp_path: Path) -> None:
    split, schedule = tiny_images(), WaveSchedule(epochs=1, waves=1, front="recompute")
    loader = DataLoader(TensorDataset(split.images, split.labels), batch_size=16)
    trainer = tiny_trainer(schedule, Dashboard(schedule), logger=RunTensorBoardLogger(tmp_path))
    trainer.fit(tiny_stack(), loader, loader)
    assert set(pictures(tmp_path)) == DRAWN - {"accuracy/mistakes"}


def test_nothing_is_drawn_where_nobody_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwtrain.callbacks.dashboard.Dashboard._draw", None)
    fit(schedule := WaveSchedule(epochs=1, waves=1), callbacks=[Dashboard(schedule)])
    train(WaveSchedule(epochs=1, waves=1), tmp_path, fast_dev_run=True)


def test_torchs_generator_is_left_alone(waves: tuple[Path, Dashboard, LayerStack]) -> None:
    _, dashboard, stack = waves
    state = torch.get_rng_state()
    dashboard._draw(stack.trainer, stack, None, "now")
    assert torch.equal(state, torch.get_rng_state())
