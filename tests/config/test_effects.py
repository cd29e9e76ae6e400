"""What settings bring about together: batches=auto, and settings that change nothing."""

import pytest

from lwtrain.config.effects import without_effect
from lwtrain.config.loading import load_config

RESTING = ["optimizer.resting_state"]


@pytest.mark.parametrize(
    ("words", "batches"),
    [
        ("", "labelled"),
        ("labels=4000", "half"),
        ("labels=0.1 encoder=a", "half"),
        ("labels=4000 encoder=pool", "labelled"),
        ("labels=4000 objective=prediction", "labelled"),
        ("labels=4000 schedule=backprop", "labelled"),
        ("labels=4000 objective.alpha=1", "labelled"),
        ("labels=4000 objective=by_supervision objective.alpha=1", "labelled"),
        ("labels=4000 objective=by_supervision objective.alpha=0.9", "half"),
        ("labels=4000 objective.alpha=learned", "half"),
        ("labels=4000 encoder=pool batches=proportional", "proportional"),
    ],
)
def test_unlabelled_images_are_used_where_something_learns_from_them(words: str, batches: str) -> None:
    assert load_config(words.split()).batches == batches


@pytest.mark.parametrize(
    ("words", "idle"),
    [
        ("model=vgg13 objective.alpha=0.3 optimizer.lr_decay=0.9", []),
        ("encoder=pool objective.alpha=0.3", ["objective.alpha"]),
        ("encoder=pool objective=by_supervision", ["objective"]),
        ("encoder=pool objective=prediction", []),
        ("objective=prediction encoder.output=linear", ["encoder.output"]),
        ("schedule=backprop encoder=a encoder.hidden=9 front=recompute", ["encoder", "encoder.hidden"]),
        ("objective.alpha=1 objective.reconstruction=bce", ["objective.reconstruction"]),
        ("objective=by_task_labelled objective.alpha=1 encoder.output=linear", ["encoder.output"]),
        ("objective=by_supervision objective.alpha=1 objective.reconstruction=bce encoder.output=auto", []),
        ("encoder=pool objective.alpha=1", ["objective.alpha"]),
        ("labels=100 batches=half objective.alpha=1", ["batches"]),
        ("labels=100 batches=half objective=by_supervision objective.alpha=1", ["batches"]),
        ("optimizer.resting_state=bf16 optimizer=adamw", []),
        ("optimizer.resting_state=bf16 optimizer=sgd", []),
        ("optimizer.resting_state=bf16 optimizer=sgd optimizer.momentum=0 optimizer.nesterov=false", RESTING),
        ("optimizer.resting_state=bf16 schedule=backprop", RESTING),
        ("optimizer.resting_state=host schedule=simultaneous", RESTING),
        ("optimizer.resting_state=bf16 schedule=sequential", RESTING),
        ("optimizer.resting_state=bf16 schedule.waves=1", RESTING),
        ("optimizer.resting_state=bf16 schedule=custom schedule.visits=[{layer:0},{layer:0},{layer:1}]", RESTING),
        ("optimizer.resting_state=bf16 schedule=custom schedule.visits=[{layer:0},{layer:1},{layer:0}]", []),
        ("optimizer.resting_state=host trainer.accelerator=cpu", RESTING),
        ("optimizer.resting_state=host", []),
        ("front.views=2 schedule=sequential dataset.augmentation=light", []),
        ("front.views=3 schedule=sequential dataset.augmentation=light", ["front.views"]),
        ("front.views=1 dataset.augmentation=light", ["front.views"]),
        ("front.views=1 schedule.epochs=4 dataset.augmentation=light", []),
        ("front.views=1 schedule=backprop dataset.augmentation=light", []),
        ("front.views=2 schedule=sequential", ["front.views"]),
        ("front.views=2 schedule=sequential labels=100", []),  # labelled images are repeated, each time others
        ("front.views=2 schedule=sequential labels=1000 batches=labelled", ["front.views"]),
        (
            "front.views=2 schedule=custom schedule.visits=[{layer:0,epochs:2}] dataset.augmentation=light",
            ["front.views"],
        ),
        ("front.views=2 schedule=custom schedule.visits=[{layer:0,epochs:3}] dataset.augmentation=light", []),
        ("front.folder=/", []),
        ("front=disk front.folder=/", []),
        ("front=memory front.folder=/", ["front.folder"]),
        ("front=recompute front.folder=/", ["front.folder"]),
        ("batches=half", ["batches"]),
        ("batches=half labels=100", []),
        ("batches=half labels=100 encoder=pool", ["batches"]),
        ("dataset.augmentation=none dataset.flip=true", ["dataset.flip"]),
        ("data_dir=elsewhere", ["data_dir"]),
        ("dataset=cifar10 dataset.fit=pad", ["dataset.fit"]),
        ("dataset.image_size=null dataset.fit=scale model=vgg8b", ["dataset.fit"]),
        ("dataset.fit=scale", []),
        ("validation=test trainer.limit_test_batches=3", ["trainer.limit_test_batches"]),
        ("trainer.limit_test_batches=3", []),
        ("trainer.sync_batchnorm=true", ["trainer.sync_batchnorm"]),
        ("trainer.sync_batchnorm=true trainer.devices=[1]", ["trainer.sync_batchnorm"]),
        ("trainer.sync_batchnorm=true trainer.devices=2", []),
        ("trainer.sync_batchnorm=true trainer=ddp", []),
        ("trainer.gradient_clip_algorithm=norm", ["trainer.gradient_clip_algorithm"]),
    ],
)
def test_a_setting_that_changes_nothing_is_named(words: str, idle: list[str]) -> None:
    given = [word.partition("=")[0] for word in words.split()]
    lines = without_effect(load_config(words.split()), given)
    assert [line.partition(" has no effect: ")[0] for line in lines] == idle


def test_the_reason_is_named_too() -> None:
    (line,) = without_effect(load_config(["encoder=pool"]), ["objective.alpha"])
    assert line == "objective.alpha has no effect: encoder=pool has no decoder, so the prediction loss stands alone"
