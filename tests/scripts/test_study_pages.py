"""How studies look on the page of results, and their learning curves."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from test_results import call, result
from test_study_files import store

from lwtrain.errors import ConfigError, DataError
from tabulating.curves import check_curves, curve_of, draw_curves
from tabulating.markdown import write_markdown
from tabulating.rows import gather
from tabulating.studies import StudyResults, read_studies

CURVE = [{"seconds": 10.0, "vote": 0.5}, {"seconds": 20.0, "vote": 0.7}]


def keep(
    folder: Path,
    run: str,
    seed: int = 0,
    vote: float = 0.8,
    minutes: float | None = None,
    more: dict[str, Any] | None = None,
    **changed: Any,
) -> None:
    """Leave a result as a study does."""
    settings = {"wave": "encoder=pool schedule=wave", "c": "encoder=c model.width=0.5"}.get(run, f"encoder={run}")
    command = f"python train.py model=vgg8b {settings} seed={seed}"
    kept = {"study": "small", "run": run} | result(seed, vote, **{"command": command} | changed)
    kept["config"] = kept["config"] | {"run": run} | (more or {})
    kept["accuracy"]["val"]["vote"] = vote + 0.05
    budget = "" if minutes is None else f"_{minutes:g}-min"
    path = folder / "results" / "small" / f"{run}{budget}_seed-{seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept if minutes is None else kept | {"minutes": minutes}))


def read(folder: Path) -> StudyResults:
    (study,) = read_studies(folder / "results")
    return study


def page_of(folder: Path) -> str:
    return write_markdown([], [read(folder)])


def rows(page: str) -> dict[str, list[str]]:
    """Give the cells behind the name of each run."""
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in page.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in cells[2:]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store(tmp_path / "studies")
    return tmp_path


def test_runs_stand_in_the_order_of_the_study_with_seeds_and_validation_first(folder: Path) -> None:
    keep(folder, "c", vote=0.7)
    keep(folder, "wave", vote=0.8)
    keep(folder, "wave", vote=0.9, seed=1)
    page = page_of(folder)
    assert page.index("## Small") < page.index("What happens?") < page.index("| run |") < page.index("## Machines")
    table = rows(page)
    assert list(table) == ["wave", "c"]
    assert table["wave"][:5] == ["`schedule=wave`", "2: 0, 1", "90.0 ± 5.0", "85.0 ± 5.0", "75.0 ± 0.0"]
    assert table["c"][:4] == ["`encoder=c model.width=0.5`", "one seed: 0", "75.0", "70.0"]


def test_differences_are_taken_seed_by_seed(folder: Path) -> None:
    for seed, (wave, c, b) in enumerate([(0.8, 0.81, 0.80), (0.9, 0.93, 0.91)]):
        keep(folder, "wave", seed, wave)
        keep(folder, "c", seed, c)
        keep(folder, "b", seed, b)
    keep(folder, "wave", 2, 0.1)  # which the others have not got
    table = rows(page_of(folder))
    assert table["wave"][5:7] == ["", ""]
    assert table["c"][5:7] == ["+2.0 ± 1.0 to wave"] * 2
    assert table["b"][5:7] == ["-1.5 ± 0.5 to c"] * 2


def test_each_budget_is_compared_within_itself(folder: Path) -> None:
    store(folder / "studies", minutes=[8, 15])
    for minutes, wave, c in ((15, 0.9, 0.8), (8, 0.5, 0.6)):
        keep(folder, "wave", vote=wave, minutes=minutes)
        keep(folder, "c", vote=c, minutes=minutes)
    (folder / "results/small/calibration.json").write_text("{}")
    table = rows(page_of(folder))
    assert list(table) == ["wave, 8 min", "c, 8 min", "wave, 15 min", "c, 15 min"]
    assert (table["c, 8 min"][6], table["c, 15 min"][6]) == ("+10.0 to wave", "-10.0 to wave")


def test_what_is_missing_is_named(folder: Path) -> None:
    keep(folder, "wave", 0)
    keep(folder, "wave", 1)
    keep(folder, "c", 0)
    assert "Not all seeds yet: c, b." in page_of(folder)


def test_many_that_are_missing_are_counted(tmp_path: Path) -> None:
    runs = [{"name": f"run-{number}", "settings": "schedule=wave"} for number in range(21)]
    store(tmp_path / "studies", seeds=[0], minutes=[8], runs=runs)
    keep(tmp_path, "run-0", 0, 0.8, minutes=8)
    assert "Not all seeds yet: run-1 (8 min), " in page_of(tmp_path)
    store(tmp_path / "studies", seeds=[0], minutes=[8, 15], runs=runs)
    assert "Not all seeds yet: 41 of 42 rows." in page_of(tmp_path)


def test_rows_cut_short_say_so_and_stand_alone(folder: Path) -> None:
    keep(folder, "wave", 0)
    keep(folder, "wave", 1, cut_short=["1 of 2 epochs"])
    page = page_of(folder)
    assert "| cut short: 1 of 2 epochs |" in page
    assert sum(line.startswith("| wave |") for line in page.splitlines()) == 2


def test_a_row_made_before_the_study_changed_says_so(folder: Path) -> None:
    keep(folder, "wave", command="python train.py model=vgg8b labels=9 seed=0")
    row = rows(page_of(folder))["wave"]
    assert (row[0], row[-1]) == ("`labels=9`", "made without encoder=pool schedule=wave")


def test_a_setting_that_was_the_default_need_not_have_been_given(folder: Path) -> None:
    command = "python train.py model=vgg8b schedule=wave labels=9 seed=0"
    keep(folder, "wave", command=command, more={"encoder": {"name": "pool"}})
    assert "made without" not in page_of(folder)
    keep(folder, "wave", command=command, more={"encoder": {"name": "c"}})
    assert rows(page_of(folder))["wave"][-1] == "made without encoder=pool"


def test_single_runs_stand_below_studies(folder: Path) -> None:
    keep(folder, "wave")
    page = write_markdown(gather([result()]), [read(folder)])
    assert page.index("## Small") < page.index("## cifar10, labels: all") < page.index("## Machines")


def test_results_of_no_run_of_the_study_are_refused(folder: Path) -> None:
    keep(folder, "another")
    with pytest.raises(DataError, match="results of the run another, which the study has not got"):
        read_studies(folder / "results")


def test_results_without_a_study_are_refused(tmp_path: Path) -> None:
    keep(tmp_path, "wave")
    with pytest.raises(ConfigError, match="small: no such study"):
        read_studies(tmp_path / "results")


def test_a_curve_is_the_mean_of_its_seeds(folder: Path) -> None:
    keep(folder, "wave", 0, curve=CURVE)
    keep(folder, "wave", 1, curve=[{"seconds": 12.0, "vote": 0.6}, {"seconds": 22.0, "vote": 0.9}])
    curve = curve_of(read(folder).rows[0])
    assert curve is not None
    assert curve.seconds == [11.0, 21.0]
    assert curve.mean == pytest.approx([55.0, 80.0])
    assert (curve.lowest, curve.highest) == (pytest.approx([50.0, 70.0]), pytest.approx([60.0, 90.0]))


def test_a_run_without_a_vote_has_the_heads_curve(folder: Path) -> None:
    keep(folder, "wave", curve=[{"seconds": 10.0}, {"seconds": 20.0, "head": 0.6}])
    curve = curve_of(read(folder).rows[0])
    assert curve is not None
    assert (curve.seconds, curve.mean) == ([20.0], [pytest.approx(60.0)])


def test_the_page_warns_of_times_from_several_machines(folder: Path) -> None:
    keep(folder, "wave")
    keep(folder, "wave", seed=1)
    assert "several machines" not in page_of(folder)
    keep(folder, "wave", seed=1, machine={"cpu": "another chip", "cores": 2})
    assert "Times and curves are of several machines" in page_of(folder)


def test_a_study_without_curves_has_no_picture(folder: Path) -> None:
    keep(folder, "wave")
    assert draw_curves(read(folder), folder) is None


def test_the_picture_names_its_runs_and_differs_only_where_curves_do(folder: Path) -> None:
    keep(folder, "wave", curve=CURVE)
    keep(folder, "c", curve=CURVE[:1])
    path = draw_curves(read(folder), folder)
    assert path == folder / "small.svg"
    drawn = path.read_bytes()
    assert b"<!-- wave -->" in drawn
    assert b"<!-- c -->" in drawn
    draw_curves(read(folder), folder)
    assert path.read_bytes() == drawn
    check_curves(read(folder), folder)
    keep(folder, "c", curve=CURVE)
    with pytest.raises(DataError, match=r"small\.svg: not drawn of what results/ says"):
        check_curves(read(folder), folder)
    draw_curves(read(folder), folder)
    assert path.read_bytes() != drawn


def test_a_run_is_drawn_beside_all_that_are_compared_with_it(folder: Path) -> None:
    for run in ("wave", "c", "b"):  # b is compared with c, and c with wave
        keep(folder, run, curve=CURVE)
    path = draw_curves(read(folder), folder)
    assert path is not None
    drawn = path.read_text()
    assert {run: drawn.count(f"<!-- {run} -->") for run in ("wave", "c", "b")} == {"wave": 1, "c": 2, "b": 1}


def test_many_runs_are_dealt_out_to_lines_that_all_show_the_one_they_are_compared_with(folder: Path) -> None:
    others = [f"c{number}" for number in range(8)]  # one panel has seven colours
    runs = [{"name": "wave", "settings": ""}, *({"name": name, "settings": "encoder=c"} for name in others)]
    store(folder / "studies", runs=runs, minutes=[8, 15])
    for run in ("wave", *others):
        keep(folder, run, curve=CURVE, minutes=8)
    keep(folder, "wave", curve=CURVE, minutes=15)
    path = draw_curves(read(folder), folder)
    assert path is not None
    drawn = path.read_text()
    assert re.findall(r"<!-- (wave|c\d) -->", drawn) == ["wave", *others[:4], "wave", *others[4:]]
    assert [drawn.count(f"<!-- {minutes} minutes each -->") for minutes in (8, 15)] == [2, 1]


def test_there_is_a_panel_for_each_budget_that_somebody_has_trained_for(tmp_path: Path) -> None:
    store(tmp_path / "studies", minutes=[8, 15])
    keep(tmp_path, "wave", curve=CURVE, minutes=15)
    keep(tmp_path, "b", curve=CURVE, minutes=8)  # which is compared with others than wave
    path = draw_curves(read(tmp_path), tmp_path)
    assert path is not None
    assert [path.read_text().count(f"<!-- {minutes} minutes each -->") for minutes in (8, 15)] == [1, 1]


def test_the_command_checks_page_and_picture(folder: Path) -> None:
    keep(folder, "wave", curve=CURVE)
    assert call("--results", folder / "results").returncode == 0
    assert call("--results", folder / "results", "--check").returncode == 0
    (folder / "docs/images/results/small.svg").unlink()
    late = call("--results", folder / "results", "--check")
    assert (late.returncode, len(late.stderr.splitlines())) == (1, 1)
