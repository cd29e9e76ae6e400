"""The networks for airplanes and birds: the published figures, and that layer-wise training takes all of them."""

from typing import Any

import pytest
import torch
from chained import assert_computes_the_same, build, chain, count
from published_cnn import Net, NetResDeep, NetSkip
from tiny import differing, fit, tensors, tiny_data
from torch import nn

from lwtrain import BackpropSchedule, LayerSchedule, SequentialSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.backbones.cnn import cnn
from lwtrain.backbones.cnn_plan import plan_layers
from lwtrain.building import build_stack
from lwtrain.config.loading import load_config
from lwtrain.errors import ConfigError

RELU = {"channels": 32, "activation": "relu"}

PUBLISHED: dict[str, tuple[dict[str, Any], int, nn.Module]] = {
    "Net": ({}, 18_090, Net(16)),
    "NetWidth": ({"channels": 32}, 38_386, Net(32)),
    "NetBatchNormalization": ({"channels": 32, "batch_norm": True}, 38_482, Net(32, batch_norm=True)),
    "NetSkip": (RELU | {"skip": True}, 16_130, NetSkip(32)),
    "NetResDeep": (RELU | {"blocks": 10, "shared_blocks": True}, 75_810, NetResDeep(32, 10, shared=True)),
    "NetResDeep, own weights": (RELU | {"blocks": 10}, 159_330, NetResDeep(32, 10, shared=False)),
    "NetWidthProject": ({"channels": 32, "projection": "project"}, 38_658, Net(32, projected=16)),
    "NetWidthEmbed": ({"channels": 32, "projection": "embed"}, 22_138, Net(32, projected=8)),
}

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"activation": "relu", "batch_norm": True, "dropout": 0.4},
    "skip": {"activation": "relu", "skip": True, "batch_norm": True},
    "blocks": {"activation": "relu", "blocks": 2, "dropout": 0.1},
    "shared": {"activation": "relu", "blocks": 3, "shared_blocks": True},
    "embed": {"projection": "embed"},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_many_as_published(name: str) -> None:
    settings, number, published = PUBLISHED[name]
    assert count(chain(build("cnn", **settings))) == count(published) == number


@pytest.mark.parametrize("name", PUBLISHED)
def test_outputs_and_gradients_are_those_of_the_published_network(name: str) -> None:
    settings, _, published = PUBLISHED[name]
    torch.manual_seed(0)
    assert_computes_the_same(chain(build("cnn", **settings)), published, torch.rand(4, 3, 32, 32))


def test_dropout_adds_no_parameters() -> None:
    assert count(chain(build("cnn", channels=32, dropout=0.4))) == 38_386


@pytest.mark.parametrize("map", ["pool", "average"])
def test_it_makes_no_difference_whether_channels_are_dropped_before_or_behind_the_pooling(map: str) -> None:
    backbone = build("cnn", channels=8, dropout=0.4, map=map)
    *before, dropout = backbone.layers[0]
    images = nn.Sequential(*before)(torch.rand(2, 3, 32, 32))
    torch.manual_seed(0)
    dropped_before = backbone.maps[0](dropout(images))
    torch.manual_seed(0)
    torch.testing.assert_close(dropped_before, dropout(backbone.maps[0](images)))
    assert 0 < dropped_before.eq(0).flatten(2).all(dim=2).sum() < 16


def test_batch_norm_comes_before_the_activation_and_every_convolution_keeps_its_bias() -> None:
    layer = build("cnn", batch_norm=True).layers[1]
    assert [name for name, _ in layer.named_children()] == ["conv", "norm", "activation"]
    assert layer.conv.bias is not None


def test_blocks_start_with_half_the_scale_and_weights_drawn_for_their_activation() -> None:
    torch.manual_seed(0)
    branch = build("cnn", channels=64, activation="relu", blocks=1).layers[1].blocks.branch
    assert branch.conv.bias is None
    assert branch.norm.weight.eq(0.5).all()
    assert branch.norm.bias.eq(0).all()
    assert branch.conv.weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)


def test_blocks_with_weights_of_their_own_are_a_layer_each() -> None:
    backbone = build("cnn", channels=8, blocks=4)
    assert [shape.outputs for shape in backbone.shapes()] == [(8, 32, 32)] + 4 * [(8, 16, 16)]
    assert [not isinstance(map, nn.Identity) for map in backbone.maps] == [True, False, False, False, True]
    weights = [layer.blocks.branch.conv.weight for layer in backbone.layers[1:]]
    assert not torch.equal(weights[0], weights[1])


