"""What the optimizer remembers of layers that rest: held as it is, in half the bytes, in main memory, or not at all.

Adam keeps two numbers for each parameter, so a network trained layer by layer carries twice its own size in moments of
which one layer's are in use.
"""

from collections.abc import Collection
from typing import Literal, get_args

import torch
from torch import Tensor, nn

RestingState = Literal["same", "bf16", "host"]
RESTING_STATES: tuple[RestingState, ...] = get_args(RestingState)


def check_resting_state(resting_state: str) -> RestingState:
    """Return `resting_state` if it is same, bf16 or host.

    Raises:
        ValueError: If it is anything else.
    """
    for choice in RESTING_STATES:
        if choice == resting_state:
            return choice
    raise ValueError(f"optimizer.resting_state={resting_state}: choose {', '.join(RESTING_STATES)}")


def settle_states(
    optimizer: torch.optim.Optimizer, awake: Collection[str], later: Collection[str], resting_state: RestingState
) -> None:
    """Give each layer's state the form that suits what the layer does next.

    Promise: settling again changes nothing, also when a checkpoint has come between, so a resumed run goes on bit for
    bit. States of layers that are neither awake nor to wake later are dropped: they would never be read.

    Args:
        optimizer: With one group per layer, called by its `name`; groups without a name are left as they are.
        awake: The layers that train now: their states get the parameters' type and device.
        later: The layers that train now or later.
        resting_state: How the states of those that only train later are held: "same" as they are; "bf16" in bfloat16,
            which takes half the bytes and rounds moments to 8 binary digits once per visit; "host" in main memory.

    Example:
        >>> layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
        >>> groups = [{"params": layer.parameters(), "name": f"layer_{n}"} for n, layer in enumerate(layers)]
        >>> optimizer = torch.optim.Adam(groups)
        >>> sum(parameter.sum() for parameter in layers.parameters()).backward(); optimizer.step()
        >>> settle_states(optimizer, awake=["layer_1"], later=["layer_0", "layer_1"], resting_state="bf16")
        >>> [optimizer.state[layer.weight]["exp_avg"].dtype for layer in layers]
        [torch.bfloat16, torch.float32]
    """
    for group in optimizer.param_groups:
        name = group.get("name")
        for parameter in group["params"] if name is not None else []:
            if name in awake:
                _hold(optimizer, parameter, parameter.device, parameter.dtype)
            elif name not in later:
                optimizer.state.pop(parameter, None)
            elif resting_state == "bf16":
                _hold(optimizer, parameter, parameter.device, torch.bfloat16)
            elif resting_state == "host":
                _hold(optimizer, parameter, torch.device("cpu"), parameter.dtype)


def _hold(optimizer: torch.optim.Optimizer, parameter: nn.Parameter, device: torch.device, dtype: torch.dtype) -> None:
    state = optimizer.state.get(parameter, {})  # asking for it by [] would make an empty one
    for key, value in state.items():
        if key != "step" and isinstance(value, Tensor) and value.is_floating_point():
            state[key] = value.to(device, dtype)  # a count of steps must stay exact
