import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone, LayerShape
from lwtrain.config.loading import load_config


def build(shape: tuple[int, int, int] = (1, 28, 28), **given: object) -> Backbone:
    return BACKBONES["conv_autoencoder"]("conv_autoencoder", shape, 10, **given)


def test_an_mnist_image_shrinks_to_fourteen_to_seven_to_the_code() -> None:
    assert build().shapes() == [
        LayerShape((1, 28, 28), (32, 14, 14)),
        LayerShape((32, 14, 14), (32, 7, 7)),
        LayerShape((32, 7, 7), (10, 1, 1)),
    ]


def test_parameters_are_those_of_the_encoder() -> None:
    counts = [sum(parameter.numel() for parameter in layer.parameters()) for layer in build().layers]
    assert counts == [32 * 25 + 32, 32 * 32 * 25 + 32, 10 * 32 * 7 * 7 + 10]


@settings(deadline=None, max_examples=20)
@given(height=st.integers(1, 33), width=st.integers(1, 33), code=st.integers(1, 5))
def test_images_of_any_size_become_a_code(height: int, width: int, code: int) -> None:
    shapes = build((3, height, width), channels=[2, 3], code=code).shapes()
    assert [shape.outputs for shape in shapes] == [
        (2, -(-height // 2), -(-width // 2)),
        (3, -(-height // 4), -(-width // 4)),
        (code, 1, 1),
    ]


def test_there_is_a_layer_for_each_channel_count_and_one_for_the_code() -> None:
    assert len(build(channels=[4, 5, 6]).layers) == 4
    assert load_config(["model=conv_autoencoder", "model.channels=[4,5,6]"]).model.num_layers == 4


def test_the_code_passes_no_activation() -> None:
    backbone = build(channels=[2, 2])
    assert (nn.Sequential(*backbone.layers)(torch.rand(8, 1, 28, 28)) < 0).any()


def test_the_head_reads_the_code_alone() -> None:
    assert build(code=6).head.classes.in_features == 6


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"channels": []}, "model.channels=[]: choose a number of at least 1 for each convolution"),
        ({"channels": [8, 0]}, "model.channels=[8, 0]: choose a number of at least 1 for each convolution"),
        ({"code": 0}, "model.code=0: choose 1 or more"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        build(**setting)
