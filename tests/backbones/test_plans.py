import subprocess
import sys

import pytest

from lwtrain.backbones.plans import PLANS, check_image_size, find_plan, num_layers, smallest_image, split_layers


def test_plans_can_be_read_without_torch() -> None:
    program = "import sys, lwtrain.backbones.plans; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("vgg11", 8),
        ("vgg13", 10),
        ("vgg16", 13),
        ("vgg19", 16),
        ("vgg_a", 8),
        ("vgg_d", 10),
        ("vgg8b", 6),
        ("vgg11b", 9),
        ("greedy_cnn", 4),
        ("greedy_cnn_wide", 5),
        ("decoupled_cnn", 4),
    ],
)
def test_published_depths(name: str, depth: int) -> None:
    assert num_layers(name) == depth


@pytest.mark.parametrize(("name", "size"), [("vgg11", 32), ("vgg_a", 8), ("vgg_d", 16), ("vgg8b", 16)])
def test_smallest_image_is_one_position_after_all_poolings(name: str, size: int) -> None:
    assert smallest_image(name) == size
    check_image_size(name, size)


def test_image_too_small_says_what_is_enough() -> None:
    with pytest.raises(ValueError, match=r"^dataset\.image_size=16: vgg11 pools 5 times, choose 32 or more$"):
        check_image_size("vgg11", 16)


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("layer_depth", [1, 2, 3])
def test_layers_are_the_plan_in_order(name: str, layer_depth: int) -> None:
    layers = split_layers(name, layer_depth)
    assert [convolution for layer in layers for convolution in layer] == find_plan(name).convolutions
    assert {len(layer) for layer in layers[:-1]} == {layer_depth}
    assert 1 <= len(layers[-1]) <= layer_depth


@pytest.mark.parametrize("layer_depth", [0, 9])
def test_layer_depth_beyond_the_network_is_refused(layer_depth: int) -> None:
    with pytest.raises(ValueError, match=rf"^model\.layer_depth={layer_depth}: choose 1 to 8 for vgg11$"):
        num_layers("vgg11", layer_depth)


def test_unknown_plan_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"^model=vgg12: did you mean 'vgg1.*Choices: vgg11, vgg13, "):
        smallest_image("vgg12")
