import math
import re

import pytest
import torch

from lwtrain.backbones.backbone import LayerShape
from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.balanced import BalancedObjective
from lwtrain.objectives.objective import Objective
from lwtrain.sidecars import SIDECARS
from lwtrain.sidecars.sidecar import SidecarOutput

FORMULAS = ["by_supervision", "by_task", "by_task_labelled"]

# One labelled row that is 0.1 off and two unlabelled rows that are 0.2 off; two classes, equally likely.
INPUTS = torch.tensor([0.4, 0.4, 0.4]).reshape(3, 1, 1, 1)
OUTPUT = SidecarOutput(torch.zeros(1, 2), torch.tensor([0.5, 0.6, 0.2]).reshape(3, 1, 1, 1))
LABELS = torch.tensor([1])
S, U, P = 0.01, 0.04, math.log(2)


def build(name: str, *, depth: int = 0, **settings: object) -> Objective:
    return OBJECTIVES[name](name, depth=depth, **settings)


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("by_supervision", U * 0.8 + (S + P) * 0.2),
        ("by_task", (U + S) * 0.8 + P * 0.2),
        ("by_task_labelled", (U + 10 * S) * 0.8 + P * 0.2),
    ],
)
def test_totals_by_hand(name: str, total: float) -> None:
    losses = build(name, alpha=0.2)(OUTPUT, INPUTS, LABELS)
    assert [loss.item() for loss in losses] == pytest.approx([total, P, S, U, 0.2], rel=1e-5)


@pytest.mark.parametrize("name", FORMULAS)
def test_learned_alpha_adds_its_regulariser(name: str) -> None:
    fixed = build(name, alpha=0.5)(OUTPUT, INPUTS, LABELS)
    learned = build(name, alpha="learned")(OUTPUT, INPUTS, LABELS)
    assert learned.total.item() - fixed.total.item() == pytest.approx(2 * math.log(2))


def test_learned_alpha_moves_against_the_larger_loss() -> None:
    objective = build("by_task", alpha="learned")
    objective(OUTPUT, INPUTS, LABELS).total.backward()
    # d total / dx = (p - s - u) a (1 - a), and the regulariser is flat at a = 0.5
    assert objective.alpha.x.grad.item() == pytest.approx((P - S - U) / 4, rel=1e-4)


def test_every_layer_learns_its_own_alpha() -> None:
    first, second = build("by_task", alpha="learned"), build("by_task", alpha="learned")
    assert first.alpha.x is not second.alpha.x


@pytest.mark.parametrize(("name", "total"), [("by_supervision", (S + P) * 0.2), ("by_task", S * 0.8 + P * 0.2)])
def test_without_unlabelled_rows_their_term_is_absent(name: str, total: float) -> None:
    output = SidecarOutput(OUTPUT.logits, OUTPUT.reconstruction[:1])
    losses = build(name, alpha=0.2)(output, INPUTS[:1], LABELS)
    assert losses.reconstruction_unlabelled is None
    assert losses.total.item() == pytest.approx(total, rel=1e-5)


# Terms of weight 0


@pytest.mark.parametrize("name", ["by_task", "by_task_labelled"])
def test_where_prediction_weighs_everything_nothing_is_rebuilt(name: str) -> None:
    objective = build(name, alpha=1)
    assert not objective.rebuilds
    assert not objective.rebuilds_unlabelled
    losses = objective(OUTPUT, INPUTS, LABELS)
    assert losses.total.item() == losses.prediction.item() == pytest.approx(P)  # (u + s) 0 + p
    assert losses[2:] == (None, None, None)


def test_where_labels_weigh_everything_unlabelled_rows_are_not_rebuilt() -> None:
    objective = build("by_supervision", alpha=1)
    assert objective.rebuilds
    assert not objective.rebuilds_unlabelled
    for rows in (3, 1):  # whether or not the sidecar was given the others
        output = OUTPUT._replace(reconstruction=OUTPUT.reconstruction[:rows])
        losses = objective(output, INPUTS[:rows], LABELS)
        assert losses.reconstruction_unlabelled is None
        assert losses.total.item() == pytest.approx(S + P, rel=1e-5)  # u 0 + (s + p)
        assert losses.reconstruction_labelled.item() == pytest.approx(S, rel=1e-5)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("alpha", [1e-3, 0.999, "learned"])
