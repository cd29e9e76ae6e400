"""Puts the parts together: a backbone, and for each of its layers a sidecar and an objective, make a `LayerStack`."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from lwtrain.backbones import BACKBONES
from lwtrain.backbones.backbone import Backbone, Shape, StackableNetwork, check_stackable, layer_shapes
from lwtrain.layer import HorizontalLayer, LinearHead
from lwtrain.maps.decoder import DecoderMap
from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.objective import Objective
from lwtrain.optimizers import MakeOptimizer
from lwtrain.sidecars import SIDECARS
from lwtrain.stack import LayerStack
from lwtrain.votes import VoteRule


def build_backbone(name: str, input_shape: Shape, num_classes: int, **settings: Any) -> Backbone:
    """Make one of lwtrain's own networks.

    Args:
        name: Such as vgg11 or resnet20; `list(lwtrain.backbones.BACKBONES)` names them all.
        input_shape: (channels, height, width) of the images.
        num_classes: How many classes there are.
        settings: What that network takes besides, such as width.

    Raises:
        ValueError: If there is no such network, or it does not take such images.

    Example:
        >>> backbone = build_backbone("vgg8b", (1, 28, 28), num_classes=10, width=0.125)
        >>> len(backbone.layers), backbone.layers[0][0].out_channels
        (6, 16)
    """
    return BACKBONES[name](name, input_shape, num_classes, **settings)


def build_stack(
    backbone: StackableNetwork,
    *,
    encoder: str = "c",
    encoder_settings: Mapping[str, Any] | None = None,
    objective: str | Callable[..., Objective] = "by_task",
    objective_settings: Mapping[str, Any] | None = None,
    optimizer: MakeOptimizer | None = None,
    micro_batch: int | None = None,
    vote_rule: VoteRule | None = None,
) -> LayerStack:
    """Give every layer of a backbone a local problem, and stack the layers up for training.

    A map that has parameters trains with the part above it, as its inlet: the layer below it rests by then.

    Args:
        backbone: The network: `build_backbone` makes some by name, or your own (see `lwtrain.backbones.cut`).
        encoder: The kind of sidecar: a, b, c, strided, dense, mirror, infopro, pool, conv or similarity.
        encoder_settings: What that sidecar takes besides, such as dropout.
        objective: by_task, by_supervision, by_task_labelled, prediction, predsim, infopro, reconstruction or hsic; or
            what makes one of your own, called with `depth`, the number of layers below, and `objective_settings`.
        objective_settings: What that objective takes besides, such as alpha. Label smoothing holds for the head too.
        optimizer: See `lwtrain.optimizers.OptimizerFactory`.
        micro_batch: Most rows that a layer learns from at once; see `LayerStack`.
        vote_rule: How the layers' votes are counted, such as `VoteRule("doubling", flips=True)`.

    Raises:
        ValueError: If a name is unknown, a setting out of range, or a piece of the backbone does not fit the others.

    Example:
        >>> stack = build_stack(build_backbone("vgg_d", (3, 32, 32), num_classes=10, width=0.125), encoder="pool")
        >>> stack.names[-2:]
        ['layer_9', 'head']
    """
    check_stackable(backbone)
    encoder_settings, objective_settings = encoder_settings or {}, objective_settings or {}
    layers = []
    inlet: nn.Module | None = None
    shapes, build_sidecar = layer_shapes(backbone), SIDECARS[encoder]
    for depth, (layer, map_, shape) in enumerate(zip(backbone.layers, backbone.maps, shapes, strict=True)):
        if getattr(build_sidecar, "rebuilds_images", False):
            shape = shape._replace(inputs=backbone.input_shape)
        sidecar = build_sidecar(encoder, shape, backbone.num_classes, depth=depth, **encoder_settings)
        local_objective = _objective(objective, depth, objective_settings)
        local_objective.take_place(len(shapes))
        local_objective.check_outputs(shape.outputs)
        if isinstance(map_, DecoderMap):
            map_.beginning(sidecar)  # complains now rather than when the layer above wakes
        learns = any(True for _ in map_.parameters())
        behind = nn.Identity() if learns else map_
        layers.append(HorizontalLayer(layer, behind, sidecar, local_objective, backbone.num_classes, inlet=inlet))
        inlet = map_ if learns else None
    smoothing = objective_settings.get("label_smoothing", 0.0)
    head = LinearHead(backbone.head, backbone.num_classes, smoothing, inlet=inlet)
    stack = LayerStack(layers, head, optimizer, micro_batch, vote_rule)
    stack.input_shape = backbone.input_shape
    return stack


def _objective(objective: str | Callable[..., Objective], depth: int, settings: Mapping[str, Any]) -> Objective:
    if isinstance(objective, str):
        return OBJECTIVES[objective](objective, depth=depth, **settings)
    return objective(depth=depth, **settings)
