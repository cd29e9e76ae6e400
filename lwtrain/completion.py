"""What the shell offers after `lwtrain`, beside the groups and settings that Hydra offers: commands, their options."""

import argparse
import os
from importlib import import_module

from lwtrain.commands import COMMANDS


def offers(line: str) -> list[str]:
    """Give commands and options that the last word of a command line may become.

    Args:
        line: As far as it is typed; what stands first is the program.

    Example:
        >>> offers("lwtrain comp"), offers("lwtrain runs --s"), offers("lwtrain evaluate outputs/run --checkpoint ")
        (['compare'], ['--sort'], ['last', 'best'])
    """
    words, last = _words(line)
    if not words:
        return [command for command in COMMANDS if command.startswith(last)]
    if words[0] not in COMMANDS:
        return []
    parser = import_module(f"lwtrain.commands.{words[0]}").make_parser()
    known = {option: action for action in parser._actions for option in action.option_strings}  # no public way
    before = known.get(words[-1])
    if before is not None and before.nargs != 0:
        fitting = [str(choice) for choice in before.choices or ()]
    else:
        subcommands = [
            name
            for action in parser._actions
            if isinstance(action, argparse._SubParsersAction)
            for name in action.choices
        ]
        fitting = [*known, *subcommands] if last.startswith("-") or subcommands else []
    return [offer for offer in fitting if offer.startswith(last)]


def line_for_hydra() -> None:
    """Let Hydra, which knows no commands, see the settings behind `lwtrain describe`, and nothing behind others."""
    line = os.environ.get("COMP_LINE", "")
    words, last = _words(line)
    if words and words[0] in COMMANDS:
        program = line.split()[0]
        told = [program, *words[1:], last] if words[0] == "describe" else [program, "nothing="]
        os.environ["COMP_LINE"] = " ".join(told)
        os.environ["COMP_POINT"] = str(len(os.environ["COMP_LINE"]))


def _words(line: str) -> tuple[list[str], str]:
    """Give the words behind the program that are complete, and the one that is not."""
    words = line.split()[1:]
    if not words or line[-1].isspace():
        return words, ""
    return words[:-1], words[-1]
