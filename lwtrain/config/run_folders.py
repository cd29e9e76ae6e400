"""The folder of a run: whether a new run may have it, and what an earlier run in it was made with."""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lwtrain.config.flattening import flatten
from lwtrain.config.schema import Config
from lwtrain.config.wording import shown
from lwtrain.errors import ConfigError, DataError
from lwtrain.files import write_whole
from lwtrain.plain_files import read_plain
from lwtrain.whole_archives import is_whole

SETTINGS = "config.yaml"  # in a run's folder: all it was made with
WORDS = ".hydra/overrides.yaml"  # there too: the command line, as Hydra keeps it
_LAST, _BEST = "checkpoints/last.ckpt", "checkpoints/best.ckpt"
METRICS = "metrics.json"  # there too, once it has ended: what it came to

FREE = (
    *("compile", "cuda_graphs", "progress", "data_dir", "front", "trainer", "logger", "callbacks"),
    *("ckpt_path", "layer.store"),
    "vote",  # the layers are the same, however their votes are counted
    *("dataset.folder", "dataset.unlabelled"),  # may be moved; that they hold the same is found out when they are read
)
"""What may change when a run is continued: it touches neither the network nor what the network learns from.

How many processes there are may change too, though each gets other rows then: the data module warns of it.
"""

NOT_FREE = (
    "front.views",  # which augmentations a layer meets
    "trainer.sync_batchnorm",
    "trainer.limit_train_batches",
    "trainer.accumulate_grad_batches",
    "trainer.gradient_clip_val",
    "trainer.gradient_clip_algorithm",
)
"""Settings among them that may not, for they change the steps that are made."""

LIMITS = ("trainer.max_epochs", "trainer.max_steps", "trainer.max_time", "trainer.fast_dev_run")
"""What ends a run early; a run that is continued takes it from the words given now, not from those that started it."""


@dataclass(frozen=True)
class EarlierRun:
    """A run to go on with.

    Attributes:
        checkpoint: The file to go on from.
        folder: The run's; None if the checkpoint lies in no run's folder.
        words: The command line that started it.
        settings: All it was made with.
        damaged: A later checkpoint of the run, of which this one takes the place.
    """

    checkpoint: Path
    folder: Path | None = None
    words: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    damaged: Path | None = None


def find_earlier_run(ckpt_path: str, outputs: Path) -> EarlierRun:
    """Find the run that `ckpt_path=` means.

    Args:
        ckpt_path: A checkpoint file, the folder of a run, or last: whatever below `outputs` stored a checkpoint last.
        outputs: Where runs lie.

    Raises:
        ConfigError: If there is none, or what it was made with cannot be read.
    """
    damaged = None
    if ckpt_path == "last":
        checkpoint = max(outputs.glob(f"**/{_LAST}"), key=lambda path: path.stat().st_mtime, default=None)
        if checkpoint is None:
            raise ConfigError(f"ckpt_path=last: no checkpoint below {outputs}/ yet; start a run without ckpt_path")
        checkpoint, damaged = sound_checkpoint(checkpoint.parents[1])
    elif holds_checkpoints(Path(ckpt_path)):
        checkpoint, damaged = sound_checkpoint(Path(ckpt_path))
    else:
        checkpoint = Path(ckpt_path)
        if not checkpoint.is_file():
            raise ConfigError(f"ckpt_path={ckpt_path}: no such checkpoint; choose last, a run's folder or a .ckpt file")
    checkpoint = checkpoint.resolve()
    for folder in checkpoint.parents[:2]:
        if (folder / SETTINGS).is_file() and (folder / WORDS).is_file():
            try:
                words, settings = _read(folder / WORDS, list), _read(folder / SETTINGS, dict)
                return EarlierRun(checkpoint, folder, tuple(map(str, words)), settings, damaged)
            except (OSError, ValueError) as error:
                raise ConfigError(f"ckpt_path={ckpt_path}: {folder} is damaged; {error}") from error
    return EarlierRun(checkpoint, damaged=damaged)


def holds_checkpoints(folder: Path) -> bool:
    """Whether a folder is that of a run which can be gone on with."""
    return (folder / _LAST).is_file() or (folder / _BEST).is_file()


def sound_checkpoint(run: Path) -> tuple[Path, Path | None]:
    """Find the last checkpoint of a run that is whole, and the one that it stands in for, if that is damaged.

    A run that goes on from the best checkpoint makes the epochs behind it again, and ends as it would have ended.

    Raises:
        ConfigError: If neither is whole.
    """
    last, best = run / _LAST, run / _BEST
    if is_whole(last):
        return last, None
    if is_whole(best):
        return best, last
    stored = " (take its trained layers: layer.load=" + f"{run / 'layers'})" if any(run.glob("layers/*")) else ""
    raise ConfigError(
        f"ckpt_path={run}: {_LAST} is missing or damaged, and there is no sound {_BEST} either.\n"
        f"Choose another run, or start anew in another folder{stored}"
    )


