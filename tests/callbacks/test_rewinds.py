"""`callbacks.on_nan=rewind`: what a run is after it went back, against one that was told the smaller rate."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from exploding_runs import Explode, train_with
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lwtrain.errors import NotFiniteError
from lwtrain.part_times import PARTS

# The metrics say so too, before the epoch's end; that is not what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:Encountered `nan` values in tensor")

TIMINGS = {"speed/images_per_second", "memory/peak_mib", *(f"time/{part}" for part in PARTS)}
WAVE = ["schedule=wave", "schedule.epochs=2", "schedule.waves=2"]  # layer_0 layer_1 head layer_0 layer_1 head
SEQUENTIAL = ["schedule=sequential", "schedule.epochs=2"]
REWIND = "callbacks.on_nan=rewind"
CURVES = "logger.tensorboard=true"


def last(folder: Path) -> Path:
    return folder / "checkpoints" / "last.ckpt"


def assert_same_weights(one: Path, other: Path, but: tuple[str, ...] = ()) -> None:
    stored = [torch.load(last(folder), weights_only=True) for folder in (one, other)]
    assert stored[0]["global_step"] == stored[1]["global_step"]
    assert stored[0]["state_dict"].keys() == stored[1]["state_dict"].keys()
    for name, value in stored[0]["state_dict"].items():
        assert torch.equal(value, stored[1]["state_dict"][name]) or name in but, name


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return [{tag: value for tag, value in row.items() if tag not in TIMINGS} for row in csv.DictReader(file)]


def halve(checkpoint: Path, names: list[str], times: int = 1) -> None:
    stored = torch.load(checkpoint, weights_only=True)
    for group in stored["optimizer_states"][0]["param_groups"]:
        if group["name"] in names:
            group["initial_lr"] *= 0.5**times
    torch.save(stored, checkpoint)


@pytest.mark.parametrize(
    ("layer", "epoch", "halved", "words"),
    [
        ("layer_1", 4, ["layer_1"], [*WAVE, "front=memory"]),
        ("layer_0", 3, ["layer_0"], [*WAVE, "front=disk", "optimizer.average_last=1"]),
        ("head", 2, ["head"], [*WAVE, "front=recompute", "optimizer=sgd", "optimizer.lr=1e-3"]),
        ("layer_1", 3, ["layer_1"], [*SEQUENTIAL, "front=memory"]),
        ("layer_1", 1, ["layer_1"], ["schedule=simultaneous"]),
        ("layer_1", 1, ["layer_0", "layer_1", "head"], ["schedule=backprop"]),
    ],
)
def test_a_run_goes_back_and_on_at_half_the_rate(
    layer: str, epoch: int, halved: list[str], words: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = train_with([Explode(layer, epoch, above=6e-4)], tmp_path / "found", REWIND, *words)
    told = [line for line in caplog.messages if "back to" in line]

    with pytest.raises(NotFiniteError):
        train_with([Explode(layer, epoch, above=6e-4)], tmp_path / "expected", *words)
    halve(last(tmp_path / "expected"), halved)
    expected = train_with([], tmp_path / "expected", *words, f"ckpt_path={last(tmp_path / 'expected')}")

    assert_same_weights(tmp_path / "expected", tmp_path / "found")
    assert rows(tmp_path / "expected") == rows(tmp_path / "found")
    assert found["vote/test/accuracy"] == expected["vote/test/accuracy"]
    (rewind,) = json.loads((tmp_path / "found" / "metrics.json").read_text())["rewinds"]
    assert rewind["layer"] == (layer if len(halved) == 1 else None)
    assert rewind["lr"] == dict.fromkeys(halved, 5e-4)
    back = rewind["back_to_step"]
    event = f"loss nan in wave {1 + epoch // 3 if 'schedule=wave' in words else 1}, epoch "
    assert rewind["event"].startswith(f"{layer if len(halved) == 1 else 'all layers'}: {event}")
    assert rewind["event"].endswith(f", step {back + 4}")  # the look after the second step, which spoiled it
    assert told == [f"{rewind['event']}; back to step {back}, learning rate halved to 0.0005 (1 of 3)"]


def test_without_a_checkpoint_it_goes_back_to_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found, expected = tmp_path / "found", tmp_path / "expected"
    train_with([Explode("layer_0", 0, above=3e-4)], found, REWIND, *WAVE, CURVES)
    train_with([], expected, *WAVE, CURVES, "optimizer.lr=[2.5e-4,1e-3,1e-3]")
    assert_same_weights(expected, found)
    assert rows(expected) == rows(found)
    assert curves(expected) == curves(found)
    told = [line.partition(", learning rate ")[2] for line in caplog.messages if "; back to the start" in line]
    assert told == ["halved to 0.0005 (1 of 3)", "halved to 0.00025 (2 of 3)"]


def test_curves_hold_every_step_once_and_the_true_rate(tmp_path: Path) -> None:
    train_with([Explode("layer_1", 4, above=6e-4)], tmp_path / "found", REWIND, *WAVE, CURVES)
    train_with([], tmp_path / "untroubled", *WAVE, CURVES)
    found, untroubled = curves(tmp_path / "found"), curves(tmp_path / "untroubled")
    assert {tag: [step for step, _ in points] for tag, points in found.items()} == {
        tag: [step for step, _ in points] for tag, points in untroubled.items()
    }
    rates = zip(found["layer_1/lr"], untroubled["layer_1/lr"], strict=True)
    assert [one / other for (_, one), (_, other) in rates] == [1.0, 0.5]
    assert found["layer_0/lr"] == untroubled["layer_0/lr"]


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The scalars that TensorBoard shows of a run; of those that tell the time, only that they are there."""
    events = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(event.step, 0.0 if tag in TIMINGS else event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_several_layers_and_rewinds_are_kept_apart(tmp_path: Path) -> None:
    explosions = [Explode("layer_0", 3, above=3e-4), Explode("layer_1", 4, above=6e-4)]
    metrics = train_with(explosions, tmp_path / "found", REWIND, *WAVE)
    assert [(rewind["layer"], *rewind["lr"].values()) for rewind in metrics["rewinds"]] == [
        ("layer_0", 5e-4),
        ("layer_0", 2.5e-4),
        ("layer_1", 5e-4),
    ]
    train_with([], tmp_path / "expected", *WAVE, "trainer.max_epochs=3")
    halve(last(tmp_path / "expected"), ["layer_0"], times=2)
    halve(last(tmp_path / "expected"), ["layer_1"])
    train_with([], tmp_path / "expected", *WAVE, f"ckpt_path={last(tmp_path / 'expected')}")
    assert_same_weights(tmp_path / "expected", tmp_path / "found")


def test_a_layer_that_three_halvings_do_not_help_stops_the_run(tmp_path: Path) -> None:
    train_with([], tmp_path / "good", *WAVE, "trainer.max_epochs=4")
    with pytest.raises(NotFiniteError) as caught:
        train_with([Explode("layer_1", 4, above=0.0)], tmp_path / "bad", REWIND, *WAVE)
    first, second = str(caught.value).splitlines()
    assert first.startswith("layer_1: loss nan in wave 2, epoch 1, step ")
    given_up = "stopped after 3 rewinds, each to half the learning rate"
    assert first.endswith(f"; {given_up}; {last(tmp_path / 'bad')} is kept.")
    assert second == "Choose a smaller optimizer.lr, precision=32 or trainer.gradient_clip_val=1"
    renewed = ("accuracies", "mixture")  # by a run's last validation
    assert_same_weights(tmp_path / "good", tmp_path / "bad", but=renewed)


def test_stopping_names_the_checkpoint_and_the_way_on(tmp_path: Path) -> None:
    words = [*WAVE, "trainer.max_epochs=6"]
    with pytest.raises(NotFiniteError) as caught:
        train_with([Explode("layer_1", 4, above=6e-4)], tmp_path / "run", *words)
    assert (caught.value.layer, caught.value.wave, caught.value.epoch) == ("layer_1", 2, 1)
    assert caught.value.checkpoint == last(tmp_path / "run")
    assert str(caught.value).endswith(
        f"; stopped; {last(tmp_path / 'run')} is kept.\n"
        "Choose a smaller optimizer.lr, precision=32, trainer.gradient_clip_val=1 or callbacks.on_nan=rewind"
    )
    on = [f"ckpt_path={last(tmp_path / 'run')}", REWIND]  # as the message says
    train_with([Explode("layer_1", 4, above=6e-4)], tmp_path / "run", *on, *words)
    train_with([Explode("layer_1", 4, above=6e-4)], tmp_path / "expected", REWIND, *words)
    assert_same_weights(tmp_path / "expected", tmp_path / "run")
    assert rows(tmp_path / "expected") == rows(tmp_path / "run")


def test_a_run_that_goes_on_from_an_earlier_checkpoint_does_not_skip_ahead(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train_with([], folder, *WAVE, "trainer.max_epochs=2")
    early = last(folder).rename(tmp_path / "early.ckpt")
    train_with([], folder, *WAVE, "trainer.max_epochs=4")
    train_with([Explode("head", 2, above=6e-4)], folder, REWIND, *WAVE, f"ckpt_path={early}")
    halve(early, ["head"])
    train_with([], tmp_path / "expected", *WAVE, f"ckpt_path={early}")
    assert_same_weights(tmp_path / "expected", folder)


@pytest.mark.parametrize("epoch", [4, 5], ids=["before the next checkpoint", "after it"])
def test_a_run_that_is_killed_after_going_back_ends_as_one_that_was_not(epoch: int, tmp_path: Path) -> None:
    worker = Path(__file__).parents[1] / "exploding_runs.py"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(worker), str(epoch), str(tmp_path / "killed"), REWIND, *WAVE]
    assert subprocess.run(command, env=environment, capture_output=True, check=False).returncode == -signal.SIGKILL
    explode = Explode("layer_1", 4, above=6e-4)
    killed = train_with([explode], tmp_path / "killed", REWIND, *WAVE, f"ckpt_path={last(tmp_path / 'killed')}")
    undisturbed = train_with([explode], tmp_path / "undisturbed", REWIND, *WAVE)
    assert_same_weights(tmp_path / "undisturbed", tmp_path / "killed")
    assert rows(tmp_path / "undisturbed") == rows(tmp_path / "killed")
    assert undisturbed["rewinds"] == killed["rewinds"]


def test_runs_that_go_well_store_nothing_of_it(tmp_path: Path) -> None:
    metrics = train_with([], tmp_path, REWIND, *SEQUENTIAL, "trainer.max_epochs=1")
    assert "rewinds" not in metrics
    assert "Rewinds" not in torch.load(last(tmp_path), weights_only=True)["callbacks"]
