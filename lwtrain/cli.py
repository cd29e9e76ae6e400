"""The command line: `lwtrain setting=value ...` or `lwtrain COMMAND ...`, the same as `python train.py`.

All settings are checked before anything starts and torch is imported after that, so a mistake costs a second. Then
Hydra does what it does for every program: it makes the run's folder, or starts the runs of a multirun.
"""

import logging
import os
import sys
from argparse import ArgumentError, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lwtrain.commands import COMMANDS
from lwtrain.config.files import conf_dir
from lwtrain.errors import MENDABLE, ConfigError, Stopped
from lwtrain.failures import failure_kept, is_interruption, reason
from lwtrain.help import help_text
from lwtrain.version import VERSION

if TYPE_CHECKING:
    from hydra.conf import HydraConf
    from omegaconf import DictConfig

    from lwtrain.config.schema import Config

MISTAKEN, INTERRUPTED = 2, 130  # exit codes; a run that fails has 1, one that a signal stops 128 and its number

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line.

    Args:
        arguments: What stands behind the program's name; by default what the user typed there.

    Raises:
        SystemExit: With code 2 if settings or a command's arguments are mistaken, 1 if a run fails, 130 if it is
            stopped with Ctrl-C, 143 if by SIGTERM.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments and arguments[0] in COMMANDS:
        _command(arguments[0], arguments[1:])
    elif {"--help", "-h"} & set(arguments):
        print(help_text("python train.py" if sys.argv[0].endswith("train.py") else "lwtrain"))
    elif "--version" in arguments:
        print(f"lwtrain {VERSION}")
    else:
        try:
            _start(arguments)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


def _command(name: str, arguments: list[str]) -> None:
    """Do something else than train."""
    try:
        import_module(f"lwtrain.commands.{name}").main(arguments)
    except MENDABLE as error:
        _refuse(error)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _start(arguments: list[str]) -> None:
    """Check all settings, then leave the rest to Hydra."""
    import hydra
    from hydra._internal.utils import get_args_parser  # there is no public way to tell options from settings

    from lwtrain.searching import register
    from lwtrain.sweeps import results_shown

    if "--debug" in arguments:
        arguments.remove("--debug")
        os.environ["HYDRA_FULL_ERROR"] = "1"
    parser = get_args_parser()
    parser.exit_on_error = False
    try:
        options, unknown = parser.parse_known_intermixed_args(arguments)
    except ArgumentError as error:
        _refuse(str(error).removeprefix("argument "))
    _check_options(options)
    words = [*options.overrides, *unknown]
    flags = [argument for argument in arguments if argument not in words]
    if options.shell_completion:
        _offer(words)
    else:
        words = _checked(words, options)
    register()
    with _arguments(flags + words), results_shown():
        hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="train")(run_job)()


def _offer(words: Sequence[str]) -> None:
    """Tell a shell that asks what commands and options there are, before Hydra tells it of settings."""
    from lwtrain.completion import line_for_hydra, offers

    if any(word.startswith("query=") for word in words):
        for offer in offers(os.environ.get("COMP_LINE", "")):
            print(offer)
        line_for_hydra()


def _check_options(options: Namespace) -> None:
    """End the program where Hydra would look for settings in places that can bring code."""
    if options.experimental_rerun is not None:
        _refuse(
            f"--experimental-rerun={options.experimental_rerun}: it would unpickle that file, which can run code; "
            "go on with a run by ckpt_path=RUN"
        )
    if options.config_path is not None:
        _refuse(
            f"--config-path={options.config_path}: settings start from lwtrain's own files; "
            "name a folder of yours with --config-dir"
        )


def _refuse(message: object) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(MISTAKEN)


def _checked(words: list[str], options: Namespace) -> list[str]:
    """Give the words to hand to Hydra, or end the program with everything that is wrong with them."""
    from lwtrain.config.command_line import CommandLine

    command_line = CommandLine(
        words,
        multirun=options.multirun,
        folders=[Path(options.config_dir)] if options.config_dir else [],
        config_name=options.config_name or "train",
    )
    try:
        command_line.check(new_folder=not (options.cfg or options.info or options.hydra_help))
    except ConfigError as error:
        _refuse(error)
    for note in command_line.notes():
        print(note, file=sys.stderr)
    return command_line.for_hydra()


