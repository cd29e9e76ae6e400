import json
from pathlib import Path

import pytest
import torch

from lwtrain.data.load import Split
from lwtrain.errors import DataError
from lwtrain.evaluation import evaluate
from lwtrain.trained_run import load_run


def measured(run: Path) -> dict[str, float]:
    metrics = json.loads((run / "metrics.json").read_text())
    return {tag: value for tag, value in metrics.items() if {"val", "test"} & {*tag.split("/")}}


def test_a_network_is_measured_as_its_run_measured_it(classifier_run: Path) -> None:
    found = evaluate(load_run(classifier_run), device="cpu")
    assert found.figures == pytest.approx(measured(classifier_run), abs=1e-6)


def test_the_confusion_is_that_of_the_vote(classifier_run: Path) -> None:
    run = load_run(classifier_run)
    found = evaluate(run, ["test"], device="cpu")
    assert run.data.test is not None
    taken = run.stack.vote(run.data.test.images[:]).argmax(dim=1)
    counts = [
        [int(((run.data.test.labels == true) & (taken == other)).sum()) for other in range(3)] for true in range(3)
    ]
    assert found.confusion["test"].tolist() == counts
    assert sum(map(sum, counts)) == len(run.data.test)


def test_an_autoencoder_is_measured_by_its_copies(autoencoder_run: Path) -> None:
    found = evaluate(load_run(autoencoder_run), ["val"], device="cpu")
    assert found.figures == pytest.approx(measured(autoencoder_run), abs=1e-6)
    assert found.figures["val/reconstruction"] > 0


def test_other_images_can_be_tested_on(classifier_run: Path) -> None:
    run = load_run(classifier_run)
    images = torch.randint(0, 256, (7, 3, 16, 16), dtype=torch.uint8)
    taken = run.stack.vote(images).argmax(dim=1)
    found = evaluate(run, images=Split(images, taken), device="cpu")
    assert found.figures["vote/test/accuracy"] == 1.0
    assert list(found.confusion) == ["test"]


def test_an_untrained_network_and_a_missing_test_set_are_errors(classifier_run: Path, autoencoder_run: Path) -> None:
    run = load_run(classifier_run)
    run.data.test = None
    with pytest.raises(DataError, match="its data set has no test images; choose val"):
        evaluate(run, ["test"])
    run.stack.elect([])
    with pytest.raises(DataError, match="none of the layers is trained yet"):
        evaluate(run, ["val"])
