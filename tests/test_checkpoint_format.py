from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import fit, tensors, tiny_stack

from lwtrain import WaveSchedule
from lwtrain.checkpoint_format import FORMAT, brought_up
from lwtrain.checkpoints import load_checkpoint
from lwtrain.errors import DataError


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The checkpoint of a run that was stopped in its first wave."""
    folder = tmp_path_factory.mktemp("run")
    fit(WaveSchedule(2, 2), folder=folder, max_epochs=2)
    return load_checkpoint(folder / "last.ckpt")


def test_checkpoints_say_what_they_were_made_by(stored: dict[str, Any]) -> None:
    assert stored["made_by"] == {"format": FORMAT, "version": "0.1.0", "torch": str(torch.__version__)}


def test_a_later_format_is_refused_with_the_version_to_install(stored: dict[str, Any], tmp_path: Path) -> None:
    later = stored | {"made_by": {"format": FORMAT + 1, "version": "9.9"}}
    torch.save(later, tmp_path / "last.ckpt")
    with pytest.raises(DataError) as caught:
        load_checkpoint(tmp_path / "last.ckpt")
    first, second = str(caught.value).splitlines()
    assert first.endswith(f"last.ckpt: made by lwtrain 9.9, whose checkpoints have format {FORMAT + 1}.")
    assert f"reads formats up to {FORMAT}" in second


@pytest.mark.parametrize(("number", "lacks"), [(None, {"accuracies", "mixture"}), (1, {"mixture"})])
def test_a_checkpoint_of_an_earlier_format_is_brought_up_and_resumed(
    number: int | None, lacks: set[str], stored: dict[str, Any], tmp_path: Path
) -> None:
    older = {name: value for name, value in stored.items() if name != "made_by"}
    older["state_dict"] = {name: value for name, value in older["state_dict"].items() if name not in lacks}
    older |= {} if number is None else {"made_by": {"format": number}}
    torch.save(older, tmp_path / "last.ckpt")
    resumed = fit(WaveSchedule(2, 2), resume=tmp_path / "last.ckpt", seed=9)
    undisturbed = fit(WaveSchedule(2, 2))
    found, expected = tensors(resumed.layers), tensors(undisturbed.layers)
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert torch.equal(resumed.accuracies, undisturbed.accuracies)
    assert torch.equal(resumed.mixture, undisturbed.mixture)
    assert load_checkpoint(tmp_path / "last.ckpt")["made_by"]["format"] == FORMAT


def test_bringing_up_leaves_todays_checkpoints_alone(stored: dict[str, Any]) -> None:
    assert brought_up(stored, Path("last.ckpt")) == stored


def test_networks_of_others_are_not_touched() -> None:
    foreign = {"state_dict": {"weight": torch.ones(1)}}
    assert brought_up(foreign, Path("a.ckpt"))["state_dict"] is foreign["state_dict"]


def test_the_network_has_what_earlier_formats_lacked() -> None:
    assert {"voters", "accuracies", "mixture"} <= tiny_stack().state_dict().keys()
