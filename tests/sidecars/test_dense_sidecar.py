import re

import pytest
import torch
from torch import nn

from lwtrain.backbones.backbone import LayerShape
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.supervised import SupervisedAutoencoder


def build(shape: LayerShape, **given: object) -> SupervisedAutoencoder:
    return SIDECARS["dense"]("dense", shape, 10, **{"depth": 1, **given})


@pytest.mark.parametrize(
    "shape",
    [
        LayerShape((1, 28, 28), (64, 1, 1)),
        LayerShape((64, 1, 1), (32, 1, 1)),
        LayerShape((3, 9, 7), (4, 5, 4)),
    ],
)
def test_layers_of_any_shape_are_rebuilt_from_a_few_numbers(shape: LayerShape) -> None:
    sidecar = build(shape, code=5)
    output = sidecar(torch.rand(6, *shape.outputs), num_labelled=2)
    assert sidecar.autoencoder.encoder(torch.rand(6, *shape.outputs)).shape == (6, 5, 1, 1)
    assert output.reconstruction.shape == (6, *shape.inputs)
    assert output.logits.shape == (2, 10)


def test_bottleneck_and_decoder_are_linear() -> None:
    sidecar = build(LayerShape((8, 1, 1), (6, 1, 1)), code=3)
    linears = [module for module in sidecar.autoencoder.modules() if isinstance(module, nn.Linear)]
    assert [(linear.in_features, linear.out_features) for linear in linears] == [(6, 3), (3, 8)]
    one, other = torch.rand(2, 6, 1, 1), torch.rand(2, 6, 1, 1)
    middle = sidecar.autoencoder((one + other) / 2)
    torch.testing.assert_close(middle, (sidecar.autoencoder(one) + sidecar.autoencoder(other)) / 2)


def test_images_are_rebuilt_in_their_range() -> None:
    sidecar = build(LayerShape((1, 4, 4), (6, 1, 1)), depth=0)
    rebuilt = sidecar(100 * torch.randn(5, 6, 1, 1)).reconstruction
    assert 0 <= rebuilt.min() <= rebuilt.max() <= 1


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"code": 0}, "encoder.code=0: choose 1 or more"),
        ({"dropout": -0.1}, "encoder.dropout=-0.1: choose 0 or more and less than 1"),
        ({"hidden": 0}, "encoder.hidden=0: choose 1 or more"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        build(LayerShape((8, 1, 1), (6, 1, 1)), **setting)
