from pathlib import Path

import pytest

from lwtrain.comparison import Contender, Line
from lwtrain.pictures.comparison import draw_comparison
from lwtrain.runs import Run


def contender(label: str, depth: int, *shares: float) -> Contender:
    layers = {f"layer_{number}/val/accuracy": 0.5 for number in range(depth)}
    runs = [
        Run(Path(label), figures={**layers, "head/val/accuracy": share, "vote/val/accuracy": share}) for share in shares
    ]
    return Contender(label, runs, Line([1.0, 2.0], [40.0, 50.0], [39.0, 49.0], [41.0, 51.0]))


def test_lines_end_where_runs_ended_and_heads_stand_in_one_place() -> None:
    figure = draw_comparison([contender("deep", 4, 0.9), contender("flat", 2, 0.7, 0.8)])
    over_time, over_depth = figure.axes
    drawn = [line for line in over_time.get_lines() if len(line.get_xdata())]
    assert [list(line.get_ydata()) for line in drawn] == [[40.0, 50.0]] * 2
    heads = [line for line in over_depth.get_lines() if len(line.get_xdata()) > 2]
    assert [line.get_xdata()[-1] for line in heads] == [4, 4]
    assert [line.get_ydata()[-1] for line in heads] == pytest.approx([90, 75])
    assert [label.get_text() for label in over_depth.get_xticklabels()] == ["0", "1", "2", "3", "head", "vote"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["deep", "flat"]
    assert len(over_time.collections) == 1  # the band of the two seeds


def test_runs_without_figures_are_named_all_the_same() -> None:
    figure = draw_comparison([Contender("broken", [Run(Path("broken"))], None)])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["broken"]
