import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lwtrain.activations import ReLU
from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import LayerShape
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.mirror import MirrorSidecar

SHAPE = LayerShape(inputs=(3, 8, 8), outputs=(6, 4, 4))
sides = st.integers(1, 17)


def build(shape: LayerShape = SHAPE, depth: int = 0, **given: object) -> MirrorSidecar:
    return SIDECARS["mirror"]("mirror", shape, 10, depth=depth, **given)


def published_decoder() -> nn.Sequential:
    """The exercise's decoder for 28 x 28 pixels, Q1 = Q2 = 32, K = 10."""

    def conv(channels: int) -> nn.ConvTranspose2d:
        return nn.ConvTranspose2d(32, channels, 5, stride=2, padding=2, output_padding=1)

    dense = [nn.Flatten(), nn.Linear(10, 32 * 7 * 7), nn.ReLU(), nn.Unflatten(1, (32, 7, 7))]
    return nn.Sequential(*dense, conv(32), nn.ReLU(), conv(1), nn.Sigmoid())


def test_the_mirrors_of_the_conv_autoencoder_are_the_published_decoder() -> None:
    shapes = BACKBONES["conv_autoencoder"]("conv_autoencoder", (1, 28, 28), 10).shapes()
    chain = nn.Sequential(*(build(shape, depth).inverse for depth, shape in reversed([*enumerate(shapes)])))
    published = published_decoder()
    pairs = zip(published.parameters(), chain.parameters(), strict=True)
    for theirs, ours in pairs:
        theirs.data.copy_(ours)
    codes = torch.randn(4, 10, 1, 1) * 5
    images = chain(codes)
    torch.testing.assert_close(images, published(codes))
    assert images.shape == (4, 1, 28, 28)
    assert 0 <= images.min() < images.max() <= 1
    assert sum(parameter.numel() for parameter in chain.parameters()) == 43_681


@settings(deadline=None, max_examples=40)
@given(inputs=st.tuples(st.integers(1, 3), sides, sides), times=st.integers(1, 4), rounds_up=st.booleans())
def test_the_input_is_met_exactly(inputs: tuple[int, int, int], times: int, rounds_up: bool) -> None:
    height, width = (max(1, -(-side // times) if rounds_up else side // times) for side in inputs[1:])
    shape = LayerShape(inputs, (4, height, width))
    assert build(shape).inverse(torch.rand(2, *shape.outputs)).shape == (2, *inputs)


def test_flat_outputs_are_led_back_by_a_matrix() -> None:
    decoder = build(LayerShape((3, 5, 5), (7, 1, 1))).decoder
    assert not [module for module in decoder.modules() if isinstance(module, nn.ConvTranspose2d)]
    assert decoder.linear.weight.shape == (75, 7)


def test_by_itself_a_deep_mirror_learns_without_the_activation_that_follows_it() -> None:
    sidecar, features = build(depth=1), torch.rand(4, *SHAPE.outputs)
    alone = sidecar(features).reconstruction
    assert (alone < 0).any()
    torch.testing.assert_close(sidecar.inverse(features), alone.relu())


def test_the_first_mirror_gives_images() -> None:
    sidecar, features = build(depth=0), 100 * torch.randn(4, *SHAPE.outputs)
    images = sidecar(features).reconstruction
    assert torch.equal(sidecar.inverse(features), images)
    assert images.min() >= 0
    assert images.max() <= 1


def test_no_activation_follows_where_numbers_may_be_negative() -> None:
    activations = [build(depth=1, activation=name).way_back.activation for name in ("relu", "none")]
    assert [type(module) for module in activations] == [ReLU, nn.Identity]


def test_the_labelled_rows_are_classified_by_a_linear_layer() -> None:
    sidecar = build(grid=2)
    output = sidecar(torch.rand(5, *SHAPE.outputs), num_labelled=2)
    assert output.logits.shape == (2, 10)
    assert output.reconstruction.shape == (5, *SHAPE.inputs)
    assert sidecar.classifier.classes.in_features == 6 * 2 * 2


def test_a_probe_teaches_the_classifier_alone() -> None:
    sidecar = build()
    features = torch.rand(5, *SHAPE.outputs, requires_grad=True)
    sidecar(features, probe=True).logits.sum().backward()
    assert features.grad is None
    assert sidecar.classifier.classes.weight.grad is not None


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"grid": 0}, "encoder.grid=0: choose 1 or more"),
        ({"kernel_size": 4}, "encoder.kernel_size=4: choose an odd number"),
        ({"output": "relu"}, "encoder.output=relu: Choices: auto, sigmoid, linear"),
        ({"activation": "tanh"}, "encoder.activation=tanh: Choices: relu, none"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        build(**setting)
