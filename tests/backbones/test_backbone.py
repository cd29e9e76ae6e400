import torch
from torch import nn

from lwtrain.backbones.backbone import Backbone, LayerShape, features, features_state_dict


def small_backbone() -> Backbone:
    layers: list[nn.Module] = [
        nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4)),
        nn.Conv2d(4, 6, 1, stride=2),
    ]
    return Backbone("small", (2, 9, 7), 3, layers, [nn.MaxPool2d(2), nn.Identity()], nn.Flatten())


def test_shapes_are_those_before_the_map() -> None:
    assert small_backbone().shapes() == [LayerShape((2, 9, 7), (4, 7, 5)), LayerShape((4, 3, 2), (6, 2, 1))]


def test_asking_for_shapes_changes_nothing() -> None:
    backbone = small_backbone()
    before = {name: tensor.clone() for name, tensor in features_state_dict(backbone.layers, backbone.maps).items()}
    backbone.shapes()
    after = features_state_dict(backbone.layers, backbone.maps)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert all(layer.training for layer in backbone.layers)


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