@contextmanager
def _arguments(arguments: list[str]) -> Iterator[None]:
    """Put arguments where Hydra finds them, and Lightning, which starts further processes with them."""
    typed, sys.argv = sys.argv, [sys.argv[0], *arguments]
    try:
        yield
    finally:
        sys.argv = typed


def run_job(values: "DictConfig") -> float | None:
    """Train once, with the config and in the folder that Hydra made.

    Returns:
        The accuracy of the vote, for sweepers that look for the best settings.

    Raises:
        SystemExit: With the message that is all a user needs, if the run cannot go on.
        CompactHydraException: The same in a multirun, where the other runs go on and Hydra shows it at the end.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import CompactHydraException
    from hydra.types import RunMode

    from lwtrain.config.run_folders import how_to_go_on, is_first_process

    hydra_config = HydraConfig.get()
    several = hydra_config.mode is RunMode.MULTIRUN
    folder, sweep = _named(hydra_config.runtime.output_dir), _named(hydra_config.sweep.dir) if several else None
    try:
        return _train(values, hydra_config)
    except MENDABLE as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        if several:
            log.error("%s", error)
            raise CompactHydraException(str(error)) from None
        sys.exit(str(error))
    except Stopped as end:
        if is_first_process():
            print(how_to_go_on(folder, sweep), file=sys.stderr)
        sys.exit(128 + end.signal)
    except BaseException as end:
        if not isinstance(end, KeyboardInterrupt) and is_interruption(end):
            if is_first_process():
                print(how_to_go_on(folder, sweep), file=sys.stderr)
            sys.exit(INTERRUPTED)
        if several and isinstance(end, Exception) and os.environ.get("HYDRA_FULL_ERROR") != "1":
            log.exception("%s", reason(end))  # Hydra would show where the first failure arose, and no other's
            raise CompactHydraException(reason(end)) from None  # which can be sent from process to process
        raise


def _train(values: "DictConfig", hydra_config: "HydraConf") -> float | None:
    from lwtrain.config.launchers import may_be_requeued
    from lwtrain.config.loading import config_of_job
    from lwtrain.config.run_folders import check_new_folder, is_first_process
    from lwtrain.config.sweep_folders import continued, finished

    folder = _named(hydra_config.runtime.output_dir)
    if not is_first_process():
        return _train_in(folder, config_of_job(values, hydra_config), hydra_config)
    goes_on = values.get("ckpt_path") == "auto" or may_be_requeued(hydra_config)
    if values.get("ckpt_path") is None and not goes_on:
        check_new_folder(folder, "hydra.run.dir")
    if goes_on and (metrics := finished(config_of_job(values, hydra_config), folder)):
        log.info("%s: has finished before, and is left alone", folder)
        return metrics.get("vote/val/accuracy")
    with failure_kept(folder):
        config = config_of_job(values, hydra_config)
        if goes_on:
            config, note = continued(config, folder)
            if note is not None:
                log.warning("%s", note)
        return _train_in(folder, config, hydra_config)


def _train_in(folder: Path, config: "Config", hydra_config: "HydraConf") -> float | None:
    from lwtrain.config.effects import left_out, without_effect
    from lwtrain.config.run_folders import is_first_process, store_settings

    if is_first_process():
        store_settings(config, folder)
        if config.progress != "none":
            show_settings(config)
        given = [word.lstrip("+").partition("=")[0] for word in hydra_config.overrides.task]
        for line in without_effect(config, given):
            log.warning("%s", line)
        if hint := left_out(config):
            log.info("%s", hint)
    from lwtrain.training import train

    return train(config, folder).get("vote/val/accuracy")


def _named(place: str) -> Path:
    """Name a folder as a user would."""
    folder = Path(place)
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def show_settings(config: "Config") -> None:
    """Print all settings, a line for each group."""
    import yaml
    from pygments.token import Name, Token
    from rich.console import Console
    from rich.style import Style
    from rich.syntax import ANSISyntaxTheme, Syntax

    text = yaml.safe_dump(asdict(config), sort_keys=False, default_flow_style=None, width=100)
    theme = ANSISyntaxTheme({Token: Style(), Name.Tag: Style(color="magenta")})  # light and dark screens show it
    Console(soft_wrap=True).print(
        Syntax(text, "yaml", theme=theme, background_color="default").highlight(text.rstrip())
    )


if __name__ == "__main__":
    main()
