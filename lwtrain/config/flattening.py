"""Nested settings on one level, to be compared or listed."""

from collections.abc import Mapping
from typing import Any


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Bring settings to one level, a group's choice under the group's name; values stay as they are.

    Example:
        >>> flatten({"seed": 0, "model": {"name": "vgg11", "width": 1.0}})
        {'seed': 0, 'model': 'vgg11', 'model.width': 1.0}
    """
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix.rstrip(".") if key == "name" and prefix else f"{prefix}{key}"] = value
    return flat
