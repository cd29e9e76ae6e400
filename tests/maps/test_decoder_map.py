import pytest
import torch
from tiny import differing, tensors

from lwtrain.backbones.backbone import LayerShape
from lwtrain.maps.decoder import DecoderMap
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.sidecar import Sidecar

SHAPE = LayerShape(inputs=(3, 8, 8), outputs=(6, 8, 8))


def sidecar(encoder: str = "c", **settings: object) -> Sidecar:
    return SIDECARS[encoder](encoder, SHAPE, 10, depth=0, **settings)


def make() -> DecoderMap:
    return DecoderMap(SHAPE.outputs, SHAPE.inputs)


@pytest.mark.parametrize("encoder", ["a", "b", "c"])
def test_it_begins_as_the_last_convolution_of_the_decoder(encoder: str) -> None:
    map, below = make(), sidecar(encoder)
    map.begin_as(below)
    assert torch.equal(map.conv.weight, below.autoencoder.decoder[-1].weight)
    assert torch.equal(map.conv.bias, below.autoencoder.decoder[-1].bias)


def test_the_weights_are_a_copy() -> None:
    map, below = make(), sidecar()
    before = tensors(below)
    map.begin_as(below)
    with torch.no_grad():
        map.conv.weight.zero_()
    assert differing(tensors(below), before) == []


def test_it_begins_once() -> None:
    map = make()
    map.begin_as(sidecar())
    before = tensors(map)
    map.begin_as(sidecar())
    assert differing(tensors(map), before) == []


def test_whether_it_has_begun_is_stored_with_its_weights() -> None:
    map, copy = make(), make()
    map.begin_as(sidecar())
    copy.load_state_dict(map.state_dict())
    copy.begin_as(sidecar())
    assert differing(tensors(copy), tensors(map)) == []


@pytest.mark.parametrize(
    "other",
    [sidecar("pool"), sidecar(kernel_size=5), sidecar("strided"), sidecar("mirror")],
    ids=["pool", "kernel", "strided", "mirror"],
)
def test_a_sidecar_without_such_a_convolution_is_refused(other: Sidecar) -> None:
    map = make()
    with pytest.raises(ValueError, match=r"^map=decoder: .* choose encoder=a, b or c with encoder\.kernel_size=3$"):
        map.begin_as(other)
    assert not map.begun
