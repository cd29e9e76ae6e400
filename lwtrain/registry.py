"""Choices by name: a file that registers itself is found without being listed anywhere."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Generic, TypeVar

Builder = TypeVar("Builder", bound=Callable[..., object])


class Registry(Generic[Builder]):
    """The builders of one config group, by name.

    Every module of `package` is imported at the first look-up, so a new file with a registered builder is enough to
    add a choice.

    Example:
        >>> shapes: Registry[Callable[..., str]] = Registry("shape", package=None)
        >>> @shapes.register("round")
        ... def circle() -> str:
        ...     return "o"
        >>> shapes["round"]()
        'o'
        >>> shapes["rond"]
        Traceback (most recent call last):
        ValueError: shape=rond: did you mean 'round'? Choices: round
    """

    def __init__(self, group: str, package: str | None) -> None:
        self.group = group
        self._package = package
        self._builders: dict[str, Builder] = {}

    def register(self, *names: str) -> Callable[[Builder], Builder]:
        """Decorate a builder to make it the choice called by any of `names`."""

        def remember(builder: Builder) -> Builder:
            self._builders.update(dict.fromkeys(names, builder))
            return builder

        return remember

    def __getitem__(self, name: str) -> Builder:
        self._import_package()
        if name not in self._builders:
            raise ValueError(f"{self.group}={name}: {choices_hint(name, list(self))}")
        return self._builders[name]

    def __iter__(self) -> Iterator[str]:
        self._import_package()
        return iter(sorted(self._builders))

    def _import_package(self) -> None:
        if self._package is None:
            return
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self._package}.{module.name}")
        self._package = None


def choices_hint(name: str, choices: list[str]) -> str:
    """Say what is allowed, nearest first: "did you mean 'wave'? Choices: sequential, wave"."""
    near = get_close_matches(name, choices, n=1)
    return (f"did you mean '{near[0]}'? " if near else "") + f"Choices: {', '.join(choices)}"
