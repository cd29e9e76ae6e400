from pathlib import Path

import pytest

from lwtrain.pictures.curves import Curve, curves_of, read_metrics
from lwtrain.pictures.options import NotForThisRunError

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
