from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import differing, fit, tensors, tiny_stack

from lwtrain import CustomSchedule, WaveSchedule
from lwtrain.errors import DataError
from lwtrain.layer_files import load_layers, store_layers
from lwtrain.stack import LayerStack


@pytest.fixture(scope="module")
def trained() -> LayerStack:
    return fit(WaveSchedule(epochs=1, waves=1))


@pytest.fixture(scope="module")
def folder(trained: LayerStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with its layers."""
    folder = tmp_path_factory.mktemp("run")
    store_layers(trained, folder / "layers")
    return folder


def test_layers_come_back_bit_for_bit(trained: LayerStack, folder: Path) -> None:
    stack = tiny_stack(seed=7)
    assert load_layers(stack, [folder / "layers"]) == {0, 1, 2}
    assert differing(tensors(stack.layers), tensors(trained.layers)) == []


def test_a_run_or_its_layers_or_one_file_may_be_named(trained: LayerStack, folder: Path) -> None:
    for path, taken in ((folder, {0, 1, 2}), (folder / "layers" / "layer_1.safetensors", {1})):
        stack = tiny_stack(seed=7)
        fresh = [tensors(part) for part in stack.layers]
        assert load_layers(stack, [path]) == taken
        for number, part in enumerate(stack.layers):
            expected = tensors(trained.layers[number]) if number in taken else fresh[number]
            assert differing(tensors(part), expected) == []


def test_only_trained_layers_are_stored(tmp_path: Path) -> None:
    stack = fit(CustomSchedule([{"layer": 1}]))
    assert [path.name for path in store_layers(stack, tmp_path)] == ["layer_1.safetensors"]
    assert [path.name for path in tmp_path.iterdir()] == ["layer_1.safetensors"]


@pytest.mark.parametrize("front", ["memory", "recompute"])
def test_layers_taken_rest_while_the_others_train_on_them(trained: LayerStack, folder: Path, front: str) -> None:
    stack = tiny_stack(seed=7)
    rest = load_layers(stack, [folder / "layers" / "layer_0.safetensors"])
    fresh = tensors(stack.layers[1])
    fit(WaveSchedule(epochs=1, waves=1, rest=rest, front=front), stack)
    assert differing(tensors(stack.layers[0]), tensors(trained.layers[0])) == []
    assert len(differing(tensors(stack.layers[1]), fresh)) == len(fresh)
    assert stack.ballots.knows([0, 1, 2])
    assert stack.voters.all()


def test_layers_taken_are_measured_with_the_others(folder: Path) -> None:
    stack = tiny_stack(seed=7)
    rest = load_layers(stack, [folder / "layers" / "layer_0.safetensors"])
    fit(WaveSchedule(epochs=1, waves=1, rest=rest), stack)
    assert {"layer_0/val/accuracy", "layer_1/val/accuracy", "head/val/accuracy"} <= stack.figures.keys()


def test_layers_of_other_settings_are_refused(folder: Path) -> None:
    path = folder / "layers" / "layer_1.safetensors"
    with pytest.raises(DataError) as refusal:
        load_layers(tiny_stack(channels=5), [path])
    assert str(refusal.value).splitlines() == [
        f"layer.load={path}: layer_1 was trained with other settings; 3 tensors differ.",
        "The first: layer.0.weight is (6, 4, 3, 3) in the file, (6, 5, 3, 3) here",
    ]
    with pytest.raises(DataError, match=r"objective\.alpha\.x is \(\) in the file, missing here"):
        load_layers(tiny_stack(alpha=0.5), [path])


def test_a_refused_layer_changes_nothing(folder: Path) -> None:
    stack = tiny_stack(channels=5)
    before = tensors(stack)
    with pytest.raises(DataError):
        load_layers(stack, [folder / "layers" / "layer_1.safetensors"])
    assert differing(tensors(stack), before) == []


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_file_cut_short_is_refused(folder: Path, tmp_path: Path, share: float) -> None:
    content = (folder / "layers" / "head.safetensors").read_bytes()
    path = tmp_path / "head.safetensors"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"head\.safetensors: not a readable layer file"):
        load_layers(tiny_stack(), [path])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.safetensors: there is no such file"):
        load_layers(tiny_stack(), [tmp_path / "none.safetensors"])
    with pytest.raises(DataError, match="no layer files in this folder"):
        load_layers(tiny_stack(), [tmp_path])


def test_a_layer_that_the_network_has_not_got_is_refused(folder: Path, tmp_path: Path) -> None:
    tensors_of_one = load_file(folder / "layers" / "layer_1.safetensors")
    save_file(tensors_of_one, tmp_path / "deep.safetensors", metadata={"layer": "layer_7"})
    with pytest.raises(DataError, match="holds layer_7, this network has layer_0 to layer_1, head"):
        load_layers(tiny_stack(), [tmp_path / "deep.safetensors"])


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(2)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match=r"layer\.load=.*other\.safetensors"):
        load_layers(tiny_stack(), [tmp_path / "other.safetensors"])
