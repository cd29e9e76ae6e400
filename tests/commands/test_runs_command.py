from pathlib import Path

import pytest
from stored_runs import store_run

from lwtrain import cli


@pytest.fixture(autouse=True)
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two finished runs; the newer one is worse."""
    monkeypatch.chdir(tmp_path)
    store_run(tmp_path / "outputs/old", figures={"vote/val/accuracy": 0.9, "seconds": 2.0}, age=9)
    store_run(tmp_path / "outputs/new", figures={"vote/val/accuracy": 0.8, "seconds": 1.0}, seed=1)
    return tmp_path / "outputs"


def names(text: str) -> list[str]:
    return [line.split()[1] for line in text.splitlines() if line.startswith("│")]


def test_all_runs_in_outputs_are_shown_newest_last(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["runs"])
    assert names(capsys.readouterr().out) == ["old", "new"]


def test_another_folder_can_be_named(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["runs", "outputs/new"])
    assert names(capsys.readouterr().out) == ["."]


def test_runs_can_be_sorted(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["runs", "--sort", "vote/val/accuracy"])
    assert names(capsys.readouterr().out) == ["new", "old"]


def test_the_table_can_be_had_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["runs", "--metric", "seconds", "--csv", "tables/runs.csv"])
    assert names(capsys.readouterr().out) == ["old", "new"]
    assert Path("tables/runs.csv").read_text() == "run,seed,seconds,failure\nold,0,2,\nnew,1,1,\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere: there is no such folder; name the one that your runs are in"),
        (["empty"], "empty: there are no runs in it"),
        (["--sort", "sed"], "--sort sed: did you mean 'seed'? Choices: run, seed, vote/val/accuracy, seconds, failure"),
        (["--metric", "*loss"], "--metric *loss: no run has it; Choices: seconds, vote/val/accuracy"),
        (["--metric"], "--metric: expected one argument; see lwtrain runs --help"),
        (["outputs", "more"], "unrecognized arguments: more; see lwtrain runs --help"),
    ],
)
def test_mistakes_are_told_in_a_line_or_two(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").mkdir()
    with pytest.raises(SystemExit) as caught:
        cli.main(["runs", *arguments])
    printed = capsys.readouterr()
    assert (caught.value.code, printed.out) == (2, "")
    assert printed.err.splitlines()[-1] == said
    assert len(printed.err.splitlines()) <= 2
