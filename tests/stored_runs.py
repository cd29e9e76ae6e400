"""Folders as runs leave them behind."""

import json
import os
from pathlib import Path
from typing import Any

import yaml

SETTINGS: dict[str, Any] = {
    "seed": 0,
    "labels": "all",
    "batches": "labelled",
    "progress": "auto",
    "model": {"name": "vgg11", "width": 1.0},
    "map": {"name": "pool"},
}


def store_run(
    folder: Path,
    *words: str,
    figures: dict[str, Any] | None = None,
    failure: str | None = None,
    age: int = 0,
    **settings: Any,
) -> Path:
    """Make a run's folder; without figures one that has not finished, and `age` seconds older than others."""
    stored = SETTINGS | settings
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(list(words)))
    os.utime(folder / ".hydra" / "overrides.yaml", (1e9 - age, 1e9 - age))
    (folder / "config.yaml").write_text(yaml.safe_dump(stored))
    if figures is not None:
        (folder / "metrics.json").write_text(json.dumps(figures | {"config": stored}))
    if failure is not None:
        (folder / "failure.txt").write_text(f"{failure}\n")
    return folder
