"""Which picture stands where."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from caught_rows import catch_rows
from tiny import tiny_autoencoder, tiny_images

from lwtrain.autoencoding import reconstruct
from lwtrain.data.load import Split
from lwtrain.data.view import as_inputs
from lwtrain.pictures.options import PictureOptions
from lwtrain.pictures.reconstructions import draw_layers, draw_pairs, paired
from lwtrain.trained_run import TrainedRun


def untrained_run() -> tuple[TrainedRun, Split]:
    test = tiny_images(120)
    parts = {"stack": tiny_autoencoder().eval(), "data": SimpleNamespace(test=test, train=tiny_images(30, seed=1))}
    return cast("TrainedRun", SimpleNamespace(**parts)), test


def test_the_original_is_the_left_one_of_a_pair() -> None:
    originals, others = torch.rand(2, 3, 8, 5), torch.rand(2, 3, 8, 5)
    pairs = paired(originals, others)
    assert pairs.shape == (2, 3, 8, 10)
    assert torch.equal(pairs[..., :5], originals)
    assert torch.equal(pairs[..., 5:], others)


@torch.no_grad()
def test_a_hundred_images_stand_beside_their_copies_in_rows_of_ten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = catch_rows(monkeypatch)
    run, test = untrained_run()
    assert draw_pairs(run, PictureOptions(tmp_path)) == tmp_path / "autoencoder_pairs.png"
    (row,) = rows
    assert (len(row.images), row.columns) == (100, 10)
    originals, copies = row.images.split(8, dim=3)
    inputs = as_inputs(test.images[:100])
    assert torch.equal(originals, inputs)
    assert torch.allclose(copies, reconstruct(run.stack, inputs), atol=1e-6)


def test_what_enters_a_layer_stands_above_what_is_rebuilt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = catch_rows(monkeypatch)
    run, test = untrained_run()
    monkeypatch.setattr("lwtrain.pictures.reconstructions.layers_to_show", lambda *_, **__: [0, 1])
    draw_layers(run, PictureOptions(tmp_path))
    assert [row.label for row in rows] == ["input", "rebuilt"] * 2
    assert torch.equal(rows[0].images, as_inputs(test.images[:8]))
    assert not torch.equal(rows[1].images, rows[0].images)
