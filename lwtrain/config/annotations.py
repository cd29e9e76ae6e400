"""Takes the annotations of the schema apart."""

from dataclasses import is_dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints


def split(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """Take `Annotated[int, Range(...)]` apart into the plain type and what is said of it."""
    return (get_args(kind)[0], kind.__metadata__) if get_origin(kind) is Annotated else (kind, ())


def members(kind: Any) -> tuple[Any, ...]:
    """List the types of which a value may be any one; a type that is no union is its only member."""
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def schemas(kind: Any) -> list[Any]:
    """List the dataclasses among the members."""
    return [member for member in members(kind) if is_dataclass(member)]


def schema_called(kind: Any, name: Any) -> Any:
    """Find the dataclass for a choice: the one that has `name` in a Literal, else the one open to all names, or None.

    Example:
        >>> from lwtrain.config.schema import Config
        >>> encoder = get_type_hints(Config)["encoder"]
        >>> schema_called(encoder, "pool").__name__, schema_called(encoder, "c").__name__
        ('PoolConfig', 'AutoencoderConfig')
    """
    names = {schema: get_type_hints(schema).get("name") for schema in schemas(kind)}
    closed = [schema for schema, choices in names.items() if name in get_args(choices)]
    return next(iter(closed + [schema for schema, choices in names.items() if choices in (str, None)]), None)
