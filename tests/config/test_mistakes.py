"""Every mistake in the settings: what is said to it. No data are read for this."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from small_folders import pets

from lwtrain.config.checking import check
from lwtrain.config.command_line import CommandLine
from lwtrain.config.files import group_choices
from lwtrain.config.loading import load_config
from lwtrain.config.schema import Config
from lwtrain.config.suggestions import ELSEWHERE
from lwtrain.errors import ConfigError


def message(*words: str, multirun: bool = False, folders: Sequence[Path] = ()) -> str:
    """What a user reads who types these words."""
    with pytest.raises(ConfigError) as caught:
        CommandLine(words, multirun=multirun, folders=folders).check()
    return str(caught.value)


# Words, and how the message goes on after the last of them (or where it does not begin with that, how it begins).
ONE_MISTAKE = {
    # Choices of groups
    "model=vg11": "did you mean 'vgg11'? Choices: allconv, cnn, ",
    "model=resnet50": "did you mean 'resnet56'? Choices: allconv, cnn, ",
    "model.name=vgg_1": "did you mean 'vgg_d'?",
    "dataset=cifar": "did you mean 'cifar2'?",
    "encoder=d": "Choices: a, b, c, conv, dense, infopro, mirror, pool, similarity, strided",
    "encoder=[a,b]": "Choices: a, b, c, conv, dense, infopro, mirror, pool, similarity, strided",
    "schedule=null": "Choices: backprop, custom, pipelined, sequential, simultaneous, wave",
    "'optimizer={lr: 1}'": "optimizer={lr:1}: Choices: adam, adamw, sgd",
    "experiment=null": "Choices: allconv_cifar10, ",
    "experiment=report": "did you mean 'report_4000'? Choices: ",
    # Settings that do not exist
    "modle=vgg11": "no such setting; did you mean model?",
    "modle.layer_depth=2": "no such setting; did you mean model.layer_depth?",
    "model.widht=2": "no such setting; did you mean model.width?",
    "lr=0.1": "no such setting; did you mean optimizer.lr?",
    "epochs=4": "no such setting; did you mean schedule.epochs?",
    "xyzzy=1": "no such setting; --help lists them",
    "map.xyzzy=1": "no such setting; there are map.name",
    "model=allconv model.c=32": "no such setting; there are model.channels, model.residuals, model.dropout, "
    "model.rectified_logits",
    "model=allconv model.chanels=32": "no such setting; did you mean model.channels?",
    "encoder=pool encoder.kernel=3": "no such setting; there are encoder.grid",
    "+trainer.callbacks=[]": "trainer.callbacks=[]: not set here; hand them to a Trainer of your own, in a script",
    "encoder=c encoder.grid=2": "not with encoder=c, but with encoder=conv, mirror, pool",
    "encoder=conv encoder.convs=-1": "choose a whole number of at least 0",
    "encoder=conv encoder.grid=0": "choose a whole number of at least 1",
    "encoder=conv objective=reconstruction": "objective=reconstruction: encoder=conv has no decoder; choose encoder=",
    "front=disc": "did you mean 'disk'? Choices: auto, disk, memory, recompute",
    "front.views=0": "choose fresh, or a whole number of at least 1",
    "front.views=all": "choose fresh, or a whole number of at least 1",
    "front.folder=nowhere": "there is no such folder",
    "schedule=sequential schedule.waves=3": "not with schedule=sequential, but with schedule=wave",
    "dataset=cifar10 dataset.folder=photos": "not with dataset=cifar10, but with dataset=image_folder",
    "dataset=fake dataset.fit=pad": "not with dataset=fake, but with dataset=cifar10, cifar100, cifar2, fashion_mini, ",
    "dataset=image_folder": "dataset.folder: missing; choose a text",
    "dataset=image_folder dataset.folder=nowhere": "there is no such folder",
    "dataset=image_folder dataset.folder=/tmp/José": "write setting=value, and quote a value that has signs in it: ",
    "dataset=image_folder dataset.folder=~/x": "write setting=value, and quote a value that has signs in it: ",
    "dataset=image_folder 'dataset.folder=\"/x/photos (1)\"'": "dataset.folder=/x/photos (1): there is no such folder",
    "dataset=image_folder 'dataset.folder=/x/photos (1)'": "write setting=value, and quote a value that has signs",
    "dataset=image_folder dataset.folder=a,b": "choose one value; with -m before it, several start a run each",
    "dataset=image_folder dataset.folder=": "dataset.folder=: name a folder",
    # Words that are none
    "vgg11": "write setting=value, and quote a value that has signs in it: 'setting=\"a=b\"'",
    "ckpt_path=epoch=1.ckpt": "write setting=value, and quote a value",
    "--epochs=3": "no such option; settings have no dashes before them",
    "~model": "settings are changed, not taken away or moved; write setting=value",
    "model@backbone=vgg11": "settings are changed, not taken away or moved",
    "seed=1,2": "choose one value; with -m before it, several start a run each",
    "seed=interval(0,1)": "choose one value; with -m before it, several start a run each",
    "seed=${sead}": "seed: Interpolation key 'sead' not found",
    "hydra.run.dirr=x": "Key 'dirr' not in 'RunDir'",
    "hydra/launcher=slurm": "In 'hydra/config': Could not find 'hydra/launcher/slurm'",
    # Values of the wrong kind, or out of range
    "batch_size=many": "choose a whole number of at least 2",
    "batch_size=128.0": "choose a whole number of at least 2",
    "batch_size=1": "choose a whole number of at least 2",
    "seed=-1": "choose a whole number of at least 0 and below 4294967296",
    "seed=???": "seed: missing; choose a whole number of at least 0 and below 4294967296",
    "seed=true": "choose a whole number of at least 0",
    "validation=1": "choose a number above 0 and below 1, or test",
    "labels=few": "choose all, a whole number of at least 1, or a number above 0 and below 1",
    "precision=64": "Choices: auto, 32, bf16",
    "progress=fancy": "Choices: auto, rich, plain, none",
    "model.width=0": "choose a number above 0",
    "model.whitening=2": "choose true or false",
    "model=cnn model.whitening=true": "not with model=cnn, but with model=decoupled_cnn, greedy_cnn, ",
    "model.width=inf": "choose a number above 0",
    "objective.alpha=0": "choose a number above 0 and at most 1, or learned",
    "objective.alpha=1.5": "choose a number above 0 and at most 1, or learned",
    "objective.alpha=null": "choose a number above 0 and at most 1, or learned",
    "optimizer.resting_state=disk": "Choices: same, bf16, host",
    "optimizer.lr=0": "choose a number above 0, or a list, each item a number above 0",
    "optimizer.lr=[0.1,-1]": "optimizer.lr[1]=-1: choose a number above 0",
    "optimizer.lr=nan": "choose a number above 0",
    "optimizer.course=linaer": "did you mean 'linear'? Choices: linear, cosine, halving, steps, constant",
    "optimizer.halve_every=0": "choose a whole number of at least 1",
    "optimizer.drops_at=[0.5,1]": "optimizer.drops_at[1]=1: choose a number above 0 and below 1",
    "optimizer.drops_at=[0.75,0.5]": "choose shares above 0 and below 1, in rising order",
    "optimizer.drops_at=[]": "choose shares above 0 and below 1, in rising order",
    "optimizer.drop_factor=1": "choose a number above 0 and below 1",
    "optimizer.warm_up=1": "choose a number of at least 0 and below 1",
    "optimizer.average_last=-1": "choose a whole number of at least 0",
    "encoder=c encoder.kernel_size=4": "Choices: 1, 3, 5, 7",
    "dataset.flip=maybe": "choose true or false",
    "dataset.augmentation=medium_10": "did you mean 'med_10'?",
    "trainer.limit_train_batches=0": "choose a whole number of at least 1, a number above 0",
    "trainer.profiler=fast": "Choices: simple, advanced, pytorch, null",
    "layer.store=3": "choose true or false",
    "vote.weights=acuracy": "did you mean 'accuracy'? Choices: equal, doubling, accuracy, likelihood",
    "vote.flips=2": "choose true or false",
    "vote.weight=doubling": "no such setting; did you mean vote.weights?",
    "vote=accuracy": "choose a mapping with weights, flips",
    "callbacks.check_loss_every=0": "choose",
    "callbacks.on_nan=retry": "Choices: stop, rewind",
    "callbacks.pictures=-1": "choose a whole number of at least 0",
    "callbacks.dashboard=3": "choose true or false",
    "schedule=custom schedule.visits=3": "choose a list, each item a mapping with layer, epochs, wave",
    "schedule=custom 'schedule.visits=[{layer: 0, wawe: 1}]'": "schedule.visits[0].wawe=1: no such setting; did you",
    "schedule=custom 'schedule.visits=[{layer: end}]'": "schedule.visits[0].layer=end: choose a whole number",
    # Values that do not fit each other
    "dataset=cifar2 dataset.classes=[bird]": "choose 2 or more, to be told apart",
    "dataset=cifar2 dataset.classes=[cat,brid]": "dataset.classes[1]=brid: did you mean 'bird'? Choices: airplane, ",
    "dataset=cifar2 dataset.classes=[cat,cat]": "dataset.classes[1]=cat: named before; choose each class once",
    "dataset=mnist dataset.classes=[0,11]": "dataset.classes[1]=11: did you mean '1'? Choices: 0, 1, 2, 3, 4, 5, 6, ",
    "dataset=mnist dataset.classes=[0,1] labels=11400": "there are 11399 training images; choose at most that, or all",
    "dataset=mnist dataset.classes=[0,1] labels=10664": "class 0 has only 5331 images; choose 10662 or less, or all",
    "dataset=cifar2 labels=5001": "choose a multiple of the 2 classes",
    "dataset=cifar2 encoder=pool batch_size=9001": "there are 9000 images to train on; choose 9000 or less",
    "dataset=stl10 encoder=c batch_size=200001": "there are 200000 images to train on; choose 200000 or less",
    "dataset=stl10 batches=proportional labels=10": "too few to put one into each batch; choose batches=half",
    "dataset=fake dataset.num_images=19": "choose 20 or more, two of each class",
    "dataset=fake dataset.num_classes=1": "choose a whole number of at least 2",
    "dataset=fake dataset.channels=2 dataset.augmentation=heavy_10": "colours can change in images of 1 or 3 channels",
    "labels=9010": "there are 9000 training images; choose at most that, or all",
    "labels=5": "choose at least one image for each of the 10 classes",
    "labels=0.0001": "choose at least one image for each of the 10 classes",
    "labels=4001": "choose a multiple of the 10 classes",
    "validation=0.00001": "validation=1e-05: choose a share between 0 and 1 that leaves images on both sides",
    "batch_size=9001": "there are 9000 images to train on; choose 9000 or less",
    "encoder=pool labels=50": "batch_size=64: there are 50 images to train on; choose 50 or less",
    "schedule.waves=2": "choose a divisor of schedule.epochs=3",
    "schedule.epochs=[3,3]": "2 numbers for 5 layers; give one for each, the head's last",
    "schedule=sequential schedule.epochs=[]": "0 numbers for 5 layers; give one for each, the head's last",
    "schedule.epochs=[6,6,3,3,1]": "schedule.waves=3: choose a divisor of each of schedule.epochs=[6,6,3,3,1]",
    "schedule.epochs=300000": "schedule.epochs=300000: more than 1000000 epochs of all layers; choose fewer",
    "schedule.waves=1000000000 schedule.epochs=1000000000": "more than 1000000 epochs of all layers",
    "schedule=backprop schedule.epochs=1000001": "schedule.epochs=1000001: more than 1000000 epochs",
    "schedule=custom schedule.visits=[{layer:0,epochs:1000001}]": "schedule.visits: more than 1000000 epochs",
    "optimizer.average_last=4": "a layer trains for fewer epochs; choose 0 to 3",
    "schedule=sequential schedule.epochs=[3,3,3,3,1] optimizer.average_last=2": "a layer trains for fewer epochs",
    "schedule=simultaneous schedule.epochs=[3,3,3,3,3]": "choose a whole number of at least 1",
    "schedule=custom schedule.visits=[{layer:0},{layer:0},{layer:1}] optimizer.average_last=2": "a layer trains for",
    "map=interpolation": "Choices: auto, pool, average, conv (for model=vgg11)",
    "model=stacked_autoencoder map=pool": "Choices: auto, interpolation, random, conv, decoder (for model=stacked_",
    "map=avrage": "did you mean 'average'? Choices: auto, average, conv, decoder, interpolation, none, pool, random",
    "model=stacked_autoencoder map=decoder encoder=pool": "map=decoder: begins as the last convolution, of 3x3, of the",
    "model=stacked_autoencoder encoder=c map=decoder encoder.kernel_size=5": "map=decoder: begins as the last",
    "model=stacked_autoencoder model.depth=0": "choose a whole number of at least 1",
    "dataset=cifar10 dataset.image_size=16": "vgg11 pools 5 times, choose 32 or more",
    "dataset.image_size=null": "dataset.image_size=28: vgg11 pools 5 times, choose 32 or more",
    "dataset.image_size=16": "padding cannot shrink images of 28x28, choose 28 or more, or dataset.fit=scale",
    "model.layer_depth=9": "choose 1 to 8 for vgg11",
    "optimizer.lr=[0.1,0.2]": "2 learning rates for 5 layers; give one for each, the head's last",
    "schedule=custom 'schedule.visits=[{layer: 9}]'": "schedule.visits[0].layer=9: choose 0 to 3, or head",
    "schedule=custom schedule.visits=[]": "name at least one visit, such as {layer: 0, epochs: 1}",
    "optimizer=sgd optimizer.momentum=0": "optimizer.nesterov=true: needs optimizer.momentum above 0",
    "encoder=c objective.reconstruction=bce encoder.output=linear": "objective.reconstruction=bce: needs values in",
    "encoder=c objective=reconstruction objective.reconstruction=bce encoder.output=linear": "objective.recon",
    "encoder=pool objective=reconstruction": "encoder=pool has no decoder; choose encoder=mirror, strided, dense, a, b",
    "encoder=c objective=reconstruction schedule=backprop": "encoder=c: schedule=backprop rebuilds images from",
    "encoder=mirror objective=reconstruction schedule=backprop": "map=pool: nothing leads back through a map, as",
    "encoder=c objective=infopro": "encoder=c: objective=infopro rebuilds the network's images; choose encoder=infopro",
    "objective=infopro encoder=pool": "objective=infopro rebuilds the network's images; choose encoder=infopro",
    "encoder=infopro objective=infopro objective.reconstruction_weight=-1": "choose a number of at least 0, or a list",
    "encoder=infopro objective=infopro objective.prediction_weight=[1]": "objective.prediction_weight=[1.0]: choose a",
    "encoder=infopro objective=infopro objective.reconstruction_weight=0 objective.prediction_weight=0": "objective.r",
    "encoder=infopro objective=infopro objective.prediction_weight=[1,0] objective.reconstruction_weight=[1,0]": (
        "objective.reconstruction_weight=[1.0,0.0]: layer 3 would learn nothing; let it or objective.prediction_weight"
    ),
    "encoder=infopro encoder.hidden=0": "choose a whole number of at least 1",
    "encoder=infopro encoder.output=linear": "not with encoder=infopro, but with encoder=a, b, c, dense, mirror",
    "model=resnet20 model.modules=11": "choose 1 to 10 for resnet20, or all",
    "model=resnet20 model.modules=0": "choose all, a whole number of at least 1, or a list, each item",
    "model=resnet20 model.modules=[4,4]": "choose numbers from 1 up that add to the 9 blocks of resnet20",
    "model=resnet20 model.head=joined model.modules=1": "with model.head=joined that is the whole network; choose 2",
    "model=resnet20 model.head=joint": "did you mean 'joined'? Choices: alone, joined",
    "model=resnet20 model.shortcut=padding": "did you mean 'pad'? Choices: pad, conv",
    "model=resnet20 model.layer_depth=2": "not with model=resnet20, but with model=decoupled_cnn, greedy_cnn, ",
    "model=resnet20 map=pool": "Choices: auto, none (for model=resnet20)",
    "model=mlp objective=hsic objective.sigma=0": "choose a number above 0, or a list, each item a number above 0",
    "model=mlp objective=hsic objective.sigma=[1,-1]": "objective.sigma[1]=-1: choose a number above 0",
    "model=mlp objective=hsic objective.sigma=[]": "choose a number above 0, or one for each branch",
    "model=mlp model.branches=3 objective=hsic objective.sigma=[1.0,5.0]": "2 widths for model.branches=3; give one",
    "model=mlp model.hidden=[8,7] objective=hsic objective.sigma=[1.0,5.0]": "2 branches cannot share the units of",
    "model=mlp objective=hsic objective.coefficient=0": "choose a number above 0, or a list, each item a number",
    "model=mlp objective=hsic objective.coefficient=[]": "0 coefficients for 3 layers; give one for each, none for the",
    "model=mlp objective=hsic objective.coefficient=[1.0,2.0]": "2 coefficients for 3 layers; give one for each, none",
    "callbacks=information_plane callbacks.information_plane.estimators=[]": "choose at least one",
    "callbacks=information_plane callbacks.information_plane.estimators=[hsic,edge,hsic]": "choose each one once",
    "callbacks=information_plane callbacks.information_plane.estimators=[mine]": "callbacks.information_plane.estim",
    "callbacks=information_plane callbacks.information_plane.images=1": "choose a whole number of at least 2",
    "pseudo_labels.teacher=head": "Choices: none, vote, own, or the folder of a trained run",
    "pseudo_labels.teacher=votes": "did you mean 'vote'? Choices: none, vote, own, or the folder of a trained run",
    "pseudo_labels.teacher=conf": "no trained run (there is no checkpoints/last.ckpt); choose the folder of one",
    "pseudo_labels.share=0": "choose a number above 0 and at most 1",
    "pseudo_labels.ramp=1.1": "choose a number of at least 0 and at most 1",
    "pseudo_labels=vote": "choose a mapping with teacher, share",
    "labels=500 schedule=simultaneous pseudo_labels.teacher=own": "schedule=simultaneous shows all layers the",
    "labels=500 schedule=pipelined pseudo_labels.teacher=own": "schedule=pipelined shows all layers the",
    "schedule=simultaneous schedule.settle=1": "schedule.settle=1: choose a number of at least 0 and below 1",
    "schedule=simultaneous schedule.settle=0.9": "schedule.settle=0.9: of schedule.epochs=3 none is left for the first",
    "schedule=simultaneous schedule.settle=0.5 optimizer.average_last=2": "a layer trains for fewer epochs; choose",
    "schedule=wave schedule.settle=0.5": "not with schedule=wave, but with schedule=simultaneous",
    "schedule=pipelined schedule.queue=0": "schedule.queue=0: choose a whole number of at least 1",
    "schedule=pipelined schedule.deal=[2,0]": "schedule.deal",
    "schedule=pipelined trainer.devices=9": "trainer.devices=9: choose 1 to 5, as many as there are layers",
    "schedule=pipelined trainer.devices=2 schedule.deal=[1,2]": "schedule.deal=[1,2]: choose a number for each of 2 pr",
    "schedule=pipelined trainer=ddp": "trainer.strategy=ddp: schedule=pipelined has one of its own; choose auto",
    "schedule=pipelined trainer.devices=2 optimizer.average_last=2": "optimizer.average_last=2: not with schedule=pip",
    "schedule=pipelined trainer.devices=2 trainer.gradient_clip_val=1": "trainer.gradient_clip_val=1: not with sched",
    "schedule=pipelined trainer.devices=2 compile=true": "compile=true: not with schedule=pipelined",
    "mixup=0.5 objective=predsim encoder=similarity": (
        "mixup=0.5: objective=predsim compares images by their classes, and blended ones have two; choose 0"
    ),
    "mixup=1 objective=hsic": "mixup=1: objective=hsic compares images by their classes",
    "cuda_graphs=true compile=true": "cuda_graphs=true: not with compile=true; choose one of them",
    "cuda_graphs=true micro_batch=8": "cuda_graphs=true: not with micro_batch=8; choose one of them",
    "cuda_graphs=true trainer.devices=2": "cuda_graphs=true: not with trainer.devices=2; choose false, or 1",
    "objective=hsic encoder=pool micro_batch=32": "objective=hsic compares the rows of a batch, which slices would",
    "model=mlp model.activation=tanh encoder=mirror": "encoder.activation=relu: gives no number below 0, as",
    "model=conv_autoencoder model.channels=[]": "choose a number of at least 1 for each convolution",
    "trainer.max_time=5min": "write days:hours:minutes:seconds, such as 00:12:00:00",
    "vote.weights=accuracy validation=test": "vote.weights=accuracy: validation=test would weigh the layers by the",
    "vote.weights=likelihood validation=test": "vote.weights=likelihood: validation=test would weigh the layers by",
    "dataset=mnist vote.flips=true": "dataset.flip=false, for a mirrored image is not of the same class; choose false",
    "trainer.devices=2 callbacks.on_nan=rewind": "not where processes train together, which would not begin again",
    "trainer=ddp callbacks.on_nan=rewind": "not where processes train together, which would not begin again together",
    "layer.load=nowhere": "there is no such file or folder",
    "schedule=backprop layer.load=.": "layer.load=[.]: not with schedule=backprop, which would train them again",
    "batches=0.001 labels=100": "batches=0.001: too small a share to put one into each batch; choose batches=half",
    "batches=0.1 labels=100 micro_batch=8": "batches=0.1: too small a share to put one into each slice of micro_batch",
    "labels=100 batches=1.5": "choose auto, half, proportional, labelled, or a number above 0 and below 1",
    "batches=proportional labels=10": "too few to put one into each batch; choose batches=half",
    "batches=proportional batch_size=127 labels=70": "too few to put one into each batch; choose batches=half",
    "batches=proportional validation=test labels=0.001": "too few to put one into each batch; choose batches=half",
}


@pytest.mark.parametrize("line", ONE_MISTAKE)
def test_a_mistake_is_named_with_what_is_allowed(line: str) -> None:
    words = shlex.split(line)
    said = message(*words)
    assert said.startswith((ONE_MISTAKE[line], f"{words[-1]}: {ONE_MISTAKE[line]}"))
    assert "\n" not in said


@pytest.mark.parametrize("batch_size", [2, 3, 100, 128, 9000])
def test_as_many_labels_as_there_are_batches_are_enough(batch_size: int) -> None:
    needed = math.ceil(math.ceil(9000 / batch_size) / 10) * 10  # as many of each class
    words = ["batches=proportional", f"batch_size={batch_size}"]
    load_config([*words, f"labels={needed}"])
    if needed > 10:
        assert message(*words, f"labels={needed - 10}").startswith(f"labels={needed - 10}: too few")


def test_rows_that_are_not_compared_may_be_sliced() -> None:
    load_config(["objective=hsic", "encoder=pool", "micro_batch=64"])  # as many as batch_size
    load_config(["objective=hsic", "encoder=pool", "micro_batch=32", "schedule=backprop"])


def test_epochs_that_are_averaged_may_lie_in_several_visits() -> None:
    visits = "schedule.visits=[{layer: 0}, {layer: head}, {layer: 0}, {layer: 4}]"  # which is the head, too
    load_config(["schedule=custom", visits, "optimizer.average_last=2"])


def test_a_folder_without_test_pictures_cannot_validate_on_them(tmp_path: Path) -> None:
    words = ["dataset=image_folder", f"dataset.folder={pets(tmp_path) / 'train'}", "batch_size=8"]
    said = "validation=test: there are no test images; choose a share of the training images"
    assert message(*words, "validation=test") == said


def test_classes_of_unequal_size_limit_the_labels_by_the_smallest(tmp_path: Path) -> None:
    words = ["dataset=image_folder", f"dataset.folder={pets(tmp_path, cats=12)}", "batch_size=4"]
    load_config([*words, "labels=8"])
    assert message(*words, "labels=9", "validation=test") == "labels=9: choose a multiple of the 2 classes"
    said = "labels=8: class dog has only 3 images; choose 6 or less, or all"
    assert message(*words, "labels=8", "validation=0.25") == said
    said = "validation=0.9: leaves none to train on of a class of 4; choose less"
    assert message(*words, "validation=0.9") == said


def test_other_schedules_load_layers(tmp_path: Path) -> None:
    for schedule in ("sequential", "wave", "custom"):
        load_config([f"layer.load={tmp_path}", f"schedule={schedule}"])


def test_all_mistakes_are_told_at_once() -> None:
    said = message(
        "model=vg11", "encoder=pol", "encoder.gird=3", "batch_size=0", "labels=7", "lr=1", "foo", "precision=64"
    )
    assert [line.partition(":")[0] for line in said.splitlines()] == [
        *("model=vg11", "encoder=pol", "foo"),
        *("batch_size=0", "precision=64", "encoder.gird=3", "lr=1"),
        "labels=7",
    ]


def test_a_mistaken_choice_brings_no_further_complaints() -> None:
    assert message("encoder=xyz", "encoder.grid=3").startswith("encoder=xyz: Choices")
    assert (
        "\n" not in message("encoder=xyz", "encoder.grid=3", "model=resnet", "optimizer.lr=[1]").partition("model")[2]
    )


def test_each_setting_that_lightning_knows_elsewhere_says_where_it_is() -> None:
    for setting, advice in ELSEWHERE.items():
        assert advice in message(f"{setting}=1")


def test_every_value_of_a_sweep_is_looked_at() -> None:
    said = message("model=vgg11,vgg31", "labels=100,7", "seed=range(0,50)", "optimizer.lr=1e-3,-1", multirun=True)
    assert [line.partition(":")[0] for line in said.splitlines()] == ["model=vgg31", "optimizer.lr=-1", "labels=7"]


def test_mistakes_that_only_one_combination_of_a_sweep_has_are_found() -> None:
    said = message("schedule.epochs=3,4", "schedule.waves=3,2", multirun=True)
    assert said.splitlines() == [
        "schedule.waves=2: choose a divisor of schedule.epochs=3",
        "schedule.waves=3: choose a divisor of schedule.epochs=4",
    ]


@pytest.mark.parametrize("word", ["trainer=ddp", "trainer.devices=2", "trainer.devices=[0,1]", "trainer.num_nodes=2"])
def test_a_multirun_on_several_devices_is_refused(word: str) -> None:
    assert "not with -m" in message(word, "seed=1,2", multirun=True)
    load_config([word])


def test_a_folder_of_yaml_files_that_is_missing_is_named(tmp_path: Path) -> None:
    assert message(folders=[tmp_path / "none"]) == f"--config-dir={tmp_path}/none: there is no such folder"


def test_what_a_users_own_yaml_file_sets_is_checked_too(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "narrow.yaml").write_text("defaults: [vgg11]\nwidth: 0.25\n")
    (tmp_path / "model" / "broken.yaml").write_text("name: vgg11\nwidht: 2\nlayer_depth: one\n")
    assert load_config(["model=narrow"], [tmp_path]).model.width == 0.25
    assert message("model=broken", folders=[tmp_path]).splitlines() == [
        "model.widht=2: no such setting; did you mean model.width?",
        "model.width: missing; choose a number above 0",
        "model.layer_depth=one: choose a whole number of at least 1",
        "model.whitening: missing; choose true or false",
    ]


# Whatever is typed, the answer is a config or a message.

_KEYS = st.sampled_from(
    [
        "seed",
        "labels",
        "batches",
        "batch_size",
        "validation",
        "data_dir",
        "layer",
        "layer.load",
        "dataset",
        "dataset.image_size",
        "model",
        "model.name",
        "model.width",
        "model.layer_depth",
        "encoder",
        "encoder.grid",
        "objective.alpha",
        "schedule",
        "schedule.epochs",
        "schedule.waves",
        "schedule.visits",
        "optimizer",
        "optimizer.lr",
        "trainer.devices",
        "trainer.max_time",
        "callbacks",
        "callbacks.check_loss_every",
        "experiment",
        "+seed",
        "++seed",
        "~seed",
        "+model",
        "seed.x",
        "model.width.x",
        "hydra.run.dir",
        "hydra.job.num",
        "lr",
        "a.b.c",
    ]
)
_VALUES = st.one_of(
    st.sampled_from(
        [
            "0",
            "1",
            "-1",
            "2",
            "10",
            "0.5",
            "1e400",
            "nan",
            "true",
            "null",
            "all",
            "auto",
            "test",
            "learned",
            "pool",
            "vgg_a",
            "sequential",
            "custom",
            "wave",
            "sgd",
            "report_4000",
            "''",
            "[]",
            "{}",
            "[1,2]",
            "[null]",
            "{a:1}",
            "[{layer:head}]",
            "{layer:0,epochs:2}",
            "${seed}",
            "${x}",
            "???",
            "1,2",
            "range(1,3)",
            "glob(*)",
            "choice()",
            "x=y",
        ]
    ),
    st.integers().map(str),
    st.floats().map(str),
    st.text(max_size=8),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.builds("{}={}".format, _KEYS, _VALUES) | st.text(max_size=12), max_size=4), st.booleans())
@example(["schedule.epochs=1000000000", "schedule.waves=1000000000"], False)
@example(["seed=range(0,1,1e-9)"], True)
@example(["model.width=" + "9" * 400, "labels=" + "9" * 400], False)
def test_any_words_make_a_config_or_a_message(words: list[str], multirun: bool) -> None:
    try:
        outcome = CommandLine(words, multirun=multirun).check()
    except ConfigError as error:
        outcome = [error]
    assert outcome
    assert all(isinstance(each, Config) or str(each) for each in outcome)


_VALID = [
    "model=vgg11 model.width=0.5 schedule=wave schedule.epochs=4 schedule.waves=2 encoder=pool",
    "dataset=cifar10 labels=4000 batch_size=64 'dataset.classes=[cat,dog]' optimizer.lr=[0.1,0.2]",
    "schedule=custom 'schedule.visits=[{layer: 0, epochs: 2}, {layer: head}]' trainer.max_time=00:00:05:00",
    "model=mlp objective=hsic objective.sigma=5.0 callbacks=information_plane seed=3 precision=32",
    "model=resnet20 model.modules=[3,6] encoder=infopro objective=infopro front=disk front.views=4",
    "experiment=report_4000 hydra.run.dir=${oc.env:HOME}/x hydra/launcher=basic +seed=1 vote.weights=doubling",
]


@st.composite
def mutated_lines(draw: st.DrawFn) -> list[str]:
    """A line that is in order, with a word of it or some of its signs taken away, doubled, swapped or exchanged."""
    words = shlex.split(draw(st.sampled_from(_VALID)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(words) - 1))
        word, other = words[place], draw(st.sampled_from(words))
        cut = draw(st.integers(0, len(word)))
        words[place] = draw(
            st.sampled_from(
                [
                    word[:cut] + word[cut + 1 :],
                    word[:cut] + word[cut : cut + 2][::-1] + word[cut + 2 :],
                    word[:cut] + draw(st.sampled_from("=,[}./$'@é\x00")) + word[cut:],
                    f"{word.partition('=')[0]}={other.partition('=')[2]}",
                    f"{word},{other}",
                    other,
                ]
            )
        )
    return words


@settings(max_examples=25, deadline=None)
@given(mutated_lines(), st.booleans())
def test_lines_that_are_nearly_right_make_a_config_or_a_message(words: list[str], multirun: bool) -> None:
    try:
        outcome = CommandLine(words, multirun=multirun).check()
    except ConfigError as error:
        outcome = [error]
    assert all(isinstance(each, Config) or str(each) for each in outcome)


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_DEFAULTS = asdict(load_config())


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(_DEFAULTS)), st.text(max_size=5) | st.sampled_from(["name", "lr", "epochs"]), _PLAIN)
def test_any_value_in_a_yaml_file_makes_a_config_or_a_message(part: str, key: str, value: object) -> None:
    nested = _DEFAULTS[part] | {key: value} if isinstance(_DEFAULTS[part], dict) else value
    mistakes: list[str] = []
    config = check(_DEFAULTS | {part: nested}, group_choices(), mistakes)
    assert (config is None) == bool(mistakes)
    assert all(len(mistake.splitlines()) == 1 for mistake in mistakes)
