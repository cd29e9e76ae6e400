"""lwtrain trains deep image classifiers one layer at a time: local problems, no gradient between layers.

The names below are imported when they are first used, so that the command line can answer before torch is loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lwtrain import torchvision_operators

if TYPE_CHECKING:
    from lwtrain.backbones.backbone import Backbone, StackableNetwork
    from lwtrain.backbones.cut import cut
    from lwtrain.building import build_backbone, build_stack
    from lwtrain.callbacks.information_plane import InformationPlane
    from lwtrain.callbacks.layer_schedule import LayerSchedule
    from lwtrain.callbacks.named_schedules import (
        BackpropSchedule,
        CustomSchedule,
        SequentialSchedule,
        SimultaneousSchedule,
        WaveSchedule,
    )
    from lwtrain.callbacks.pseudo_labels import PseudoLabels
    from lwtrain.callbacks.weight_average import WeightAverage
    from lwtrain.data.load import Split, load_dataset
    from lwtrain.data.module import SemiSupervisedDataModule
    from lwtrain.history import History
    from lwtrain.layer import HorizontalLayer, LinearHead
    from lwtrain.maps.sidecar_map import SidecarMap
    from lwtrain.pictures.timeline import draw_timeline
    from lwtrain.quiet import quiet_trainer
    from lwtrain.stack import LayerStack
    from lwtrain.votes import VoteRule

torchvision_operators.cure_on_import()

_HOMES = {
    "Backbone": "lwtrain.backbones.backbone",
    "BackpropSchedule": "lwtrain.callbacks.named_schedules",
    "CustomSchedule": "lwtrain.callbacks.named_schedules",
    "History": "lwtrain.history",
    "HorizontalLayer": "lwtrain.layer",
    "InformationPlane": "lwtrain.callbacks.information_plane",
    "LayerSchedule": "lwtrain.callbacks.layer_schedule",
    "LayerStack": "lwtrain.stack",
    "LinearHead": "lwtrain.layer",
    "PseudoLabels": "lwtrain.callbacks.pseudo_labels",
    "SemiSupervisedDataModule": "lwtrain.data.module",
    "SequentialSchedule": "lwtrain.callbacks.named_schedules",
    "SidecarMap": "lwtrain.maps.sidecar_map",
    "SimultaneousSchedule": "lwtrain.callbacks.named_schedules",
    "Split": "lwtrain.data.load",
    "StackableNetwork": "lwtrain.backbones.backbone",
    "VoteRule": "lwtrain.votes",
    "WaveSchedule": "lwtrain.callbacks.named_schedules",
    "WeightAverage": "lwtrain.callbacks.weight_average",
    "build_backbone": "lwtrain.building",
    "build_stack": "lwtrain.building",
    "cut": "lwtrain.backbones.cut",
    "draw_timeline": "lwtrain.pictures.timeline",
    "load_dataset": "lwtrain.data.load",
    "quiet_trainer": "lwtrain.quiet",
}

__all__ = [
    "Backbone",
    "BackpropSchedule",
    "CustomSchedule",
    "History",
    "HorizontalLayer",
    "InformationPlane",
    "LayerSchedule",
    "LayerStack",
    "LinearHead",
    "PseudoLabels",
    "SemiSupervisedDataModule",
    "SequentialSchedule",
    "SidecarMap",
    "SimultaneousSchedule",
    "Split",
    "StackableNetwork",
    "VoteRule",
    "WaveSchedule",
    "WeightAverage",
    "build_backbone",
    "build_stack",
    "cut",
    "draw_timeline",
    "load_dataset",
    "quiet_trainer",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lwtrain' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
