import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from lwtrain.backbones.cut import cut


def network() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 5, 3), nn.AvgPool2d(2), nn.MaxPool2d(2)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 7)),
    )


def test_layers_lie_between_the_cuts_and_the_head_behind_the_last() -> None:
    whole = network()
    backbone = cut(whole, before=[3, 6], input_shape=(3, 24, 24), num_classes=7, name="own")
    assert (backbone.name, backbone.input_shape, backbone.num_classes) == ("own", (3, 24, 24), 7)
    assert list(backbone.layers[0]) == [whole[0], whole[1]]
    assert backbone.layers[1] is whole[3]
    assert list(backbone.head) == [whole[6], whole[7], whole[8]]


def test_poolings_at_a_layers_end_are_its_map() -> None:
    whole = network()
    backbone = cut(whole, before=[3, 6], input_shape=(3, 24, 24), num_classes=7)
    assert backbone.maps[0] is whole[2]
    assert list(backbone.maps[1]) == [whole[4], whole[5]]
    assert [shape.outputs for shape in backbone.shapes()] == [(4, 22, 22), (5, 9, 9)]


def test_poolings_elsewhere_belong_to_the_layer() -> None:
    whole = network()
    backbone = cut(whole, before=[4, 6], input_shape=(3, 24, 24), num_classes=7)
    assert list(backbone.layers[0]) == list(whole[:4])
    assert isinstance(backbone.maps[0], nn.Identity)
    assert backbone.layers[1] is whole[4]  # a layer keeps one module, though it be a pooling
    assert backbone.maps[1] is whole[5]


def test_the_order_of_the_cuts_does_not_matter_and_any_sequence_of_modules_will_do() -> None:
    modules = list(network())
    backbone = cut(modules, before=iter([6, 3]), input_shape=(3, 24, 24), num_classes=7)
    assert len(backbone.layers) == 2
    images = torch.rand(2, 3, 24, 24)
    pieces = [piece for pair in zip(backbone.layers, backbone.maps, strict=True) for piece in pair]
    assert torch.equal(backbone.head(nn.Sequential(*pieces)(images)), nn.Sequential(*modules)(images))


def test_what_does_not_run_its_modules_in_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^network=ResNet: cut an nn\.Sequential, or write a StackableNetwork"):
        cut(resnet18(), before=[3], input_shape=(3, 32, 32), num_classes=10)  # type: ignore[arg-type]  # the mistake that is meant


@pytest.mark.parametrize("before", [[], [0, 3], [3, 3], [3, 9], [-1]])
def test_cuts_that_leave_something_empty_are_refused(before: list[int]) -> None:
    with pytest.raises(ValueError, match=r"^before=\[.*\]: choose different numbers from 1 to 8, at least one$"):
        cut(network(), before=before, input_shape=(3, 24, 24), num_classes=7)
