from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny import differing, fit, tensors, tiny_images, tiny_stack

from lwtrain import BackpropSchedule, LayerSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.callbacks.pictures import ReconstructionPictures, reconstruction_pictures
from lwtrain.loggers import RunTensorBoardLogger
from lwtrain.schedules import Together
from lwtrain.stack import LayerStack


def logged(folder: Path) -> dict[str, list[int]]:
    """The steps of the images, by tag."""
    events = EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()
    return {tag: [event.step for event in events.Images(tag)] for tag in events.Tags()["images"]}


def train(schedule: LayerSchedule, folder: Path, images: int | None, **settings: Any) -> LayerStack:
    callbacks = [] if images is None else [ReconstructionPictures(schedule, images)]
    return fit(schedule, callbacks=callbacks, logger=RunTensorBoardLogger(folder), **settings)


@pytest.mark.parametrize("front", ["memory", "recompute"])
def test_training_does_not_change_by_its_presence(tmp_path: Path, front: str) -> None:
    with_them, without = (
        train(WaveSchedule(epochs=2, waves=2, front=front), tmp_path / str(images), images) for images in (3, None)
    )
    assert differing(tensors(with_them), tensors(without)) == []
    assert logged(tmp_path / "3")
    assert not logged(tmp_path / "None")


def test_simultaneous_training_does_not_change_either(tmp_path: Path) -> None:
    with_them, without = (train(SimultaneousSchedule(epochs=2), tmp_path / str(images), images) for images in (3, None))
    assert differing(tensors(with_them), tensors(without)) == []
    assert logged(tmp_path / "3") == {"layer_0/reconstruction": [8], "layer_1/reconstruction": [8]}


def test_a_picture_comes_at_the_end_of_each_visit(tmp_path: Path) -> None:
    train(WaveSchedule(epochs=4, waves=2), tmp_path, 3)
    assert logged(tmp_path) == {"layer_0/reconstruction": [8, 32], "layer_1/reconstruction": [16, 40]}


def test_a_long_visit_is_shown_every_tenth_epoch(tmp_path: Path) -> None:
    train(WaveSchedule(epochs=12, waves=1), tmp_path, 1, max_epochs=12)
    assert logged(tmp_path) == {"layer_0/reconstruction": [40, 48]}


def test_nothing_is_shown_where_nothing_is_rebuilt(tmp_path: Path) -> None:
    train(WaveSchedule(epochs=1, waves=1), tmp_path / "pool", 3, stack=tiny_stack(encoder="pool"))
    train(BackpropSchedule(epochs=1), tmp_path / "backprop", 3)
    assert logged(tmp_path / "pool") == logged(tmp_path / "backprop") == {}


def test_every_module_is_in_its_own_mode_again() -> None:
    stack = tiny_stack()
    stack.activate(1)
    before, modes = tensors(stack), [module.training for module in stack.modules()]
    state = torch.get_rng_state()
    pictures = reconstruction_pictures(stack, tiny_images(4).images)
    assert list(pictures) == ["layer_1/reconstruction"]
    assert modes == [module.training for module in stack.modules()]
    assert differing(before, tensors(stack)) == []
    assert torch.equal(state, torch.get_rng_state())


def test_pictures_are_of_the_network_at_rest() -> None:
    stack = tiny_stack()
    stack.activate(Together.SIMULTANEOUS)
    learning = reconstruction_pictures(stack, tiny_images(4).images)
    resting = reconstruction_pictures(stack.eval(), tiny_images(4).images)
    assert learning.keys() == resting.keys()
    assert all(torch.equal(learning[tag], resting[tag]) for tag in learning)


def test_no_image_is_no_choice() -> None:
    with pytest.raises(ValueError, match=r"callbacks\.pictures=0: choose 1 or more"):
        ReconstructionPictures(WaveSchedule(epochs=1, waves=1), 0)
