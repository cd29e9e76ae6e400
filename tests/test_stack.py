from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from tiny import CLASSES, fit, tiny_data, tiny_images, tiny_stack, tiny_trainer
from torch import Tensor, nn

from lwtrain import BackpropSchedule, CustomSchedule, SequentialSchedule, WaveSchedule
from lwtrain.layer import HorizontalLayer
from lwtrain.loggers import RunCSVLogger
from lwtrain.network import Opinion
from lwtrain.schedules import Together
from lwtrain.stack import LayerStack

BYTES = tiny_images(12).images
ALL_TAGS = {f"{name}/{{}}/{figure}" for name in ("layer_0", "layer_1", "head") for figure in ("accuracy", "prediction")}
ALL_TAGS |= {"vote/{}/accuracy", "vote/{}/accuracy_so_far"}


class VoteOfEachEpoch(pl.Callback):
    """Remembers which layer trained, the figures of the validation behind it, and whether the vote was complete."""

    def __init__(self) -> None:
        self.epochs: list[tuple[int, dict[str, float], bool]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.epochs.append((pl_module.learners[0], dict(pl_module.figures), pl_module.complete_vote is not None))


@pytest.fixture(scope="module")
def trained() -> LayerStack:
    """A stack at the end of a wave."""
    stack = fit(WaveSchedule(epochs=4, waves=2))
    return stack.eval()


def trains(module: nn.Module) -> bool:
    modes = {parameter.requires_grad for parameter in module.parameters()} | {
        part.training for part in module.modules()
    }
    assert len(modes) == 1, "parts of a module may not disagree"
    return modes.pop()


# What a trained network is used for


def test_logits_need_the_backbone_alone(trained: LayerStack) -> None:
    first, second, head = trained.layers
    inputs = first.map(first.layer(BYTES / 255))
    assert torch.equal(trained(BYTES), head.classifier(second.layer(inputs)))


def test_bytes_and_floats_mean_the_same_image(trained: LayerStack) -> None:
    assert torch.equal(trained(BYTES), trained(BYTES.float() / 255))


def test_every_layer_gives_probabilities_and_the_heads_come_last(trained: LayerStack) -> None:
    probabilities = trained.layer_probabilities(BYTES)
    assert probabilities.shape == (3, 12, CLASSES)
    torch.testing.assert_close(probabilities.sum(dim=2), torch.ones(3, 12))
    torch.testing.assert_close(probabilities[-1], trained(BYTES).softmax(dim=1))
    torch.testing.assert_close(probabilities[0], trained.layers[0].classify(BYTES / 255).softmax(dim=1))


def test_probabilities_are_float32_whatever_the_logits_are() -> None:
    opinion = Opinion(0, torch.tensor([[0.0, 1.0]], dtype=torch.bfloat16), torch.zeros(1))
    assert opinion.probabilities.dtype == torch.float32
    torch.testing.assert_close(opinion.probabilities, torch.tensor([[0.0, 1.0]]).softmax(dim=1))


def test_all_opinions_come_from_one_forward_pass(trained: LayerStack) -> None:
    calls: list[int] = []
    modules = [part.layer for part in trained.layers[:2]] + [trained.layers[2].classifier]
    hooks = [
        module.register_forward_hook(lambda *_, number=number: calls.append(number))
        for number, module in enumerate(modules)
    ]
    trained.vote(BYTES)
    for hook in hooks:
        hook.remove()
    assert calls == [0, 1, 2]


def test_the_vote_is_the_mean_of_the_trained_layers() -> None:
    stack = tiny_stack().eval()
    probabilities = stack.layer_probabilities(BYTES)
    torch.testing.assert_close(stack.vote(BYTES), probabilities.mean(dim=0))
    stack.elect([0, 2])
    torch.testing.assert_close(stack.vote(BYTES), (probabilities[0] + probabilities[2]) / 2)
    stack.elect([2])
    torch.testing.assert_close(stack.vote(BYTES), probabilities[2])


# Who trains


@pytest.mark.parametrize("active", [0, 1, 2])
def test_one_layer_trains_with_its_sidecar_and_all_others_rest(active: int) -> None:
    stack = tiny_stack()
    stack.activate((active + 1) % 3)
    stack.activate(active)
    assert [trains(part) for part in stack.layers] == [number == active for number in range(3)]
    assert stack.active_name == stack.names[active]


def test_end_to_end_the_backbone_trains_and_the_sidecars_rest() -> None:
    stack = tiny_stack()
    stack.activate(Together.BACKPROP)
    for part in stack.layers[:2]:
        assert isinstance(part, HorizontalLayer)
        assert trains(part.layer)
        assert not trains(part.sidecar)
        assert not part.objective.alpha.x.requires_grad
    assert trains(stack.layers[2])


@pytest.mark.parametrize("active", [0, 1, 2])
def test_a_step_on_images_sends_gradients_to_the_active_layer_only(active: int) -> None:
    stack = tiny_stack()
    stack.activate(active)
    stack.training_step((BYTES, tiny_images(12).labels[:6]), 0).backward()
    for number, part in enumerate(stack.layers):
        assert {parameter.grad is not None for parameter in part.parameters()} == {number == active}


def test_the_optimizer_has_a_group_for_every_layer() -> None:
    stack = tiny_stack()
    groups = stack.configure_optimizers().param_groups
    assert [group["name"] for group in groups] == ["layer_0", "layer_1", "head"]
    for group, part in zip(groups, stack.layers, strict=True):
        assert {id(parameter) for parameter in group["params"]} == {id(parameter) for parameter in part.parameters()}


# The vote of a run


def fresh_votes(stack: LayerStack) -> Tensor:
    data = tiny_data()
    with torch.no_grad():
        return stack.eval().layer_probabilities(data.train.images[data.held_out]).mean(dim=0)


def test_the_vote_is_complete_only_when_all_layers_have_spoken() -> None:
    votes = VoteOfEachEpoch()
    fit(WaveSchedule(epochs=4, waves=2), callbacks=[votes])
    assert [active for active, _, _ in votes.epochs] == [0, 0, 1, 1, 2, 2] * 2
    assert [complete for _, _, complete in votes.epochs] == [False] * 4 + [True] * 2 + [False] * 4 + [True] * 2
    for _, figures, complete in votes.epochs[:6]:
        assert ("vote/val/accuracy" in figures) == complete


def test_the_vote_so_far_is_that_of_the_layers_heard() -> None:
    votes = VoteOfEachEpoch()
    fit(WaveSchedule(epochs=1, waves=1), callbacks=[votes])
    first = votes.epochs[0][1]
    assert first["vote/val/accuracy_so_far"] == first["layer_0/val/accuracy"]


def test_at_a_waves_end_the_ballots_hold_what_a_fresh_pass_gives(trained: LayerStack) -> None:
    # Batches of another size may round otherwise: float32, so 1e-6.
    votes, labels = trained.ballots.vote([0, 1, 2])
    torch.testing.assert_close(votes, fresh_votes(trained), rtol=0, atol=1e-6)
    agreement = (fresh_votes(trained).argmax(dim=1) == labels).float().mean().item()
    assert trained.figures["vote/val/accuracy"] == pytest.approx(agreement)


def test_test_images_vote_where_they_validate() -> None:
    data = tiny_data(validation="test")
    stack = fit(WaveSchedule(epochs=1, waves=1), data=data)
    votes, labels = stack.ballots.vote([0, 1, 2])
    with torch.no_grad():
        fresh = stack.eval().vote(data.test.images)
    torch.testing.assert_close(votes, fresh, rtol=0, atol=1e-6)
    assert torch.equal(labels, data.test.labels)


def test_a_resumed_run_hears_the_layers_that_spoke_before(tmp_path: Path) -> None:
    fit(WaveSchedule(epochs=2, waves=2), folder=tmp_path, max_epochs=5)  # the head's last epoch is missing
    resumed = fit(WaveSchedule(epochs=2, waves=2), resume=tmp_path / "last.ckpt", folder=tmp_path)
    assert resumed.ballots.knows([0, 1, 2])
    torch.testing.assert_close(resumed.ballots.vote([0, 1, 2])[0], fresh_votes(resumed), rtol=0, atol=1e-6)
    assert "vote/val/accuracy" in resumed.figures


def test_layers_that_are_never_trained_have_no_vote() -> None:
    stack = fit(CustomSchedule([{"layer": 0}, {"layer": "head"}]))
    assert stack.voters.tolist() == [True, False, True]
    probabilities, _ = stack.ballots.vote([0, 2])
    data = tiny_data()
    assert not stack.ballots.knows([1])
    with torch.no_grad():
        fresh = stack.eval().vote(data.train.images[data.held_out])
    torch.testing.assert_close(probabilities, fresh, rtol=0, atol=1e-6)


def test_end_to_end_the_heads_vote_is_the_only_one() -> None:
    stack = fit(BackpropSchedule(epochs=1))
    assert stack.voters.tolist() == [False, False, True]
    assert stack.figures["vote/val/accuracy"] == stack.figures["head/val/accuracy"]


@pytest.mark.parametrize("front", ["memory", "recompute"])
def test_validation_now_and_then_reads_nothing_stale(front: str) -> None:
    stack = fit(WaveSchedule(epochs=4, waves=4, front=front), check_val_every_n_epoch=4)
    torch.testing.assert_close(stack.ballots.vote([0, 1, 2])[0], fresh_votes(stack), rtol=0, atol=1e-6)


# Evaluation outside a fit


@pytest.mark.parametrize("stage", ["val", "test"])
def test_trainers_measure_all_layers_and_the_vote(stage: str, tmp_path: Path) -> None:
    stack = fit(SequentialSchedule(epochs=2))
    trainer = tiny_trainer(logger=RunCSVLogger(tmp_path))
    data = tiny_data()
    evaluate = trainer.validate if stage == "val" else trainer.test
    figures = evaluate(stack, datamodule=data, verbose=False)[0]
    assert set(figures) == {tag.format(stage) for tag in ALL_TAGS}
    assert data.test is not None
    images, labels = data.test.images, data.test.labels
    if stage == "val":
        images, labels = data.train.images[data.held_out], data.train.labels[data.held_out]
    right = stack.eval().layer_probabilities(images).argmax(dim=2) == labels
    for name, share in zip(stack.names, right.float().mean(dim=1).tolist(), strict=True):
        assert figures[f"{name}/{stage}/accuracy"] == pytest.approx(share)
    assert figures[f"vote/{stage}/accuracy"] == pytest.approx(
        (stack.vote(images).argmax(dim=1) == labels).float().mean().item()
    )


@pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`, callbacks")
def test_a_checkpoint_can_be_measured_by_itself(tmp_path: Path) -> None:
    trained = fit(WaveSchedule(epochs=1, waves=1), folder=tmp_path)
    stack = tiny_stack(seed=9)
    checkpoint = tmp_path / "best.ckpt"
    tiny_trainer().validate(stack, datamodule=tiny_data(), ckpt_path=checkpoint, weights_only=True, verbose=False)
    for tag in (tag.format("val") for tag in ALL_TAGS):
        assert stack.figures[tag] == pytest.approx(trained.figures[tag])


def test_a_test_leaves_the_validations_ballots_alone() -> None:
    stack = fit(WaveSchedule(epochs=1, waves=1))
    before = stack.ballots.vote([0, 1, 2])[0]
    tiny_trainer().test(stack, datamodule=tiny_data(), verbose=False)
    assert torch.equal(stack.ballots.vote([0, 1, 2])[0], before)
