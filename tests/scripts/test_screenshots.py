from pathlib import Path

import pytest
from PIL import Image

screenshots = pytest.importorskip("screenshots")  # needs playwright


@pytest.mark.timeout(600)  # a browser beside another test process
@pytest.mark.skipif(screenshots.chromium() is None, reason="needs a Chromium")
def test_tensorboard_shows_a_finished_run(classifier_run: Path, tmp_path: Path) -> None:
    sights = [sight for sight in screenshots.SIGHTS if sight.name in ("charts", "hyperparameters")]
    taken = screenshots.shoot(classifier_run, tmp_path, sights)  # raises where a page lacks something
    assert [path.name for path in taken] == ["tensorboard_charts.png", "tensorboard_hyperparameters.png"]
    for path, sight in zip(taken, sights, strict=True):
        with Image.open(path) as picture:
            assert picture.size == sight.size
