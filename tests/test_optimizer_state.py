"""What the optimizer remembers of resting layers: how it is held, and that it does not show in a resumed run."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint
from tiny import differing, fit, tensors, tiny_stack
from torch import Tensor, nn

from lwtrain import (
    BackpropSchedule,
    CustomSchedule,
    LayerSchedule,
    SequentialSchedule,
    SimultaneousSchedule,
    WaveSchedule,
)
from lwtrain.optimizer_state import RESTING_STATES, RestingState, check_resting_state, settle_states
from lwtrain.optimizers import OptimizerFactory, named_groups
from lwtrain.stack import LayerStack

NAMES = ["layer_0", "layer_1", "head"]


def stepped(name: str = "adam", **settings: object) -> torch.optim.Optimizer:
    """An optimizer that has made two steps with three layers, each with a parameter of no dimension."""
    torch.manual_seed(0)
    layers = [nn.ParameterList([torch.rand(3, 4), torch.rand(())]) for _ in NAMES]
    optimizer = OptimizerFactory(name, lr=0.1, settings=settings)(named_groups(NAMES, layers))
    for _ in range(2):
        optimizer.zero_grad()
        sum((parameter * torch.rand_like(parameter)).sum() for layer in layers for parameter in layer).backward()
        optimizer.step()
    optimizer.zero_grad()
    return optimizer


def state(optimizer: torch.optim.Optimizer, layer: int) -> list[dict[str, Tensor]]:
    """Copies of what is remembered of a layer's parameters; nothing stands for a parameter that is forgotten."""
    parameters = optimizer.param_groups[layer]["params"]
    return [
        {key: value.clone() for key, value in optimizer.state[parameter].items()}
        for parameter in parameters
        if parameter in optimizer.state
    ]


def types(optimizer: torch.optim.Optimizer, layer: int) -> set[tuple[str, torch.dtype]]:
    return {(key, value.dtype) for parameter in state(optimizer, layer) for key, value in parameter.items()}


def num_bytes(optimizer: torch.optim.Optimizer, layer: int) -> int:
    return sum(
        value.nbytes for parameter in state(optimizer, layer) for key, value in parameter.items() if key != "step"
    )


def equal(one: list[dict[str, Tensor]], other: list[dict[str, Tensor]]) -> bool:
    return len(one) == len(other) and all(
        mine.keys() == theirs.keys() and all(torch.equal(mine[key], theirs[key]) for key in mine)
        for mine, theirs in zip(one, other, strict=True)
    )


def test_bfloat16_takes_half_the_bytes_of_layers_that_rest_and_leaves_the_others() -> None:
    optimizer = stepped()
    before = [state(optimizer, layer) for layer in range(3)]
    settle_states(optimizer, ["layer_1"], ["layer_0", "layer_1", "head"], "bf16")
    for resting in (0, 2):
        assert num_bytes(optimizer, resting) == sum(2 * 2 * numel for numel in (12, 1))
        for now, then in zip(state(optimizer, resting), before[resting], strict=True):
            for key in ("exp_avg", "exp_avg_sq"):
                assert now[key].dtype == torch.bfloat16
                torch.testing.assert_close(now[key].float(), then[key], rtol=2**-8, atol=0)
    assert equal(state(optimizer, 1), before[1])


def test_counts_of_steps_stay_exact() -> None:
    optimizer = stepped()
    for parameter in optimizer.param_groups[0]["params"]:
        optimizer.state[parameter]["step"].fill_(257)  # bfloat16 has no such number
    settle_states(optimizer, ["head"], NAMES, "bf16")
    assert [parameter["step"].item() for parameter in state(optimizer, 0)] == [257, 257]


@pytest.mark.parametrize("resting_state", RESTING_STATES)
def test_layers_wake_to_the_type_of_their_parameters(resting_state: RestingState) -> None:
    optimizer = stepped()
    settle_states(optimizer, ["head"], NAMES, resting_state)
    held = state(optimizer, 0)
    settle_states(optimizer, ["layer_0"], NAMES, resting_state)
    woken = state(optimizer, 0)
    assert {dtype for _, dtype in types(optimizer, 0)} == {torch.float32}
    for now, then in zip(woken, held, strict=True):
        assert all(torch.equal(now[key], then[key].float()) for key in now)
    sum(parameter.sum() for parameter in optimizer.param_groups[0]["params"]).backward()
    optimizer.step()  # fused kernels refuse mixed types
    assert not equal(state(optimizer, 0), woken)