def test_short_of_the_end_everything_is_rebuilt(name: str, alpha: float | str) -> None:
    objective = build(name, alpha=alpha)
    assert objective.rebuilds
    assert objective.rebuilds_unlabelled


@pytest.mark.parametrize("name", FORMULAS)
def test_the_end_is_where_the_formula_goes(name: str) -> None:
    nearly, exactly = (build(name, alpha=alpha)(OUTPUT, INPUTS, LABELS).total.item() for alpha in (1 - 1e-6, 1))
    assert exactly == pytest.approx(nearly, rel=1e-4)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_batch_without_any_weight_teaches_nothing(name: str) -> None:
    logits = torch.zeros(0, 2, requires_grad=True)
    losses = build(name, alpha=1)(SidecarOutput(logits, OUTPUT.reconstruction[1:]), INPUTS[1:], LABELS[:0])
    losses.total.backward()
    assert losses.total.item() == 0.0


@pytest.mark.parametrize("name", FORMULAS)
def test_without_labelled_rows_their_terms_are_absent(name: str) -> None:
    output = SidecarOutput(torch.zeros(0, 2), OUTPUT.reconstruction[1:])
    losses = build(name, alpha=0.2)(output, INPUTS[1:], LABELS[:0])
    assert losses.prediction is None
    assert losses.reconstruction_labelled is None
    assert losses.total.item() == pytest.approx(U * 0.8, rel=1e-5)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("alpha", [0.2, "learned"])
def test_without_decoder_the_total_is_the_prediction_loss(name: str, alpha: float | str) -> None:
    losses = build(name, alpha=alpha)(OUTPUT._replace(reconstruction=None), INPUTS, LABELS)
    assert losses.total.item() == losses.prediction.item() == pytest.approx(P)
    assert losses[2:] == (None, None, None)


def test_logits_of_unlabelled_rows_are_left_out() -> None:
    output = OUTPUT._replace(logits=torch.tensor([[0.0, 0.0], [5.0, 1.0], [2.0, 8.0]]))
    assert build("by_task")(output, INPUTS, LABELS).prediction.item() == pytest.approx(P)


def test_binary_cross_entropy_by_hand() -> None:
    losses = build("by_task", reconstruction="bce")(OUTPUT, INPUTS, LABELS)
    expected = -(0.4 * math.log(0.5) + 0.6 * math.log(0.5))
    assert losses.reconstruction_labelled.item() == pytest.approx(expected)


def test_activations_are_compared_by_squares_whatever_is_asked_for_images() -> None:
    losses = build("by_task", depth=1, reconstruction="bce")(OUTPUT, INPUTS, LABELS)
    assert losses.reconstruction_labelled.item() == pytest.approx(S)


@pytest.mark.parametrize("encoder", ["a", "b", "c", "pool"])
@pytest.mark.parametrize("reconstruction", ["mse", "bce"])
def test_losses_are_float32_and_train_everything_under_autocast(encoder: str, reconstruction: str) -> None:
    sidecar = SIDECARS[encoder](encoder, LayerShape((3, 8, 8), (4, 8, 8)), 10, depth=0)
    objective = build("by_supervision", alpha=0.5, reconstruction=reconstruction)
    with torch.autocast("cpu", torch.bfloat16):
        output = sidecar(torch.rand(6, 4, 8, 8), num_labelled=2)
        losses = objective(output, torch.rand(6, 3, 8, 8).bfloat16(), torch.tensor([3, 7]))
    assert output.logits.dtype == torch.bfloat16
    assert {loss.dtype for loss in losses if loss is not None} == {torch.float32}
    losses.total.backward()
    assert all(parameter.grad is not None for parameter in sidecar.parameters())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"name": "by_tusk"}, "objective=by_tusk: did you mean 'by_task'? Choices: by_supervision,"),
        ({"reconstruction": "l1"}, "objective.reconstruction=l1: Choices: mse, bce"),
        ({"label_smoothing": 1.0}, "objective.label_smoothing=1.0: choose 0 or more and less than 1"),
    ],
)
def test_settings_out_of_range_are_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        BalancedObjective(**{"name": "by_task", "depth": 0, **setting})
