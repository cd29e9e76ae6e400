"""Dense networks, alone and several side by side."""

from typing import Any

import pytest
import torch
from chained import build, chain, count
from tiny import differing, fit, tensors, tiny_data
from torch import nn

from lwtrain import BackpropSchedule, LayerSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.backbones.mlp import Dense
from lwtrain.building import build_stack
from lwtrain.config.loading import load_config
from lwtrain.errors import ConfigError

IMAGE = (1, 28, 28)


def test_layers_give_images_of_one_pixel() -> None:
    shapes = build("mlp", IMAGE, 10, hidden=[300, 100]).shapes()
    assert [(shape.inputs, shape.outputs) for shape in shapes] == [(IMAGE, (300, 1, 1)), ((300, 1, 1), (100, 1, 1))]


def test_it_is_a_plain_chain_of_dense_layers() -> None:
    torch.manual_seed(0)
    ours = chain(build("mlp", IMAGE, 10, hidden=[30, 20], activation="tanh", batch_norm=True))
    torch.manual_seed(0)
    plain = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 30), nn.BatchNorm1d(30), nn.Tanh(), nn.Linear(30, 20), nn.BatchNorm1d(20),
        nn.Tanh(), nn.Linear(20, 10),
    )  # fmt: skip
    images = torch.rand(5, *IMAGE)
    torch.testing.assert_close(ours(images), plain(images))
    assert count(ours) == count(plain) == 784 * 30 + 30 + 60 + 30 * 20 + 20 + 40 + 20 * 10 + 10


def test_the_memory_format_of_the_images_does_not_matter() -> None:
    layer, images = build("mlp", (3, 4, 4), 10, hidden=[6]).layers[0], torch.rand(5, 3, 4, 4)
    assert torch.equal(layer(images), layer(images.to(memory_format=torch.channels_last)))


@pytest.mark.parametrize("batch_norm", [False, True])
def test_branches_are_as_many_networks_side_by_side(batch_norm: bool) -> None:
    torch.manual_seed(0)
    settings = {"hidden": [6, 5, 4], "batch_norm": batch_norm, "activation": "leaky_relu"}
    wide = build("mlp", IMAGE, 10, branches=3, **settings)
    narrow = [build("mlp", IMAGE, 10, **settings) for _ in range(3)]
    with torch.no_grad():
        for number, layer in enumerate(wide.layers):
            parts = [one.layers[number].state_dict() for one in narrow]
            joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0] if parts[0][name].ndim}
            layer.load_state_dict(joined, strict=False)
    outputs, images = torch.rand(8, *IMAGE), torch.rand(8, *IMAGE)
    outputs = nn.Sequential(*wide.layers)(images)
    expected = [nn.Sequential(*one.layers)(images) for one in narrow]
    torch.testing.assert_close(outputs.chunk(3, dim=1), tuple(expected))


def test_no_gradient_crosses_from_one_branch_into_another() -> None:
    wide = build("mlp", IMAGE, 10, hidden=[6, 5, 4], branches=3)
    nn.Sequential(*wide.layers)(torch.rand(8, *IMAGE)).chunk(3, dim=1)[1].sum().backward()
    for layer in wide.layers:
        moved = [gradient.abs().sum() > 0 for gradient in layer.dense.weight.grad.chunk(3)]
        assert moved == [False, True, False]


def test_branches_have_the_parameters_and_first_weights_of_single_networks() -> None:
    torch.manual_seed(0)
    dense = Dense(4 * 100, 4 * 50, groups=4)
    assert count(dense) == 4 * (100 * 50 + 50)
    assert dense.weight.abs().max().item() == pytest.approx(1 / 100**0.5, rel=0.01)


def test_the_head_sees_all_branches() -> None:
    backbone = build("mlp", IMAGE, 10, hidden=[6, 5], branches=3)
    assert backbone.head.classes.in_features == 15
    assert chain(backbone)(torch.rand(2, *IMAGE)).shape == (2, 10)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"hidden": []}, r"^model\.hidden=\[\]: give one number of units for each layer, at least one layer$"),
        ({"hidden": [3, 0]}, r"^model\.hidden=\[3, 0\]: give one number"),
        ({"branches": 0}, r"^model\.branches=0: choose 1 or more$"),
        ({"activation": "tan"}, r"^model\.activation=tan: did you mean 'tanh'\?"),
        ({"map": "conv"}, r"^map=conv: choose none, for model=mlp$"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build("mlp", **settings)


def test_the_command_line_takes_any_number_of_layers() -> None:
    config = load_config(["model=mlp", "model.hidden=[1000,500]", "optimizer.lr=[0.1,0.2,0.3]"])
    assert (config.model.num_layers, config.map.name) == (2, "none")
    assert load_config(["model=mlp", "model.hidden=64"]).model.num_layers == 1
    with pytest.raises(ConfigError, match=r"^model\.hidden=\[\]: give one number of units for each layer"):
        load_config(["model=mlp", "model.hidden=[]"])


@pytest.mark.parametrize(
    ("schedule", "encoder"),
    [(WaveSchedule(2, 2), "c"), (SimultaneousSchedule(2), "pool"), (BackpropSchedule(2), "pool")],
    ids=["wave", "simultaneous", "backprop"],
)
@pytest.mark.parametrize("branches", [1, 2])
def test_every_schedule_trains_every_layer(branches: int, schedule: LayerSchedule, encoder: str) -> None:
    torch.manual_seed(0)
    backbone = build("mlp", (3, 8, 8), 3, hidden=[12, 8], branches=branches, batch_norm=True)
    before = [tensors(part) for part in (*backbone.layers, backbone.head)]
    fit(schedule, build_stack(backbone, encoder=encoder), tiny_data(labels="all"))
    for part, earlier in zip((*backbone.layers, backbone.head), before, strict=True):
        assert {name for name, _ in part.named_parameters()} <= set(differing(tensors(part), earlier))
