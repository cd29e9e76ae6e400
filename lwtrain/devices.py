"""Where a trained network computes, by the names that Lightning gives accelerators."""

import torch

from lwtrain.errors import ConfigError


def device_called(name: str) -> torch.device:
    """Find a device.

    Args:
        name: "cpu"; "gpu", "cuda" or "mps", the accelerator of that kind; "auto", the accelerator if there is one.

    Raises:
        ConfigError: If there is no such device here.

    Example:
        >>> device_called("cpu")
        device(type='cpu')
    """
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if name == "auto":
        return found or torch.device("cpu")
    if name == "cpu":
        return torch.device("cpu")
    if found is None or (name != "gpu" and found.type != name) or found.type not in ("cuda", "mps"):
        raise ConfigError(f"--device {name}: there is none here; choose auto or cpu")
    return found
