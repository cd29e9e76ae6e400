from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny import CLASSES, differing, fit, tensors, tiny_data, tiny_images, tiny_stack, tiny_trainer
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from lwtrain import InformationPlane, WaveSchedule
from lwtrain.checkpoints import load_checkpoint
from lwtrain.data.load import Split
from lwtrain.information.binning import Binning
from lwtrain.information.edge import EDGE
from lwtrain.information.estimator import Estimator
from lwtrain.information.hsic import HSIC
from lwtrain.loggers import RunTensorBoardLogger

ESTIMATORS: dict[str, Estimator] = {"hsic": HSIC(1.0), "edge": EDGE(repeats=1)}


def test_each_epoch_adds_two_coordinates_for_each_estimator_and_layer(tmp_path: Path) -> None:
    plane = InformationPlane(tmp_path, ESTIMATORS, images=20)
    fit(WaveSchedule(1, 1), callbacks=[plane])
    with np.load(tmp_path / "information_plane.npz") as stored:
        assert stored["coordinates"].shape == (3, 2, 3, 2)  # epochs, estimators, layers with the head, image and label
        assert stored["coordinates"].dtype == np.float32
        assert np.isfinite(stored["coordinates"]).all()
        assert stored["epochs"].tolist() == [1, 2, 3]
        assert stored["estimators"].tolist() == ["hsic", "edge"]
        assert stored["layers"].tolist() == ["layer_0", "layer_1", "head"]
        assert np.array_equal(stored["coordinates"], plane.coordinates)


def test_the_last_point_is_that_of_the_network_as_it_stands(tmp_path: Path) -> None:
    split, measure = tiny_images(20), HSIC(1.0)
    plane = InformationPlane(tmp_path, {"hsic": measure}, images=split)
    stack = fit(WaveSchedule(1, 1), callbacks=[plane])
    images = split.images.float() / 255
    with torch.no_grad():
        first = stack.layers[0].layer(images)
        second = stack.layers[1].layer(torch.nn.functional.max_pool2d(first, 2))
        logits = stack.layers[2].classifier(second)
    expected = [
        [measure.criterion(z, other).item() for other in (images, split.labels)] for z in (first, second, logits)
    ]
    assert plane.coordinates[-1, 0] == pytest.approx(np.array(expected), rel=1e-3)


def test_without_a_folder_the_coordinates_are_there_to_be_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plane = InformationPlane(None, {"hsic": HSIC(1.0)}, images=20)
    stack = fit(WaveSchedule(1, 1), callbacks=[plane])
    (panel,) = plane.draw(stack.names).axes
    lines = [line.get_xydata() for line in panel.lines[:3]]
    assert np.stack(lines, axis=1) == pytest.approx(plane.coordinates[:, 0])
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_learns_tells_more_about_the_labels(tmp_path: Path) -> None:
    plane = InformationPlane(tmp_path, {"hsic": HSIC(1.0)}, images=36)
    fit(WaveSchedule(6, 1), data=tiny_data(labels="all"), callbacks=[plane], max_epochs=8)
    with_labels = plane.coordinates[:, 0, 0, 1]  # of layer 0, which trains in the first 6 epochs
    assert with_labels[5] > with_labels[0]
    assert with_labels[5] == with_labels[6] == with_labels[7]  # it rests in the others


def test_the_training_is_the_same_with_and_without(tmp_path: Path) -> None:
    estimators: dict[str, Estimator] = {**ESTIMATORS, "binning": Binning(), "normalised_hsic": HSIC(1.0, True)}
    alone, watched = fit(WaveSchedule(1, 1)), tiny_stack()
    fit(WaveSchedule(1, 1), watched, callbacks=[InformationPlane(tmp_path, estimators, images=20)])
    assert differing(tensors(alone), tensors(watched)) == []


def test_some_epochs_may_be_left_out(tmp_path: Path) -> None:
    plane = InformationPlane(tmp_path, {"hsic": HSIC()}, images=20, every=4)
    fit(WaveSchedule(3, 1), callbacks=[plane])
    assert plane.epochs == [4, 8, 9]
    assert len(plane.coordinates) == 3


def test_the_last_epoch_is_measured_however_seldom_others_are(tmp_path: Path) -> None:
    plane, each = (
        InformationPlane(tmp_path, {"hsic": HSIC()}, 20, every=100),
        InformationPlane(tmp_path, {"hsic": HSIC()}, 20),
    )
    for watch in (plane, each):
        fit(WaveSchedule(1, 1), callbacks=[watch])
    assert plane.epochs == [3]
    assert np.array_equal(plane.coordinates[0], each.coordinates[-1])


def test_a_run_that_is_continued_has_the_epochs_of_one_that_was_not_stopped(tmp_path: Path) -> None:
    first, second = (InformationPlane(tmp_path, {"hsic": HSIC()}, 20, every=2) for _ in range(2))
    fit(WaveSchedule(2, 1), callbacks=[first], folder=tmp_path, max_epochs=3)
    fit(WaveSchedule(2, 1), callbacks=[second], resume=tmp_path / "last.ckpt")
    assert (first.epochs, second.epochs) == ([2, 3], [2, 4, 6])


