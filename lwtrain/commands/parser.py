"""How a command reads its arguments: with argparse, but mistakes take one line, as everywhere."""

import sys
from argparse import ArgumentParser
from typing import NoReturn

from lwtrain.commands import COMMANDS


class CommandParser(ArgumentParser):
    """An `ArgumentParser` that says what is wrong and where help is, without the whole usage.

    Example:
        >>> CommandParser("lwtrain runs").error("--sort: expected one argument")
        Traceback (most recent call last):
        SystemExit: 2
    """

    def error(self, message: str) -> NoReturn:
        """End the program with code 2."""
        print(f"{message.removeprefix('argument ')}; see {self.prog} --help", file=sys.stderr)
        sys.exit(2)


def summary(command: str) -> str:
    """Say in a sentence what a command is for.

    Example:
        >>> summary("runs")
        'Show the runs below a folder side by side, with the settings that tell them apart.'
    """
    text = COMMANDS[command]
    return f"{text[0].upper()}{text[1:]}."
