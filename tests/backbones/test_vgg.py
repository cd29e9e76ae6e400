import subprocess
import sys
from unittest.mock import patch

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone, features, features_state_dict
from lwtrain.backbones.plans import PLANS, Plan, num_layers, smallest_image
from lwtrain.pooling import MaxPool2d


def build(name: str, size: int = 32, channels: int = 3, **settings: object) -> Backbone:
    return BACKBONES[name](name, (channels, size, size), 10, **settings)


def chain(backbone: Backbone) -> nn.Sequential:
    return nn.Sequential(features(backbone.layers, backbone.maps), backbone.head)


def count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def use_random_statistics(network: nn.Module) -> None:
    """Batch norm of a fresh network divides by one in eval mode: a forgotten statistic would go unnoticed."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    steps: list[int | str] = []
    for channels in draw(st.lists(st.integers(1, 6), min_size=3, max_size=7)):
        steps.append(channels)
        if steps.count("M") < 3 and draw(st.booleans()):
            steps.append("M")
    activation = draw(st.sampled_from(["relu", "leaky_relu"]))
    return Plan(tuple(steps), activation, head_grid=draw(st.integers(1, 3)), head_hidden=8)


@pytest.mark.parametrize("name", ["vgg11", "vgg13", "vgg16", "vgg19"])
def test_torchvision_takes_our_convolutions_and_computes_the_same(name: str) -> None:
    ours = build(name)
    published = getattr(torchvision.models, f"{name}_bn")(init_weights=False).features
    images = torch.rand(2, 3, 64, 64)
    network = features(ours.layers, ours.maps).eval()
    use_random_statistics(network)
    published.load_state_dict(features_state_dict(ours.layers, ours.maps))
    with torch.no_grad():
        assert torch.equal(network(images), published.eval()(images))


def test_vgg_a_has_the_published_number_of_parameters() -> None:
    assert round(count(chain(build("vgg_a"))) / 1e6, 2) == 13.09


@pytest.mark.parametrize(("name", "millions"), [("vgg8b", 8.9), ("vgg11b", 11.6)])
def test_local_error_networks_have_the_published_number_of_parameters(name: str, millions: float) -> None:
    assert count(chain(build(name))) / 1e6 == pytest.approx(millions, abs=0.06)


@pytest.mark.parametrize(
    ("name", "widths"), [("greedy_cnn", [128, 128, 256, 256]), ("greedy_cnn_wide", [256, 256, 512, 1024, 1024])]
)
def test_a_greedy_cnn_doubles_its_width_where_it_halves_the_image_and_ends_with_one_matrix(
    name: str, widths: list[int]
) -> None:
    backbone = build(name)
    assert [shape.outputs for shape in backbone.shapes()] == [
        (width, 32 * widths[0] // width, 32 * widths[0] // width) for width in widths
    ]
    assert [tuple(parameter.shape) for parameter in backbone.head.parameters()] == [(10, 4 * widths[-1]), (10,)]


@pytest.mark.parametrize(("narrow", "width"), [("vgg_b", 0.5), ("vgg_c", 0.25)])
def test_width_multiplies_the_channels_of_every_convolution(narrow: str, width: float) -> None:
    scaled, published = build("vgg_a", width=width), build(narrow)
    assert [str(layer) for layer in scaled.layers] == [str(layer) for layer in published.layers]
    assert str(scaled.head) == str(published.head)


def test_even_the_thinnest_network_has_a_channel() -> None:
    assert {shape.outputs[0] for shape in build("vgg11", width=0.001).shapes()} == {1}


def test_width_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^model\.width=0: choose a number above 0$"):
        build("vgg11", width=0)


@settings(deadline=None, max_examples=30)
@given(
    plan=plans(),
    layer_depth=st.integers(1, 3),
    map=st.sampled_from(["pool", "average", "conv"]),
    seed=st.integers(0, 99),
)
def test_layers_and_maps_are_one_network_however_it_is_cut(plan: Plan, layer_depth: int, map: str, seed: int) -> None:
    with patch.dict(PLANS, drawn=plan):
        shape = (2, smallest_image("drawn") + 1, smallest_image("drawn") + 2)
        torch.manual_seed(seed)
        whole = BACKBONES["vgg11"]("drawn", shape, 5, layer_depth=len(plan.convolutions), map=map)
        torch.manual_seed(seed)
        cut = BACKBONES["vgg11"]("drawn", shape, 5, layer_depth=layer_depth, map=map)
        assert len(cut.layers) == len(cut.maps) == num_layers("drawn", layer_depth)
    assert str(chain(cut)) == str(chain(whole))
    images = torch.rand(2, *shape)
    assert torch.equal(chain(cut).eval()(images), chain(whole).eval()(images))


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_gives_logits_for_its_smallest_image(name: str) -> None:
    size = smallest_image(name)
    logits = chain(build(name, size, width=0.05)).eval()(torch.rand(2, 3, size, size))
    assert logits.shape == (2, 10)


@pytest.mark.parametrize("channels", [1, 2, 3, 7])
def test_any_number_of_input_channels(channels: int) -> None:
    backbone = build("vgg8b", 16, channels, width=0.05)
    assert backbone.shapes()[0].inputs == (channels, 16, 16)
    assert chain(backbone)(torch.rand(2, channels, 16, 16)).shape == (2, 10)


@pytest.mark.parametrize("shape", [(3, 16, 16), (3, 16, 64), (3, 64, 16)])
def test_image_too_small_for_the_poolings_is_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"^dataset\.image_size=16: vgg11 pools 5 times, choose 32 or more$"):
        BACKBONES["vgg11"]("vgg11", shape, 10)


def test_pooling_inside_a_layer_belongs_to_it_and_one_after_it_is_the_map() -> None:
    backbone = build("vgg11", layer_depth=2)
    assert [name for name, _ in backbone.layers[0].named_children()] == [
        "conv_0", "norm_0", "activation_0", "map_0", "conv_1", "norm_1", "activation_1",
    ]  # fmt: skip
    assert [type(map) for map in backbone.maps] == [MaxPool2d] * 4
    assert backbone.shapes()[0] == ((3, 32, 32), (128, 16, 16))


@settings(deadline=None, max_examples=20)
@given(height=st.integers(16, 41), width=st.integers(16, 41), layer_depth=st.integers(1, 3))
def test_maps_that_learn_give_the_shapes_of_poolings(height: int, width: int, layer_depth: int) -> None:
    pooled, convolved = (
        BACKBONES["vgg8b"]("vgg8b", (3, height, width), 10, width=0.02, layer_depth=layer_depth, map=map)
        for map in ("pool", "conv")
    )
    assert convolved.shapes() == pooled.shapes()


def test_layers_keep_the_memory_format() -> None:
    backbone = build("vgg11", width=0.1, layer_depth=2)
    batch = torch.rand(2, 3, 32, 32).to(memory_format=torch.channels_last)
    for layer in [part for pair in zip(backbone.layers[:3], backbone.maps[:3], strict=True) for part in pair]:
        batch = layer.to(memory_format=torch.channels_last)(batch)
        assert batch.is_contiguous(memory_format=torch.channels_last)


def test_looking_at_the_registry_leaves_torch_out() -> None:
    program = "import sys, lwtrain.backbones, lwtrain.sidecars, lwtrain.objectives; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
