from pathlib import Path

import pytest
from stored_runs import store_run

from lwtrain.runs import Run, differing_settings, find_runs, read_run


def test_a_run_has_its_settings_its_words_and_its_figures(tmp_path: Path) -> None:
    folder = store_run(tmp_path / "run", "model=vgg13", "++seed=3", figures={"seconds": 3.5}, seed=3)
    run = read_run(folder)
    assert run.settings["model.width"] == 1.0
    assert run.settings["seed"] == 3
    assert run.given == {"model", "seed"}
    assert run.figures == {"seconds": 3.5}
    assert run.failure is None


def test_a_run_without_figures_has_not_finished(tmp_path: Path) -> None:
    run = read_run(store_run(tmp_path / "run"))
    assert (run.failure, run.figures, run.settings["labels"]) == ("not finished", {}, "all")


def test_why_a_run_failed_stands_on_one_line(tmp_path: Path) -> None:
    run = read_run(store_run(tmp_path / "run", failure="data/x: cut short.\nRemove it"))
    assert run.failure == "data/x: cut short. Remove it"


def test_the_best_layer_is_chosen_by_validation_and_is_not_the_head(tmp_path: Path) -> None:
    figures = {
        "layer_2/val/accuracy": 0.7,
        "layer_2/test/accuracy": 0.9,
        "layer_10/val/accuracy": 0.8,
        "layer_10/test/accuracy": 0.6,
        "head/val/accuracy": 0.95,
    }
    run = read_run(store_run(tmp_path / "run", figures=figures))
    assert run.figures["best_layer"] == "layer_10"
    assert run.figures["best_layer/val/accuracy"] == 0.8
    assert run.figures["best_layer/test/accuracy"] == 0.6


def test_figures_within_figures_have_names_of_their_own(tmp_path: Path) -> None:
    run = read_run(store_run(tmp_path / "run", figures={"seconds_by_part": {"loss": 2.0}}))
    assert run.figures == {"seconds_by_part.loss": 2.0}


@pytest.mark.parametrize("text", ["", "{", "[1]", "\xff"])
def test_a_damaged_file_does_not_hide_the_run(text: str, tmp_path: Path) -> None:
    folder = store_run(tmp_path / "run", figures={"seconds": 1.0})
    (folder / "metrics.json").write_bytes(text.encode("latin1"))
    run = read_run(folder)
    assert (run.failure, run.settings["seed"]) == ("not finished", 0)


def test_runs_are_found_at_any_depth_newest_last(tmp_path: Path) -> None:
    for name, age in {"day/noon": 20, "day/sweep/0": 10, "mine": 30, "day/sweep/10": 5, "day/sweep/9": 5}.items():
        store_run(tmp_path / name, figures={"seconds": 1.0}, age=age)
    (tmp_path / "day" / "notes").mkdir()
    names = [str(run.folder.relative_to(tmp_path)) for run in find_runs(tmp_path)]
    assert names == ["mine", "day/noon", "day/sweep/0", "day/sweep/9", "day/sweep/10"]


def test_a_folder_may_be_a_run_itself(tmp_path: Path) -> None:
    assert [run.folder for run in find_runs(store_run(tmp_path / "run"))] == [tmp_path / "run"]


def run(*given: str, **settings: object) -> Run:
    return Run(Path(), {name.replace("__", "."): value for name, value in settings.items()}, frozenset(given))


def test_settings_that_are_the_same_everywhere_tell_nothing_apart() -> None:
    assert differing_settings([run(seed=1, labels="all"), run(seed=2, labels="all")]) == ["seed"]
    assert not differing_settings([run(seed=1)])


def test_a_setting_that_one_choice_alone_has_tells_nothing_apart() -> None:
    runs = [run(encoder="c", encoder__hidden=512), run(encoder="pool", encoder__grid=4), run(encoder="pool")]
    assert differing_settings(runs) == ["encoder"]


def test_what_follows_from_other_settings_is_left_out_unless_it_was_asked_for() -> None:
    some = [run(labels=100, batches="half"), run(labels="all", batches="labelled")]
    assert differing_settings(some) == ["labels"]
    assert differing_settings([*some, run("batches", labels="all", batches="half")]) == ["labels", "batches"]
    assert differing_settings([run(batches="half"), run(batches="labelled")]) == ["batches"]


def test_how_a_run_was_watched_or_continued_tells_nothing_apart() -> None:
    assert not differing_settings([run(progress="plain", ckpt_path=None), run(progress="none", ckpt_path="last")])


def test_lists_can_differ() -> None:
    assert differing_settings([run(lr=[1, 2]), run(lr=[1, 3])]) == ["lr"]
