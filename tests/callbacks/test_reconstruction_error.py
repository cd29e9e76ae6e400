import pytest
import torch
import torch.nn.functional as F
from tiny import fit, tiny_autoencoder, tiny_data, tiny_trainer
from torch import Tensor

from lwtrain import BackpropSchedule, LayerSchedule, SequentialSchedule, SimultaneousSchedule, WaveSchedule
from lwtrain.autoencoding import reconstruct
from lwtrain.callbacks.reconstruction_error import ReconstructionError
from lwtrain.stack import LayerStack


def chain_error(stack: LayerStack, images: Tensor) -> float:
    with torch.no_grad():
        return F.mse_loss(reconstruct(stack.eval(), images), images / 255).item()


@pytest.mark.parametrize(
    "schedule", [BackpropSchedule(2), WaveSchedule(2, waves=2), SimultaneousSchedule(2)], ids=lambda s: type(s).__name__
)
def test_the_figure_is_that_of_the_network_as_it_stands(schedule: LayerSchedule) -> None:
    data, stack = tiny_data(), tiny_autoencoder()
    fit(schedule, stack, data, callbacks=[ReconstructionError()])
    error = chain_error(stack, data.train.images[data.held_out])
    assert stack.figures["val/reconstruction"] == pytest.approx(error, rel=1e-5)


def test_nothing_is_said_before_all_decoders_have_learned() -> None:
    stack = tiny_autoencoder()
    fit(SequentialSchedule(1), stack, callbacks=[ReconstructionError()], max_epochs=2)
    assert "val/reconstruction" not in stack.figures
    stack = tiny_autoencoder()
    fit(SequentialSchedule(1), stack, callbacks=[ReconstructionError()], max_epochs=3)
    assert "val/reconstruction" in stack.figures


@pytest.mark.parametrize("objective", ["prediction", "by_task"])
def test_nothing_is_said_where_decoders_do_not_learn(objective: str) -> None:
    stack = tiny_autoencoder(objective=objective)
    fit(BackpropSchedule(1), stack, callbacks=[ReconstructionError()])
    assert "val/reconstruction" not in stack.figures


def test_test_images_are_measured_too() -> None:
    stack, data = tiny_autoencoder(), tiny_data()
    trainer = tiny_trainer(BackpropSchedule(1), ReconstructionError())
    trainer.fit(stack, datamodule=data)
    trainer.test(stack, datamodule=data, verbose=False)
    error = chain_error(stack, data.test.images)
    assert stack.figures["test/reconstruction"] == pytest.approx(error, rel=1e-5)
