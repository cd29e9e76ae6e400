"""What settings bring about together: batches=auto, and settings that change nothing."""

from pathlib import Path

import pytest
from small_folders import pets

from lwtrain.config.effects import left_out, without_effect
from lwtrain.config.loading import load_config

RESTING = ["optimizer.resting_state"]


@pytest.mark.parametrize(
    ("words", "batches"),
    [
        ("", "labelled"),
        ("labels=4000", "half"),
        ("labels=0.1 encoder=a", "half"),
        ("labels=4000 encoder=pool", "labelled"),
        ("labels=4000 encoder=conv", "labelled"),
        ("labels=4000 objective=prediction", "labelled"),
        ("labels=4000 schedule=backprop", "labelled"),
        ("labels=4000 objective.alpha=1", "labelled"),
        ("labels=4000 objective=reconstruction", "half"),
        ("labels=4000 model=conv_autoencoder encoder=mirror objective=reconstruction schedule=backprop", "half"),
        ("labels=4000 objective=by_supervision objective.alpha=1", "labelled"),
        ("labels=4000 objective=by_supervision objective.alpha=0.9", "half"),
        ("labels=4000 objective.alpha=learned", "half"),
        ("labels=4000 encoder=infopro objective=infopro", "half"),
        ("labels=4000 encoder=infopro objective=infopro objective.reconstruction_weight=0", "labelled"),
        ("labels=4000 encoder=infopro objective=infopro objective.reconstruction_weight=[1,0]", "half"),
        ("labels=4000 encoder=pool batches=proportional", "proportional"),
        ("labels=4000 encoder=pool pseudo_labels.teacher=vote", "half"),
        ("labels=4000 encoder=pool pseudo_labels.teacher=vote batches=0.2", 0.2),
        ("labels=all encoder=pool pseudo_labels.teacher=vote", "labelled"),
        ("dataset=stl10", "half"),
        ("dataset=stl10 labels=1000", "half"),
        ("dataset=stl10 encoder=pool", "labelled"),
    ],
)
def test_unlabelled_images_are_used_where_something_learns_from_them(words: str, batches: str | float) -> None:
    assert load_config(["encoder=c", *words.split()]).batches == batches


