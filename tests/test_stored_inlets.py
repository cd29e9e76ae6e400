"""Maps that train, in checkpoints and in layer files: they are kept with the layer above, and begin once."""

import shutil
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from inlets import SCHEDULES, Copies, both_maps, part, stack_with_inlets, varied_data
from tiny import differing, fit, tensors

from lwtrain import WaveSchedule
from lwtrain.layer_files import load_layers, store_layers


class KeepEveryCheckpoint(pl.callbacks.Checkpoint):
    """Keeps a copy of every epoch's checkpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        shutil.copy(self.folder / "last.ckpt", self.folder / f"{trainer.current_epoch + 1}.ckpt")


# In the wave, maps begin before the third and the fifth epoch, and layers wake again from the seventh on.
@pytest.mark.parametrize(
    ("name", "stops"), [("wave", [2, 3, 4, 5, 8]), ("sequential", [2, 3]), ("simultaneous", [1]), ("backprop", [1])]
)
@both_maps
def test_a_resumed_run_ends_in_the_same_weights(map: str, name: str, stops: list[int], tmp_path: Path) -> None:
    keep = KeepEveryCheckpoint(tmp_path)
    whole = fit(SCHEDULES[name](), stack_with_inlets(map), varied_data(), callbacks=[keep], folder=tmp_path)
    for epoch in stops:
        folder = tmp_path / f"from {epoch}"
        folder.mkdir()
        shutil.copy(tmp_path / f"{epoch}.ckpt", folder / "last.ckpt")
        other = stack_with_inlets(map, seed=9)
        resumed = fit(SCHEDULES[name](), other, varied_data(), resume=folder / "last.ckpt", seed=9)
        assert differing(tensors(resumed.layers), tensors(whole.layers)) == []
        assert resumed.figures["vote/val/accuracy"] == whole.figures["vote/val/accuracy"]


# Layers in files


def test_a_map_is_stored_and_loaded_with_the_layer_above_it(tmp_path: Path) -> None:
    trained = fit(WaveSchedule(1, 1), stack_with_inlets())
    store_layers(trained, tmp_path)
    stack = stack_with_inlets(seed=9)
    assert load_layers(stack, [tmp_path]) == {0, 1, 2}
    assert differing(tensors(stack.layers), tensors(trained.layers)) == []
    stack.activate(1)
    assert differing(tensors(stack.layers), tensors(trained.layers)) == []  # it does not begin once more


def test_a_map_begins_as_the_decoder_of_a_layer_that_was_loaded(tmp_path: Path) -> None:
    trained = fit(WaveSchedule(1, 1), stack_with_inlets())
    store_layers(trained, tmp_path)
    stack, copies = stack_with_inlets(seed=9), Copies()
    rest = load_layers(stack, [tmp_path / "layer_0.safetensors"])
    fit(WaveSchedule(1, 1, rest=rest), stack, callbacks=[copies])
    active, before, _ = copies.epochs[0]
    assert active == 1
    assert torch.equal(before["1.inlet.conv.weight"], part(trained, 0).sidecar.autoencoder.decoder[-1].weight)
