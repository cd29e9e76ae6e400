import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet18

from lwtrain.backbones.backbone import (
    Backbone,
    LayerShape,
    check_stackable,
    features,
    features_state_dict,
    layer_shapes,
)


def small_backbone() -> Backbone:
    layers: list[nn.Module] = [
        nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)),
        nn.Conv2d(4, 6, 1, stride=2),
    ]
    head = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    return Backbone("small", (2, 9, 7), 3, layers, [nn.MaxPool2d(2), nn.Identity()], head)


def test_shapes_are_those_before_the_map() -> None:
    assert small_backbone().shapes() == [LayerShape((2, 9, 7), (4, 7, 5)), LayerShape((4, 3, 2), (6, 2, 1))]


def test_asking_for_shapes_changes_nothing() -> None:
    backbone = small_backbone()
    before = {name: tensor.clone() for name, tensor in features_state_dict(backbone.layers, backbone.maps).items()}
    backbone.shapes()
    after = features_state_dict(backbone.layers, backbone.maps)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert all(layer.training for layer in backbone.layers)


def test_a_network_that_is_not_cut_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^backbone=ResNet: .* this one lacks input_shape, num_classes, layers, maps, "
    ):
        check_stackable(resnet18())


@pytest.mark.parametrize("place", ["layers", "maps", "head"])
def test_pieces_that_share_weights_are_refused(place: str) -> None:
    backbone, convolution = small_backbone(), nn.Conv2d(4, 4, 1)
    check_stackable(backbone)
    backbone.layers[0] = nn.Sequential(nn.Conv2d(2, 4, 3), convolution)
    check_stackable(backbone)
    if place == "head":
        backbone.head = nn.Sequential(convolution, backbone.head)
    else:
        getattr(backbone, place)[1] = nn.Sequential(convolution, getattr(backbone, place)[1])
    with pytest.raises(
        ValueError, match=r"shares 0\.weight with layer 0: what trains one by one needs weights of its own"
    ):
        check_stackable(backbone)


def test_features_unroll_chains_and_leave_other_modules_whole() -> None:
    residual = nn.ModuleDict({"conv": nn.Conv2d(1, 1, 1)})
    layers = [nn.Sequential(nn.Conv2d(1, 1, 1), nn.Sequential(nn.ReLU())), residual]
    chained = features(layers, [nn.Identity(), nn.AvgPool2d(2)])
    assert [type(piece) for piece in chained] == [nn.Conv2d, nn.ReLU, nn.ModuleDict, nn.AvgPool2d]


def test_features_share_their_weights_with_the_layers() -> None:
    backbone = small_backbone()
    weights = features_state_dict(backbone.layers, backbone.maps)
    with torch.no_grad():
        backbone.layers[1].weight.fill_(2.0)
    assert weights["3.weight"].eq(2.0).all()


def test_a_sequential_with_a_forward_of_its_own_stays_whole() -> None:
    class Residual(nn.Sequential):
        def forward(self, images: Tensor) -> Tensor:
            return images + super().forward(images)

    assert [type(piece) for piece in features([Residual(nn.ReLU())], [nn.Identity()])] == [Residual]


class Pair(nn.Module):
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return images, images


def test_weights_of_any_number_format_tell_their_shapes() -> None:
    backbone = small_backbone()
    backbone.layers[0].to(torch.bfloat16)
    assert layer_shapes(backbone) == small_backbone().shapes()


@pytest.mark.parametrize(
    ("number", "layer", "message"),
    [
        (0, nn.Conv2d(3, 4, 3), r"layer 0 cannot read \(2, 9, 7\) an image: "),
        (1, nn.Conv2d(5, 6, 1), r"layer 1 cannot read \(4, 3, 2\) an image: "),
        (1, nn.BatchNorm1d(4), r"layer 1 cannot read \(4, 3, 2\) an image: expected 2D or 3D input"),
        (0, nn.Bilinear(2, 2, 2), r"layer 0 cannot read \(2, 9, 7\) an image: .*argument"),
        (1, nn.Flatten(), r"layer 1 gives \(24,\) an image, not \(channels, height, width\); leave flattening to the"),
        (0, Pair(), "layer 0 gives a tuple, not a tensor"),
        (1, nn.ReLU(inplace=True), r"layer 1 writes over its input; let it begin with inplace=False"),
    ],
)
def test_a_layer_that_does_not_fit_is_named(number: int, layer: nn.Module, message: str) -> None:
    backbone = small_backbone()
    backbone.layers[number] = layer
    with pytest.raises(ValueError, match=f"^{message}"):
        backbone.shapes()


def test_a_map_that_does_not_fit_is_named() -> None:
    backbone = small_backbone()
    backbone.maps[0] = nn.Conv2d(3, 3, 1)
    with pytest.raises(ValueError, match=r"^the map behind layer 0 cannot read \(4, 7, 5\) an image"):
        backbone.shapes()


def test_a_head_that_does_not_fit_is_named() -> None:
    backbone = small_backbone()
    backbone.head = nn.Sequential(nn.Flatten(), nn.Linear(11, 3))
    with pytest.raises(ValueError, match=r"^the head cannot read \(6, 2, 1\) an image: "):
        backbone.shapes()
    backbone.head = nn.Flatten()
    with pytest.raises(ValueError, match=r"^the head gives \(12,\) an image, not 3 logits$"):
        backbone.shapes()


def test_each_layer_needs_a_map() -> None:
    backbone = small_backbone()
    backbone.maps.pop()
    with pytest.raises(ValueError, match=r"^2 layers and 1 maps: each layer needs one behind it$"):
        backbone.shapes()


def test_writing_over_what_a_layer_itself_has_made_is_allowed() -> None:
    backbone = small_backbone()
    backbone.layers[1] = nn.Sequential(nn.Conv2d(4, 6, 1, stride=2), nn.ReLU(inplace=True))
    assert backbone.shapes() == small_backbone().shapes()
