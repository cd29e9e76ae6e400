"""Turns plain values, as YAML holds them, into what a type asks for, and puts down whatever does not fit."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lwtrain.config.annotations import members, schema_called, split
from lwtrain.config.ranges import OrAuto, Range
from lwtrain.config.suggestions import unknown_setting
from lwtrain.config.wording import allowed, shown

_NOTHING = object()  # what comes of a value that does not fit; None is a value


def read(kind: Any, value: Any, setting: str, mistakes: list[str]) -> Any:
    """Convert `value` to the type `kind`.

    One item without brackets is a list of one, and a whole number may stand for a float or a text; besides, everything
    has to be of its type.

    Args:
        kind: An annotation as in `lwtrain.config.schema`.
        value: Null, a boolean, a number or a text, or a list or mapping of such.
        setting: Where the value stands, such as `optimizer.lr`.
        mistakes: Takes a line for each thing that does not fit.

    Returns:
        The converted value; None where it does not fit. A mapping fits its dataclass even with keys too many.

    Example:
        >>> mistakes = []
        >>> read(bool | int, 2, "trainer.fast_dev_run", mistakes), mistakes
        (2, [])
        >>> read(Literal["pad", "scale"], "pat", "dataset.fit", mistakes) is None, mistakes
        (True, ["dataset.fit=pat: did you mean 'pad'? Choices: pad, scale"])
    """
    if value == "???":  # OmegaConf's mark for a value to be given later
        mistakes.append(f"{setting}: missing; {allowed(kind)}")
        return None
    if isinstance(value, Mapping) and (schema := schema_called(kind, value.get("name"))):
        return _read_mapping(schema, value, setting, mistakes)
    for member in members(kind):
        inside: list[str] = []
        converted = _read_member(member, value, setting, inside)
        if converted is not _NOTHING and not inside:
            return converted
        if inside:  # it is a list or mapping indeed, and what is wrong lies deeper
            mistakes.extend(inside)
            return None
    mistakes.append(f"{setting}={shown(value)}: {allowed(kind, value)}")
    return None


def _read_mapping(schema: Any, values: Mapping[Any, Any], setting: str, mistakes: list[str]) -> Any:
    """Fill a dataclass; a key that it does not know is a mistake, and one missing that it needs."""
    kinds = get_type_hints(schema, include_extras=True)
    for key, value in values.items():
        if key not in kinds:
            mistakes.extend(unknown_setting(f"{setting}.{shown(key)}", value, schema, values.get("name")))
    before, arguments = len(mistakes), {}
    for field in fields(schema):
        kind, path = kinds[field.name], f"{setting}.{field.name}"
        if field.name in values:
            arguments[field.name] = read(kind, values[field.name], path, mistakes)
        elif field.default is MISSING:
            mistakes.append(f"{path}: missing; {allowed(kind)}")
    return schema(**arguments) if len(mistakes) == before else None


def _read_member(kind: Any, value: Any, setting: str, mistakes: list[str]) -> Any:
    plain, limits = split(kind)
    if OrAuto in map(type, limits) and value == "auto":
        return value
    if get_origin(plain) is dict and isinstance(value, Mapping):
        _, item = get_args(plain)
        return {str(key): read(item, each, f"{setting}.{shown(key)}", mistakes) for key, each in value.items()}
    if get_origin(plain) is list and isinstance(value, list):
        (item,) = get_args(plain)
        return [read(item, each, f"{setting}[{number}]", mistakes) for number, each in enumerate(value)]
    if get_origin(plain) is list:
        lone = _read_member(get_args(plain)[0], value, setting, [])
        return _NOTHING if lone is _NOTHING else [lone]
    converted = _convert(plain, value)
    within = converted is not _NOTHING and all(converted in limit for limit in limits if isinstance(limit, Range))
    return converted if within else _NOTHING


def _convert(kind: Any, value: Any) -> Any:
    if kind is Any:
        return value
    if get_origin(kind) is Literal:
        return next((choice for choice in get_args(kind) if str(choice) == str(value)), _NOTHING)
    if isinstance(value, int) and not isinstance(value, bool):
        if kind is float and abs(value) < 2**1023:
            return float(value)
        if kind is str:
            return str(value)
    return value if type(value) is kind else _NOTHING