def test_shared_blocks_are_one_layer_with_one_set_of_weights() -> None:
    backbone = build("cnn", channels=8, blocks=4, shared_blocks=True)
    assert len(backbone.layers) == 2
    assert count(backbone.layers[1]) == count(build("cnn", channels=8, blocks=1).layers[1])
    assert next(iter(backbone.layers[1].state_dict())) == "blocks.module.branch.conv.weight"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [(16, 32, 32), (8, 16, 16)]),
        ({"skip": True}, [(16, 32, 32), (8, 16, 16), (8, 8, 8)]),
        ({"projection": "project"}, [(16, 32, 32), (8, 16, 16), (8, 8, 8)]),
        ({"projection": "embed"}, [(16, 32, 32), (8, 16, 16), (4, 8, 8)]),
        ({"skip": True, "projection": "embed"}, [(16, 32, 32), (8, 16, 16), (8, 8, 8), (4, 4, 4)]),
        ({"blocks": 1, "projection": "project"}, [(16, 32, 32), (16, 16, 16), (16, 8, 8)]),
        ({"map": "conv"}, [(16, 32, 32), (8, 16, 16)]),
    ],
)
def test_shapes(settings: dict[str, Any], expected: list[tuple[int, int, int]]) -> None:
    assert [shape.outputs for shape in build("cnn", **settings).shapes()] == expected


@pytest.mark.parametrize(("settings", "smallest"), [({}, 4), ({"skip": True}, 8), ({"blocks": 5}, 4)])
def test_images_may_be_as_small_as_the_poolings_leave_a_pixel_of(settings: dict[str, Any], smallest: int) -> None:
    network = chain(build("cnn", (1, smallest, smallest + 1), 7, **settings))
    assert network(torch.rand(2, 1, smallest, smallest + 1)).shape == (2, 7)
    with pytest.raises(
        ValueError, match=rf"^dataset\.image_size={smallest - 1}: cnn pools . times, choose {smallest} or"
    ):
        build("cnn", (1, smallest - 1, 32), **settings)


MISTAKES = {
    "model.skip=true model.blocks=2": "model.skip=true: not with model.blocks=2, which have skip connections of their",
    "model.shared_blocks=true": "model.shared_blocks=true: needs model.blocks of 2 or more to share weights, not 0",
    "model.shared_blocks=true model.blocks=1": "model.shared_blocks=true: needs model.blocks of 2 or more",
    "model.blocks=-1": "model.blocks=-1: choose a whole number of at least 0",
    "model.projection=embedd": "model.projection=embedd: did you mean 'embed'? Choices: none, project, embed",
    "model.skip=true dataset.image_size=7 dataset.fit=scale": "dataset.image_size=7: cnn pools 3 times, choose 8 or",
    "map=decoder": "map=decoder: Choices: auto, pool, average, conv (for model=cnn)",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_settings_that_make_no_sense_are_refused_before_anything_is_built(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(["model=cnn", *line.split()])
    assert str(caught.value).startswith(MISTAKES[line])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"channels": 0}, r"^model\.channels=0: choose 1 or more$"),
        ({"hidden": 0}, r"^model\.hidden=0: choose 1 or more$"),
        ({"activation": "rely"}, r"^model\.activation=rely: did you mean 'relu'\?"),
        ({"dropout": 1.0}, r"^model\.dropout=1\.0: choose 0 or more and less than 1$"),
        ({"projection": "up"}, r"^model\.projection=up: Choices: none, project, embed$"),
    ],
)
def test_the_builder_refuses_them_too(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cnn("cnn", (3, 32, 32), 2, **settings)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_config_knows_the_number_of_layers(variant: str) -> None:
    words = [f"model.{name}={value}" for name, value in VARIANTS[variant].items()]
    assert load_config(["model=cnn", *words]).model.num_layers == len(build("cnn", **VARIANTS[variant]).layers)


def test_plans_of_networks_share_nothing() -> None:
    assert [layer.pools_after for layer in plan_layers(8, blocks=3)] == [True, False, False, True]


@pytest.mark.parametrize(
    ("schedule", "encoder"),
    [
        (SequentialSchedule(1), "pool"),
        (WaveSchedule(2, 2), "c"),
        (SimultaneousSchedule(2), "pool"),
        (BackpropSchedule(2), "pool"),
    ],
    ids=["sequential", "wave", "simultaneous", "backprop"],
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_schedule_trains_every_layer(variant: str, schedule: LayerSchedule, encoder: str) -> None:
    torch.manual_seed(0)
    backbone = build("cnn", (3, 8, 8), 3, channels=4, **VARIANTS[variant])
    before = [tensors(part) for part in (*backbone.layers, backbone.head)]
    fit(schedule, build_stack(backbone, encoder=encoder), tiny_data(labels="all"))
    for part, earlier in zip((*backbone.layers, backbone.head), before, strict=True):
        assert {name for name, _ in part.named_parameters()} <= set(differing(tensors(part), earlier))
        assert all(tensor.isfinite().all() for tensor in tensors(part).values())
