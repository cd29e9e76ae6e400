"""Puts values, and what is allowed, into the words of a message."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from lwtrain.config.annotations import members, split
from lwtrain.config.ranges import OrAuto
from lwtrain.printable import printable
from lwtrain.registry import choices_hint

_LONGEST = 80  # characters of a value that a message repeats
_NOUNS = {NoneType: "null", bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def shown(value: Any) -> str:
    """Write a value as the command line has it, on one line and cut where it gets too long to be read.

    Example:
        >>> shown([1, None, {"layer": "head", "store": True}])
        '[1,null,{layer:head,store:true}]'
    """
    text = printable(_written(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_written, value)) + "]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def allowed(kind: Any, value: Any = None) -> str:
    """Say what a type allows; where that is a list of words, with the one nearest to `value`.

    Example:
        >>> from lwtrain.config.ranges import Positive, Share
        >>> allowed(Positive | list[Positive])
        'choose a number above 0, or a list, each item a number above 0'
        >>> allowed(Literal["linear", "cosine"], "cosin")
        "did you mean 'cosine'? Choices: linear, cosine"
    """
    if all(member is NoneType or get_origin(split(member)[0]) is Literal for member in members(kind)):
        return choices_hint(shown(value), _nouns(kind))
    return f"choose {alternatives(kind)}"


def alternatives(kind: Any) -> str:
    """List what a type takes, as a sentence goes on.

    Example:
        >>> from lwtrain.config.ranges import Count
        >>> alternatives(Literal["fresh"] | Count), alternatives(Literal["a", "b", "c"])
        ('fresh, or a whole number of at least 1', 'a, b or c')
    """
    choices = _nouns(kind)
    either = ", or " if " " in "".join(choices) else " or "
    return either.join(filter(None, [", ".join(choices[:-1]), choices[-1]]))


def _nouns(kind: Any) -> list[str]:
    plain, limits = split(kind)
    if OrAuto in map(type, limits):
        return ["auto", *_nouns(plain)]
    if len(members(plain)) > 1:
        return [noun for member in members(plain) for noun in _nouns(member)]
    if get_origin(plain) is Literal:
        return [str(choice) for choice in get_args(plain)]
    if get_origin(plain) is list:
        return [f"a list, each item {' or '.join(_nouns(get_args(plain)[0]))}"]
    if is_dataclass(plain):
        return [f"a mapping with {', '.join(field.name for field in fields(plain))}"]
    return [" ".join([_NOUNS.get(plain, "a mapping"), *map(str, limits)])]
