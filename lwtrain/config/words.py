"""Takes the words of a command line apart: `model=vgg11,vgg13` makes a group's choice, another one for each run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any, Literal, NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, Quote, QuotedString
from hydra.errors import HydraException

from lwtrain.config.search_space import Interval, read_interval
from lwtrain.config.wording import shown
from lwtrain.registry import choices_hint

_MOST_VALUES = 1000  # of one word that are looked at; range(0, 1, 1e-9) has more than anyone waits for

Groups = Mapping[str, list[str]]
"""The names that can be chosen in each config group."""


class Given(NamedTuple):
    """What one word says for one run."""

    key: str
    value: Any
    kind: Literal["choice", "setting", "hydra"]
    text: str  # in Hydra's grammar


@dataclass(frozen=True)
class Word:
    """One word of the command line."""

    key: str
    text: str  # in Hydra's grammar
    runs: tuple[Given, ...]  # one, or in a multirun one for each of its values; none if nothing can be made of them
    interval: Interval | None = None  # of which `runs` has the ends


def quoted(value: object) -> str:
    r"""Write a value so that Hydra's grammar takes it as it is, whatever signs are in it.

    Example:
        >>> print(quoted("runs/epoch=1, it's done.ckpt"))
        'runs/epoch=1, it\'s done.ckpt'
    """
    return QuotedString(str(value), Quote.single).with_quotes()


def parse(text: str, groups: Groups, mistakes: list[str], *, multirun: bool = False) -> Word | None:
    """Read one word.

    Args:
        text: As typed, such as `model=vgg11,vgg13`.
        groups: The config groups and their choices.
        mistakes: Takes a line for each thing that is wrong with it.
        multirun: Whether it may have several values, one for each run.

    Returns:
        The word. In the place of a choice that a group has not got stands the nearest one it has, so that the settings
        beside it can be looked at too. None if the word cannot be read.

    Example:
        >>> mistakes = []
        >>> word = parse("model=vgg11,vgg31", {"model": ["vgg11", "vgg13"]}, mistakes, multirun=True)
        >>> [run.value for run in word.runs]
        ['vgg11', 'vgg13']
        >>> mistakes
        ["model=vgg31: did you mean 'vgg13'? Choices: vgg11, vgg13"]
    """
    if text.startswith("-"):
        mistakes.append(f"{shown(text)}: no such option; settings have no dashes before them, such as seed=1")
        return None
    try:
        override = OverridesParser.create().parse_override(text)
        if override.is_interval_sweep() and (complaint := _complaint(override)):
            mistakes.append(complaint)
            return None
        values = list(islice(_values(override, groups), _MOST_VALUES))
    except (HydraException, ValueError, RecursionError):
        mistakes.append(
            f"{shown(text)}: write setting=value, and quote a value that has signs in it: 'setting=\"a=b\"'"
        )
        return None
    key = override.key_or_group
    if key == "hydra.searchpath":
        mistakes.append(f"{shown(text)}: name a folder of your own YAML files with --config-dir")
        return None
    if key.replace("/", ".").partition(".")[0] == "hydra":
        return Word(key, text, tuple(Given(key, value, "hydra", text) for _, value in values[:1]))
    if not key or override.is_delete() or override.package is not None:
        mistakes.append(f"{shown(text)}: settings are changed, not taken away or moved; write setting=value")
    elif len(values) == _MOST_VALUES and key in groups:
        mistakes.append(f"{key}: choose fewer than {_MOST_VALUES}")
    elif not values:
        mistakes.append(f"{shown(text)}: there is no value in this; list some, such as {key}=a,b")
    elif override.is_sweep_override() and not multirun:
        mistakes.append(f"{shown(text)}: choose one value; with -m before it, several start a run each")
    else:
        runs = [Given(key, value, "setting", f"{key}={written}") for written, value in values]
        if key in groups:
            runs = [choice for run in runs for choice in _choices(run, groups[key], mistakes)]
        interval = read_interval(override) if override.is_interval_sweep() else None
        return Word(key, f"{key}={override.get_value_string()}", tuple(runs), interval)
    return None


def _values(override: Override, groups: Groups) -> Iterator[tuple[str, Any]]:
    """Go through a word's values, each as it is written and as it is meant; of an interval there are two, its ends."""
    value: Any = override.value()
    if isinstance(value, Glob):
        for name in value.filter(groups.get(override.key_or_group, [])):
            yield name, name
    elif override.is_discrete_sweep():
        for written in override.sweep_string_iterator():
            yield written, OverridesParser.create().parse_override(f"value={written}").value()
    elif override.is_interval_sweep():
        low, high, *_ = read_interval(override)
        yield from ((str(end), end) for end in (low, high))
    else:
        yield override.get_value_string() if override.value_type else "", value


def _complaint(interval: Override) -> str | None:
    try:
        read_interval(interval)
    except ValueError as error:
        return str(error)
    return None


def _choices(run: Given, choices: list[str], mistakes: list[str]) -> Iterator[Given]:
    """Take a word as the choice of a group, or what is nearest to it; there may be no such thing."""
    several = run.key == "experiment" and isinstance(run.value, list)  # they may lie over the rest, and one another
    unknown = [name for name in (run.value if several else [run.value]) if str(name) not in choices]
    if not unknown:
        yield run._replace(kind="choice")
    for name in unknown[:1]:
        mistakes.append(f"{run.key}={shown(name)}: {choices_hint(shown(name), choices)}")
        for near in get_close_matches(str(name), choices, n=1):
            yield Given(run.key, near, "choice", f"{run.key}={near}")
