"""A slice as a map: nothing in it moves, whatever is asked of it."""

from collections.abc import Callable

import pytest
import torch
from tiny import CLASSES, SHAPE, differing, fit, tensors
from torch import nn

from lwtrain import BackpropSchedule, LayerSchedule, SequentialSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.backbones.backbone import Backbone
from lwtrain.building import build_stack
from lwtrain.maps.sidecar_map import SidecarMap
from lwtrain.stack import LayerStack

IMAGES = torch.rand(8, 4, 8, 8, generator=torch.Generator().manual_seed(0)) * 3 + 1
SCHEDULES: dict[str, Callable[[], LayerSchedule]] = {
    "wave": lambda: WaveSchedule(2, 2),
    "sequential": lambda: SequentialSchedule(1, front="recompute"),
    "simultaneous": lambda: SimultaneousSchedule(1),
    "backprop": lambda: BackpropSchedule(1),
}


def pieces() -> list[nn.Module]:
    """With everything that could move, or be drawn anew: weights, statistics, dropout."""
    return [nn.Conv2d(4, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ReLU(inplace=True), nn.Dropout2d(0.5), nn.MaxPool2d(2)]


def stack_on(map: nn.Module) -> LayerStack:
    torch.manual_seed(0)
    layers: list[nn.Module] = [
        nn.Sequential(nn.Conv2d(channels_in, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU())
        for channels_in, channels in ((3, 4), (5, 6))
    ]
    head = nn.Sequential(nn.Flatten(), nn.Linear(6 * 4 * 4, CLASSES))
    backbone = Backbone("tiny", SHAPE, CLASSES, layers, [map, nn.Identity()], head)
    return build_stack(backbone, encoder_settings={"hidden": 8})


def test_it_computes_what_its_modules_do_at_rest() -> None:
    modules = pieces()
    map, plain = SidecarMap(*modules), nn.Sequential(*modules).eval()
    assert torch.equal(map(IMAGES), plain(IMAGES))


def test_the_modules_given_stay_as_they_are() -> None:
    modules = pieces()
    SidecarMap(*modules)
    assert [len(list(module.parameters())) for module in modules] == [2, 2, 0, 0, 0]
    assert all(module.training for module in modules)
    assert all(parameter.requires_grad for module in modules for parameter in module.parameters())


def test_nothing_moves_whatever_is_asked_of_it() -> None:
    map = SidecarMap(*pieces())
    before = tensors(map)
    map.train()
    nn.Sequential(map).train().requires_grad_(True)
    assert list(map.parameters()) == []
    assert not any(module.training for module in map.modules())
    assert torch.equal(map(IMAGES), map(IMAGES))  # nothing is dropped
    assert differing(tensors(map), before) == []


def test_its_weights_are_stored_by_the_names_of_its_modules() -> None:
    modules = pieces()
    map, other = SidecarMap(*modules), SidecarMap(*pieces())
    named = nn.Sequential(*modules).state_dict()
    assert map.slice.state_dict().keys() == named.keys()
    map.slice.load_state_dict(named)
    other.load_state_dict(map.state_dict())
    assert torch.equal(other(IMAGES), map(IMAGES))


def test_gradients_pass_it() -> None:
    images = IMAGES.clone().requires_grad_()
    SidecarMap(nn.Conv2d(4, 5, 3), nn.MaxPool2d(2))(images).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("name", SCHEDULES)
def test_no_schedule_trains_it(name: str) -> None:
    stack = stack_on(SidecarMap(*pieces()))
    before = tensors(stack.layers)
    fit(SCHEDULES[name](), stack)
    moved = differing(tensors(stack.layers), before)
    assert not any(name.startswith("0.map.") for name in moved)
    assert {"0.layer.0.weight", "1.layer.0.weight", "2.classifier.1.weight"} <= set(moved)


def test_the_same_modules_as_a_plain_map_train_with_the_layer_above() -> None:
    stack = stack_on(nn.Sequential(nn.Conv2d(4, 5, 3, padding=1), nn.MaxPool2d(2)))
    before = tensors(stack.layers)
    fit(WaveSchedule(1, 1), stack)
    assert "1.inlet.0.weight" in differing(tensors(stack.layers), before)
