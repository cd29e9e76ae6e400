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
    from lwtrain.callbacks.finite_loss import FiniteLoss
    from lwtrain.callbacks.information_plane import InformationPlane
    from lwtrain.callbacks.layer_schedule import LayerSchedule
    from lwtrain.callbacks.named_schedules import (
        BackpropSchedule,
        CustomSchedule,
        SequentialSchedule,
        SimultaneousSchedule,
        WaveSchedule,
    )
    from lwtrain.callbacks.pipelined_schedule import PipelinedSchedule
    from lwtrain.callbacks.pseudo_labels import PseudoLabels
    from lwtrain.callbacks.stop_signal import StopSignal
    from lwtrain.callbacks.weight_average import WeightAverage
    from lwtrain.courses import Course
    from lwtrain.data.load import Split, load_dataset
    from lwtrain.data.module import SemiSupervisedDataModule
    from lwtrain.evaluation import Evaluation, evaluate
    from lwtrain.history import History
    from lwtrain.layer import HorizontalLayer, LinearHead
    from lwtrain.layer_files import load_layers, store_layers
    from lwtrain.layered_module import LayeredModule
    from lwtrain.maps.sidecar_map import SidecarMap
    from lwtrain.objectives.objective import Losses, Objective
    from lwtrain.optimizers import OptimizerFactory
    from lwtrain.pictures.timeline import draw_timeline
    from lwtrain.pipelined_strategy import PipelinedStrategy
    from lwtrain.prediction import Prediction, predict
    from lwtrain.quiet import quiet_trainer
    from lwtrain.schedules import Together, Upper, Visit
    from lwtrain.sidecars.sidecar import Sidecar, SidecarOutput
    from lwtrain.stack import LayerStack
    from lwtrain.trained_run import TrainedNetwork, TrainedRun, load_network, load_run
    from lwtrain.votes import VoteRule

torchvision_operators.cure_on_import()

_HOMES = {
    "Backbone": "lwtrain.backbones.backbone",
    "BackpropSchedule": "lwtrain.callbacks.named_schedules",
    "Course": "lwtrain.courses",
    "CustomSchedule": "lwtrain.callbacks.named_schedules",
    "Evaluation": "lwtrain.evaluation",
    "FiniteLoss": "lwtrain.callbacks.finite_loss",
    "History": "lwtrain.history",
    "HorizontalLayer": "lwtrain.layer",
    "InformationPlane": "lwtrain.callbacks.information_plane",
    "LayerSchedule": "lwtrain.callbacks.layer_schedule",
    "LayerStack": "lwtrain.stack",
    "LayeredModule": "lwtrain.layered_module",
    "LinearHead": "lwtrain.layer",
    "Losses": "lwtrain.objectives.objective",
    "Objective": "lwtrain.objectives.objective",
    "OptimizerFactory": "lwtrain.optimizers",
    "PipelinedSchedule": "lwtrain.callbacks.pipelined_schedule",
    "PipelinedStrategy": "lwtrain.pipelined_strategy",
    "Prediction": "lwtrain.prediction",
    "PseudoLabels": "lwtrain.callbacks.pseudo_labels",
    "SemiSupervisedDataModule": "lwtrain.data.module",
    "SequentialSchedule": "lwtrain.callbacks.named_schedules",
    "Sidecar": "lwtrain.sidecars.sidecar",
    "SidecarMap": "lwtrain.maps.sidecar_map",
    "SidecarOutput": "lwtrain.sidecars.sidecar",
    "SimultaneousSchedule": "lwtrain.callbacks.named_schedules",
    "Split": "lwtrain.data.load",
    "StackableNetwork": "lwtrain.backbones.backbone",
    "StopSignal": "lwtrain.callbacks.stop_signal",
    "Together": "lwtrain.schedules",
    "TrainedNetwork": "lwtrain.trained_run",
    "TrainedRun": "lwtrain.trained_run",
    "Upper": "lwtrain.schedules",
    "Visit": "lwtrain.schedules",
    "VoteRule": "lwtrain.votes",
    "WaveSchedule": "lwtrain.callbacks.named_schedules",
    "WeightAverage": "lwtrain.callbacks.weight_average",
    "build_backbone": "lwtrain.building",
    "build_stack": "lwtrain.building",
    "cut": "lwtrain.backbones.cut",
    "draw_timeline": "lwtrain.pictures.timeline",
    "evaluate": "lwtrain.evaluation",
    "load_dataset": "lwtrain.data.load",
    "load_layers": "lwtrain.layer_files",
    "load_network": "lwtrain.trained_run",
    "load_run": "lwtrain.trained_run",
    "predict": "lwtrain.prediction",
    "quiet_trainer": "lwtrain.quiet",
    "store_layers": "lwtrain.layer_files",
}

__all__ = [
    "Backbone",
    "BackpropSchedule",
    "Course",
    "CustomSchedule",
    "Evaluation",
    "FiniteLoss",
    "History",
    "HorizontalLayer",
    "InformationPlane",
    "LayerSchedule",
    "LayerStack",
    "LayeredModule",
    "LinearHead",
    "Losses",
    "Objective",
    "OptimizerFactory",
    "PipelinedSchedule",
    "PipelinedStrategy",
    "Prediction",
    "PseudoLabels",
    "SemiSupervisedDataModule",
    "SequentialSchedule",
    "Sidecar",
    "SidecarMap",
    "SidecarOutput",
    "SimultaneousSchedule",
    "Split",
    "StackableNetwork",
    "StopSignal",
    "Together",
    "TrainedNetwork",
    "TrainedRun",
    "Upper",
    "Visit",
    "VoteRule",
    "WaveSchedule",
    "WeightAverage",
    "build_backbone",
    "build_stack",
    "cut",
    "draw_timeline",
    "evaluate",
    "load_dataset",
    "load_layers",
    "load_network",
    "load_run",
    "predict",
    "quiet_trainer",
    "store_layers",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lwtrain' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
