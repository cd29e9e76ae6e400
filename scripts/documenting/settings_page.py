"""The page of all settings, made from the schemas, which say what is allowed, and from conf/, which says the rest."""

from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from lwtrain.config.annotations import members, schema_called
from lwtrain.config.files import conf_dir, group_choices
from lwtrain.config.remarks import Remark, read_remarks
from lwtrain.config.schema import Config
from lwtrain.config.shipped_values import shipped_values
from lwtrain.config.wording import alternatives, shown

_INTRODUCTION = """# Settings

This page is made from the code each time the site is built, so it is the state of the code beside it. Settings are
written on the command line, `python train.py batch_size=128 encoder=c encoder.dropout=0.2`, or in a YAML file of your
own (`--config-dir`). A group such as `encoder` takes a choice by its name, and the choice brings its own settings.
A mistake costs a second: all settings are checked before anything starts.

`python train.py --help` has the same in short, and `python train.py ... --cfg job` shows what a command comes to.
"""


class Setting(NamedTuple):
    """One line of the page."""

    name: str  # as on the command line
    kind: Any  # its annotation
    default: Any  # of the dataclass; MISSING where conf/ has to say


def settings_page() -> str:
    """Write the page, in Markdown."""
    _, groups, top = read_remarks(conf_dir() / "train.yaml")
    kinds = get_type_hints(Config, include_extras=True)
    names = [group.name for group in groups]
    parts = [
        _INTRODUCTION,
        "## Settings of every run\n",
        *_top_table({n: kinds[n] for n in kinds if n not in names}, top),
    ]
    for group in groups:
        parts += [f"\n## {group.name}\n", f"{_sentence(group.text)}.\n"]
        parts += _group(group, kinds[group.name]) if group.name in kinds else _files(group.name)
    return "\n".join(parts) + "\n"


def settings_of(prefix: str, schema: Any) -> Iterator[Setting]:
    """List the settings of a dataclass, those of dataclasses within it too; `name`, which is a choice, is none.

    Example:
        >>> from lwtrain.config.schema import CustomConfig
        >>> [setting.name for setting in settings_of("schedule.", CustomConfig)]
        ['schedule.visits', 'schedule.visits[0].layer', 'schedule.visits[0].epochs', 'schedule.visits[0].wave']
    """
    kinds = get_type_hints(schema, include_extras=True)
    for field in fields(schema):
        if field.name == "name":
            continue
        name, kind = f"{prefix}{field.name}", kinds[field.name]
        inner = [member for member in members(kind) if is_dataclass(member)]
        if not (len(members(kind)) == 1 and inner):  # else it is nothing but those
            yield Setting(name, kind, field.default)
        for member in members(kind):
            if get_origin(member) is list and is_dataclass(item := get_args(member)[0]):
                yield from settings_of(f"{name}[0].", item)
        for member in inner:
            yield from settings_of(f"{name}.", member)


def _top_table(kinds: dict[str, Any], remarks: list[Remark]) -> Iterator[str]:
    values = shipped_values(conf_dir(), "train")
    texts = {remark.name: remark.text for remark in remarks}
    settings: list[Setting] = []
    for name, kind in kinds.items():
        settings += settings_of(f"{name}.", kind) if is_dataclass(kind) else [Setting(name, kind, MISSING)]
    yield from _table(
        (setting, _default({"train": values}, "", setting), texts.get(setting.name, "")) for setting in settings
    )


def _group(group: Remark, kind: Any) -> Iterator[str]:
    """Write a group's choices, those together that take the same settings."""
    names = [group.value, *(name for name in group_choices()[group.name] if name != group.value)]
    of_schema: dict[Any, list[str]] = {}
    for name in names:
        of_schema.setdefault(kind if is_dataclass(kind) else schema_called(kind, name), []).append(name)
    remarks = _remarks_of_group(group.name, names)
    for schema, choices in of_schema.items():
        if len(of_schema) > 1:
            yield f"### {group.name}={', '.join(choices[:4])}{' ...' * (len(choices) > 4)}\n"
        yield from _choices(group, choices)
        values = {choice: shipped_values(conf_dir() / group.name, choice) for choice in choices}
        rows = [
            (setting, _default(values, f"{group.name}.", setting), _remark(remarks, choices, setting))
            for setting in settings_of(f"{group.name}.", schema)
        ]
        if rows:
            yield ""
            yield from _table(rows)
        yield ""


def _remarks_of_group(group: str, choices: list[str]) -> dict[str, dict[str, str]]:
    """Give what stands beside settings, by choice and setting."""
    remarks: dict[str, dict[str, str]] = {}
    for choice in choices:
        found = read_remarks(conf_dir() / group / f"{choice}.yaml").settings
        remarks[choice] = {f"{group}.{remark.name}": remark.text for remark in found}
    return remarks


def _remark(remarks: dict[str, dict[str, str]], choices: list[str], setting: Setting) -> str:
    """Find what stands beside a setting: with one of these choices, else with any of the group's."""
    for choice in [*choices, *remarks]:
        if text := remarks[choice].get(setting.name):
            return text
    return ""


def _choices(group: Remark, choices: list[str]) -> Iterator[str]:
    for choice in choices:
        about = read_remarks(conf_dir() / group.name / f"{choice}.yaml").about
        default = " (the default)" if choice == group.value else ""
        yield f"- `{group.name}={choice}`{default}" + (f": {about.rstrip('.')}" if about else "")


def _files(group: str) -> Iterator[str]:
    """List what sets settings of many groups."""
    yield "What stands beside it on the command line takes the place of what it sets.\n"
    for name in group_choices()[group]:
        about = read_remarks(conf_dir() / group / f"{name}.yaml").about
        yield f"- `{group}={name}`: {about.rstrip('.')}"


def _default(values: dict[str, dict[str, Any]], prefix: str, setting: Setting) -> str:
    """Show a setting's value in each choice's file; once, where they agree."""
    choices_by_value: dict[str, list[str]] = {}
    for choice, given in values.items():
        value = shown(_look_up(given, setting.name.removeprefix(prefix), setting.default))
        choices_by_value.setdefault(value, []).append(choice)
    if len(choices_by_value) == 1:
        return _code(next(iter(choices_by_value)))
    commonest = max(choices_by_value, key=lambda value: len(choices_by_value[value]))
    others = [
        f"{_code(value)} with {', '.join(choices)}"
        for value, choices in choices_by_value.items()
        if value and value != commonest
    ]
    return "<br>".join(filter(None, [_code(commonest), *others]))


def _look_up(values: dict[str, Any], path: str, default: Any) -> Any:
    """Follow a path such as `information_plane.every`; through lists and nulls it leads to the dataclass's default."""
    value: Any = values
    for name in path.split("."):
        if not isinstance(value, dict) or name not in value:
            return "" if default is MISSING else default
        value = value[name]
    return value


def _table(rows: Iterable[tuple[Setting, str, str]]) -> Iterator[str]:
    yield "| setting | default | takes | meaning |"
    yield "|---|---|---|---|"
    for setting, default, remark in rows:
        yield f"| `{setting.name}` | {default} | {_cell(alternatives(setting.kind))} | {_cell(remark)} |"


def _code(value: str) -> str:
    if value == "???":
        return "(has to be given)"
    return f"`{value}`" if value else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
