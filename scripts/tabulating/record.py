"""What is kept of a finished run: a small file that says all that its figures depend on."""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lwtrain.config.flattening import flatten
from lwtrain.errors import DataError
from lwtrain.files import write_whole
from lwtrain.learning_curve import learning_curve
from lwtrain.plain_files import read_plain

_ACCURACY = re.compile(r"(layer_\d+|head|vote)/(val|test)/accuracy")
_SILENT = ("seed=", "data_dir=", "hydra.", "progress=", "ckpt_path=")
CUTTING = ("trainer.limit_train_batches", "trainer.fast_dev_run")
"""Settings that make epochs shorter than the data set."""


def record(run_dir: Path) -> dict[str, Any]:
    """Read a run's folder.

    Returns:
        command, revision, lwtrain, machine, config, seconds, peak_memory_mib, epochs, cut_short (the reasons, none of a
        whole run), accuracy (by layer, head and vote, in validation and test) and curve (a point for each epoch).

    Raises:
        DataError: If the run has not finished, or was made by an lwtrain that did not say how.
    """
    try:
        metrics = read_plain(run_dir / "metrics.json")
    except (OSError, ValueError) as error:
        raise DataError(f"{run_dir}: no finished run (there is no metrics.json that can be read)") from error
    try:
        return check_record(_record(metrics, run_dir))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise DataError(f"{run_dir}: its metrics are damaged ({type(error).__name__}: {error})") from error


def _record(metrics: dict[str, Any], run_dir: Path) -> dict[str, Any]:
    if "made_by" not in metrics:
        raise DataError(f"{run_dir}: its metrics.json does not say what it was made by; run it again with this lwtrain")
    accuracy: dict[str, dict[str, float]] = {"val": {}, "test": {}}
    for tag, value in metrics.items():
        if found := _ACCURACY.fullmatch(tag):
            accuracy[found[2]][found[1]] = round(value, 5)
    return {
        **metrics["made_by"],
        "command": _without_checkpoint(metrics["made_by"]["command"]),
        "config": metrics["config"] | {"ckpt_path": None},
        "seconds": round(metrics["seconds"], 1),
        "peak_memory_mib": round(metrics["peak_memory_mib"]),
        "epochs": metrics["epochs"],
        "cut_short": why_cut_short(metrics),
        "accuracy": accuracy,
        "curve": learning_curve(run_dir),
    }


def check_record(kept: Any) -> dict[str, Any]:
    """Give what is kept of a run if it is that.

    Raises:
        ValueError: If something is missing or of another kind; the message says what.
    """
    number, text = (int, float), (str, type(None))
    _check("it", kept, dict)
    for name, kind in {"config": dict, "accuracy": dict, "cut_short": list, "machine": dict, "curve": list}.items():
        _check(name, kept.get(name), kind)
    for name, kinds in {"seconds": number, "peak_memory_mib": number, "command": text, "revision": text}.items():
        _check(name, kept.get(name, ...), kinds)  # None is said of a copy without git, and not of a missing line
    config = kept["config"]
    _check("config.seed", config.get("seed"), int)
    _check("config.labels", config.get("labels"), (int, float, str))
    _check("config.dataset", config.get("dataset"), dict)
    _check("config.dataset.name", config["dataset"].get("name"), str)
    _check("config.dataset.classes", config["dataset"].get("classes"), (list, type(None)))
    for stage in ("val", "test"):
        _check(f"accuracy.{stage}", kept["accuracy"].get(stage), dict)
        _check_figures(f"accuracy.{stage}", kept["accuracy"][stage])
    for point in kept["curve"]:
        _check("curve", point, dict)
        _check_figures("curve", {"seconds": None, **point})
    for reason in kept["cut_short"]:
        _check("cut_short", reason, str)
    for name in ("run", "study"):
        _check(name, kept.get(name), text)
    _check("minutes", kept.get("minutes", 0), number)
    _check_figures("it", {name: kept[name] for name in ("seconds", "peak_memory_mib")})
    try:
        shlex.split(kept["command"] or "")
    except ValueError as error:
        raise ValueError(f"command: {error}") from error
    return kept


def _check_figures(name: str, figures: Mapping[str, Any]) -> None:
    for key, value in figures.items():
        _check(f"{name}.{key}", value, (int, float))
        if not abs(value) < 2**63:
            raise ValueError(f"{name}.{key} is too large, or no number")


def _check(name: str, value: Any, kinds: Any) -> None:
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise ValueError(f"{name} is missing or damaged")


def keep(kept: Mapping[str, Any], path: Path) -> Path:
    """Write what is kept of a run into a file of its own, each point of the curve on one line."""
    text = re.sub(
        r"\{\s+(\"seconds\"[^{}]*?)\s+\}",
        lambda found: "{" + re.sub(r"\s+", " ", found[1]) + "}",
        json.dumps(kept, indent=1),
    )
    write_whole(path, lambda file: file.write((text + "\n").encode()))
    return path


def telling_words(command: str | None) -> list[str]:
    """Give the settings of a command that say what was trained, and not where or with which seed.

    Example:
        >>> telling_words("python train.py model=vgg8b seed=2 progress=plain data_dir=/data")
        ['model=vgg8b']
    """
    words = shlex.split((command or "").removeprefix("python train.py"))
    return [word for word in words if not word.startswith(_SILENT)]


def name_of(command: str | None, seed: int) -> str:
    """Make the name of a result's file.

    Example:
        >>> name_of("python train.py model=vgg8b encoder=pool seed=2 progress=plain", 2)
        'model-vgg8b_encoder-pool_seed-2'
    """
    return re.sub(r"[^\w.]+", "-", "_".join([*telling_words(command), f"seed={seed}"]))[:180]


def why_cut_short(metrics: Mapping[str, Any]) -> list[str]:
    """Name what made a run shorter than its schedule or its data set.

    Example:
        >>> epochs = {"trained": 3, "scheduled": 10}
        >>> why_cut_short({"epochs": epochs, "config": {"trainer": {"limit_train_batches": None}}})
        ['3 of 10 epochs']
    """
    trained, scheduled = metrics["epochs"]["trained"], metrics["epochs"]["scheduled"]
    settings = flatten(metrics["config"])
    reasons = [f"{trained} of {scheduled} epochs"] if trained < scheduled else []
    return reasons + [f"{name}={settings[name]}" for name in CUTTING if settings.get(name)]


def _without_checkpoint(command: str | None) -> str | None:
    r"""Leave out which file a run went on from: the command shall make the run again, and elsewhere.

    Example:
        >>> _without_checkpoint("python train.py model=vgg8b 'ckpt_path='\"'\"'a/last.ckpt'\"'\"''")
        'python train.py model=vgg8b'
    """
    if command is None:
        return None
    return shlex.join(word for word in shlex.split(command) if not word.startswith("ckpt_path="))
