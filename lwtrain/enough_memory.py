"""Tells that memory does not suffice: before a run where that can be foreseen, else in words instead of a traceback."""

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytorch_lightning as pl
import torch

from lwtrain.callbacks.layer_schedule import LayerSchedule
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.errors import ConfigError, TrainingError
from lwtrain.fronts.choose import OF_MEMORY
from lwtrain.fronts.free_space import free_memory
from lwtrain.fronts.front import CHUNK
from lwtrain.fronts.size import readable
from lwtrain.memory_need import MemoryNeed, memory_need
from lwtrain.stack import LayerStack

MARGIN = 1.25
"""How far a need may lie above what is free before a run is refused: the estimate's own error; see `memory_need`."""

OVERHEAD = 48 * 2**20
"""What kernels and libraries take for themselves, once.

In four of five runs that took 177 to 844 MiB, 44 to 66 MiB more was measured than `memory_need` counts, in the fifth
27 MiB less (VGG-8B and VGG-11, sidecars c and pool, float32, one core).
"""

_SIGNS = ("out of memory", "can't allocate memory", "cannot allocate memory", "bad_alloc", "not enough memory")


def check_memory(
    trainer: pl.Trainer, stack: LayerStack, data: SemiSupervisedDataModule, schedule: LayerSchedule
) -> None:
    """Make sure that a fit, which is about to begin, fits into the memory that is free.

    On CUDA that is the accelerator's. Where it is close, a warning says so and the run goes on.

    Raises:
        ConfigError: If it does not fit, with sizes and the setting that helps.
    """
    half = "bf16" in str(trainer.precision)
    need = memory_need(stack, data, schedule, half=half, world=trainer.world_size)
    device = trainer.strategy.root_device
    on_accelerator = device.type == "cuda"
    free = torch.cuda.mem_get_info(device)[0] if on_accelerator else free_memory() // trainer.num_devices
    held = OVERHEAD + (need.images + need.weights if on_accelerator else 0)  # the CPU has those already
    front = 0 if on_accelerator else _front(need, schedule, free)  # an accelerator's moves to the host if need be
    needed = held + need.work + front
    if needed > MARGIN * free:
        raise ConfigError(_refusal(need, held, front, free, stack, data, schedule))
    if needed > free and trainer.is_global_zero:
        logging.getLogger(__name__).warning(
            "batch_size=%d: about %s are needed, %s are free", data.batch_size, readable(needed), readable(free)
        )


def _front(need: MemoryNeed, schedule: LayerSchedule, free: int) -> int:
    name = schedule.fronts.front
    return need.front if name == "memory" or (name == "auto" and need.front <= OF_MEMORY * free) else 0


def _refusal(
    need: MemoryNeed,
    held: int,
    front: int,
    free: int,
    stack: LayerStack,
    data: SemiSupervisedDataModule,
    schedule: LayerSchedule,
) -> str:
    """Say what needs how much, and the remedy that would fit."""
    left = free - held - need.optimizer_state
    if front and need.work + held <= free:
        sizes = f"activations take {readable(front)} beside {readable(need.work + held)} for a step"
        return (
            f"front={schedule.fronts.front}: {sizes}, {readable(free)} are free. Choose front=disk or front=recompute"
        )
    if need.evaluation > max(left, need.steps[need.largest]):  # whatever the batch
        sizes = f"{CHUNK} images on their way through it need {readable(need.evaluation)}, {readable(free)} are free"
        return f"model: {sizes}. Choose a smaller model.width, or dataset.image_size"
    step = need.steps[need.largest]
    where = f"batch_size={data.batch_size}" if stack.micro_batch is None else f"micro_batch={stack.micro_batch}"
    sizes = f"a step of {need.largest} needs about {readable(step + need.optimizer_state)}, {readable(free)} are free"
    fixed = step - need.growth[need.largest].peak(need.rows)  # gradients of layers beside it
    rows = min(growth.most_rows(left - fixed) for growth in need.growth.values())
    if rows < 2:
        return f"{where}: {sizes}; no batch is small enough. Choose a smaller model.width or encoder=pool"
    sliced = not any(stack.part(number).compares_rows for number in range(len(stack.layers)))
    if stack.micro_batch is not None:
        return f"{where}: {sizes}. Choose micro_batch={rows} or less"
    return f"{where}: {sizes}. Choose batch_size={rows} or less{f', or micro_batch={rows}' if sliced else ''}"


@contextmanager
def memory_told(trainer: pl.Trainer, stack: LayerStack, schedule: LayerSchedule) -> Iterator[None]:
    """Say in two lines where memory ran out, and what helps; what could not be foreseen.

    Raises:
        TrainingError: If it did.
    """
    try:
        yield
    except (MemoryError, RuntimeError, OSError) as error:
        if not ran_out_of_memory(error):
            raise
        who = "all layers" if stack.end_to_end else stack.active_name
        doing = "in validation" if trainer.validating or trainer.testing else "in training"
        place = ""
        if trainer.state.fn == "fit" and trainer.current_epoch < len(schedule.timetable(len(stack.layers))):
            moment = schedule.timetable(len(stack.layers))[trainer.current_epoch]
            place = f" of wave {moment.visit.wave + 1}, epoch {moment.epoch + 1}, step {trainer.global_step + 1}"
        remedies = ["a smaller batch_size", "micro_batch"] if stack.micro_batch is None else ["a smaller micro_batch"]
        remedies += ["front=disk", "front=recompute"] if schedule.fronts.front in ("auto", "memory") else []
        raise TrainingError(
            f"{who}: out of memory {doing}{place}; checkpoints of earlier epochs are kept.\n"
            f"Choose {', '.join(remedies)} or encoder=pool"
        ) from error


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no memory left: torch has three, and the system its own."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)
