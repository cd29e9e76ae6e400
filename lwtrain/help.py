"""What `--help` says: the choices and settings as conf/ has them, with the remarks that stand beside them there."""

import re
from collections.abc import Iterator
from textwrap import wrap

from lwtrain.commands import COMMANDS
from lwtrain.config.files import conf_dir, group_choices
from lwtrain.config.remarks import Remark, read_remarks

_WIDTH = 120
_COLUMN = 36  # where explanations begin
_SETTING = re.compile(r"^(?!(?:name|defaults):)\w+(?=:)", re.MULTILINE)

EXAMPLES = {
    "model=vgg11 schedule=wave": "VGG-11 in waves on the bundled images",
    "dataset=cifar10 labels=4000 encoder=c": "few labels and many images",
    "-m model=vgg11,vgg13 schedule=sequential,wave": "four runs, one after the other",
    "schedule=backprop": "the same backbone end to end: the baseline",
    "ckpt_path=last": "go on where the last run stopped",
}
_OPTIONS = {
    "-m": "start a run for each combination of values: seed=0,1 or seed=range(0,5)",
    "--cfg job": "show the settings and stop",
    "--config-dir DIR": "take YAML files from DIR, too",
    "--debug": "show where in the code an error arose",
    "--hydra-help": "what else Hydra can do",
    "--version": "show the version",
}


def help_text(program: str) -> str:
    """Explain the command line.

    Args:
        program: How the user starts it.
    """
    _, groups, settings = read_remarks(conf_dir() / "train.yaml")
    choices = group_choices()
    lines = [
        "Train deep image classifiers layer by layer: each layer learns from a small problem of its own,",
        "and no gradient crosses from one layer into another.",
        "",
        f"Usage: {program} [group=choice] [setting=value] ...",
        f"       {program} COMMAND ...",
        "",
        "Groups (the first choice is the default)",
    ]
    for group in groups:
        names = [group.value] * (group.value != "null") + [name for name in choices[group.name] if name != group.value]
        lines += _entry(group.name, f"{group.text}: {', '.join(names)}")
    lines += ["", "Settings (each with its default)"]
    for setting in settings:
        lines += _entry(f"{setting.name}={setting.value}", setting.text)
    for group in groups:
        of_choice = read_remarks(conf_dir() / group.name / f"{group.value}.yaml").settings
        for setting in of_choice:
            lines += _entry(f"{group.name}.{setting.name}={setting.value}", setting.text)
    others = [f"{group.name}.{setting}" for group in groups for setting in _settings_of_other_choices(group)]
    lines += wrap(f"  Settings of other choices: {', '.join(others)}", _WIDTH, subsequent_indent="    ")
    lines += [f"  All settings there are, with the choices you make: {program} [group=choice] ... --cfg job"]
    lines += ["", "Examples"]
    longest = max(map(len, EXAMPLES))
    lines += [f"  {program} {words:<{longest}}  # {purpose}" for words, purpose in EXAMPLES.items()]
    lines += ["", "Commands (each says more with --help)"]
    for command, purpose in COMMANDS.items():
        lines += _entry(command, purpose)
    lines += ["", "Options"]
    for option, purpose in _OPTIONS.items():
        lines += _entry(option, purpose)
    lines += ["", "Runs are stored in outputs/<date>/<time>; look at them with: tensorboard --logdir outputs"]
    return "\n".join(lines)


def _settings_of_other_choices(group: Remark) -> list[str]:
    """List the settings that a group has, but not with its default choice; none where that is to choose nothing."""
    files = sorted((conf_dir() / group.name).glob("*.yaml"))
    known = {file.stem: _SETTING.findall(file.read_text()) for file in files}
    usual = known.get(group.value)
    return [] if usual is None else sorted({name for names in known.values() for name in names} - set(usual))


def _entry(term: str, explanation: str) -> Iterator[str]:
    """Set an explanation beside its term, in as many lines as it takes."""
    indent = " " * _COLUMN
    head = f"  {term}  "
    if len(head) > _COLUMN:
        yield head.rstrip()
        head = ""
    yield from wrap(head.ljust(_COLUMN) + explanation, _WIDTH, subsequent_indent=indent, drop_whitespace=True)
