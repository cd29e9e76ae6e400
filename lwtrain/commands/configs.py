"""`lwtrain configs list|copy`: the YAML files that settings come from, and copies of them to change."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from lwtrain.commands.parser import CommandParser, summary
from lwtrain.config.files import conf_dir, group_choices
from lwtrain.errors import ConfigError
from lwtrain.registry import choices_hint

_FOLDER = Path("conf")  # what --config-dir is told to be in the help


def main(arguments: Sequence[str]) -> None:
    """List what can be chosen, or copy files.

    Args:
        arguments: What stands behind the command's name.

    Raises:
        ConfigError: If there is no such group or choice, or a file would be overwritten.
        WriteError: If a copy cannot be written.
        SystemExit: With code 2 if the arguments are mistaken.
    """
    parser = make_parser()
    given = parser.parse_args(arguments)
    if given.action == "list":
        _list(given.group)
    else:
        if given.name is not None and len(given.choices) > 1:
            parser.error("--name: with one choice only")
        _copy(given.choices, given.to, given.name)


def make_parser() -> CommandParser:
    """Say what the command takes."""
    parser = CommandParser("lwtrain configs", description=summary("configs"), epilog="Each says more with --help.")
    actions = parser.add_subparsers(dest="action", metavar="list|copy", required=True)
    listing = actions.add_parser("list", help="name groups and choices", description="Name groups and choices.")
    listing.add_argument("group", metavar="GROUP", nargs="?", help="with what each of its choices is")
    copying = actions.add_parser(
        "copy",
        help="copy choices into a folder, to change them",
        description="Copy choices into a folder, to change them. A copy under a name of its own is a new choice: "
        "lwtrain configs copy model/vgg11 --name mine, then: lwtrain --config-dir conf model=mine",
    )
    copying.add_argument(
        "choices", metavar="GROUP/CHOICE", nargs="+", help="such as model/vgg11, or train: where all starts"
    )
    copying.add_argument("--to", metavar="DIR", type=Path, default=_FOLDER, help="the folder for --config-dir (conf)")
    copying.add_argument("--name", help="what the copy is called; with one choice")
    return parser


def _list(group: str | None) -> None:
    choices = group_choices()
    if group is None:
        width = max(map(len, choices))
        for name, names in choices.items():
            print(f"{name:<{width}}  {', '.join(names)}")
        return
    if group not in choices:
        raise ConfigError(f"{group}: {choices_hint(group, list(choices))}")
    width = max(map(len, choices[group]))
    for name in choices[group]:
        print(f"{name:<{width}}  {_about(conf_dir() / group / f'{name}.yaml')}".rstrip())


def _about(file: Path) -> str:
    """Give the comment that a file begins with."""
    lines = [line for line in file.read_text().splitlines() if not line.startswith("# @package")]
    return lines[0].removeprefix("#").strip() if lines and lines[0].startswith("#") else ""


def _copy(choices: Sequence[str], folder: Path, name: str | None) -> None:
    pairs = [_pair(choice, folder, name) for choice in choices]
    for _, copy in pairs:  # before the first is written
        if copy.exists():
            raise ConfigError(f"{copy}: there is one already; take it away, or choose another --to or --name")
    from lwtrain.files import disk_at_fault

    for file, copy in pairs:
        with disk_at_fault(copy):
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
        print(copy)
    if given := [choice for choice in choices if "/" in choice]:
        group, own = given[0].split("/")
        print(f"change it, then: lwtrain --config-dir {folder} {group}={name or own}")


def _pair(choice: str, folder: Path, name: str | None) -> tuple[Path, Path]:
    """Give the file of a choice, and where its copy goes."""
    if choice == "train":
        return conf_dir() / "train.yaml", folder / f"{name or 'train'}.yaml"
    group, _, own = choice.partition("/")
    choices = group_choices()
    if group not in choices:
        raise ConfigError(f"{choice}: {choices_hint(group, [*choices, 'train'])}")
    if own not in choices[group]:
        raise ConfigError(f"{choice}: {choices_hint(own, choices[group])}")
    return conf_dir() / group / f"{own}.yaml", folder / group / f"{name or own}.yaml"
