import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lwtrain.backbones.backbone import LayerShape
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.strided import StridedAutoencoder
from lwtrain.sidecars.supervised import SupervisedAutoencoder

SHAPE = LayerShape(inputs=(3, 8, 8), outputs=(16, 8, 8))
sides = st.integers(1, 17)


def build(shape: LayerShape = SHAPE, **given: object) -> SupervisedAutoencoder:
    return SIDECARS["strided"]("strided", shape, 10, **{"depth": 0, **given})


def test_nothing_is_pooled_and_nothing_is_upsampled() -> None:
    autoencoder = build().autoencoder
    down = [module for module in autoencoder.encoder.modules() if isinstance(module, nn.Conv2d)]
    back = [module for module in autoencoder.decoder.modules() if isinstance(module, nn.ConvTranspose2d)]
    assert [(conv.in_channels, conv.out_channels, conv.stride) for conv in down] == [(16, 8, (2, 2)), (8, 8, (2, 2))]
    assert [(conv.in_channels, conv.out_channels, conv.stride) for conv in back] == [(8, 8, (2, 2)), (8, 3, (2, 2))]
    assert {conv.kernel_size for conv in down + back} == {(5, 5)}
    assert not [m for m in autoencoder.modules() if isinstance(m, (nn.MaxPool2d, nn.AvgPool2d, nn.Upsample))]


def test_each_step_halves_rounding_up() -> None:
    shape = LayerShape((3, 9, 30), (16, 9, 30))
    assert [StridedAutoencoder(shape, depth=0, steps=steps).bottleneck for steps in (1, 2, 3)] == [
        (8, 5, 15),
        (8, 3, 8),
        (8, 2, 4),
    ]


@settings(deadline=None, max_examples=40)
@given(
    inputs=st.tuples(st.integers(1, 4), sides, sides),
    times=st.integers(1, 4),
    steps=st.integers(1, 3),
    width=st.floats(0.1, 2),
)
def test_any_layer_is_rebuilt_one_pixel_included(
    inputs: tuple[int, int, int], times: int, steps: int, width: float
) -> None:
    shape = LayerShape(inputs, (3, *(max(1, side // times) for side in inputs[1:])))
    output = build(shape, steps=steps, width=width, hidden=4)(torch.rand(3, *shape.outputs), num_labelled=2)
    assert output.logits.shape == (2, 10)
    assert output.reconstruction.shape == (3, *inputs)


@pytest.mark.parametrize(("depth", "squashed"), [(0, True), (1, False)])
def test_images_are_rebuilt_in_their_range(depth: int, squashed: bool) -> None:
    sidecar = build(depth=depth)
    nn.init.constant_(sidecar.autoencoder.decoder[-1].bias, 50.0)
    assert (sidecar(torch.rand(4, *SHAPE.outputs)).reconstruction.max() <= 1) == squashed


def test_classes_are_read_off_the_bottleneck() -> None:
    sidecar = build(hidden=7)
    assert sidecar.supervision.hidden.weight.shape == (7, 8 * 2 * 2)


def test_a_probe_teaches_the_supervision_alone() -> None:
    sidecar = build()
    features = torch.rand(4, *SHAPE.outputs, requires_grad=True)
    sidecar(features, probe=True).logits.sum().backward()
    assert features.grad is None
    taught = {name.split(".")[0] for name, parameter in sidecar.named_parameters() if parameter.grad is not None}
    assert taught == {"supervision"}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"steps": 0}, "encoder.steps=0: choose 1 or more"),
        ({"width": 0.0}, "encoder.width=0.0: choose a number above 0"),
        ({"dropout": 1.0}, "encoder.dropout=1.0: choose 0 or more and less than 1"),
        ({"kernel_size": 2}, "encoder.kernel_size=2: choose an odd number"),
        ({"hidden": 0}, "encoder.hidden=0: choose 1 or more"),
        ({"output": "relu"}, "encoder.output=relu: Choices: auto, sigmoid, linear"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        build(**setting)
