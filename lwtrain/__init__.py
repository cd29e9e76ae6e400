"""lwtrain trains deep image classifiers one layer at a time: local problems, no gradient between layers.

The names below are imported when they are first used, so that the command line can answer before torch is loaded.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lwtrain import torchvision_operators

if TYPE_CHECKING:
    from lwtrain.building import build_stack
    from lwtrain.callbacks.layer_schedule import LayerSchedule
    from lwtrain.callbacks.named_schedules import (
        BackpropSchedule,
        CustomSchedule,
        SequentialSchedule,
        SimultaneousSchedule,
        WaveSchedule,
    )
    from lwtrain.data.load import Split, load_dataset
    from lwtrain.data.module import SemiSupervisedDataModule
    from lwtrain.layer import HorizontalLayer, LinearHead
    from lwtrain.stack import LayerStack

torchvision_operators.cure_on_import()

_HOMES = {
    "BackpropSchedule": "lwtrain.callbacks.named_schedules",
    "CustomSchedule": "lwtrain.callbacks.named_schedules",
    "HorizontalLayer": "lwtrain.layer",
    "LayerSchedule": "lwtrain.callbacks.layer_schedule",
    "LayerStack": "lwtrain.stack",
    "LinearHead": "lwtrain.layer",
    "SemiSupervisedDataModule": "lwtrain.data.module",
    "SequentialSchedule": "lwtrain.callbacks.named_schedules",
    "SimultaneousSchedule": "lwtrain.callbacks.named_schedules",
    "Split": "lwtrain.data.load",
    "WaveSchedule": "lwtrain.callbacks.named_schedules",
    "build_stack": "lwtrain.building",
    "load_dataset": "lwtrain.data.load",
}

__all__ = [
    "BackpropSchedule",
    "CustomSchedule",
    "HorizontalLayer",
    "LayerSchedule",
    "LayerStack",
    "LinearHead",
    "SemiSupervisedDataModule",
    "SequentialSchedule",
    "SimultaneousSchedule",
    "Split",
    "WaveSchedule",
    "build_stack",
    "load_dataset",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lwtrain' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
