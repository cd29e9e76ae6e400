"""From plain values to a `Config`: each is read as the schema says, then all are held against each other."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, get_type_hints

from lwtrain.config.combinations import find_mistakes
from lwtrain.config.learned_from import pick_batches
from lwtrain.config.reading import read
from lwtrain.config.schema import Config
from lwtrain.config.suggestions import unknown_setting
from lwtrain.config.wording import allowed, shown
from lwtrain.config.words import Groups
from lwtrain.data.dataset_info import DatasetInfo
from lwtrain.registry import choices_hint


def check(
    values: Mapping[str, Any],
    groups: Groups,
    mistakes: list[str],
    *,
    multirun: bool = False,
    doubtful: Collection[str] = (),
    unreadable: Collection[str] = (),
    images: DatasetInfo | None = None,
) -> Config | None:
    """Make a config.

    Args:
        values: What Hydra composed, without interpolations.
        groups: The config groups and their choices.
        mistakes: Takes a line for each thing that is wrong.
        multirun: Whether the config is one of several that start together.
        doubtful: Settings whose value only stands in for one that is a mistake; they are not held against others.
        unreadable: Settings that are mistakes for which nothing can stand in; they are not even read.
        images: What is known of the data set, with the classes chosen; by default its config is asked, which has to
            look into a folder of pictures.

    Returns:
        None if anything is wrong.
    """
    before = len(mistakes)
    kinds = get_type_hints(Config, include_extras=True)
    parts = {}
    for name in [name for name in kinds if name not in unreadable]:
        flaws: list[str] = []
        part = _read_part(name, kinds[name], values, groups, flaws)
        if name not in doubtful and (part is not None or not flaws):
            parts[name] = part
        mistakes.extend(flaws)
    for key, value in values.items():
        if key not in kinds:
            mistakes.extend(unknown_setting(shown(key), value, Config))
    known = {} if images is None else {"images": images}
    mistakes.extend(find_mistakes(parts | known | {"multirun": multirun}))
    if len(mistakes) > before or len(parts) < len(kinds):
        return None
    if parts["batches"] == "auto":
        images = images or parts["dataset"].describe()
        parts["batches"] = pick_batches(
            images, *(parts[name] for name in ("labels", "encoder", "objective", "schedule", "pseudo_labels"))
        )
    if parts["map"].name == "auto":
        parts["map"] = replace(parts["map"], name=parts["model"].maps[0])
    return Config(**parts)


def _read_part(name: str, kind: Any, values: Mapping[str, Any], groups: Groups, mistakes: list[str]) -> Any:
    """Read one setting, or all those of a group."""
    value, choices = values.get(name), groups.get(name, [])
    choice = value.get("name") if isinstance(value, Mapping) else None
    if name not in values:
        mistakes.append(f"{name}: missing; {choices_hint('', choices) if choices else allowed(kind)}")
    elif choices and choice is not None and choice not in choices:
        mistakes.append(f"{name}.name={shown(choice)}: {choices_hint(shown(choice), choices)}")
    else:
        return read(kind, value, name, mistakes)
    return None
