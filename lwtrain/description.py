"""What a run would be, without training: its layers with their shapes and costs, its schedule, the memory it takes."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lwtrain.config.schema import Config
from lwtrain.data.blank import blank_dataset
from lwtrain.enough_memory import OVERHEAD
from lwtrain.from_config import build_network, build_schedule, split_data
from lwtrain.fronts.choose import Free, choose
from lwtrain.fronts.free_space import free_disk, free_memory
from lwtrain.layer import HorizontalLayer
from lwtrain.memory_need import MemoryNeed, memory_need
from lwtrain.peak_memory import peak_memory_mib
from lwtrain.precision import trainer_precision
from lwtrain.schedules import Visit
from lwtrain.stack import LayerStack


@dataclass(frozen=True)
class LayerDescription:
    """One layer, or the head.

    Attributes:
        name: As in tags.
        reads: The shape of what enters it, without the batch.
        gives: Of its output, before the map.
        passes: Of what the next layer reads.
        parameters: Of the layer and the maps that train with it.
        sidecar_parameters: Of what is dropped after training: sidecar and objective.
        flops: Of one image, forward, through layer and maps; a multiplication and an addition are two.
    """

    name: str
    reads: tuple[int, ...]
    gives: tuple[int, ...]
    passes: tuple[int, ...]
    parameters: int
    sidecar_parameters: int
    flops: int


@dataclass(frozen=True)
class RunDescription:
    """What a run would be.

    Attributes:
        layers: From the image up; the head comes last.
        visits: The schedule.
        need: What memory is needed for.
        front: The front that this machine would choose, as it is now, and why ("as set" where the settings say).
        process: Bytes that Python, the libraries and the network take, before anything is read.
        labelled: How many images are learned from with their labels.
        unlabelled: How many without.
        validation: How many validate.
        steps: Of one epoch.
    """

    layers: Sequence[LayerDescription]
    visits: Sequence[Visit]
    need: MemoryNeed
    front: tuple[str, str]
    process: int
    labelled: int
    unlabelled: int
    validation: int
    steps: int

    @property
    def memory(self) -> int:
        """Bytes of the whole process on a CPU: an estimate; see `memory_need`."""
        front = self.need.front if self.front[0] == "memory" else 0
        return self.process + OVERHEAD + self.need.images + self.need.work + front


def describe(config: Config) -> RunDescription:
    """Find out what a run would be. No image is read or downloaded; the network is made and makes a few small steps.

    Raises:
        ConfigError: If the data set is a folder that is not there.
        ValueError: If settings do not fit each other.
    """
    images = config.dataset.describe().only(config.dataset.classes)
    data = split_data(config, blank_dataset(images, config.dataset.image_size))
    stack = build_network(config, data)
    schedule = build_schedule(config, set())
    precision, _ = trainer_precision(config.precision, config.trainer.accelerator)
    process = int(peak_memory_mib() * 2**20)
    need = memory_need(stack, data, schedule, half="bf16" in precision)
    return RunDescription(
        layers=describe_layers(stack),
        visits=[moment.visit for moment in schedule.timetable(len(stack.layers)) if moment.epoch == 0],
        need=need,
        front=_front(config, need),
        process=process,
        labelled=len(data.labelled),
        unlabelled=0 if data.batches == "labelled" else len(data.unlabelled),
        validation=len(data.validation_view()),
        steps=len(data.train_dataloader()),
    )


def describe_layers(stack: LayerStack) -> list[LayerDescription]:
    """Find each layer's shapes and costs, from one image on torch's "meta" device: nothing is computed.

    Args:
        stack: That knows its `input_shape`.

    Example:
        >>> from lwtrain import build_stack
        >>> from lwtrain.backbones import BACKBONES
        >>> stack = build_stack(BACKBONES["vgg_a"]("vgg_a", (3, 32, 32), num_classes=10), encoder="c")
        >>> layers = describe_layers(stack)
        >>> [round((layer.parameters + layer.sidecar_parameters) / 1e6, 2) for layer in layers[:3]]
        [4.24, 4.31, 2.4]
        >>> layers[1].reads, layers[1].gives, layers[1].passes
        ((64, 32, 32), (64, 32, 32), (64, 16, 16))
    """
    assert stack.input_shape is not None, "build_stack says it"
    found = []
    batch = torch.empty(1, *stack.input_shape, device="meta")
    for number, name in enumerate(stack.names):
        part = stack.part(number)
        own = [part.inlet, part.layer, part.map] if isinstance(part, HorizontalLayer) else [part]
        read = tuple(batch.shape[1:])
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad():
            steps = [batch := _on_meta(module)(batch) for module in own]
        outputs = steps[-2] if isinstance(part, HorizontalLayer) else steps[-1]
        parameters = _count(own)
        found.append(
            LayerDescription(
                name=name,
                reads=read,
                gives=tuple(outputs.shape[1:]),
                passes=tuple(batch.shape[1:]),
                parameters=parameters,
                sidecar_parameters=_count([part]) - parameters,
                flops=counter.get_total_flops(),
            )
        )
    return found


def _front(config: Config, need: MemoryNeed) -> tuple[str, str]:
    if config.front.name != "auto":
        return config.front.name, "as set"
    folder = Path() if config.front.folder is None else Path(config.front.folder)
    return choose(need.front, Free(free_memory(), free_disk(folder), folder))


def _on_meta(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).to("meta", torch.float32).eval()


def _count(modules: Sequence[nn.Module]) -> int:
    weights: dict[int, Tensor] = {id(weight): weight for module in modules for weight in module.parameters()}
    return sum(weight.numel() for weight in weights.values())
