"""Compiled steps: the same training within float rounding, the same checkpoints, and a warm-up that is reported."""

import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from tiny import differing, fit, tensors, tiny_data, tiny_stack
from torch import Tensor
from torch._dynamo.callback import callback_handler

from lwtrain import BackpropSchedule, CustomSchedule, LayerSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.callbacks.compiled_steps import CompiledSteps
from lwtrain.checkpoints import load_checkpoint
from lwtrain.compiling import check_compiler
from lwtrain.errors import ConfigError
from lwtrain.optimizers import OptimizerFactory
from lwtrain.stack import LayerStack

SCHEDULES: dict[str, Callable[[], LayerSchedule]] = {
    "wave": lambda: WaveSchedule(2, 2),
    "simultaneous": lambda: SimultaneousSchedule(2),
    "backprop": lambda: BackpropSchedule(2),
}
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(autouse=True)
def _nothing_compiled_yet() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


class Graphs:
    """A backend that runs what it is given as it is, and counts it."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        self.count += 1
        return graph.forward


def apart(one: LayerStack, other: LayerStack) -> float:
    """How far the weights of two stacks are from each other, as a share of how far training has moved them."""
    before, mine, theirs = (tensors(stack.layers) for stack in (tiny_stack(), one, other))
    names = [name for name in before if before[name].is_floating_point()]
    distances = (
        sum((left[name] - right[name]).square().sum().item() for name in names) ** 0.5
        for left, right in ((mine, theirs), (mine, before))
    )
    distance, moved = distances
    assert moved > 0
    return distance / moved


@pytest.mark.parametrize("name", SCHEDULES)
def test_what_torch_traces_trains_the_same_weights(name: str) -> None:
    graphs = Graphs()
    compiled = fit(SCHEDULES[name](), callbacks=[CompiledSteps(graphs)])
    assert differing(tensors(compiled.layers), tensors(fit(SCHEDULES[name]()).layers)) == []
    # Each step in one piece, once: batches of one shape, and layers that wake again find what was compiled.
    assert graphs.count == {"wave": 3, "simultaneous": 3, "backprop": 1}[name]


@pytest.mark.parametrize("name", SCHEDULES)
def test_what_torch_differentiates_ahead_trains_the_same_weights_within_rounding(name: str) -> None:
    compiled = fit(SCHEDULES[name](), callbacks=[CompiledSteps("aot_eager")])
    assert apart(compiled, fit(SCHEDULES[name]())) < 1e-4


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch 2.13's own, as it loads inductor
def test_what_inductor_generates_trains_the_same_weights_within_rounding() -> None:
    try:
        check_compiler(CPU)
    except ConfigError as error:
        pytest.skip(str(error))

    def stack() -> LayerStack:  # Adam would make whole steps of what rounding leaves of a gradient of zero
        return tiny_stack(encoder="pool", optimizer=OptimizerFactory("sgd", lr=0.1))

    visits = [{"layer": 0}, {"layer": "head"}]
    callback = CompiledSteps()
    compiled = fit(CustomSchedule(visits), stack(), callbacks=[callback])
    before, mine, theirs = (tensors(each.layers) for each in (stack(), compiled, fit(CustomSchedule(visits), stack())))
    assert set(callback.seconds) == {"layer_0", "head"}
    assert len(differing(mine, before)) > 10
    for name, value in mine.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-4, atol=1e-5)


def test_there_is_room_for_every_layer_and_every_shape_of_batch() -> None:
    graphs = Graphs()
    data = tiny_data(batch_size=11)  # 48 rows, half and half: batches of 10 and of 8
    with torch._dynamo.config.patch(recompile_limit=1):
        fit(WaveSchedule(2, 2), data=data, callbacks=[CompiledSteps(graphs)])
        assert torch._dynamo.config.recompile_limit == 1
    assert graphs.count == 3 * 2


@pytest.mark.parametrize("first_compiled", [True, False])
def test_checkpoints_load_both_ways(first_compiled: bool, tmp_path: Path) -> None:
    whole = fit(WaveSchedule(2, 2), folder=tmp_path / "whole")
    for epochs, compiled in ((4, first_compiled), (6, not first_compiled)):
        resume = tmp_path / "last.ckpt" if epochs == 6 else None
        callbacks = [CompiledSteps("eager")] if compiled else []
        stack = fit(WaveSchedule(2, 2), callbacks=callbacks, resume=resume, folder=tmp_path, max_epochs=epochs)
    assert differing(tensors(stack.layers), tensors(whole.layers)) == []
    one, other = (load_checkpoint(folder / "last.ckpt")["state_dict"] for folder in (tmp_path, tmp_path / "whole"))
    assert one.keys() == other.keys()


def test_a_compiled_run_resumes_bit_for_bit(tmp_path: Path) -> None:
    whole = fit(WaveSchedule(2, 2), callbacks=[CompiledSteps("aot_eager")])
    fit(WaveSchedule(2, 2), callbacks=[CompiledSteps("aot_eager")], folder=tmp_path, max_epochs=4)
    torch._dynamo.reset()
    resumed = fit(WaveSchedule(2, 2), callbacks=[CompiledSteps("aot_eager")], resume=tmp_path / "last.ckpt")
    assert differing(tensors(resumed.layers), tensors(whole.layers)) == []


class Interrupt(pl.Callback):
    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object) -> None:
        raise RuntimeError("enough")


@pytest.mark.parametrize("schedule", [SimultaneousSchedule, BackpropSchedule])
@pytest.mark.parametrize("interrupted", [True, False])
def test_the_stack_is_left_as_it_was(schedule: Callable[[int], LayerSchedule], interrupted: bool) -> None:
    stack, callback, graphs = tiny_stack(), CompiledSteps("eager"), Graphs()
    if interrupted:
        with pytest.raises(RuntimeError, match="enough"):
            fit(schedule(1), stack, callbacks=[callback, Interrupt()])
    else:
        fit(schedule(1), stack, callbacks=[callback])
    assert callback.seconds
    assert not callback_handler.start_callbacks
    assert not callback_handler.end_callbacks
    assert "end_to_end_step" not in vars(stack)
    assert not any("local_step" in vars(part) for part in stack.layers)
    fit(schedule(1), stack.train(), callbacks=[CompiledSteps(graphs)])  # and can be compiled again
    assert graphs.count > 0


@pytest.mark.parametrize(
    ("name", "timed"),
    [
        ("wave", {"layer_0", "layer_1", "head"}),
        ("simultaneous", {"layer_0", "layer_1", "head"}),
        ("backprop", {"head"}),
    ],
)
def test_the_warm_up_of_each_layer_is_kept_and_logged(
    name: str, timed: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    callback = CompiledSteps("aot_eager")
    with caplog.at_level(logging.INFO, "lwtrain"):
        fit(SCHEDULES[name](), callbacks=[callback])
    lines = [line for line in caplog.messages if "compiled in" in line]
    assert set(callback.seconds) == timed
    assert all(0 < seconds < 60 for seconds in callback.seconds.values())
    assert lines == [f"{layer}: compiled in {seconds:.1f} s" for layer, seconds in callback.seconds.items()]


# Compilers


def without(*missing: str) -> Callable[[str], str | None]:
    """Stands in for `shutil.which` on a machine with all compilers but those, and with nothing else."""
    there = {"g++", "gcc", "clang", "clang++", "ccache"}.difference(missing)
    return lambda command: f"/usr/bin/{command}" if command in there else None


def test_without_a_cpp_compiler_nothing_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", without("g++"))
    monkeypatch.delenv("CXX", raising=False)
    stack = tiny_stack()
    message = r"^compile=true: needs a C\+\+ compiler \(g\+\+\); install one or set compile=false$"
    with pytest.raises(ValueError, match=message):
        fit(WaveSchedule(1, 1), stack, callbacks=[CompiledSteps()])
    assert differing(tensors(stack.layers), tensors(tiny_stack().layers)) == []


@pytest.mark.parametrize(
    ("named", "missing", "found"),
    [
        (None, (), True),
        (None, ("g++",), False),
        ("clang++", ("g++",), True),
        ("ccache g++ -O2", (), True),
        ("ccache g++", ("ccache",), False),
        ("", (), False),
    ],
)
def test_the_environment_may_name_another_compiler(
    named: str | None, missing: tuple[str, ...], found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", without(*missing))
    monkeypatch.delenv("CXX", raising=False) if named is None else monkeypatch.setenv("CXX", named)
    if found:
        check_compiler(CPU)
    else:
        with pytest.raises(ConfigError, match=r"^compile=true: needs a C\+\+ compiler"):
            check_compiler(CPU)


@pytest.mark.parametrize(
    ("triton", "missing", "message"),
    [
        (True, (), None),
        (True, ("gcc",), None),  # there is clang
        (True, ("gcc", "clang"), r"^compile=true: needs a C compiler \(gcc\); install one or set compile=false$"),
        (False, (), r"^compile=true: needs the package triton; install it or set compile=false$"),
    ],
)
def test_a_gpu_needs_triton_and_a_c_compiler(
    triton: bool, missing: tuple[str, ...], message: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object() if triton else None)
    monkeypatch.setattr(shutil, "which", without(*missing))
    monkeypatch.delenv("CC", raising=False)
    if message is None:
        check_compiler(CUDA)
    else:
        with pytest.raises(ConfigError, match=message):
            check_compiler(CUDA)