def test_a_resumed_run_goes_on_with_the_same_array(tmp_path: Path) -> None:
    whole = InformationPlane(tmp_path / "whole", ESTIMATORS, images=20)
    fit(WaveSchedule(1, 1), callbacks=[whole], folder=tmp_path / "whole")
    first = InformationPlane(tmp_path, ESTIMATORS, images=20)
    fit(WaveSchedule(1, 1), callbacks=[first], folder=tmp_path, max_epochs=2)
    second = InformationPlane(tmp_path, ESTIMATORS, images=20)
    fit(WaveSchedule(1, 1), callbacks=[second], resume=tmp_path / "last.ckpt")
    assert second.epochs == [1, 2, 3]
    assert np.array_equal(second.coordinates, whole.coordinates)
    assert load_checkpoint(tmp_path / "last.ckpt")["callbacks"]["InformationPlane"]["epochs"] == second.epochs


def test_other_estimators_begin_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit(WaveSchedule(1, 1), callbacks=[InformationPlane(tmp_path, ESTIMATORS)], folder=tmp_path, max_epochs=2)
    other = InformationPlane(tmp_path, {"hsic": HSIC()})
    fit(WaveSchedule(1, 1), callbacks=[other], resume=tmp_path / "last.ckpt")
    assert other.epochs == [3]
    assert other.coordinates.shape == (1, 1, 3, 2)
    assert "the earlier epochs were measured by other estimators" in caplog.text


@pytest.mark.parametrize("images", [10, tiny_images(20, seed=7)], ids=["fewer", "the user's own"])
def test_other_images_begin_anew(images: int | Split, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, other = (InformationPlane(tmp_path, ESTIMATORS, watched) for watched in (20, images))
    fit(WaveSchedule(1, 1), callbacks=[first], folder=tmp_path, max_epochs=2)
    fit(WaveSchedule(1, 1), callbacks=[other], resume=tmp_path / "last.ckpt")
    assert other.epochs == [3]
    assert "the earlier epochs were measured on other images, and are left out" in caplog.text


def test_images_that_are_not_there_are_pointed_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    InformationPlane(tmp_path, ESTIMATORS, images=36).on_fit_start(tiny_trainer_with(tiny_data()), tiny_stack())
    assert "images=" not in caplog.text
    InformationPlane(tmp_path, ESTIMATORS, images=37).on_fit_start(tiny_trainer_with(tiny_data()), tiny_stack())
    assert "callbacks.information_plane.images=37: only 36 training images have a known label" in caplog.messages


def test_an_estimator_may_give_a_plain_number(tmp_path: Path) -> None:
    class Size:
        def criterion(self, x: Tensor, y: Tensor) -> float:
            return float(len(x) + y.ndim)

    plane = InformationPlane(tmp_path, {"size": Size()}, images=20)
    fit(WaveSchedule(1, 1), callbacks=[plane])
    assert plane.coordinates[:, 0].tolist() == [[[24.0, 21.0]] * 3] * 3


def test_a_picture_is_drawn_and_shown(tmp_path: Path) -> None:
    logger = RunTensorBoardLogger(tmp_path)
    fit(WaveSchedule(1, 1), callbacks=[InformationPlane(tmp_path, ESTIMATORS, images=20)], logger=logger)
    with Image.open(tmp_path / "information_plane.png") as picture:
        assert picture.width > picture.height > 300
        assert len(np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)) > 20
    events = EventAccumulator(str(tmp_path), size_guidance={"images": 0}).Reload()
    assert len(events.Images("information_plane")) == 3


def test_images_are_of_the_training_set_and_known_labels_only(tmp_path: Path) -> None:
    data = tiny_data()
    data.train.labels[data.unlabelled[:10]] = -1
    plane = InformationPlane(tmp_path, {"hsic": HSIC()}, images=1000)
    plane.on_fit_start(tiny_trainer_with(data), tiny_stack())
    images, labels = plane._watched
    assert len(labels) == len(data.labelled) + len(data.unlabelled) - 10
    assert set(labels.tolist()) == set(range(CLASSES))
    known = {image.numpy().tobytes() for image in data.train.images[torch.cat([data.labelled, data.unlabelled])]}
    assert {image.numpy().tobytes() for image in images} <= known


def tiny_trainer_with(data: object) -> object:
    trainer = tiny_trainer()
    trainer.datamodule = data
    return trainer


def test_a_loader_of_images_needs_the_images_themselves(tmp_path: Path) -> None:
    split = tiny_images()
    loader = DataLoader(TensorDataset(split.images, split.labels), batch_size=16)
    trainer = tiny_trainer(WaveSchedule(1, 1, front="recompute"), InformationPlane(tmp_path, ESTIMATORS, 9))
    with pytest.raises(ValueError, match=r"^callbacks.information_plane.images=9: give the images themselves"):
        trainer.fit(tiny_stack(), loader, loader)
    plane = InformationPlane(tmp_path, ESTIMATORS, split)
    tiny_trainer(WaveSchedule(1, 1, front="recompute"), plane).fit(tiny_stack(), loader, loader)
    assert len(plane.coordinates) == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"estimators": {}}, r"estimators=\[\]: choose at least one"),
        ({"images": 1}, "images=1: choose 2 or more"),
        ({"every": 0}, "every=0: choose 1 or more"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^callbacks.information_plane.{message}"):
        InformationPlane(tmp_path, **{"estimators": ESTIMATORS, **settings})
