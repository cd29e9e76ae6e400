import csv
import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lwtrain.errors import ConfigError
from lwtrain.results_table import ResultsTable
from lwtrain.runs import Run

ROOT = Path("outputs")


def run(name: str, figures: dict[str, Any] | None = None, failure: str | None = None, **settings: Any) -> Run:
    return Run(ROOT / name, settings, figures=figures or {}, failure=failure)


RUNS = [
    run("0", {"head/val/accuracy": 0.5, "vote/val/accuracy": 0.75, "seconds": 1234.5, "loss": 0.125}, labels="all"),
    run("1", {"head/val/accuracy": 0.625, "vote/val/accuracy": 0.7, "seconds": 12.5, "x/loss": 1.0}, labels=1000),
    run("2", failure="[labels]=7: too few", labels=100),
]


def printed(table: ResultsTable, width: int = 100, terminal: bool = True) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, highlight=False, color_system=None)
    table.show(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def cells(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"│ {name}"))
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_each_run_has_a_row_with_what_tells_it_apart_and_what_it_came_to() -> None:
    text = printed(ResultsTable.of(RUNS, ROOT))
    assert cells(text, "0") == ["0", "all", "50.00%", "75.00%", "1,234"]
    assert cells(text, "1") == ["1", "1000", "62.50%", "70.00%", "12.5"]
    assert cells(text, "2") == ["2", "100", "", "", ""]


def test_why_runs_failed_stands_below() -> None:
    assert printed(ResultsTable.of(RUNS, ROOT)).splitlines()[-1] == "2: [labels]=7: too few"


def test_a_table_too_wide_for_the_screen_has_all_settings_in_one_column() -> None:
    many = {f"setting_{number}": number for number in range(12)}
    runs = [run("0", {"seconds": 1.0}, **many), run("1", **{name: -value for name, value in many.items()}, seed=1)]
    text = printed(ResultsTable.of(runs, ROOT), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "setting_7=-7" in text
    assert "settings" in text


def test_in_a_file_the_table_is_as_wide_as_it_wants_to_be() -> None:
    runs = [run("0", {"seconds": 1.0}, text="x" * 79), run("1", text="y" * 79)]
    assert "x" * 79 in printed(ResultsTable.of(runs, ROOT), width=40, terminal=False)


def test_csv_has_the_values_themselves() -> None:
    rows = list(csv.DictReader(io.StringIO(ResultsTable.of(RUNS, ROOT).csv())))
    assert rows[0] == {
        "run": "0",
        "labels": "all",
        "head/val/accuracy": "0.5",
        "vote/val/accuracy": "0.75",
        "seconds": "1234.5",
        "failure": "",
    }
    assert (rows[2]["labels"], rows[2]["failure"]) == ("100", "[labels]=7: too few")


def test_csv_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        ResultsTable.of(RUNS, ROOT).write_csv(tmp_path / "file" / "table.csv")


def test_other_figures_are_shown_where_they_are_asked_for() -> None:
    table = ResultsTable.of(RUNS, ROOT, ["*loss", "head/*", "loss"])
    assert table.figures == ["loss", "x/loss", "head/val/accuracy"]
    assert cells(printed(table), "0") == ["0", "all", "0.125", "", "50.00%"]


def test_a_figure_that_no_run_has_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"--metric losss: no run has it; did you mean 'loss'\? Choices: head/"):
        ResultsTable.of(RUNS, ROOT, ["losss"])


@pytest.mark.parametrize(
    ("column", "order"),
    [
        ("vote/val/accuracy", ["2", "1", "0"]),
        ("seconds", ["2", "1", "0"]),
        ("labels", ["2", "1", "0"]),
        ("run", ["0", "1", "2"]),
        ("failure", ["0", "1", "2"]),
    ],
)
def test_sorting_puts_the_largest_last(column: str, order: list[str]) -> None:
    assert [row["run"] for row in ResultsTable.of(RUNS, ROOT).sorted_by(column).rows] == order


def test_sorting_by_what_is_not_there_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"--sort lables: did you mean 'labels'\? Choices: run, labels, head/val"):
        ResultsTable.of(RUNS, ROOT).sorted_by("lables")


SEEDS = [
    run(f"{number}", {"vote/val/accuracy": share, "seconds": 100 + number}, seed=seed, labels=labels)
    for number, (labels, seed, share) in enumerate([(100, 0, 0.5), (100, 1, 0.6), (1000, 0, 0.8), (100, 2, 0.58)])
]


def test_runs_that_differ_in_their_seeds_alone_are_put_together() -> None:
    table = ResultsTable.of([*SEEDS, run("4", failure="stopped", seed=3, labels=100)], ROOT).over("seed")
    assert table.settings == ["labels"]
    first, second = table.rows
    assert first["vote/val/accuracy"] == pytest.approx(0.56)
    assert first["vote/val/accuracy/half_range"] == pytest.approx(0.05)
    assert (second["run"], second["labels"], "vote/val/accuracy/half_range" in second) == ("1: 2", 1000, False)
    assert cells(printed(table), "3: 0, 1, 3") == ["3: 0, 1, 3", "100", "56.00% ± 5.00", "101 ± 2"]


def test_means_and_spreads_are_in_the_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(ResultsTable.of(SEEDS, ROOT).over("seed").csv())))
    assert (rows[0]["vote/val/accuracy"], rows[0]["vote/val/accuracy/half_range"]) == ("0.56", "0.05")
    assert rows[1]["vote/val/accuracy/half_range"] == ""


def test_what_runs_do_not_differ_in_is_not_averaged_over() -> None:
    with pytest.raises(ConfigError, match=r"--over sed: the runs do not differ in it; did you mean 'seed'\?"):
        ResultsTable.of(SEEDS, ROOT).over("sed")
