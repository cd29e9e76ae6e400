import pytest
import torch
from matplotlib.figure import Figure

from lwtrain.pictures.confusion import draw_confusion


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_cells_hold_the_counts_row_by_row_and_nothing_for_none() -> None:
    figure = draw_confusion(torch.tensor([[8, 0], [1, 1200]]), ["cat", "dog"], "Vote")
    assert texts(figure) == ["8", "1", "1,200"]
    assert [text.get_position() for text in figure.axes[0].texts] == [(0, 0), (0, 1), (1, 1)]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["cat", "dog"]


def test_colours_are_shares_of_the_true_class() -> None:
    figure = draw_confusion(torch.tensor([[1, 1], [0, 0]]), ["cat", "dog"], "Vote")
    assert figure.axes[0].images[0].get_array().tolist() == [[0.5, 0.5], [0.0, 0.0]]


@pytest.mark.parametrize(("classes", "written", "named"), [(12, True, True), (20, False, True), (100, False, False)])
def test_many_classes_leave_out_what_could_not_be_read(classes: int, written: bool, named: bool) -> None:
    names = [f"class {number}" for number in range(classes)]
    figure = draw_confusion(torch.eye(classes), names, "Vote")
    assert bool(texts(figure)) == written
    assert ("class 3" in [label.get_text() for label in figure.axes[0].get_yticklabels()]) == named
