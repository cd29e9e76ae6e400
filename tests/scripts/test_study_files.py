"""What stands in studies/NAME.yaml, and what is trained for it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from lwtrain.config.loading import load_config
from lwtrain.errors import ConfigError
from studying.study import read_study, study_names
from studying.trials import changes, trials

SHIPPED = Path(__file__).parents[2] / "studies"
SMALL: dict[str, Any] = {
    "title": "Small",
    "text": "What\nhappens?",
    "base": "model=vgg8b encoder=pool",
    "seeds": [0, 1],
    "runs": [
        {"name": "wave", "settings": "schedule=wave"},
        {"name": "c", "settings": "encoder=c model.width=0.5"},
        {"name": "b", "settings": "encoder=b", "against": "c"},
    ],
}


def store(folder: Path, name: str = "small", **changed: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(SMALL | changed))
    return folder


def test_a_study_is_read_in_its_order(tmp_path: Path) -> None:
    study = read_study("small", store(tmp_path))
    assert [run.name for run in study.runs] == ["wave", "c", "b"]
    assert [run.against for run in study.runs] == ["wave", "wave", "c"]
    assert (study.text, study.seeds, study.minutes) == ("What happens?", (0, 1), ())


def test_settings_of_a_run_take_the_place_of_the_base(tmp_path: Path) -> None:
    study = read_study("small", store(tmp_path))
    assert study.words(study.runs[1]) == ["model=vgg8b", "encoder=c", "model.width=0.5"]


def test_a_run_is_taught_by_an_earlier_one_with_the_same_seed(tmp_path: Path) -> None:
    runs = [{"name": "first", "settings": ""}, {"name": "taught", "teacher": "first"}]
    study = read_study("small", store(tmp_path, base="labels=100 encoder=pool", runs=runs))
    first, taught = trials(study, seeds=[1])
    assert (first.teacher, taught.teacher) == (None, first)
    assert (taught.config.pseudo_labels.teacher, taught.config.batches) == ("first", "half")


def test_all_runs_have_one_seed_before_any_has_the_next(tmp_path: Path) -> None:
    study = read_study("small", store(tmp_path, minutes=[8, 2.5]))
    listed = [(trial.seed, trial.minutes, trial.run.name) for trial in trials(study, only=["c", "wave"])]
    assert listed == [(seed, minutes, name) for seed in (0, 1) for minutes in (2.5, 8) for name in ("wave", "c")]
    (trial,) = trials(study, seeds=[1], only=["b"], minutes=[2.5])
    assert (trial.name, str(trial.folder), trial.file) == (
        "b, 2.5 min, seed 1",
        "b/2.5-min/seed-1",
        "b_2.5-min_seed-1.json",
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"titel": "x"}, "titel: no such key; did you mean 'title'? Choices: title, text, base, seeds, runs, minutes"),
        ({"title": None}, "title: missing"),
        ({"text": 3}, "text=3: write a text"),
        ({"seeds": []}, "seeds: list at least one"),
        ({"seeds": [0, 0]}, "seeds=[0, 0]: list each once"),
        ({"seeds": [0.5]}, "seeds=0.5: list whole numbers"),
        ({"seeds": [True]}, "seeds=True: list whole numbers"),
        ({"minutes": [0]}, "minutes=0: list numbers above 0"),
        ({"base": ["model=vgg8b"]}, "base: write settings as on the command line: model=vgg8b schedule=wave"),
        ({"base": "'model"}, "base='model: No closing quotation"),
        ({"base": "seed=3"}, "base: seed=3: leave it to the study, which sets it for each run"),
        ({"base": "hydra.run.dir=x"}, "base: hydra.run.dir=x: leave it to the study, which sets it for each run"),
        (
            {"minutes": [8], "base": "schedule.epochs=3"},
            "base: schedule.epochs=3: leave it to the minutes of the study",
        ),
        ({"runs": []}, "runs: list at least one"),
        ({"runs": {"name": "x"}}, "runs: list them, each as {name: ..., settings: ...}"),
        ({"runs": ["x"]}, "runs[0]: write name, settings, against, teacher, each with a value"),
        ({"runs": [{"name": "x"}, {"name": "x"}]}, "runs[1].name=x: another run has this name"),
        ({"runs": [{"settings": "labels=10"}]}, "runs[0].name: missing"),
        ({"runs": [{"name": "../x"}]}, "runs[0].name=../x: choose letters, digits, dots, dashes and underscores"),
        (
            {"runs": [{"name": "x", "setting": "y"}]},
            "runs[0].setting: no such key; did you mean 'settings'? Choices: name, settings, against, teacher",
        ),
        (
            {"runs": [{"name": "wave", "against": "wafe"}]},
            "run wave: against=wafe: did you mean 'wave'? Choices: wave",
        ),
        (
            {"runs": [{"name": "wave", "teacher": "wave"}]},
            "run wave: teacher=wave: no run stands before this one",
        ),
        (
            {"runs": [{"name": "wave"}, {"name": "taught", "teacher": "wafe"}]},
            "run taught: teacher=wafe: did you mean 'wave'? Choices: wave",
        ),
        (
            {"runs": [{"name": "a"}, {"name": "b", "teacher": "a", "settings": "pseudo_labels.teacher=vote"}]},
            "run b: settings: pseudo_labels.teacher=vote: leave it to the study, which sets it for each run",
        ),
    ],
)
def test_mistakes_are_named(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        read_study("small", store(tmp_path, **changed))
    assert str(error.value) == f"{tmp_path}/small.yaml: {message}"


def test_what_is_no_yaml_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("title: [")
    with pytest.raises(ConfigError, match=r"bad\.yaml: cannot be read: [^\n]*$"):
        read_study("bad", tmp_path)


def test_settings_that_training_refuses_are_told_with_their_run(tmp_path: Path) -> None:
    study = read_study("small", store(tmp_path, runs=[{"name": "x", "settings": "encoder=q labels=0"}]))
    with pytest.raises(ConfigError, match=r"^small, run x: encoder=q: [^\n]*; labels=0: [^\n]*$"):
        _ = trials(study)[0].config


@pytest.mark.parametrize("chosen", [{"seeds": [7]}, {"only": ["w"]}, {"minutes": [3]}])
def test_what_the_study_has_not_got_cannot_be_chosen(chosen: dict[str, Any], tmp_path: Path) -> None:
    study = read_study("small", store(tmp_path, minutes=[2]))
    with pytest.raises(ConfigError, match=rf"^--{next(iter(chosen))} \w: not in small; choose from "):
        trials(study, **chosen)


def test_results_of_other_settings_are_told_apart(tmp_path: Path) -> None:
    (trial, *_) = trials(read_study("small", store(tmp_path)))
    made_with = {"seed": 5, "model": {"name": "vgg11", "width": 1.0}, "schedule": {"epochs": 7}}
    assert changes(trial, made_with) == ["model=vgg11", "schedule.epochs=7"]


def test_how_many_epochs_fill_a_budget_makes_no_other_settings(tmp_path: Path) -> None:
    (trial, *_) = trials(read_study("small", store(tmp_path, minutes=[8])))
    assert changes(trial, {"schedule": {"epochs": 7, "waves": 7}, "trainer": {"limit_train_batches": 0.5}}) == []


def test_the_page_about_results_shows_a_study_that_works(tmp_path: Path) -> None:
    page = (SHIPPED.parent / "docs" / "results.md").read_text()
    (tmp_path / "shown.yaml").write_text(page.partition("```yaml\n")[2].partition("```")[0])
    planned = trials(read_study("shown", tmp_path))
    assert [trial.config.encoder.name for trial in planned[:3]] == ["pool", "c", "c"]


@pytest.mark.parametrize("name", study_names(SHIPPED))
def test_no_two_runs_of_a_shipped_study_are_the_same(name: str) -> None:
    study = read_study(name, SHIPPED)
    planned = trials(study, seeds=study.seeds[:1], minutes=study.minutes[:1] or None)
    assert len({repr(trial.config) for trial in planned}) == len(planned) == len(study.runs)


@pytest.mark.parametrize(
    ("experiment", "study", "run"),
    [("vgg8b_in_two", "small_batches_gpu", "all-labels"), ("vgg8b_few_labels", "mixup_gpu", "mixed")],
)
def test_an_experiment_of_our_own_is_the_run_that_was_measured(experiment: str, study: str, run: str) -> None:
    (measured,) = trials(read_study(study, SHIPPED), only=[run])
    kept_out = ["callbacks.dashboard=false", "callbacks.pictures=0", "layer.store=false"]
    limited = ["cuda_graphs=true", f"trainer.max_time={measured.config.trainer.max_time}"]
    assert measured.config == load_config([f"experiment={experiment}", *kept_out, *limited])
