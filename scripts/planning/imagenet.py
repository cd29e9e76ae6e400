"""ImageNet-1k at 224 pixels, on GPUs that are assumed: what is planned for."""

from functools import cache

import torch
import torchvision
from torch import nn

from lwtrain.backbones.backbone import Backbone, Shape
from lwtrain.backbones.cut import cut
from lwtrain.building import build_backbone, build_stack
from lwtrain.scaling.cost import LayerCost, in_bfloat16
from lwtrain.scaling.counting import count_costs
from lwtrain.scaling.machine import Machine, Rate

IMAGES, CLASSES = 1_281_167, 1000
BATCH = 256  # of each GPU
GPUS = (1, 8, 64)
NETWORKS = ("VGG-16", "ResNet-50")
_SHAPE: Shape = (3, 224, 224)

GPU = Machine(
    learning=Rate(operations=250e12, bytes=1e12),
    resting=Rate(operations=250e12, bytes=1e12),
    updating=0.3e12,
    memory=50e9,
    disk=6e9,
    network=25e9,
    step_seconds=0.4e-3,
    epoch_seconds=15e-3,
    layer_seconds=1e-3,
    augmentation=10e-6,
    overlaps=True,
)
"""Of the class of an H100. Assumed, not measured; docs/scaling.md says where each number comes from."""


@cache
def costs_of(network: str) -> tuple[LayerCost, ...]:
    """Count what each layer asks for, with the default sidecar, in bfloat16."""
    return tuple(in_bfloat16(count_costs(build_stack(_backbone(network), encoder="pool"))))


def weight_bytes(network: str) -> int:
    """Give the bytes of the network's own parameters, without sidecars, in float32."""
    backbone = _backbone(network)
    parts = [*backbone.layers, *backbone.maps, backbone.head]
    return sum(weight.nbytes for part in parts for weight in part.parameters())


def _backbone(network: str) -> Backbone:
    with torch.device("meta"):  # shapes are enough
        return _resnet50() if network == "ResNet-50" else build_backbone("vgg16", _SHAPE, CLASSES)


def _resnet50() -> Backbone:
    """Cut torchvision's network before each of its 16 blocks, and before what follows the last."""
    network = torchvision.models.resnet50()
    stem = [network.conv1, network.bn1, network.relu, network.maxpool]
    blocks = [block for stage in (network.layer1, network.layer2, network.layer3, network.layer4) for block in stage]
    head = [network.avgpool, nn.Flatten(), network.fc]
    cuts = range(len(stem), len(stem) + len(blocks) + 1)
    return cut([*stem, *blocks, *head], cuts, _SHAPE, CLASSES, "resnet50")
