"""How many epochs fill a budget, and how that is found out."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest
from test_study_files import store

from lwtrain.errors import ConfigError, DataError
from lwtrain.part_times import PARTS
from studying import conducting
from studying.budgets import FILE, Calibration, Calibrations, Length
from studying.conducting import Conductor
from studying.study import read_study
from studying.trials import Trial, trials

MEASURED = Calibration(first=100.0, fixed=20.0, further=100.0)


@pytest.mark.parametrize(
    ("seconds", "length"),
    [
        (480, Length(5)),  # 500 s is nearer than 400
        (440, Length(4)),
        (100, Length(1)),
        (92, Length(1)),  # overrun by less than a tenth
        (90, Length(1, 0.875)),  # (90 - 20) / (100 - 20)
        (40, Length(1, 0.25)),
    ],
)
def test_epochs_fill_the_budget_as_nearly_as_they_can(seconds: float, length: Length) -> None:
    assert MEASURED.fill(seconds) == length


def test_epochs_after_the_first_may_take_longer() -> None:
    assert Calibration(first=100.0, fixed=20.0, further=200.0).fill(500) == Length(3)


def test_a_budget_in_which_nothing_can_be_trained_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"0\.33 minutes: the front and validation alone take 20 s"):
        MEASURED.fill(0.33 * 60)


def test_a_schedule_without_epochs_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"schedule=custom: it has no schedule\.epochs"):
        Length(3).words("custom")


def metrics(folder: Path, *epochs: tuple[int, dict[str, float]]) -> Path:
    lines = [",".join(["step", "schedule/layer", *(f"time/{part}" for part in PARTS), "train/loss"])]
    for layer, times in epochs:
        lines += [
            ",".join(["1", str(layer), *(str(times.get(part, 0.0)) for part in PARTS), ""]),
            "2" + "," * len(PARTS) + ",,0.5",
        ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.csv").write_text("\n".join(lines))
    return folder


def test_what_fewer_batches_do_not_save_is_told_apart(tmp_path: Path) -> None:
    epochs = [(0, {"loss": 8.0, "front": 1.0}), (1, {"loss": 4.0, "front": 2.0, "validation": 3.0})]
    assert Calibration.of(metrics(tmp_path, *epochs), share=1.0) == Calibration(18.0, 6.0, 18.0, 1.0)
    assert Calibration.of(metrics(tmp_path, *epochs), share=0.5) == Calibration(30.0, 6.0, 30.0, 0.5)


def test_further_epochs_are_those_after_a_layers_first(tmp_path: Path) -> None:
    epochs = [(layer, {"loss": 8.0, "front": front}) for layer in (0, 1) for front in (1.0, 5.0)]
    assert Calibration.of(metrics(tmp_path, *epochs), share=1.0) == Calibration(18.0, 2.0, 26.0, 1.0)


def test_a_run_without_times_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"metrics\.csv: not a table of figures \(No such file"):
        Calibration.of(tmp_path, share=1.0)


def test_times_are_kept_for_a_machine_and_for_settings(tmp_path: Path) -> None:
    Calibrations(tmp_path, "this").put("wave", ["labels=10"], MEASURED)
    Calibrations(tmp_path, "that").put("wave", ["labels=10"], Calibration(1.0, 0.5, 1.0))
    known = Calibrations(tmp_path, "this")
    assert known.get("wave", ["labels=10"]) == MEASURED
    assert known.get("wave", ["labels=20"]) is None
    assert known.get("c", ["labels=10", "encoder=c"]) is None
    assert Calibrations(tmp_path, "another").get("wave", ["labels=10"]) is None


def test_times_are_those_of_a_run_that_differs_by_its_learning_rates_alone(tmp_path: Path) -> None:
    known, other = Calibrations(tmp_path, "this"), Calibration(1.0, 0.5, 1.0)
    known.put("fast", ["labels=10", "optimizer.lr=0.1"], MEASURED)
    assert known.get("slow", ["labels=10", "optimizer.lr=0.01"]) == MEASURED
    assert known.get("warm", ["labels=10", "optimizer.lr=0.3", "optimizer.warm_up=0.2"]) == MEASURED
    assert known.get("c", ["encoder=c", "optimizer.lr=0.1"]) is None
    known.put("slow", ["labels=10", "optimizer.lr=0.01"], other)
    assert known.get("slow", ["labels=10", "optimizer.lr=0.01"]) == other


def test_times_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")
    with pytest.raises(DataError, match=FILE):
        Calibrations(tmp_path).get("wave", [])


class Machine:
    """Stands in for train.py: an epoch of all batches takes a layer 10 s, and 2 s more for front and validation."""

    def __init__(self) -> None:
        self.commands: list[dict[str, str]] = []
        self.slower_by = iter(())  # one factor after the other, then 1

    def train(self, words: Sequence[str], log: IO[bytes]) -> bool:
        given = dict(word.split("=", 1) for word in words)
        self.commands.append(given)
        epochs = int(given["schedule.epochs"])
        share = float(given.get("trainer.limit_train_batches", 1))
        factor = next(self.slower_by, 1.0)
        seconds = 2 * epochs * factor * (2.0 + 10.0 * share)
        days, hours, minutes, rest = map(int, given.get("trainer.max_time", "9:0:0:0").split(":"))
        cut = seconds > ((days * 24 + hours) * 60 + minutes) * 60 + rest
        folder = Path(given["hydra.run.dir"])
        times = {"loss": 10.0 * share * factor, "front": factor, "validation": factor}
        rows = [(layer, times) for layer in (0, 1)] * epochs
        metrics(folder, *sorted(rows))
        config = {"labels": "all", "dataset": {"name": "fashion_mini"}, "seed": int(given["seed"])}
        config |= {"trainer": {"limit_train_batches": share if share < 1 else None}}
        written = {
            "made_by": {"command": "python train.py", "revision": "abc", "machine": {}},
            "config": config,
            "seconds": seconds,
            "peak_memory_mib": 1.0,
            "epochs": {"trained": epochs - cut, "scheduled": epochs},
        }
        (folder / "metrics.json").write_text(json.dumps(written))
        return True


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(conducting, "train", machine.train)
    return machine


def planned(folder: Path, settings: str, minutes: list[float], seeds: list[int]) -> list[Trial]:
    runs = [{"name": "one", "settings": settings}]
    return trials(read_study("small", store(folder, minutes=minutes, seeds=seeds, runs=runs)))


def test_all_seeds_and_budgets_follow_from_one_measurement(machine: Machine, tmp_path: Path) -> None:
    conductor = Conductor(tmp_path / "results", tmp_path / "outputs")
    for trial in planned(tmp_path, "schedule=wave", [0.9, 2], [0, 1]):
        conductor.carry_out(trial)
    measuring, *rest = machine.commands
    assert measuring["hydra.run.dir"] == f"{tmp_path}/outputs/one/calibration"
    assert (measuring["schedule.epochs"], measuring["trainer.max_time"]) == ("1", "00:00:02:00")
    lengths = [(run["seed"], run["schedule.epochs"], run["schedule.waves"]) for run in rest]
    assert lengths == [("0", "2", "2"), ("0", "5", "5"), ("1", "2", "2"), ("1", "5", "5")]  # 24 s each
    assert not (tmp_path / "outputs" / "one" / "calibration").exists()


def test_where_an_epoch_is_longer_than_all_budgets_a_part_of_one_is_measured(machine: Machine, tmp_path: Path) -> None:
    (trial,) = planned(tmp_path, "schedule=backprop", [0.2], [0])
    kept = Conductor(tmp_path / "results", tmp_path / "outputs").carry_out(trial)
    shares = [run.get("trainer.limit_train_batches") for run in machine.commands]
    assert shares == [None, "0.05", "0.4"]  # 12 s, of which 4 are fixed, of 24
    assert kept["cut_short"] == ["trainer.limit_train_batches=0.4"]
    assert (kept["study"], kept["run"], kept["minutes"], kept["seconds"]) == ("small", "one", 0.2, 12.0)


def test_a_run_is_measured_between_two_measurements_of_what_it_is_compared_with(
    machine: Machine, tmp_path: Path
) -> None:
    runs = [{"name": "backprop", "settings": "schedule=backprop"}, {"name": "wave", "settings": "schedule=wave"}]
    study = read_study("small", store(tmp_path, minutes=[2], seeds=[0], runs=runs))
    machine.slower_by = iter([1.0, 1.0, 1.4, 1.5, 1.6])  # measured, trained; then in turns, while the machine gets busy
    conductor = Conductor(tmp_path / "results", tmp_path / "outputs")
    for trial in trials(study):
        conductor.carry_out(trial)
    measured = [Path(run["hydra.run.dir"]).parts[-2:] for run in machine.commands]
    ways = {("backprop", "calibration"), ("wave", "calibration")}
    assert [place for place in measured if place in ways] == [
        ("backprop", "calibration"),
        ("backprop", "calibration"),
        ("wave", "calibration"),
        ("backprop", "calibration"),
    ]
    assert [run["schedule.epochs"] for run in machine.commands] == ["1", "5", "1", "1", "1", "5"]  # 24 s each


@pytest.mark.parametrize(("factor", "share"), [(2.5, None), (2.501, None), (5.0, "0.5"), (500.0, "0.05")])
def test_of_what_a_run_is_compared_with_a_minute_is_enough(
    machine: Machine, tmp_path: Path, factor: float, share: str | None
) -> None:
    runs = [{"name": "backprop", "settings": "schedule=backprop"}, {"name": "wave", "settings": "schedule=wave"}]
    study = read_study("small", store(tmp_path, minutes=[4 * factor], seeds=[0], runs=runs))
    machine.slower_by = iter([factor, factor, *[1.1 * factor] * 3])  # an epoch takes 24 s times that
    conductor = Conductor(tmp_path / "results", tmp_path / "outputs")
    for trial in trials(study):
        conductor.carry_out(trial)
    shares = [run.get("trainer.limit_train_batches") for run in machine.commands]
    assert shares == [None, None, share, None, share, None]
    assert [run["schedule.epochs"] for run in machine.commands] == ["1", "10", "1", "1", "1", "10"]


def test_layers_that_train_to_their_end_are_measured_over_two_epochs(machine: Machine, tmp_path: Path) -> None:
    (trial,) = planned(tmp_path, "schedule=sequential", [4], [0])
    Conductor(tmp_path / "results", tmp_path / "outputs").carry_out(trial)
    assert [run["schedule.epochs"] for run in machine.commands] == ["2", "10"]


def test_a_schedule_that_cannot_be_fitted_is_refused_before_anything_runs(machine: Machine, tmp_path: Path) -> None:
    (trial,) = planned(tmp_path, "schedule=custom", [4], [0])
    with pytest.raises(ConfigError, match=r"^small, run one: schedule=custom: "):
        Conductor(tmp_path / "results", tmp_path / "outputs").is_done(trial)
    assert not machine.commands
