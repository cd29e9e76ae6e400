"""The values that a file of conf/ gives, those of the files it starts from included. Without Hydra."""

from pathlib import Path
from typing import Any

import yaml


def shipped_values(folder: Path, choice: str) -> dict[str, Any]:
    """Read a choice's values, laid over those of the choices beside it that its defaults list names.

    Choices in other groups are left out, and of a file that is not there all is.

    Example:
        >>> from lwtrain.config.files import conf_dir
        >>> shipped_values(conf_dir() / "encoder", "similarity")
        {'name': 'similarity', 'grid': 4}
    """
    file = folder / f"{choice}.yaml"
    values = yaml.safe_load(file.read_text()) if str(choice).isidentifier() and file.is_file() else {}
    names = [each for each in values.pop("defaults", []) if isinstance(each, str) and each != "_self_"]
    below = [shipped_values(folder, name) for name in names]
    return {name: value for each in [*below, values] for name, value in each.items()}