@pytest.mark.parametrize(
    ("words", "idle"),
    [
        ("model=vgg13 objective.alpha=0.3 optimizer.lr_decay=0.9", []),
        ("encoder=pool objective.alpha=0.3", ["objective.alpha"]),
        ("encoder=pool objective=by_supervision", ["objective"]),
        ("encoder=pool objective=prediction", []),
        ("encoder=conv objective=prediction encoder.convs=2", []),
        ("encoder=conv objective.alpha=0.3", ["objective.alpha"]),
        ("encoder=conv schedule=backprop encoder.convs=2", ["encoder", "encoder.convs"]),
        ("encoder=similarity objective=predsim objective.similarity=0.5", []),
        ("encoder=pool objective=predsim", []),
        ("encoder=similarity objective=prediction", ["encoder"]),
        ("labels=500 encoder=pool pseudo_labels.teacher=vote pseudo_labels.share=0.2 batches=half", []),
        ("labels=500 pseudo_labels.share=0.2", ["pseudo_labels.share"]),
        ("pseudo_labels.teacher=vote", ["pseudo_labels.teacher"]),
        ("labels=500 pseudo_labels.teacher=own batches=labelled", ["pseudo_labels.teacher"]),
        (
            "labels=500 pseudo_labels.teacher=vote pseudo_labels.share=1 schedule=sequential schedule.epochs=1",
            ["pseudo_labels.teacher", "pseudo_labels.share"],
        ),
        ("schedule=backprop objective=predsim objective.similarity=0.5", ["objective", "objective.similarity"]),
        ("objective=prediction encoder.output=linear", ["encoder.output"]),
        ("encoder=infopro objective=infopro encoder.channels=8 objective.reconstruction_weight=[1,0]", []),
        (
            "encoder=infopro objective=infopro objective.reconstruction_weight=0 encoder.channels=8",
            ["encoder.channels"],
        ),
        ("encoder=infopro objective=prediction encoder.channels=8 encoder.hidden=8", ["encoder.channels"]),
        ("encoder=infopro objective=by_task encoder.channels=8", []),
        (
            "encoder=infopro objective=infopro schedule=backprop objective.prediction_weight=2 encoder.channels=8 "
            "objective.label_smoothing=0.1",
            ["encoder", "objective", "objective.prediction_weight", "encoder.channels"],
        ),
        ("schedule=backprop encoder=a encoder.hidden=9 front=recompute", ["encoder", "encoder.hidden"]),
        (
            "model=conv_autoencoder encoder=mirror objective=reconstruction schedule=backprop encoder.kernel_size=3 "
            "objective.reconstruction=bce objective.label_smoothing=0.1 encoder.grid=2",
            ["encoder.grid"],
        ),
        ("model=conv_autoencoder encoder=mirror objective=reconstruction encoder.grid=2", []),
        (
            "encoder=mirror objective=prediction encoder.activation=none encoder.kernel_size=3 encoder.grid=2",
            ["encoder.activation", "encoder.kernel_size"],
        ),
        ("encoder=mirror objective.alpha=1 encoder.activation=none", ["encoder.activation"]),
        ("encoder=mirror encoder.kernel_size=3", []),
        ("encoder=c objective=prediction encoder.kernel_size=5", []),
        ("objective.alpha=1 objective.reconstruction=bce", ["objective.reconstruction"]),
        ("objective=by_task_labelled objective.alpha=1 encoder.output=linear", ["encoder.output"]),
        ("objective=by_supervision objective.alpha=1 objective.reconstruction=bce encoder.output=auto", []),
        ("encoder=pool objective.alpha=1", ["objective.alpha"]),
        ("labels=100 batches=half objective.alpha=1", ["batches"]),
        ("labels=100 batches=half objective=by_supervision objective.alpha=1", ["batches"]),
        ("objective=hsic encoder=pool objective.sigma=1 objective.coefficient=5 objective.normalised=false", []),
        (
            "objective=hsic schedule=backprop objective.sigma=1 objective.coefficient=5 objective.normalised=false",
            ["objective", "objective.sigma", "objective.coefficient", "objective.normalised"],
        ),
        ("objective=hsic encoder=c", []),
        ("labels=200 objective=hsic encoder=c batches=half", ["batches"]),
        ("objective=hsic encoder=pool micro_batch=128", ["micro_batch"]),
        ("optimizer.resting_state=bf16 optimizer=adamw", []),
        ("optimizer.resting_state=bf16 optimizer=sgd", []),
        ("optimizer.resting_state=bf16 optimizer=sgd optimizer.momentum=0 optimizer.nesterov=false", RESTING),
        ("optimizer.resting_state=bf16 schedule=backprop", RESTING),
        ("optimizer.resting_state=host schedule=simultaneous", RESTING),
        ("optimizer.resting_state=bf16 schedule=sequential", RESTING),
        ("schedule=simultaneous schedule.settle=0.4", []),
        ("schedule=simultaneous schedule.settle=0.1", ["schedule.settle"]),
        ("schedule=simultaneous schedule.settle=0.4 model=stacked_autoencoder model.depth=1", ["schedule.settle"]),
        ("optimizer.resting_state=bf16 schedule.waves=1", RESTING),
        ("optimizer.resting_state=bf16 schedule=custom schedule.visits=[{layer:0},{layer:0},{layer:1}]", RESTING),
        ("optimizer.resting_state=bf16 schedule=custom schedule.visits=[{layer:0},{layer:1},{layer:0}]", []),
        ("optimizer.resting_state=host trainer.accelerator=cpu", RESTING),
        ("optimizer.resting_state=host", []),
        ("optimizer.halve_every=2", ["optimizer.halve_every"]),
        ("optimizer.course=halving optimizer.halve_every=1", []),
        ("optimizer.course=halving", ["optimizer.course"]),
        ("optimizer.course=halving optimizer.halve_every=3", ["optimizer.course", "optimizer.halve_every"]),
        ("optimizer.course=halving optimizer.halve_every=3 schedule=sequential schedule.epochs=[4,3,2,1,1]", []),
        (
            "optimizer.course=halving optimizer.halve_every=4 schedule=sequential schedule.epochs=[4,3,2,1,1]",
            ["optimizer.course", "optimizer.halve_every"],
        ),
        ("optimizer.course=halving schedule=backprop schedule.epochs=21", []),
        (
            "optimizer.course=halving optimizer.warm_up=0.1 schedule=backprop schedule.epochs=21",
            ["optimizer.course"],
        ),
        ("optimizer.warm_up=0.3", []),
        (
            "optimizer.course=halving optimizer.halve_every=2 schedule=custom "
            "schedule.visits=[{layer:0,epochs:2},{layer:1},{layer:0}]",
            [],
        ),
        ("optimizer.course=steps optimizer.drops_at=0.5 optimizer.drop_factor=0.2", []),
        ("optimizer.drops_at=0.5", ["optimizer.drops_at"]),
        (
            "optimizer=sgd optimizer.course=halving optimizer.halve_every=1 optimizer.drop_factor=0.2",
            ["optimizer.drop_factor"],
        ),
        ("model=stacked_autoencoder map=decoder", []),
        ("model=stacked_autoencoder map=decoder objective=prediction", ["map"]),
        ("model=stacked_autoencoder map=decoder objective.alpha=1", ["map"]),
        ("model=stacked_autoencoder map=decoder schedule=simultaneous", ["map"]),
        ("model=stacked_autoencoder map=decoder schedule=backprop", ["map"]),
        ("model=stacked_autoencoder map=decoder schedule=custom schedule.visits=[{layer:1},{layer:0}]", ["map"]),
        ("model=stacked_autoencoder map=conv schedule=custom schedule.visits=[{layer:1},{layer:0}]", []),
        (
            "model=stacked_autoencoder map=decoder schedule=custom "
            "schedule.visits=[{layer:0},{layer:1},{layer:0},{layer:2},{layer:1},{layer:head}]",
            [],
        ),
        ("model=stacked_autoencoder model.depth=1 map=random", ["map"]),
        ("model=stacked_autoencoder model.depth=1 map=decoder schedule=simultaneous", ["map"]),
        ("model=stacked_autoencoder model.depth=2 map=random", []),
        ("model=stacked_autoencoder map=conv schedule=backprop", []),
        ("front.views=2 schedule=sequential dataset.augmentation=light", []),
        ("front.views=3 schedule=sequential dataset.augmentation=light", ["front.views"]),
        ("front.views=1 dataset.augmentation=light", ["front.views"]),
        ("front.views=1 schedule.epochs=6 dataset.augmentation=light", []),
        ("front.views=1 schedule.epochs=[3,6,3,3,3] dataset.augmentation=light", []),
        ("front.views=2 schedule.epochs=[3,6,3,3,3] dataset.augmentation=light", ["front.views"]),
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
        ("batches=0.2", ["batches"]),
        ("batches=0.2 labels=100", []),
        ("batches=half labels=100", []),
        ("batches=half labels=100 encoder=pool", ["batches"]),
        ("callbacks.pictures=4", []),
        ("callbacks.pictures=4 encoder=pool", ["callbacks.pictures"]),
        ("callbacks.pictures=4 logger.tensorboard=false", ["callbacks.pictures"]),
        ("callbacks.dashboard=true", []),
        ("callbacks.dashboard=true logger.tensorboard=false", ["callbacks.dashboard"]),
        ("dataset.augmentation=none dataset.flip=true", ["dataset.flip"]),
        ("dataset=mnist dataset.augmentation=none dataset.flip=true vote.flips=true", []),
        ("vote.weights=accuracy vote.flips=true", []),
        ("vote.weights=accuracy vote.flips=true schedule=simultaneous", []),
        ("vote.weights=doubling vote.flips=true schedule=backprop", ["vote.weights"]),
        ("vote.weights=doubling schedule=custom schedule.visits=[{layer:1},{layer:1}]", ["vote.weights"]),
        ("vote.weights=doubling schedule=custom schedule.visits=[{layer:1},{layer:1}] layer.load=[.]", []),
        ("vote.weights=doubling schedule=custom schedule.visits=[{layer:1},{layer:head}]", []),
        ("data_dir=elsewhere", ["data_dir"]),
        ("dataset=cifar10 dataset.fit=pad", ["dataset.fit"]),
        ("dataset=stl10 batches=half", []),
        ("dataset=stl10 front.views=2 schedule=sequential dataset.augmentation=none", []),
        ("dataset=fake data_dir=elsewhere", ["data_dir"]),
        ("dataset=cifar10 data_dir=elsewhere", []),
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
    lines = without_effect(load_config(["encoder=c", *words.split()]), given)
    assert [line.partition(" has no effect: ")[0] for line in lines] == idle


def test_the_reason_is_named_too() -> None:
    (line,) = without_effect(load_config(["encoder=pool"]), ["objective.alpha"])
    assert line == "objective.alpha has no effect: encoder=pool has no decoder, so the prediction loss stands alone"


def test_a_weight_of_0_is_named_as_the_reason() -> None:
    words = ["encoder=infopro", "objective=infopro", "objective.reconstruction_weight=0", "callbacks.pictures=4"]
    (line,) = without_effect(load_config(words), ["callbacks.pictures"])
    assert line == "callbacks.pictures has no effect: objective.reconstruction_weight=0 leaves reconstruction out"


def test_pictures_that_nothing_learns_from_are_named(tmp_path: Path) -> None:
    words = ["encoder=c", "dataset=image_folder", f"dataset.folder={pets(tmp_path)}", "batch_size=8"]
    given = ["dataset.unlabelled", "dataset.fit", "data_dir"]

    def lines(*more: str) -> list[str]:
        return without_effect(load_config([*words, f"dataset.unlabelled={tmp_path / 'more'}", *more]), given)

    nothing_read = "data_dir has no effect: dataset=image_folder reads nothing there"
    assert lines() == [nothing_read]
    unread = "encoder=pool has no decoder"
    assert lines("encoder=pool") == [f"dataset.unlabelled has no effect: {unread}", nothing_read]
    left_out = "batches=labelled leaves unlabelled images out"
    assert lines("batches=labelled") == [f"dataset.unlabelled has no effect: {left_out}", nothing_read]


def test_without_test_images_their_number_has_no_limit(tmp_path: Path) -> None:
    words = ["dataset=image_folder", f"dataset.folder={pets(tmp_path) / 'train'}", "batch_size=8"]
    (line,) = without_effect(load_config(words), ["trainer.limit_test_batches"])
    assert line == "trainer.limit_test_batches has no effect: there are no test images"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("labels=100 batch_size=50", "encoder=pool has no decoder; encoder=c or pseudo_labels.teacher=vote would"),
        ("labels=100 batch_size=50 schedule=backprop", "schedule=backprop trains without sidecars; pseudo_labels.te"),
        ("dataset=stl10", "encoder=pool has no decoder; encoder=c or"),
        ("labels=100 encoder=c", None),
        ("labels=100 encoder=c batches=labelled batch_size=50", None),
        ("labels=100 pseudo_labels.teacher=vote", None),
        ("labels=all", None),
    ],
)
def test_images_without_a_label_that_teach_nothing_are_told_of(words: str, told: str | None) -> None:
    line = left_out(load_config(words.split()))
    if told is None:
        assert line is None
    else:
        assert line is not None
        assert line.startswith(f"images without a label are left out: {told}")
