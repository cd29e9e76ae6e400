"""Reads the remarks that stand in conf/ beside choices and settings. Without a YAML parser: help has to be fast."""

import re
from pathlib import Path
from typing import NamedTuple

_REMARKED = re.compile(r"(?P<indent> *)(?P<bullet>- )?(?P<name>\w+): (?P<value>\S.*?)  # (?P<remark>.*)")
_PARENT = re.compile(r"(?P<name>\w+):$")


class Remark(NamedTuple):
    """A line of a YAML file that explains itself."""

    name: str
    value: str
    text: str


class Remarks(NamedTuple):
    """What a YAML file says of itself."""

    about: str  # the comment that the file begins with
    choices: list[Remark]  # those in its defaults list
    settings: list[Remark]  # a setting below another one is called `parent.name`


def read_remarks(file: Path) -> Remarks:
    """Read a YAML file's remarks; of a file that is not there, none.

    Example:
        >>> from lwtrain.config.files import conf_dir
        >>> remarks = read_remarks(conf_dir() / "schedule" / "wave.yaml")
        >>> remarks.about, remarks.settings[1]
        ('Sweep from the first layer to the head again and again.', Remark(name='waves', value='3', text='sweeps ...'))
    """
    remarks = Remarks(_about(file), [], [])
    parent = ""
    for line in _lines(file):
        if opening := _PARENT.match(line):
            parent = f"{opening['name']}."
        elif found := _REMARKED.fullmatch(line):
            name = parent + found["name"] if found["indent"] else found["name"]
            remark = Remark(found["name"] if found["bullet"] else name, found["value"], found["remark"])
            (remarks.choices if found["bullet"] else remarks.settings).append(remark)
    return remarks


def _about(file: Path) -> str:
    comment = []
    for line in _lines(file):
        if not line.startswith("#"):
            break
        if not line.startswith("# @package"):
            comment.append(line.removeprefix("#").strip())
    return " ".join(comment)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []
