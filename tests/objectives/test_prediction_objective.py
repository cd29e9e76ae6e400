import math

import pytest
import torch

from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.objective import Objective
from lwtrain.sidecars.sidecar import SidecarOutput

LOGITS = torch.log(torch.tensor([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]]))
INPUTS = torch.rand(4, 1, 2, 2)


def build(label_smoothing: float = 0.0) -> Objective:
    return OBJECTIVES["prediction"]("prediction", depth=0, label_smoothing=label_smoothing)


def test_cross_entropy_by_hand() -> None:
    losses = build()(SidecarOutput(LOGITS, None), INPUTS, torch.tensor([0, 2]))
    assert losses.total.item() == pytest.approx(-(math.log(0.7) + math.log(0.4)) / 2)
    assert losses.total is losses.prediction
    assert losses[2:] == (None, None, None)


def test_label_smoothing_by_hand() -> None:
    losses = build(label_smoothing=0.3)(SidecarOutput(LOGITS[:1], None), INPUTS, torch.tensor([0]))
    assert losses.total.item() == pytest.approx(-(0.8 * math.log(0.7) + 0.1 * math.log(0.2) + 0.1 * math.log(0.1)))


def test_reconstruction_is_not_looked_at() -> None:
    output = SidecarOutput(LOGITS, torch.full((4, 1, 2, 2), math.nan))
    assert build()(output, INPUTS, torch.tensor([0, 2])).total.isfinite()


def test_batch_without_labels_has_gradients_of_zero() -> None:
    logits = torch.rand(4, 3, requires_grad=True)
    losses = build()(SidecarOutput(logits, None), INPUTS, torch.tensor([], dtype=torch.int64))
    losses.total.backward()
    assert losses.prediction is None
    assert losses.total.item() == 0.0
    assert logits.grad.abs().sum().item() == 0.0


def test_unknown_objective_names_the_choices() -> None:
    choices = "by_supervision, by_task, by_task_labelled, hsic, infopro, prediction, predsim, reconstruction"
    with pytest.raises(ValueError, match=f"objective=predict: did you mean 'prediction'\\? Choices: {choices}"):
        OBJECTIVES["predict"]
