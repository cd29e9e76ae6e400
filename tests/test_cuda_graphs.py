"""Captured steps: the same training bit for bit, by whatever records and replays them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from tape import TapeRecorder
from tiny import differing, fit, tensors, tiny_data, tiny_stack
from torch import Tensor, nn

from lwtrain import BackpropSchedule, LayerSchedule, PseudoLabels, SimultaneousSchedule, WaveSchedule
from lwtrain.callbacks.captured_steps import CapturedSteps
from lwtrain.cuda_graphs import CapturedStep, check_cuda_graphs
from lwtrain.errors import ConfigError
from lwtrain.evaluating import evaluating
from lwtrain.optimizers import OptimizerFactory
from lwtrain.stack import LayerStack

SCHEDULES: dict[str, Callable[[], LayerSchedule]] = {
    "wave": lambda: WaveSchedule(4, 2),
    "simultaneous": lambda: SimultaneousSchedule(3),
    "settling": lambda: SimultaneousSchedule(4, settle=0.25),
    "backprop": lambda: BackpropSchedule(3),
}
OPTIMIZERS = {
    "adam": OptimizerFactory("adam", settings={"weight_decay": 0.01}),
    "sgd": OptimizerFactory("sgd", lr=0.05, settings={"momentum": 0.9}),
}


class Recorders:
    """Makes a recorder for each visit, and keeps them to be counted."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.made: list[TapeRecorder] = []

    def __call__(self) -> TapeRecorder:
        self.made.append(TapeRecorder(self.network))
        return self.made[-1]


def fit_captured(schedule: LayerSchedule, stack: LayerStack | None = None, **settings: object) -> LayerStack:
    stack = stack or tiny_stack()
    callbacks = [*settings.pop("callbacks", []), CapturedSteps(Recorders(stack))]  # type: ignore[misc]  # a list
    return fit(schedule, stack, callbacks=callbacks, **settings)  # type: ignore[arg-type]  # passed on


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_captured_steps_train_the_same_weights(name: str, optimizer: str) -> None:
    make = OPTIMIZERS[optimizer]
    mine, theirs = (
        train(SCHEDULES[name](), tiny_stack(optimizer=make), data=tiny_data(batch_size=11))  # of 10 and of 8 rows
        for train in (fit_captured, fit)
    )
    assert differing(tensors(mine.layers), tensors(theirs.layers)) == []
    assert mine.figures == theirs.figures


@pytest.mark.parametrize("settings", [{"precision": "bf16-mixed"}, {"accumulate_grad_batches": 2}])
@pytest.mark.parametrize("name", ["wave", "simultaneous"])
def test_so_they_do_in_half_precision_and_where_gradients_gather(name: str, settings: dict[str, object]) -> None:
    mine, theirs = (train(SCHEDULES[name](), **settings) for train in (fit_captured, fit))  # type: ignore[operator]
    assert differing(tensors(mine.layers), tensors(theirs.layers)) == []
    assert mine.figures == theirs.figures


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("name", ["wave", "simultaneous"])
def test_so_they_do_where_images_get_labels_as_the_run_goes_on(name: str, precision: str) -> None:
    def trained(train: Callable[..., LayerStack]) -> dict[str, Tensor]:
        schedule = SCHEDULES[name]()
        labelling = PseudoLabels(schedule, "vote", 0.8, 0.0)
        return tensors(train(schedule, callbacks=[labelling], precision=precision).layers)

    assert differing(trained(fit_captured), trained(fit)) == []


class LooksInBetween(pl.Callback):
    """Notes what the vote says of some images at the start of each epoch, as a teacher would."""

    def __init__(self) -> None:
        self.votes: list[Tensor] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, LayerStack)
        images = torch.rand(8, 3, 8, 8, generator=torch.Generator().manual_seed(0))
        with torch.no_grad(), evaluating(pl_module), trainer.precision_plugin.forward_context():
            self.votes.append(pl_module.layer_probabilities(images, flips=False))


def test_what_is_asked_in_between_answers_as_it_is_by_now() -> None:
    looks = LooksInBetween(), LooksInBetween()
    for look, train in zip(looks, (fit_captured, fit), strict=True):
        train(SimultaneousSchedule(4), callbacks=[look], precision="bf16-mixed")  # type: ignore[operator]
    for mine, theirs in zip(looks[0].votes, looks[1].votes, strict=True):
        assert torch.equal(mine, theirs)


def test_a_captured_run_goes_on_with_any_checkpoint(tmp_path: Path) -> None:
    whole = fit(WaveSchedule(2, 2))
    fit_captured(WaveSchedule(2, 2), folder=tmp_path, max_epochs=4)
    resumed = fit_captured(WaveSchedule(2, 2), resume=tmp_path / "last.ckpt")
    assert differing(tensors(resumed.layers), tensors(whole.layers)) == []


