"""Hold lwtrain's promises against a network of full size: python scripts/check_promises.py [setting=value ...].

Carries the same short run out several times (as it is, with every visit watched; again; with other fronts; killed
twice and continued) and counts the tensors that differ. The test suite does the same on tiny networks; this shows it
on VGG-11, in 2 minutes on 2 CPU cores with AMX.
"""

# ruff: noqa: I001
from lwtrain.config.loading import load_config  # lwtrain before Lightning, which imports torchvision
from lwtrain.config.schema import Config
from lwtrain.from_config import build_data, build_network, build_schedule, build_trainer
from lwtrain.stack import LayerStack
from lwtrain.quiet import quieten_lightning

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from rich.console import Console
from rich.table import Table
from torch import Tensor

SETTINGS = [
    *("encoder=c", "model.layer_depth=1", "batch_size=128", "schedule.epochs=2", "schedule.waves=2"),
    "labels=1000",
    "front=memory",
    "dataset.augmentation=med_10",
    "trainer.limit_train_batches=6",
    "progress=none",
]
KILLED_AFTER = (4, 7)  # checkpoints; the run is in the middle of the next visit then

Weights = dict[str, Tensor]


class Locality(Callback):
    """Counts the tensors of resting layers that an epoch of training moves."""

    def __init__(self) -> None:
        self.watched, self.moved = 0, 0
        self._before: Weights = {}

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remember what all layers are."""
        self._before = snapshot(pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Look what has become of the resting ones."""
        assert isinstance(pl_module, LayerStack)
        for name, value in pl_module.state_dict().items():
            if not name.startswith(f"layers.{pl_module.learners[0]}."):
                self.watched += 1
                self.moved += not torch.equal(value, self._before[name])


def snapshot(module: torch.nn.Module) -> Weights:
    """Copy all parameters and buffers."""
    return {name: value.clone() for name, value in module.state_dict().items()}


def run(config: Config, *callbacks: Callback) -> Weights:
    """Carry a run out in this process, without a folder."""
    pl.seed_everything(config.seed, verbose=False)
    data = build_data(config)
    stack = build_network(config, data)
    schedule = build_schedule(config, rest=set())
    epochs = len(schedule.timetable(len(stack.layers)))
    trainer = build_trainer(config, Path(), [schedule, *callbacks], [], epochs)
    trainer.fit(stack, datamodule=data)
    return snapshot(stack)


def run_killed(words: list[str]) -> Weights:
    """Carry a run out by the command line, killed by SIGKILL and continued."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "run", "checkpoints", "last.ckpt")
        command = [sys.executable, "-m", "lwtrain.cli"]
        first = [*command, *words, f"hydra.run.dir={checkpoint.parent.parent}"]
        resumed = [*command, f"ckpt_path={checkpoint.parent.parent}"]
        for number, epochs in enumerate(KILLED_AFTER):
            kill_after(subprocess.Popen(resumed if number else first), checkpoint, epochs)
        subprocess.run(resumed, check=True)
        return torch.load(checkpoint, weights_only=True)["state_dict"]


def kill_after(process: subprocess.Popen[bytes], checkpoint: Path, epochs: int) -> None:
    """Send SIGKILL while the epoch that follows the next `epochs` checkpoints runs."""
    seen = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    while epochs and process.poll() is None:
        time.sleep(0.01)
        if checkpoint.exists() and checkpoint.stat().st_mtime_ns != seen:
            seen, epochs = checkpoint.stat().st_mtime_ns, epochs - 1
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    process.wait()


def compare(one: Weights, other: Weights) -> tuple[str, str]:
    """Count the tensors that are not bitwise equal, and give the largest difference."""
    assert one.keys() == other.keys()
    unequal = sum(not torch.equal(one[name], other[name]) for name in one)
    largest = max((one[name].double() - other[name].double()).abs().max().item() for name in one)
    return f"{unequal} of {len(one)}", f"{largest:.1e}"


def main() -> None:
    """Run, compare, print."""
    quieten_lightning()
    words = [*SETTINGS, *sys.argv[1:]]
    config, locality = load_config(words), Locality()
    expected = run(config, locality)
    table = Table("promise", "tensors that differ", "largest difference", title=" ".join(words))
    table.add_row("1 resting layers do not move", f"{locality.moved} of {locality.watched}", "")
    for front in ("disk", "recompute"):
        other = run(load_config([*words, f"front={front}"]))
        table.add_row(f"2 front={front} trains the same", *compare(expected, other))
    table.add_row(f"3 killed after {KILLED_AFTER} epochs and resumed, the same", *compare(expected, run_killed(words)))
    table.add_row("5 one seed, one result", *compare(expected, run(config)))
    table.add_row("  another seed, another result", *compare(expected, run(load_config([*words, "seed=1"]))))
    Console().print(table)


if __name__ == "__main__":
    main()
