from pathlib import Path

import pytest
import torch
from caught_rows import catch_rows
from matplotlib.figure import Figure
from PIL import Image

from lwtrain.autoencoding import decode, encode
from lwtrain.pictures.mixtures import ClassCodes, class_codes, draw_codes, draw_mixtures, mixtures
from lwtrain.pictures.options import PictureOptions
from lwtrain.trained_run import TrainedRun, load_run


@pytest.fixture(scope="module")
def run(autoencoder_run: Path) -> TrainedRun:
    return load_run(autoencoder_run)


@torch.no_grad()
def test_class_codes_are_means_over_the_images_of_a_class(run: TrainedRun) -> None:
    test = run.data.test
    assert test is not None
    labels, means = class_codes(run.stack, test)
    assert labels == [0, 1, 2]
    for label, mean in zip(labels, means, strict=True):
        assert torch.allclose(mean, encode(run.stack, test.images[test.labels == label]).mean(dim=0), atol=1e-5)


@torch.no_grad()
def test_the_grid_has_all_pairs_and_on_its_diagonal_the_class_means(run: TrainedRun) -> None:
    torch.manual_seed(0)
    codes = torch.randn(3, *encode(run.stack, torch.rand(1, 1, 28, 28)).shape[1:])
    grid = mixtures(run.stack, codes)
    assert grid.shape == (3, 3, 1, 28, 28)
    assert torch.allclose(grid, grid.transpose(0, 1), atol=1e-6)
    assert torch.allclose(grid[range(3), range(3)], decode(run.stack, codes), atol=1e-6)
    assert torch.allclose(grid[0, 2], decode(run.stack, (codes[0] + codes[2])[None] / 2)[0], atol=1e-6)


@pytest.fixture
def codes(monkeypatch: pytest.MonkeyPatch) -> ClassCodes:
    """Of two classes of the three."""
    means = torch.linspace(-0.02, 2, 20).reshape(2, 10, 1, 1)
    known = ClassCodes([0, 2], means)
    monkeypatch.setattr("lwtrain.pictures.mixtures.class_codes", lambda *_: known)
    return known


def test_each_mean_code_stands_beside_the_name_of_its_class(
    run: TrainedRun, codes: ClassCodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr("lwtrain.pictures.mixtures.save_figure", lambda figure, path: figures.append(figure) or path)
    draw_codes(run, PictureOptions(tmp_path))
    axes = figures[0].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [run.classes[0], run.classes[2]]
    assert axes.get_yticks().tolist() == [0, 1]
    drawn = axes.images[0].get_array()
    assert drawn is not None
    assert drawn.tolist() == codes.means.flatten(start_dim=1).tolist()
    written = {(text.get_position()[1], text.get_position()[0]): float(text.get_text()) for text in axes.texts}
    assert len(written) == 20
    for (row, column), value in written.items():
        assert value == pytest.approx(codes.means[row, column].item(), abs=0.051)
    assert axes.texts[0].get_text() == "0.0"  # of -0.02


def test_mixtures_stand_where_the_row_of_one_class_meets_the_column_of_another(
    run: TrainedRun, codes: ClassCodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = catch_rows(monkeypatch)
    draw_mixtures(run, PictureOptions(tmp_path))
    names = [run.classes[0], run.classes[2]]
    assert [row.label for row in rows] == names
    assert [row.captions for row in rows] == [[], names]
    assert [row.columns for row in rows] == [2, 2]
    assert torch.equal(torch.stack([row.images for row in rows]), mixtures(run.stack, codes.means))


def test_a_hundred_classes_fit_on_a_page_that_names_them_once(
    run: TrainedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = catch_rows(monkeypatch)
    names = [f"class {number}" for number in range(100)]
    monkeypatch.setattr(TrainedRun, "classes", names)
    monkeypatch.setattr(
        "lwtrain.pictures.mixtures.class_codes", lambda *_: ClassCodes(list(range(100)), torch.empty(0))
    )
    monkeypatch.setattr("lwtrain.pictures.mixtures.mixtures", lambda *_: torch.empty(100, 100, 1, 28, 28))
    (path,) = draw_mixtures(run, PictureOptions(tmp_path))
    with Image.open(path) as image:
        assert image.width < 4000
    assert [row.label for row in rows] == names
    assert not any(row.captions for row in rows)
