"""Configs outside the command line: for a notebook or a script, and for the run that Hydra has started."""

from collections.abc import Sequence
from pathlib import Path

from hydra.conf import HydraConf
from hydra.types import RunMode
from omegaconf import DictConfig

from lwtrain.config.checking import check
from lwtrain.config.command_line import CommandLine
from lwtrain.config.composing import plain_values
from lwtrain.config.files import group_choices
from lwtrain.config.schema import Config
from lwtrain.errors import ConfigError


def load_config(words: Sequence[str] = (), folders: Sequence[Path] = ()) -> Config:
    """Make the config of one run, for notebooks, scripts and tests.

    Args:
        words: As on the command line, such as "model=vgg13".
        folders: Where YAML files of your own lie, besides conf/.

    Raises:
        ConfigError: If anything is wrong; the message has a line for each mistake.

    Example:
        >>> load_config(["model=vgg13", "encoder=pool"]).encoder
        PoolConfig(name='pool', grid=4)
    """
    (config,) = CommandLine(words, folders=folders).check()
    return config


def config_of_job(values: DictConfig, hydra: HydraConf) -> Config:
    """Make the config of a run that Hydra has started.

    Args:
        values: What Hydra hands to the run.
        hydra: Hydra's own part.

    Raises:
        ConfigError: If anything is wrong.
    """
    folders = [Path(source.path) for source in hydra.runtime.config_sources if source.schema == "file"]
    mistakes: list[str] = []
    multirun = hydra.mode is RunMode.MULTIRUN
    config = check(plain_values(values, mistakes), group_choices(*folders), mistakes, multirun=multirun)
    if config is None:
        raise ConfigError("\n".join(mistakes))
    return config
