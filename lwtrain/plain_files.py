"""Reads JSON and YAML files as plain values, whoever wrote them. No torch in here."""

import json
from pathlib import Path
from typing import Any

import yaml

_MOST = 1_000_000  # values in a file; YAML's aliases can make any number of a few lines
_DEEPEST = 50


class UnreadableFileError(ValueError):
    """A file that holds no plain values; the message says why, on one line."""


def read_plain(path: Path) -> Any:
    """Read a file as nothing but None, booleans, numbers, texts, lists, and mappings with texts for keys.

    Args:
        path: JSON if it is called so, else YAML.

    Raises:
        OSError: If there is no such file, or it cannot be read.
        UnreadableFileError: If it holds anything else.
    """
    try:
        text = path.read_bytes().decode()
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError:
        raise
    except Exception as error:  # YAML fails in any way over some of its tags: IndexError, AttributeError, ...
        raise UnreadableFileError(" ".join(str(error).split()) or type(error).__name__) from error
    _check_plain(content)
    return content


def _check_plain(content: Any) -> None:
    waiting, seen = [(content, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if depth > _DEEPEST or seen > _MOST:
            raise UnreadableFileError("it is too large, or contains itself")
        if isinstance(value, dict):
            if strange := [key for key in value if not isinstance(key, str)]:
                raise UnreadableFileError(f"its key {strange[0]} is no text")
            waiting += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value]
        elif not isinstance(value, (bool, int, float, str, type(None))):
            raise UnreadableFileError(f"it holds {value}, which is neither a number nor a text")
