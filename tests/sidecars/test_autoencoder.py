import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import LayerShape
from lwtrain.sidecars.autoencoder import ENCODERS, SidecarAutoencoder

SHAPE = LayerShape(inputs=(3, 8, 8), outputs=(16, 8, 8))
sides = st.integers(1, 17)


@pytest.mark.parametrize(("name", "bottleneck"), [("a", (64, 8, 8)), ("b", (32, 16, 16)), ("c", (8, 16, 16))])
def test_bottlenecks_of_the_report(name: str, bottleneck: tuple[int, int, int]) -> None:
    autoencoder = SidecarAutoencoder(name, LayerShape((3, 32, 32), (16, 32, 32)), depth=0)
    assert autoencoder.bottleneck == bottleneck
    assert autoencoder.encoder(torch.rand(2, 16, 32, 32)).shape == (2, *bottleneck)


def test_decoder_mirrors_the_encoder() -> None:
    convolutions = [m for m in SidecarAutoencoder("a", SHAPE, depth=0).modules() if isinstance(m, nn.Conv2d)]
    assert [(conv.in_channels, conv.out_channels) for conv in convolutions] == [
        (16, 32), (32, 64), (64, 32), (32, 16), (16, 3),
    ]  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(list(ENCODERS)),
    inputs=st.tuples(st.integers(1, 4), sides, sides),
    channels=st.integers(1, 5),
    num_poolings=st.integers(0, 2),
)
def test_reconstruction_has_the_shape_of_the_input(
    name: str, inputs: tuple[int, int, int], channels: int, num_poolings: int
) -> None:
    outputs = (channels, *(max(1, side // 2**num_poolings) for side in inputs[1:]))
    autoencoder = SidecarAutoencoder(name, LayerShape(inputs, outputs), depth=1)
    assert autoencoder(torch.rand(3, *outputs)).shape == (3, *inputs)


@pytest.mark.parametrize("layer_depth", [2, 3])
def test_layers_of_several_convolutions_are_rebuilt_from_before_their_poolings(layer_depth: int) -> None:
    backbone = BACKBONES["vgg11"]("vgg11", (3, 32, 32), 10, width=0.1, layer_depth=layer_depth)
    for shape in backbone.shapes():
        autoencoder = SidecarAutoencoder("c", shape, depth=1).eval()
        assert autoencoder(torch.rand(2, *shape.outputs)).shape == (2, *shape.inputs)


@pytest.mark.parametrize(
    ("output", "depth", "squashed"),
    [("auto", 0, True), ("auto", 1, False), ("sigmoid", 1, True), ("linear", 0, False)],
)
def test_output_is_squashed_for_images_or_on_request(output: str, depth: int, squashed: bool) -> None:
    autoencoder = SidecarAutoencoder("c", SHAPE, depth=depth, output=output)
    nn.init.constant_(autoencoder.decoder[-1].bias, 50.0)
    reconstruction = autoencoder(torch.rand(4, *SHAPE.outputs))
    assert (reconstruction.max() <= 1) == squashed
    assert autoencoder.output == ("sigmoid" if squashed else "linear")


def test_sigmoid_is_computed_in_float32_under_autocast() -> None:
    autoencoder = SidecarAutoencoder("c", SHAPE, depth=0)
    nn.init.constant_(autoencoder.decoder[-1].bias, 7.0)
    with torch.autocast("cpu", torch.bfloat16):
        reconstruction = autoencoder(torch.rand(4, *SHAPE.outputs))
    assert reconstruction.dtype == torch.float32
    assert reconstruction.max() < 1


def dropped(autoencoder: SidecarAutoencoder) -> torch.Tensor:
    return autoencoder.encoder(torch.rand(8, *SHAPE.outputs)).eq(0).float().mean(dim=(2, 3))


def test_dropout_takes_whole_channels_by_default() -> None:
    share = dropped(SidecarAutoencoder("b", SHAPE, depth=0, dropout=0.5))
    assert set(share.unique().tolist()) == {0.0, 1.0}
    assert share.mean().item() == pytest.approx(0.5, abs=0.15)


def test_dropout_takes_single_elements_on_request() -> None:
    share = dropped(SidecarAutoencoder("b", SHAPE, depth=0, dropout=0.5, dropout_kind="element"))
    assert ((share > 0) & (share < 1)).float().mean() > 0.9


def test_no_dropout_in_eval_mode() -> None:
    autoencoder = SidecarAutoencoder("b", SHAPE, depth=0, dropout=0.9).eval()
    features = torch.rand(4, *SHAPE.outputs)
    assert torch.equal(autoencoder(features), autoencoder(features))


def test_kernel_size_of_every_convolution() -> None:
    autoencoder = SidecarAutoencoder("a", SHAPE, depth=0, kernel_size=5)
    assert {m.kernel_size for m in autoencoder.modules() if isinstance(m, nn.Conv2d)} == {(5, 5)}
    assert autoencoder(torch.rand(2, *SHAPE.outputs)).shape == (2, *SHAPE.inputs)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"name": "d"}, "encoder=d: Choices: a, b, c"),
        ({"dropout": 1.0}, "encoder.dropout=1.0: choose 0 or more and less than 1"),
        ({"dropout_kind": "chanel"}, "encoder.dropout_kind=chanel: did you mean 'channel'? Choices: channel, element"),
        ({"output": "relu"}, "encoder.output=relu: Choices: auto, sigmoid, linear"),
        ({"kernel_size": 4}, "encoder.kernel_size=4: choose an odd number"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SidecarAutoencoder(**{"name": "c", "shape": SHAPE, "depth": 0, **setting})
