import re
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import differing, tensors

from lwtrain.backbones import BACKBONES
from lwtrain.building import build_stack
from lwtrain.data.view import as_inputs
from lwtrain.pictures.drawing import Sheet
from lwtrain.pictures.filters import draw_filters, excite, responses
from lwtrain.pictures.options import PictureOptions
from lwtrain.pictures.palette import Palette
from lwtrain.seeds import generator_for
from lwtrain.stack import LayerStack
from lwtrain.trained_run import TrainedRun, load_run

SHAPE = (3, 16, 16)


@pytest.fixture(scope="module")
def run(classifier_run: Path) -> TrainedRun:
    return load_run(classifier_run)


@pytest.mark.parametrize("number", [0, 3, 5, 6])
def test_filters_respond_far_more_than_to_noise_and_to_the_first_image(run: TrainedRun, number: int) -> None:
    found = excite(run.stack, number, range(3), SHAPE)
    noise = torch.rand(200, *SHAPE, generator=generator_for(0, "noise"))
    with torch.no_grad():
        to_noise = responses(run.stack, number, noise)[:, :3]
    spread = to_noise.std(dim=0).clamp_min(1e-3)
    alive = found.responses > 1e-6
    assert alive.sum() >= 2
    assert ((found.responses - to_noise.mean(dim=0)) / spread)[alive].min() > 4  # no noise in thousands comes so far
    assert ((found.responses - found.first_responses) / spread)[alive].min() > 1


@pytest.mark.parametrize("number", range(7))
def test_filters_respond_more_than_to_the_best_of_many_training_images(run: TrainedRun, number: int) -> None:
    images = as_inputs(run.data.train.images)
    found = excite(run.stack, number, range(3), SHAPE, palette=Palette.of(images))
    with torch.no_grad():
        usual = responses(run.stack, number, images)[:, :3].max(dim=0).values
    assert (found.responses / usual)[usual > 0].median() > 1


def test_images_keep_to_the_colours_of_the_training_images(run: TrainedRun) -> None:
    """They may be as bright and dark as they like; what tells red from green stays small where it is."""
    brightness = torch.rand(40, 1, *SHAPE[1:], generator=generator_for(0, "brightness"))
    tinted = (brightness + torch.tensor([0.04, 0.0, -0.04])[:, None, None] * brightness.round()).clamp(0, 1)
    within, anywhere = (
        excite(run.stack, 0, range(3), SHAPE, palette=palette).images for palette in (Palette.of(tinted), None)
    )
    colourful = [(images.amax(dim=1) - images.amin(dim=1)).mean() for images in (tinted, within, anywhere)]
    assert colourful[1] < 4 * colourful[0] < colourful[2]
    assert within.std() > 0.2


def test_a_sheet_is_as_wide_as_its_longest_row_and_classes_have_probabilities(
    run: TrainedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns: list[int] = []
    captions: list[list[str]] = []
    monkeypatch.setattr(Sheet, "save", lambda sheet, path: columns.append(sheet.columns) or path)
    monkeypatch.setattr(Sheet, "pictures", lambda _, __, texts: captions.append(texts))
    draw_filters(run, PictureOptions(tmp_path, layers=("0", "head"), number=2))
    draw_filters(run, PictureOptions(tmp_path, layers=("head",)))
    assert columns == [2, 3]
    assert [len(row) for row in captions] == [2, 2, 3]
    assert all(re.fullmatch(r"\d\n\d+%", caption) for row in captions[1:] for caption in row)


def test_images_are_images(run: TrainedRun) -> None:
    found = excite(run.stack, 2, [0, 5], SHAPE, steps=5)
    assert found.images.shape == (2, *SHAPE)
    assert 0 <= found.images.min() <= found.images.max() <= 1
    with torch.no_grad():
        again = responses(run.stack, 2, found.images)
    assert torch.allclose(found.responses, torch.stack([again[0, 0], again[1, 5]]))


def test_a_seed_gives_the_same_images_and_another_seed_others(run: TrainedRun) -> None:
    one, same, other = (excite(run.stack, 1, [0], SHAPE, steps=3, seed=seed).images for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other, atol=1e-3)


def test_the_network_and_the_global_generator_stay_as_they_are(run: TrainedRun) -> None:
    before, state = tensors(run.stack), torch.get_rng_state()
    excite(run.stack, 5, [0], SHAPE, steps=2)
    assert differing(before, tensors(run.stack)) == []
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("vgg11", {"width": 0.1}),
        ("vgg_a", {"width": 0.1}),
        ("stacked_autoencoder", {"channels": 4}),
        ("mlp", {"hidden": [12, 8]}),
    ],
)
def test_every_layer_of_any_backbone_can_be_excited(name: str, settings: dict[str, Any]) -> None:
    torch.manual_seed(0)
    backbone = BACKBONES[name](name, (1, 32, 32), num_classes=4, **settings)
    stack: LayerStack = build_stack(backbone, encoder="pool", objective="prediction").eval()
    for number in range(len(stack.layers)):
        found = excite(stack, number, range(4), (1, 32, 32), steps=12)
        assert (found.responses >= found.first_responses).all()
        assert found.responses.max() > found.first_responses.max()