def _read(path: Path, kind: type) -> Any:
    content = read_plain(path)
    if not isinstance(content, kind):
        raise ValueError(f"{path.name} holds no {kind.__name__}")
    return content


def differences(config: Config, earlier: EarlierRun) -> list[str]:
    """Name what `config` would train differently from the run it continues.

    Returns:
        A line for each setting, and one that says what to do; nothing if there is no difference.
    """
    lines = [
        f"{name}={shown(now)}: the checkpoint was made with {name}={shown(then)}"
        for name, (now, then) in changes(config, earlier.settings).items()
    ]
    return [*lines, "Go on without these changes, or start a new run without ckpt_path"] if lines else []


def changes(config: Config, settings: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Give what would be trained differently: by setting the value now, and that among the `settings` of before."""
    now, then = flatten(asdict(config)), flatten(settings)
    changed = [name for name in now if name in then and now[name] != then[name] and not is_free(name)]
    if len(changed) > 1:
        changed = [name for name in changed if name != "batches"]  # auto comes out differently where others change
    return {
        name: (now[name], then[name])
        for name in changed
        if "." not in name or name.partition(".")[0] not in changed  # another choice has other settings anyway
    }


def is_free(setting: str) -> bool:
    """Whether a setting may change when a run is continued."""
    return setting not in NOT_FREE and any(setting == free or setting.startswith(f"{free}.") for free in FREE)


def store_settings(config: Config, folder: Path) -> None:
    """Keep the settings of a run in its folder."""
    text = yaml.safe_dump(asdict(config), sort_keys=False, allow_unicode=True)
    write_whole(folder / SETTINGS, lambda file: file.write(text.encode()))


def check_is_run(folder: Path, checkpoint: str) -> None:
    """Make sure that a folder holds a trained run.

    Args:
        folder: The run's.
        checkpoint: "last" or "best".

    Raises:
        DataError: If it does not.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; choose a run's, such as outputs/<date>/<time>")
    if not (folder / "checkpoints" / f"{checkpoint}.ckpt").is_file():
        raise DataError(
            f"{folder}: no trained run (there is no checkpoints/{checkpoint}.ckpt); choose the folder of one"
        )


def check_new_folder(folder: Path, setting: str) -> None:
    """Make sure that a new run can write to a folder, and overwrites no other there.

    Args:
        folder: The run's, or that of a multirun's runs; it need not exist.
        setting: What chose it.

    Raises:
        ConfigError: If it is taken or cannot be written to.
    """
    if setting == "hydra.sweep.dir":
        if any(any(folder.glob(f"[!.]*/{file}")) for file in (_LAST, METRICS)):
            raise ConfigError(f"{setting}={folder}: it holds runs; choose another, or go on with them: ckpt_path=auto")
    elif (folder / _LAST).is_file():
        raise ConfigError(f"{setting}={folder}: it holds a run; choose another, or go on with it: ckpt_path={folder}")
    elif (folder / METRICS).is_file():  # of a trial that stored no checkpoint
        raise ConfigError(f"{setting}={folder}: it holds a run; choose another")
    check_writable(folder, setting)


def check_writable(folder: Path, setting: str) -> None:
    """Make sure that a run can write to a folder, new or not.

    Args:
        folder: The run's, or that of a multirun's runs; it need not exist.
        setting: What chose it.

    Raises:
        ConfigError: If that cannot be done.
    """
    try:
        place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        tempfile.TemporaryFile(dir=place).close()
    except OSError as error:
        raise ConfigError(f"{setting}={folder}: cannot be written to ({error.strerror}); choose another") from error


def how_to_go_on(folder: Path, sweep: Path | None = None) -> str:
    """Say of a run that was stopped how to continue it.

    Args:
        folder: The run's.
        sweep: That of all its runs, if the run was one of several.
    """
    if sweep is not None:
        return f"stopped; go on with the same command and: hydra.sweep.dir={sweep} ckpt_path=auto"
    if (folder / _LAST).exists():
        return f"stopped; go on with: ckpt_path={folder}"
    return "stopped before the first checkpoint; start it anew"


def is_first_process() -> bool:
    """Whether this process started the run, and is not one that data parallel training added."""
    return not any(int(os.environ.get(rank) or 0) for rank in ("LOCAL_RANK", "RANK", "NODE_RANK", "SLURM_PROCID"))
