import pytest
import torch
from torch import Tensor, nn

from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone, LayerShape, Shape
from lwtrain.building import build_stack
from lwtrain.config.loading import load_config
from lwtrain.config.schema import StackedAutoencoderConfig
from lwtrain.maps import MAPS
from lwtrain.sidecars.supervised import SupervisedSidecarAutoencoder

MAP_NAMES = StackedAutoencoderConfig.maps


def build(input_shape: Shape = (3, 32, 32), **settings: object) -> Backbone:
    return BACKBONES["stacked_autoencoder"]("stacked_autoencoder", input_shape, 10, **settings)


@pytest.mark.parametrize("map", MAP_NAMES)
def test_every_layer_reads_an_image_and_makes_features_of_its_size(map: str) -> None:
    backbone = build(map=map, depth=3, channels=16)
    assert backbone.shapes() == [LayerShape(inputs=(3, 32, 32), outputs=(16, 32, 32))] * 3


@pytest.mark.parametrize("map", MAP_NAMES)
@pytest.mark.parametrize("input_shape", [(1, 28, 28), (3, 7, 5), (2, 1, 1)])
def test_images_of_any_shape(map: str, input_shape: Shape) -> None:
    backbone = build(input_shape, map=map, depth=2, channels=8)
    images: Tensor = torch.rand(2, *input_shape)
    for layer, carry in zip(backbone.layers, backbone.maps, strict=True):
        images = carry(layer(images))
    assert backbone.head(images).shape == (2, 10)


@pytest.mark.parametrize("map", MAP_NAMES)
def test_maps_stand_between_layers_and_none_before_the_head(map: str) -> None:
    backbone = build(map=map, depth=4)
    kind = type(MAPS[map]((64, 32, 32), (3, 32, 32)))
    assert [type(carry) for carry in backbone.maps] == [kind, kind, kind, nn.Identity]


def test_layers_are_the_same_but_for_their_weights() -> None:
    first, second = build(depth=2).layers
    assert str(first) == str(second)
    assert not torch.equal(first[0].weight, second[0].weight)


def test_with_its_sidecar_a_layer_is_a_supervised_autoencoder_of_images() -> None:
    stack = build_stack(build(depth=2), encoder="a")
    for part in stack.layers[:2]:
        assert isinstance(part.sidecar, SupervisedSidecarAutoencoder)
        assert part.sidecar.autoencoder.bottleneck == (256, 8, 8)
        assert part.sidecar(torch.rand(2, 64, 32, 32)).reconstruction.shape == (2, 3, 32, 32)


@pytest.mark.parametrize(("settings", "message"), [({"depth": 0}, "depth=0"), ({"channels": 0}, "channels=0")])
def test_nothing_is_no_network(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"^model.{message}: choose 1 or more$"):
        build(**settings)


def test_the_config_counts_the_layers_that_are_built() -> None:
    config = load_config(["model=stacked_autoencoder", "model.depth=5"])
    assert config.model.num_layers == 5 == len(build(depth=5).layers)
    assert config.map.name == "interpolation"


def test_the_experiment_reproduces_model_1() -> None:
    config = load_config(["experiment=stacked_autoencoder"])
    assert (config.dataset.name, config.labels, config.encoder.name) == ("cifar10", 0.1, "a")
    assert (config.model.name, config.batches) == ("stacked_autoencoder", "half")
