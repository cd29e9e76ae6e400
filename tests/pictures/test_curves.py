from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tiny import tiny_stack

from lwtrain.pictures.curves import Curve, curves_of, draw_curves, read_metrics
from lwtrain.pictures.options import NotForThisRunError, PictureOptions
from lwtrain.trained_run import TrainedRun

TAGS = (
    "head/train/accuracy",
    "layer_0/train/accuracy",
    "layer_0/val/accuracy",
    "val/reconstruction",
    "head/train/reconstruction_labelled",
)
ROWS = """
20,,0.6,,,
10,,0.5,0.4,,
25,,,0.5,,
30,0.7,,0.55,,0.2
40,0.8,,,0.1,0.1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "metrics.csv").write_text(",".join(("step", *TAGS)) + ROWS)
    return tmp_path


def test_epochs_are_the_layers_own(folder: Path) -> None:
    assert curves_of(read_metrics(folder), "head", "accuracy").train == Curve([1, 2], [0.7, 0.8])


def test_a_validation_belongs_to_the_epoch_before_and_the_latest_counts(folder: Path) -> None:
    curves = curves_of(read_metrics(folder), "layer_0", "accuracy")
    assert curves.train == Curve([1, 2], [0.5, 0.6])
    assert curves.validation == Curve([1, 2], [0.4, 0.55])


def test_the_autoencoders_own_error_validates_its_reconstruction(folder: Path) -> None:
    curves = curves_of(read_metrics(folder), "head", "reconstruction")
    assert (curves.train, curves.validation) == (Curve([1, 2], [0.2, 0.1]), Curve([2], [0.1]))


def test_a_run_without_metrics_has_no_curves(tmp_path: Path) -> None:
    with pytest.raises(NotForThisRunError, match=r"made with logger\.csv=false"):
        read_metrics(tmp_path)


def table(*layers: str) -> str:
    """A metrics.csv of two epochs for each of these layers; all but the head rebuild, each 1,000 times worse."""
    figures = {}
    for number, layer in enumerate(layers):
        figures |= {f"{layer}/{stage}/accuracy": 0.9 for stage in ("train", "val")}
        figures |= {f"{layer}/{stage}/prediction": 0.5 for stage in ("train", "val")}
        if layer != "head":
            figures[f"{layer}/train/reconstruction_labelled"] = 1e-4 * 1000**number
    row = ",".join(map(str, figures.values()))
    return f"step,{','.join(figures)}\n10,{row}\n20,{row}\n"


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """What would have been written."""
    caught: list[Figure] = []

    def catch(figure: Figure, path: Path) -> Path:
        figure.draw_without_rendering()
        caught.append(figure)
        return path

    monkeypatch.setattr("lwtrain.pictures.curves.save_figure", catch)
    return caught


def draw(folder: Path, text: str, layers: Sequence[str] | None = None) -> None:
    (folder / "metrics.csv").write_text(text)
    run = cast("TrainedRun", SimpleNamespace(folder=folder, stack=tiny_stack()))
    draw_curves(run, PictureOptions(folder, layers=layers))


def epochs_below(axes: Axes) -> list[str]:
    return [label.get_text() for label in axes.get_xticklabels() if label.get_visible()]


def test_each_column_has_its_epochs_below_the_lowest_curves(tmp_path: Path, figures: list[Figure]) -> None:
    draw(tmp_path, table("layer_0", "layer_1", "head"))
    rows = [figures[0].axes[start : start + 3] for start in (0, 3, 6)]
    assert [axes.get_title() for axes in rows[0]] == ["layer_0", "layer_1", "head"]
    assert [[axes.axison for axes in row] for row in rows] == [[True] * 3, [True] * 3, [True, True, False]]
    assert [[axes.get_xlabel() for axes in row] for row in rows] == [
        [""] * 3,
        ["", "", "epoch"],
        ["epoch", "epoch", ""],
    ]
    assert epochs_below(rows[0][2]) == epochs_below(rows[1][0]) == []
    assert {"1", "2"} <= set(epochs_below(rows[1][2]))
    assert {"1", "2"} <= set(epochs_below(rows[2][0]))


def test_what_differs_by_factors_of_1000_has_a_logarithmic_scale(tmp_path: Path, figures: list[Figure]) -> None:
    draw(tmp_path, table("layer_0", "layer_1", "head"))
    assert [axes.get_yscale() for axes in figures[0].axes] == ["linear"] * 6 + ["log"] * 3
    lowest, highest = figures[0].axes[6].get_ylim()
    assert lowest < 1e-4 < 1e-1 < highest


def test_accuracy_is_drawn_as_error(tmp_path: Path, figures: list[Figure]) -> None:
    draw(tmp_path, table("head"))
    error, entropy = figures[0].axes
    assert (error.get_ylabel(), entropy.get_ylabel()) == ("error (%)", "cross entropy")
    for line in error.lines:
        assert list(line.get_ydata()) == pytest.approx([10, 10])
    for line in entropy.lines:
        assert list(line.get_ydata()) == [0.5, 0.5]


def test_layers_without_epochs_of_their_own_are_named(tmp_path: Path) -> None:
    with pytest.raises(NotForThisRunError, match="layer_0: no epoch of their own; choose head"):
        draw(tmp_path, table("head"), ["0"])
    with pytest.raises(NotForThisRunError, match="none of the layers has trained for a whole epoch"):
        draw(tmp_path, "step,vote/val/accuracy\n10,0.5\n")
