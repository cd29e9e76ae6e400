"""Measures a trained network again: on the images that it was measured on, or on other ones."""

from collections.abc import Collection
from typing import Literal, NamedTuple

import pytorch_lightning as pl
import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_confusion_matrix

from lwtrain.callbacks.reconstruction_error import ReconstructionError
from lwtrain.config.schema import BackpropConfig
from lwtrain.data.load import Split
from lwtrain.data.module import SemiSupervisedDataModule
from lwtrain.devices import device_called
from lwtrain.errors import DataError
from lwtrain.precision import trainer_precision
from lwtrain.stack import LayerStack
from lwtrain.trained_run import TrainedRun

Stage = Literal["val", "test"]


class Evaluation(NamedTuple):
    """What came of it.

    Attributes:
        figures: By the tags that a run's `metrics.json` has, such as `layer_0/test/accuracy`.
        confusion: By stage, (classes, classes) int64: row i counts what the vote takes images of class i for.
    """

    figures: dict[str, float]
    confusion: dict[Stage, Tensor]


def evaluate(
    run: TrainedRun, stages: Collection[Stage] = ("val", "test"), *, images: Split | None = None, device: str = "auto"
) -> Evaluation:
    """Ask every trained layer, and the vote, about all images of a stage.

    The figures are those that the run wrote down itself, where its last epoch's checkpoint is measured on a machine
    like its own; `vote.flips` counts in validation, too, as it does at a run's end.

    Args:
        run: The network and its data.
        stages: "val": the images held out (or the test images, where these validate); "test": the test images.
        images: Other images to test on, of the run's classes and size.
        device: "cpu", "gpu", ... as Lightning's `accelerator`, or "auto".

    Raises:
        ConfigError: If there is no such device.
        DataError: If no layer has trained, or a stage is asked for that has no images.
    """
    stack, data = run.stack, run.data
    if not stack.voter_numbers:
        raise DataError(f"{run.folder}: none of the layers is trained yet; go on with the run: ckpt_path={run.folder}")
    if images is not None:
        data = SemiSupervisedDataModule(data.train, images, batch_size=2)
        stages = [stage for stage in stages if stage == "test"]
    elif "test" in stages and data.test is None:
        raise DataError(f"{run.folder}: its data set has no test images; choose val")
    device_called(device)
    precision, _ = trainer_precision(run.config.precision, device)
    trainer = pl.Trainer(
        accelerator=device,
        devices=1,
        precision=precision,
        logger=False,
        callbacks=[ReconstructionError()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    stack.figures, confusion = {}, {}
    stack.expect(stack.voter_numbers)
    stack.end_to_end = isinstance(run.config.schedule, BackpropConfig)  # an autoencoder's decoders have learned, then
    for stage in stages:
        if stage == "val":
            stack.ballots.reopen(0)
            trainer.validate(stack, datamodule=data, verbose=False)
        else:
            trainer.test(stack, datamodule=data, verbose=False)
        confusion[stage] = _confusion(stack, stage)
    return Evaluation(dict(stack.figures), confusion)


@torch.no_grad()
def _confusion(stack: LayerStack, stage: Stage) -> Tensor:
    ballots = stack.ballots if stage == "val" else stack.test_ballots
    voters = stack.voter_numbers
    probabilities, labels = ballots.vote(voters, stack.weigh(voters))
    return multiclass_confusion_matrix(probabilities, labels, stack.num_classes).cpu()
