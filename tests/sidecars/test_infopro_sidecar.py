import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lwtrain.backbones.backbone import LayerShape
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.infopro import InfoProSidecar

SHAPE = LayerShape(inputs=(3, 32, 32), outputs=(32, 16, 16))
sides = st.integers(1, 17)


def build(shape: LayerShape = SHAPE, **given: object) -> InfoProSidecar:
    sidecar = SIDECARS["infopro"]("infopro", shape, 10, **{"depth": 1, **given})
    assert isinstance(sidecar, InfoProSidecar)
    return sidecar


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("channels", "side", "wide"), [(16, 32, 32), (32, 16, 64), (64, 8, 64)])
def test_both_networks_are_the_published_ones(channels: int, side: int, wide: int) -> None:
    """Beside a ResNet's three stages: 12 channels on the way back, 32, 64 and 64 in the classifier, then 128 units."""
    sidecar = build(LayerShape((3, 32, 32), (channels, side, side)))
    assert count(sidecar.decoder) == channels * 12 * 9 + 12 + 2 * 12 + 12 * 3 * 9 + 3
    assert count(sidecar.classifier) == channels * wide * 9 + 2 * wide + wide * 128 + 128 + 128 * 10 + 10


@pytest.mark.parametrize(("channels", "side"), [(16, 32), (32, 16), (64, 8)])
def test_outputs_and_gradients_are_those_of_the_published_networks(channels: int, side: int) -> None:
    torch.manual_seed(0)
    sidecar = build(LayerShape((3, 32, 32), (channels, side, side)))
    wide, stride = (2 * channels, 2) if side > 8 else (channels, 1)
    decoder = nn.Sequential(
        nn.Conv2d(channels, 12, 3, 1, 1), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 3, 3, 1, 1), nn.Sigmoid()
    )
    classifier = nn.Sequential(
        nn.Conv2d(channels, wide, 3, stride, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(wide, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    for mine, theirs in zip(sidecar.parameters(), (*decoder.parameters(), *classifier.parameters()), strict=True):
        mine.data.copy_(theirs)

    def results(rebuilt: Tensor, logits: Tensor, features: Tensor) -> list[Tensor]:
        loss = (rebuilt * torch.arange(rebuilt.numel()).reshape(rebuilt.shape).cos()).sum() + logits.square().sum()
        return [rebuilt, logits, *torch.autograd.grad(loss, [features])]

    features = torch.rand(4, channels, side, side, requires_grad=True)
    ours = sidecar(features)
    large = nn.functional.interpolate(features, size=[32, 32], mode="bilinear", align_corners=True)
    expected = results(decoder(large), classifier(features), features)
    torch.testing.assert_close(results(ours.reconstruction, ours.logits, features), expected, rtol=1e-4, atol=1e-4)


@settings(deadline=None, max_examples=40)
@given(
    images=st.tuples(st.integers(1, 4), sides, sides),
    outputs=st.tuples(st.integers(1, 4), sides, sides),
)
def test_images_of_any_size_are_rebuilt(images: tuple[int, int, int], outputs: tuple[int, int, int]) -> None:
    output = build(LayerShape(images, outputs), channels=2, hidden=4)(torch.rand(3, *outputs), num_labelled=2)
    assert output.logits.shape == (2, 10)
    assert output.reconstruction.shape == (3, *images)


def test_images_are_rebuilt_in_their_range_and_in_float32() -> None:
    sidecar = build(depth=7)
    nn.init.constant_(sidecar.decoder.image.bias, 50.0)
    with torch.autocast("cpu", torch.bfloat16):
        rebuilt = sidecar(torch.rand(4, *SHAPE.outputs)).reconstruction
    assert rebuilt.dtype == torch.float32
    assert 0 <= rebuilt.min() <= rebuilt.max() <= 1


def test_a_probe_teaches_the_classifier_alone() -> None:
    sidecar = build()
    features = torch.rand(4, *SHAPE.outputs, requires_grad=True)
    sidecar(features, probe=True).logits.sum().backward()
    assert features.grad is None
    taught = {name.split(".")[0] for name, parameter in sidecar.named_parameters() if parameter.grad is not None}
    assert taught == {"classifier"}


def test_to_classify_nothing_is_rebuilt() -> None:
    sidecar = build()
    sidecar.decoder.register_forward_hook(lambda *_: pytest.fail("the decoder ran"))
    assert sidecar.classify(torch.rand(4, *SHAPE.outputs)).shape == (4, 10)
    assert {id(parameter) for parameter in sidecar.decoder_parameters()} == set(map(id, sidecar.decoder.parameters()))


@pytest.mark.parametrize("setting", ["channels", "hidden"])
def test_settings_out_of_range_are_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'encoder.{setting}=0: choose 1 or more')}$"):
        build(**{setting: 0})
