"""What a user may have meant by a setting that does not exist."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from functools import cache
from typing import Any, get_type_hints

from lwtrain.config.annotations import schema_called, schemas
from lwtrain.config.files import group_choices
from lwtrain.config.foreign_code import names_code
from lwtrain.config.schema import Config
from lwtrain.config.wording import shown

_FEW = 3  # settings of one name that are worth listing

ELSEWHERE = {
    "trainer.precision": "set precision=auto, 32 or bf16",
    "trainer.enable_progress_bar": "set progress=none",
    "trainer.enable_checkpointing": "a run can always be continued, so it always stores checkpoints",
    "trainer.default_root_dir": "set hydra.run.dir=FOLDER",
    "trainer.logger": "set logger.tensorboard and logger.csv",
    "trainer.callbacks": "hand them to a Trainer of your own, in a script",
    "trainer.ckpt_path": "set ckpt_path",
    "trainer.min_epochs": "set schedule.epochs",
}
"""What Lightning's users look for under trainer, and what to do here."""


def unknown_setting(path: str, value: Any, schema: Any, choice: Any = None) -> Iterator[str]:
    """Explain, a line for each value, that `path` is no setting.

    Args:
        path: Where the value stands, such as `encoder.gird`.
        value: What stands there.
        schema: The dataclass that has no such field.
        choice: The `name` that picked this dataclass, if it has one.

    Example:
        >>> from lwtrain.config.schema import PoolConfig
        >>> list(unknown_setting("encoder.gird", 4, PoolConfig))
        ['encoder.gird=4: no such setting; did you mean encoder.grid?']
        >>> list(unknown_setting("encoder.hidden", 64, PoolConfig, "pool"))
        ['encoder.hidden=64: not with encoder=pool, but with encoder=a, b, c, dense, infopro, strided']
    """
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from unknown_setting(f"{path}.{shown(key)}", item, schema, choice)
    else:
        yield f"{path}={shown(value)}: {_hint(path, schema, choice)}"


def _hint(path: str, schema: Any, choice: Any) -> str:
    if names_code(path):
        return "settings cannot name code; choose by name, or build the network in a script of your own"
    if path in ELSEWHERE:
        return f"not set here; {ELSEWHERE[path]}"
    group, _, key = path.rpartition(".")
    if path in _known():
        takers = [name for name in group_choices()[group] if schema_called(_kinds()[group], name) in _known()[path]]
        return f"not with {group}={choice}, but with {group}={', '.join(takers)}"
    names = [field.name for field in fields(schema)]
    namesakes = [known for known in _known() if known.rpartition(".")[2] == key]
    if not 0 < len(namesakes) <= _FEW:
        if path.partition(".")[0] in _kinds():  # what other choices of the group have would be refused, too
            namesakes = [f"{group}.{name}" for name in get_close_matches(key, names, n=1)]
        else:
            alike = [known for known in _known() if known.count(".") == path.count(".")]
            namesakes = get_close_matches(path, alike, n=1)
    if namesakes:
        return f"no such setting; did you mean {' or '.join(namesakes)}?"
    if not group:
        return "no such setting; --help lists them"
    settings = [name for name in names if name != "name"] or names  # the name is the choice
    return f"no such setting; there are {', '.join(f'{group}.{name}' for name in settings)}"


@cache
def _known() -> dict[str, list[Any]]:
    """List every setting there is, as `group.setting`, with the dataclasses that have it."""
    known: dict[str, list[Any]] = {name: [Config] for name in _kinds()}
    for name, kind in _kinds().items():
        for schema in schemas(kind):
            for field in fields(schema):
                known.setdefault(f"{name}.{field.name}", []).append(schema)
    return known


@cache
def _kinds() -> dict[str, Any]:
    return get_type_hints(Config, include_extras=True)
