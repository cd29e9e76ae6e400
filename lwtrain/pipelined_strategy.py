"""Lightning's side of layer parallelism: processes that train different layers of one network on the same batches."""

from typing import Any

import torch
from pytorch_lightning.strategies import DDPStrategy
from torch import distributed as dist

from lwtrain.stack import LayerStack


class PipelinedStrategy(DDPStrategy):
    """Starts processes as data parallelism does, and lets no gradient travel; for `PipelinedSchedule`.

    A checkpoint, written by the first process, holds what each process's optimizer knows of its own layers, so that any
    number of processes can go on from it. Settings are those of Lightning's `DDPStrategy`, such as
    `process_group_backend`.
    """

    def configure_ddp(self) -> None:
        """Wrap nothing: each process has layers of its own, and the schedule shares them."""

    def optimizer_state(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """Give the state of all layers in the first process; in the others, which write nothing, that of their own."""
        state: dict[str, Any] = super().optimizer_state(optimizer)
        stack = self.lightning_module
        if not isinstance(stack, LayerStack) or stack.pipeline is None:
            return state
        numbers = [number for layer in stack.pipeline.own for number in state["param_groups"][layer]["params"]]
        own = {number: state["state"][number] for number in numbers if number in state["state"]}
        every: list[Any] | None = [None] * self.world_size if self.global_rank == 0 else None
        dist.gather_object(own, every)
        return state | {"state": own if every is None else dict(item for some in every for item in some.items())}
