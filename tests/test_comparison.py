from pathlib import Path

import pytest

from lwtrain.comparison import Contender, contenders, line_of
from lwtrain.errors import ConfigError
from lwtrain.runs import Run


def run(folder: Path, vote: float, curve: list[tuple[float, float]] = (), **settings: object) -> Run:  # type: ignore[assignment]
    folder.mkdir(parents=True)
    rows = "".join(f"{step},{seconds},{share}\n" for step, (seconds, share) in enumerate(curve))
    if rows:
        (folder / "metrics.csv").write_text(f"step,time/loss,vote/val/accuracy\n{rows}")
    figures = {"layer_0/val/accuracy": 0.5, "layer_10/val/accuracy": 0.6, "layer_2/val/accuracy": 0.7}
    return Run(folder, settings, figures={**figures, "head/val/accuracy": 0.75, "vote/val/accuracy": vote})


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    return [
        run(tmp_path / "0", 0.7, [(1, 0.5), (2, 0.7)], seed=0, labels=100),
        run(tmp_path / "1", 0.8, [(3, 0.6), (2, 0.8), (9, 0.9)], seed=1, labels=100),
        run(tmp_path / "2", 0.9, seed=0, labels="all"),
    ]


def test_runs_that_differ_in_their_seed_alone_are_put_together(runs: list[Run], tmp_path: Path) -> None:
    few, every = contenders(runs, tmp_path, over="seed")
    assert (few.label, every.label) == ("labels=100", "labels=all")
    assert few.vote == pytest.approx([70, 80])
    assert every.line is None


def test_without_that_each_run_stands_for_itself(runs: list[Run], tmp_path: Path) -> None:
    assert [each.label for each in contenders(runs, tmp_path)] == [
        "seed=0 labels=100",
        "seed=1 labels=100",
        "seed=0 labels=all",
    ]
    assert [each.label for each in contenders(runs[:1], tmp_path)] == ["0"]


def test_a_line_is_the_mean_epoch_by_epoch_as_far_as_all_go(runs: list[Run]) -> None:
    line = line_of(runs[:2])
    assert line is not None
    assert line.seconds == pytest.approx([2, 4])
    assert line.mean == pytest.approx([55, 75])
    assert (line.lowest, line.highest) == (pytest.approx([50, 70]), pytest.approx([60, 80]))


def test_layers_come_by_their_numbers(runs: list[Run]) -> None:
    assert Contender("", runs[:1], None).layers == [[50.0], [pytest.approx(70.0)], [60.0]]


def test_labels_too_long_to_be_read_are_places(tmp_path: Path) -> None:
    many = {f"setting_{number}": number for number in range(9)}
    some = [run(tmp_path / "a", 0.5, **many), run(tmp_path / "b", 0.5, **dict.fromkeys(many, -1))]
    assert [each.label for each in contenders(some, tmp_path)] == ["a", "b"]


def test_runs_that_do_not_differ_in_it_are_not_averaged(runs: list[Run], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--over sed: the runs do not differ in it; did you mean 'seed'\?"):
        contenders(runs, tmp_path, over="sed")


def test_a_run_that_goes_on_does_not_cut_the_others_short(runs: list[Run], tmp_path: Path) -> None:
    begun = run(tmp_path / "3", 0.1, [(1, 0.2)], seed=3, labels=100)
    line = line_of([*runs[:2], Run(begun.folder, begun.settings, failure="not finished")])
    assert line is not None
    assert line.seconds == pytest.approx([2, 4])
