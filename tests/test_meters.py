import pytest
import torch

from lwtrain.meters import TrainingMeter
from lwtrain.objectives.objective import Losses

RIGHT, WRONG = torch.tensor([[9.0, 0.0]]), torch.tensor([[0.0, 9.0]])


def scalar(value: float) -> torch.Tensor:
    return torch.tensor(value)


def test_accuracy_counts_images_and_not_batches() -> None:
    meter = TrainingMeter()
    meter.update(Losses(scalar(0.0)), RIGHT.expand(3, 2), torch.zeros(3, dtype=torch.int64))
    meter.update(Losses(scalar(0.0)), WRONG, torch.zeros(1, dtype=torch.int64))
    assert meter.summary()["accuracy"] == 0.75


def test_losses_are_means_over_the_rows_of_all_batches() -> None:
    meter = TrainingMeter()
    meter.update(Losses(scalar(1.0), prediction=scalar(2.0)), RIGHT.expand(3, 2), torch.zeros(3, dtype=torch.int64))
    meter.update(Losses(scalar(5.0), prediction=scalar(4.0)), WRONG, torch.zeros(1, dtype=torch.int64))
    figures = meter.summary()
    assert figures["loss"] == pytest.approx((3 * 1.0 + 5.0) / 4)
    assert figures["prediction"] == pytest.approx((3 * 2.0 + 4.0) / 4)


def test_absent_terms_are_left_out() -> None:
    meter = TrainingMeter()
    meter.update(Losses(scalar(1.0), alpha=scalar(0.5)), RIGHT, torch.tensor([0]))
    assert meter.summary().keys() == {"accuracy", "loss", "alpha"}


def test_a_summary_begins_a_new_epoch() -> None:
    meter = TrainingMeter()
    meter.update(Losses(scalar(1.0), alpha=scalar(0.5)), WRONG, torch.tensor([0]))
    meter.summary()
    meter.update(Losses(scalar(3.0)), RIGHT, torch.tensor([0]))
    assert {name: float(value) for name, value in meter.summary().items()} == {"accuracy": 1.0, "loss": 3.0}


def test_a_loss_that_is_no_number_is_not_hidden() -> None:
    meter = TrainingMeter()
    meter.update(Losses(scalar(float("nan"))), RIGHT, torch.tensor([0]))
    assert torch.isnan(meter.summary()["loss"])


def test_a_look_in_mid_epoch_changes_nothing() -> None:
    meter = TrainingMeter()
    meter.update(Losses(scalar(1.0)), RIGHT, torch.tensor([0]))
    assert meter.accuracy_so_far() == 1.0
    meter.update(Losses(scalar(1.0)), WRONG, torch.tensor([0]))
    assert meter.accuracy_so_far() == 0.5
    assert meter.summary()["accuracy"] == 0.5
