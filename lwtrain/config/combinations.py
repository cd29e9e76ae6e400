"""Whether settings fit each other. Each is in its own range by now. No data are read for this, no torch is imported."""

import inspect
from collections.abc import Mapping
from typing import Any

from lwtrain.config.rules import RULES


def find_mistakes(parts: Mapping[str, Any]) -> list[str]:
    """Apply every rule to the settings that its parameters name, and leave those out that lack one of them.

    What the rules call `images` is what is known of the data set, with the classes chosen.

    Args:
        parts: Top-level settings and groups by name, without those that could not be read; and `multirun`, whether
            several runs are to start; and `images`, if they are known already.
    """
    mistakes: dict[str, None] = {}
    sound = dict(parts)
    if "dataset" in sound and "images" not in sound:
        try:
            sound["images"] = sound["dataset"].describe().only(sound["dataset"].classes)
        except ValueError as error:
            mistakes[str(error)] = None
            del sound["dataset"]
    for rule in RULES:
        needed = inspect.signature(rule).parameters
        if needed.keys() <= sound.keys():
            try:
                rule(**{name: sound[name] for name in needed})
            except ValueError as error:
                mistakes[str(error)] = None
                sound.pop(str(error).split("=")[0].split(".")[0], None)  # one mistake is not reported twice
    return list(mistakes)