def test_a_visit_captures_each_shape_of_batch_once() -> None:
    stack = tiny_stack()
    recorders = Recorders(stack)
    # 48 rows: batches of 10, 10, 10, 10 and 8. The one of 8 comes again in a visit's second epoch.
    fit(WaveSchedule(4, 2), stack, data=tiny_data(batch_size=11), callbacks=[CapturedSteps(recorders)])
    assert [len(recorder.tapes) for recorder in recorders.made] == [2] * 6  # three layers, two waves of two epochs
    recorders.made.clear()
    fit(SimultaneousSchedule(1), tiny_stack(), callbacks=[CapturedSteps(recorders)])
    assert [len(recorder.tapes) for recorder in recorders.made] == [3]


class Interrupt(pl.Callback):
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        if trainer.global_step == 3:
            raise RuntimeError("enough")


@pytest.mark.parametrize("schedule", [SimultaneousSchedule, BackpropSchedule])
@pytest.mark.parametrize("interrupted", [True, False])
def test_the_stack_is_left_as_it_was(schedule: Callable[[int], LayerSchedule], interrupted: bool) -> None:
    stack = tiny_stack()
    callback = CapturedSteps(Recorders(stack))
    if interrupted:
        with pytest.raises(RuntimeError, match="enough"):
            fit(schedule(1), stack, callbacks=[callback, Interrupt()])
    else:
        fit(schedule(1), stack, callbacks=[callback])
    assert not stack.keeps_gradients
    assert "end_to_end_step" not in vars(stack)
    assert not any("local_step" in vars(part) for part in stack.layers)


@pytest.fixture
def layer() -> tuple[LayerStack, CapturedStep, TapeRecorder]:
    stack = tiny_stack(dropout=0.0)
    stack.activate(0)
    for parameter in stack.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    recorder = TapeRecorder(stack)
    return stack, CapturedStep(stack.part(0).local_step, stack.part(0), recorder), recorder


def test_gradients_that_were_taken_away_are_not_written_to(
    layer: tuple[LayerStack, CapturedStep, TapeRecorder],
) -> None:
    stack, step, recorder = layer
    images, labels = torch.rand(6, 3, 8, 8), torch.tensor([0, 1, 2])
    for _ in range(3):
        step(images, labels)
    assert len(recorder.tapes) == 1
    moved = [parameter for parameter in stack.part(0).parameters() if parameter.requires_grad]
    old = [parameter.grad for parameter in moved]
    for parameter in moved:
        parameter.grad = torch.zeros_like(parameter)
    left = [None if gradient is None else gradient.clone() for gradient in old]
    step(images, labels)
    assert len(recorder.tapes) == 2
    assert all(torch.equal(gradient, before) for gradient, before in zip(old, left, strict=True))  # type: ignore[arg-type]
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in moved)


def test_shapes_that_were_not_seen_for_long_are_let_go(layer: tuple[LayerStack, CapturedStep, TapeRecorder]) -> None:
    _, step, recorder = layer
    labels = torch.tensor([0, 1])
    for rows in [*range(4, 13), *range(4, 13), 12, 4]:  # nine shapes twice; then the last, and one that was let go
        step(torch.rand(rows, 3, 8, 8), labels)
    assert [len(recorder.tapes), len(step._captures)] == [10, 8]


def test_nothing_is_captured_where_nothing_is_learned(layer: tuple[LayerStack, CapturedStep, TapeRecorder]) -> None:
    _, step, recorder = layer
    with torch.no_grad():
        for _ in range(3):
            step(torch.rand(6, 3, 8, 8), torch.tensor([0, 1, 2]))
    assert recorder.tapes == []


def test_a_step_that_cannot_be_captured_is_told_of(layer: tuple[LayerStack, CapturedStep, TapeRecorder]) -> None:
    def refuse(work: Callable[[], None]) -> Callable[[], None]:
        raise RuntimeError("operation not permitted\nwhen stream is capturing")

    stack, _, _ = layer
    step = CapturedStep(stack.part(0).local_step, stack.part(0), refuse)
    images, labels = torch.rand(6, 3, 8, 8), torch.tensor([0, 1, 2])
    step(images, labels)
    with pytest.raises(ConfigError, match=r"^cuda_graphs=true: .* captured \(operation not permitted\); choose false$"):
        step(images, labels)


def test_other_devices_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^cuda_graphs=true: needs an NVIDIA GPU, and this run is on cpu; choose"):
        check_cuda_graphs(torch.device("cpu"))
    with pytest.raises(ConfigError, match=r"^cuda_graphs=true"):
        fit(SimultaneousSchedule(1), callbacks=[CapturedSteps()])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", SCHEDULES)
def test_cuda_graphs_train_what_kernels_one_by_one_train(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    trained = [
        tensors(fit(SCHEDULES[name](), callbacks=callbacks, accelerator="gpu").layers)
        for callbacks in ([CapturedSteps()], [])
    ]
    assert differing(*trained) == []
