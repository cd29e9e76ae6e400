"""Writes down the best settings of a search: as a command line, and as an experiment to be chosen by `--config-dir`."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

from lwtrain.config.files import group_choices
from lwtrain.files import write_whole

BEST = "experiment/best.yaml"
_ASIDE = ("hparams_search", "ckpt_path", "progress")  # of the search, not of what was found


def write_best(folder: Path, words: Sequence[str], which: str, accuracy: float) -> str:
    """Write `experiment/best.yaml`, wholly or not at all.

    Args:
        folder: The search's.
        words: What the best run was made with.
        which: Names that run.
        accuracy: The vote's, in validation.

    Returns:
        The words, ready to be typed behind `lwtrain`.
    """
    groups = group_choices()
    experiments: list[str] = []
    choices: list[dict[str, Any]] = []
    settings: dict[str, Any] = {}
    kept = []
    for override in OverridesParser.create().parse_overrides([*words]):
        key, value = override.key_or_group, override.value()
        if key in _ASIDE or key.replace("/", ".").startswith("hydra."):
            continue
        kept.append(f"{override.get_key_element()}={override.get_value_element_as_str()}")
        if key == "experiment":
            names = value if isinstance(value, list) else [value]
            experiments = [f"/experiment/{name}@_global_" for name in names if name is not None]
        elif key in groups:
            choices.append({f"override /{key}": value})
        else:
            _put(settings, key.split("."), value)
    content = {"defaults": [*experiments, "_self_", *choices], **settings}
    about = f"# @package _global_\n# {which.capitalize()}: vote/val/accuracy {accuracy:.4f}\n"
    text = about + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (folder / BEST).parent.mkdir(exist_ok=True)
    write_whole(folder / BEST, lambda file: file.write(text.encode()))
    return shlex.join(kept)


def _put(settings: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for part in path[:-1]:
        settings = settings.setdefault(part, {})
    settings[path[-1]] = value
