"""Where the YAML files are, and which choices they offer. Read without Hydra or a YAML parser: help has to be fast."""

from functools import cache
from pathlib import Path


@cache
def conf_dir() -> Path:
    """Find conf/: inside the package where it was installed from a wheel, else beside it in the repository."""
    package = Path(__file__).parents[1]
    places = [package / "conf", package.parent / "conf"]
    return next(place for place in places if (place / "train.yaml").is_file())


def group_choices(*folders: Path) -> dict[str, list[str]]:
    """List the config groups and the names that can be chosen in each.

    Args:
        folders: Where else to look, besides conf/.

    Example:
        >>> group_choices()["optimizer"]
        ['adam', 'adamw', 'sgd']
    """
    found: dict[str, set[str]] = {}
    for folder in (conf_dir(), *folders):
        for file in folder.glob("*/*.yaml"):
            found.setdefault(file.parent.name, set()).add(file.stem)
    return {group: sorted(found[group]) for group in sorted(found)}
