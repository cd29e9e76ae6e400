"""Puts the parts together: a backbone, and for each of its layers a sidecar and an objective, make a `LayerStack`."""

from collections.abc import Mapping
from typing import Any

from lwtrain.backbones.backbone import Backbone
from lwtrain.layer import HorizontalLayer, LinearHead
from lwtrain.objectives import OBJECTIVES
from lwtrain.optimizers import MakeOptimizer
from lwtrain.sidecars import SIDECARS
from lwtrain.stack import LayerStack


def build_stack(
    backbone: Backbone,
    *,
    encoder: str = "c",
    encoder_settings: Mapping[str, Any] | None = None,
    objective: str = "by_task",
    objective_settings: Mapping[str, Any] | None = None,
    optimizer: MakeOptimizer | None = None,
    micro_batch: int | None = None,
) -> LayerStack:
    """Give every layer of a backbone a local problem, and stack the layers up for training.

    Args:
        backbone: The network; see `lwtrain.backbones`.
        encoder: The kind of sidecar: a, b, c or pool.
        encoder_settings: What that sidecar takes besides, such as dropout.
        objective: by_task, by_supervision, by_task_labelled or prediction.
        objective_settings: What that objective takes besides, such as alpha. Label smoothing holds for the head too.
        optimizer: See `lwtrain.optimizers.OptimizerFactory`.
        micro_batch: Most rows that a layer learns from at once; see `LayerStack`.

    Raises:
        ValueError: If a name is unknown or a setting out of range.

    Example:
        >>> from lwtrain.backbones import BACKBONES
        >>> stack = build_stack(BACKBONES["vgg_d"]("vgg_d", (3, 32, 32), num_classes=10, width=0.125), encoder="pool")
        >>> stack.names[-2:]
        ['layer_9', 'head']
    """
    encoder_settings, objective_settings = encoder_settings or {}, objective_settings or {}
    layers = []
    parts = zip(backbone.layers, backbone.maps, backbone.shapes(), strict=True)
    for depth, (layer, map_, shape) in enumerate(parts):
        first = depth == 0
        sidecar = SIDECARS[encoder](encoder, shape, backbone.num_classes, first=first, **encoder_settings)
        local_objective = OBJECTIVES[objective](objective, first=first, **objective_settings)
        layers.append(HorizontalLayer(layer, map_, sidecar, local_objective, backbone.num_classes))
    head = LinearHead(backbone.head, backbone.num_classes, objective_settings.get("label_smoothing", 0.0))
    return LayerStack(layers, head, optimizer, micro_batch)
