"""What commands that look at a trained network ask for: whose it is, which of its checkpoints, where its data lie."""

from argparse import ArgumentTypeError, Namespace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lwtrain.commands.parser import CommandParser
from lwtrain.errors import ConfigError

if TYPE_CHECKING:
    from lwtrain.trained_run import TrainedRun

DEVICES = ("auto", "cpu", "gpu", "cuda", "mps")  # as trainer.accelerator has them


def add_run(parser: CommandParser) -> None:
    """Let a command take RUN; `given_run` asks for it, as argparse would ask for what follows it, too."""
    parser.add_argument("run", metavar="RUN", nargs="?", type=Path, help="the run's folder")


def add_which(parser: CommandParser) -> None:
    """Let a command take the option that says which network of the run is meant."""
    parser.add_argument(
        "--checkpoint", choices=["last", "best"], default="last", help="of the last epoch or the best vote (last)"
    )


def add_data_dir(parser: CommandParser) -> None:
    """Let a command take the option that says where its data are now."""
    parser.add_argument("--data-dir", metavar="DIR", help="where the data set lies now")


def add_device(parser: CommandParser) -> None:
    """Let a command take the option that says where the network computes."""
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute (auto)")


def check_run(parser: CommandParser, given: Namespace) -> None:
    """Make sure, before torch is imported, that a trained run was named.

    Raises:
        DataError: If there is none in the folder.
        SystemExit: With code 2 if none was named.
    """
    if given.run is None:
        parser.error("RUN: name a run's folder, such as outputs/<date>/<time>")
    from lwtrain.config.run_folders import check_is_run  # not before help has been given

    check_is_run(given.run, given.checkpoint)


def load(given: Namespace) -> "TrainedRun":
    """Put the network together again.

    Raises:
        ConfigError: If the data set is not one that lies in data_dir, but `--data-dir` was given.
        DataError: If its checkpoint or data are missing or damaged.
    """
    from lwtrain.trained_run import load_run

    run = load_run(given.run, checkpoint=given.checkpoint, data_dir=given.data_dir)
    if given.data_dir is not None and not run.config.dataset.describe().in_data_dir:
        raise ConfigError(f"--data-dir has no effect: dataset={run.config.dataset.name} reads nothing there")
    return run


def whole(least: int) -> partial[int]:
    """Make what reads an option's whole number, `least` or more."""
    return partial(_whole, least=least)


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise ArgumentTypeError(f"{text}: choose a whole number, {least} or more")
    return int(text)