@pytest.mark.parametrize("resting_state", RESTING_STATES)
def test_settling_again_changes_nothing(resting_state: RestingState) -> None:
    optimizer = stepped()
    settle_states(optimizer, ["layer_1"], NAMES, resting_state)
    before = [state(optimizer, layer) for layer in range(3)]
    settle_states(optimizer, ["layer_1"], NAMES, resting_state)
    assert all(equal(state(optimizer, layer), before[layer]) for layer in range(3))


@pytest.mark.parametrize("resting_state", RESTING_STATES)
def test_a_checkpoint_in_between_changes_nothing(resting_state: RestingState) -> None:
    optimizer, resumed = stepped(), stepped()
    settle_states(optimizer, ["layer_1"], ["layer_0", "layer_1"], resting_state)
    kept = [state(optimizer, layer) for layer in range(3)]
    resumed.load_state_dict(optimizer.state_dict())
    settle_states(resumed, ["layer_1"], ["layer_0", "layer_1"], resting_state)
    assert [equal(state(resumed, layer), kept[layer]) for layer in range(3)] == [True] * 3
    assert [len(layer) for layer in kept] == [2, 2, 0]


@pytest.mark.parametrize("resting_state", RESTING_STATES)
def test_layers_that_train_no_more_are_forgotten(resting_state: RestingState) -> None:
    optimizer = stepped()
    settle_states(optimizer, ["layer_1"], ["layer_1", "head"], resting_state)
    assert [len(state(optimizer, layer)) for layer in range(3)] == [0, 2, 2]


@pytest.mark.parametrize("resting_state", ["same", "host"])
def test_what_is_not_rounded_stays_bit_for_bit(resting_state: RestingState) -> None:
    optimizer = stepped()
    before = [state(optimizer, layer) for layer in range(3)]
    settle_states(optimizer, ["layer_1"], NAMES, resting_state)
    assert all(equal(state(optimizer, layer), before[layer]) for layer in range(3))


def test_states_of_the_host_lie_in_main_memory_until_their_layer_wakes() -> None:
    layers = [nn.Linear(2, 2, device="meta") for _ in NAMES]  # any device but the CPU, on any machine
    optimizer = torch.optim.Adam(named_groups(NAMES, layers))
    for layer in layers:
        optimizer.state[layer.weight] = {"exp_avg": torch.ones(2, 2), "step": torch.ones(())}
    settle_states(optimizer, ["head"], NAMES, "host")
    assert [optimizer.state[layer.weight]["exp_avg"].device.type for layer in layers] == ["cpu", "cpu", "meta"]
    assert optimizer.state[layers[2].weight]["step"].device.type == "cpu"


def test_momentum_is_held_like_adams_moments() -> None:
    optimizer = stepped("sgd", momentum=0.9)
    settle_states(optimizer, ["head"], NAMES, "bf16")
    assert types(optimizer, 0) == {("momentum_buffer", torch.bfloat16)}
    assert types(optimizer, 2) == {("momentum_buffer", torch.float32)}


def test_nothing_is_remembered_of_layers_that_have_made_no_step() -> None:
    layers = [nn.Linear(2, 2) for _ in NAMES]
    optimizer = torch.optim.Adam(named_groups(NAMES, layers))
    settle_states(optimizer, ["head"], NAMES, "bf16")
    assert not optimizer.state


def test_groups_without_a_name_are_left_as_they_are() -> None:
    optimizer = stepped()
    del optimizer.param_groups[0]["name"]
    before = state(optimizer, 0)
    settle_states(optimizer, ["head"], ["head"], "bf16")
    assert equal(state(optimizer, 0), before)


def test_other_ways_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^optimizer\.resting_state=disk: choose same, bf16, host$"):
        check_resting_state("disk")
    with pytest.raises(ValueError, match=r"^optimizer\.resting_state=disk: "):
        WaveSchedule(2, 2, resting_state="disk")


# In a run


