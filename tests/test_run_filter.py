from pathlib import Path

import pytest

from lwtrain.errors import ConfigError
from lwtrain.run_filter import runs_where
from lwtrain.runs import Run

RUNS = [
    Run(Path("0"), {"model.name": "vgg11", "labels": 1000, "vote.flips": True}, figures={"vote/val/accuracy": 0.7}),
    Run(Path("1"), {"model.name": "vgg13", "labels": "all", "vote.flips": False}, figures={"vote/val/accuracy": 0.9}),
    Run(Path("2"), {"model.name": "vgg13", "labels": 1000, "optimizer.lr": 1e-3}, failure="too few"),
    Run(Path("3"), failure="not finished"),
]


@pytest.mark.parametrize(
    ("conditions", "names"),
    [
        ([], ["0", "1", "2", "3"]),
        (["model=vgg13"], ["1", "2"]),
        (["model.name=vgg13", "labels=1000"], ["2"]),
        (["vote/val/accuracy>0.8"], ["1"]),
        (["vote/val/accuracy<=0.7"], ["0"]),
        (["labels!=all"], ["0", "2", "3"]),
        (["labels>=1000"], ["0", "2"]),
        (["vote.flips=true"], ["0"]),
        (["optimizer.lr=0.001"], ["2"]),
    ],
)
def test_those_are_left_for_which_all_conditions_hold(conditions: list[str], names: list[str]) -> None:
    assert [run.folder.name for run in runs_where(RUNS, conditions)] == names


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        ("model", "--where model: write NAME=VALUE"),
        ("lables=1000", r"--where lables=1000: no run has lables; did you mean 'labels'\?"),
        ("qqq=1", r"--where qqq=1: no run has qqq; see a run's metrics\.json"),
        ("labels=7", "--where labels=7: none of 4 runs is so"),
        ("labels>many", "--where labels>many: many is no number"),
    ],
)
def test_conditions_that_cannot_be_met_are_explained(condition: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        runs_where(RUNS, [condition])
