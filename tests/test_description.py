import pytest
import torch
from tiny import tensors

from lwtrain.config.loading import load_config
from lwtrain.data.fake import fake_set
from lwtrain.data.load import load_dataset
from lwtrain.description import describe, describe_layers
from lwtrain.enough_memory import OVERHEAD
from lwtrain.from_config import assemble_network, build_data, build_network, build_schedule
from lwtrain.memory_need import MemoryNeed, memory_need

SMALL = [
    "dataset=fake",
    "dataset.num_images=150",
    "dataset.image_size=16",
    "model=vgg8b",
    "model.width=0.125",
    "precision=32",
]


def test_the_published_parameters_come_out() -> None:
    """Layer and sidecar of type C on backbone A, in millions, and the backbone alone: the report's own figures."""
    stack = assemble_network(load_config(["model=vgg_a", "encoder=c"]), (3, 32, 32), 10)
    *layers, head = describe_layers(stack)
    sums = [round((layer.parameters + layer.sidecar_parameters) / 1e6, 2) for layer in layers]
    assert sums == [4.24, 4.31, 2.40, 2.55, 2.24, 2.83, 5.25, 7.61]
    assert round(sum(layer.parameters for layer in [*layers, head]) / 1e6, 2) == 13.09


def test_every_parameter_is_counted_once() -> None:
    for words in (["encoder=c"], ["map=conv"], ["model=resnet20", "encoder=infopro", "objective=infopro"]):
        stack = assemble_network(load_config(words), (3, 32, 32), 10)
        found = describe_layers(stack)
        counted = sum(layer.parameters + layer.sidecar_parameters for layer in found)
        assert counted == sum(weight.numel() for weight in stack.parameters()), words


def test_what_one_layer_passes_on_the_next_one_reads() -> None:
    stack = assemble_network(load_config(["model=vgg16", "model.layer_depth=3"]), (3, 32, 32), 7)
    layers = describe_layers(stack)
    assert layers[0].reads == (3, 32, 32)
    assert [layer.passes for layer in layers[:-1]] == [layer.reads for layer in layers[1:]]
    assert layers[-1].passes == (7,)


def test_a_convolution_costs_two_operations_for_each_weight_and_pixel() -> None:
    stack = assemble_network(load_config(["model=vgg11", "model.layer_depth=1"]), (3, 32, 32), 10)
    assert describe_layers(stack)[1].flops == 2 * 64 * 128 * 9 * 16 * 16


def test_describing_changes_nothing() -> None:
    stack = assemble_network(load_config(["model=vgg8b", "model.width=0.125"]), (3, 16, 16), 10)
    stack.activate(1)
    before, modes = tensors(stack), [module.training for module in stack.modules()]
    describe_layers(stack)
    assert all(torch.equal(tensor, before[name]) for name, tensor in tensors(stack).items())
    assert [module.training for module in stack.modules()] == modes


@pytest.mark.parametrize("words", [["encoder=c", "labels=50"], ["schedule=backprop"], ["schedule=simultaneous"]])
def test_a_run_is_described_as_it_will_be_without_reading_an_image(words: list[str]) -> None:
    config = load_config([*SMALL, *words])
    found, data = describe(config), build_data(config)
    assert (found.labelled, found.validation) == (len(data.labelled), len(data.held_out))
    assert found.unlabelled == (len(data.unlabelled) if config.batches == "half" else 0)
    assert found.steps == len(data.train_dataloader())
    need = memory_need(build_network(config, data), data, build_schedule(config, set()))
    assert plain(found.need) == plain(need)
    assert found.memory == found.process + OVERHEAD + need.images + need.work + need.front
    assert found.front[0] == "memory"


def plain(need: MemoryNeed) -> dict[str, object]:
    return {name: value for name, value in vars(need).items() if name != "growth"}


def test_a_front_that_is_not_kept_takes_no_memory() -> None:
    kept, made = (describe(load_config([*SMALL, f"front={front}"])) for front in ("memory", "recompute"))
    assert (kept.front, made.front) == (("memory", "as set"), ("recompute", "as set"))
    assert (kept.memory - kept.process) - (made.memory - made.process) == kept.need.front > 0


def test_a_data_set_that_is_not_there_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwtrain.from_config.load_dataset", load_dataset_is_not_asked)
    found = describe(load_config(["dataset=cifar100", "model=vgg_c", "data_dir=/nowhere", "model.whitening=true"]))
    assert (found.labelled, found.layers[-1].gives) == (45_000, (100,))


def load_dataset_is_not_asked(*_: object, **__: object) -> None:
    raise AssertionError("no image is to be read")


def test_a_visit_is_described_once_however_many_epochs_it_has() -> None:
    found = describe(load_config([*SMALL, "schedule.epochs=4", "schedule.waves=2"]))
    assert [(visit.layer, visit.epochs, visit.wave) for visit in found.visits[:8:7]] == [(0, 2, 0), (0, 2, 1)]
    assert len(found.visits) == 2 * len(found.layers)


def test_fake_sets_are_as_large_as_they_are_described() -> None:
    assert load_dataset(fake_set(150, 3, 3, 16)).train.images.shape[0] == 150