class States(pl.Callback):
    """Notes, when the first step of each epoch is made, of which layers something is remembered, and in which types."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, set[torch.dtype]]] = []

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: object, batch_idx: int
    ) -> None:
        if batch_idx == 0:
            optimizer = trainer.optimizers[0]
            kinds = {
                group["name"]: {dtype for key, dtype in types(optimizer, layer) if key != "step"}
                for layer, group in enumerate(optimizer.param_groups)
            }
            self.epochs.append({name: kind for name, kind in kinds.items() if kind})


def states(schedule: LayerSchedule) -> list[dict[str, set[torch.dtype]]]:
    noted = States()
    fit(schedule, callbacks=[noted])
    return noted.epochs


FULL, HALF = {torch.float32}, {torch.bfloat16}


def test_layers_rest_in_bfloat16_between_their_visits_and_are_forgotten_after_the_last() -> None:
    assert states(WaveSchedule(2, 2, resting_state="bf16")) == [
        {},
        {"layer_0": HALF},
        {"layer_0": HALF, "layer_1": HALF},
        {"layer_0": FULL, "layer_1": HALF, "head": HALF},
        {"layer_1": FULL, "head": HALF},
        {"head": FULL},
    ]


def test_as_they_are_layers_rest_in_float32() -> None:
    kinds = [kind for epoch in states(WaveSchedule(2, 2)) for kind in epoch.values()]
    assert kinds == [FULL] * 9


@pytest.mark.parametrize("resting_state", RESTING_STATES)
def test_in_sequence_one_layer_at_a_time_is_remembered(resting_state: str) -> None:
    schedule = SequentialSchedule(2, resting_state=resting_state)
    assert states(schedule) == [{}, {"layer_0": FULL}, {}, {"layer_1": FULL}, {}, {"head": FULL}]


@pytest.mark.parametrize("schedule", [BackpropSchedule, SimultaneousSchedule])
def test_layers_that_train_together_are_remembered_together(schedule: Callable[..., LayerSchedule]) -> None:
    everything = dict.fromkeys(NAMES, FULL)
    assert states(schedule(3, resting_state="bf16")) == [{}, everything, everything]


def test_visits_of_one_layer_in_a_row_are_no_rest() -> None:
    visits = [{"layer": 0}, {"layer": 0}, {"layer": 1}, {"layer": 0}]
    assert states(CustomSchedule(visits, resting_state="bf16")) == [
        {},
        {"layer_0": FULL},
        {"layer_0": HALF},
        {"layer_0": FULL},
    ]


def run(folder: Path, resting_state: str, *callbacks: pl.Callback, seed: int = 0) -> LayerStack:
    checkpoint = folder / "last.ckpt"
    schedule = WaveSchedule(4, 2, resting_state=resting_state)
    resume = checkpoint if checkpoint.exists() else None
    return fit(schedule, tiny_stack(seed), callbacks=callbacks, resume=resume, seed=seed, folder=folder)


class KeepEveryCheckpoint(Checkpoint):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        shutil.copy(self.folder / "last.ckpt", self.folder / f"{trainer.current_epoch + 1}.ckpt")


def remembered(stack: LayerStack) -> list[list[dict[str, Tensor]]]:
    return [state(stack.trainer.optimizers[0], layer) for layer in range(3)]


@pytest.fixture(scope="module")
def same(tmp_path_factory: pytest.TempPathFactory) -> LayerStack:
    return run(tmp_path_factory.mktemp("same"), "same")


@pytest.mark.parametrize("resting_state", ["bf16", "host"])
def test_a_resumed_run_ends_in_the_same_weights(resting_state: str, same: LayerStack, tmp_path: Path) -> None:
    whole = run(tmp_path, resting_state, KeepEveryCheckpoint(tmp_path))
    changed = differing(tensors(whole.layers), tensors(same.layers))
    assert (len(changed) > 0) == (resting_state == "bf16")  # rounding must show, or it has not taken place
    for epoch in range(1, 12):
        folder = tmp_path / f"from_{epoch}"
        folder.mkdir()
        shutil.copy(tmp_path / f"{epoch}.ckpt", folder / "last.ckpt")
        resumed = run(folder, resting_state, seed=99)
        assert differing(tensors(resumed.layers), tensors(whole.layers)) == [], epoch
        assert all(map(equal, remembered(resumed), remembered(whole)))


def test_rounding_costs_next_to_nothing(same: LayerStack, tmp_path: Path) -> None:
    before, rounded = tensors(tiny_stack().layers), tensors(run(tmp_path, "bf16").layers)
    weights = [name for name in before if before[name].is_floating_point() and before[name].dim() > 1]
    moved, apart = (
        sum((one[name] - other[name]).square().sum() for name in weights).sqrt().item()
        for one, other in ((tensors(same.layers), before), (rounded, tensors(same.layers)))
    )
    assert 0 < apart < 0.02 * moved
