"""What conf/ offers: every choice can be had, is complete, and is known to the part of lwtrain that it names."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import get_type_hints

import pytest
import yaml
from small_folders import pets

from lwtrain.config.annotations import schemas
from lwtrain.config.checking import check
from lwtrain.config.files import conf_dir, group_choices
from lwtrain.config.loading import load_config
from lwtrain.config.schema import AutoencoderConfig, Config, WaveConfig
from lwtrain.data.catalog import CATALOG

CHOICES = [(group, name) for group, names in group_choices().items() if group != "hydra" for name in names]
TOP = (conf_dir() / "train.yaml").read_text()


VARIANTS = {"cifar2": "cifar10"}  # choices that are others with settings of their own
FITTING = dict.fromkeys(["decoder", "interpolation", "random"], "stacked_autoencoder") | {"none": "mlp"}  # maps' models


DECODING = {"infopro": "infopro", "reconstruction": "c", "decoder": "c"}  # what asks for a sidecar with a decoder


def choose(group: str, name: str, folder: Path) -> list[str]:
    """The words that make a choice, with what only the user can add."""
    pictures = [f"dataset.folder={pets(folder)}", "batch_size=8"] if name == "image_folder" else []
    model = [f"model={FITTING[name]}"] if group == "map" and name in FITTING else []
    encoder = [f"encoder={DECODING[name]}"] if name in DECODING else []
    return [f"{group}={name}", *pictures, *model, *encoder]


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_every_choice_makes_a_config(group: str, name: str, tmp_path: Path) -> None:
    word, *company = choose(group, name, tmp_path)
    config = load_config([word, *company])
    chosen = getattr(config, group, None)
    assert getattr(chosen, "name", name) == VARIANTS.get(name, name) or group == "experiment" or word == "map=auto"


@pytest.mark.parametrize(("group", "name"), CHOICES)
def test_a_stored_config_reads_back_the_same(group: str, name: str, tmp_path: Path) -> None:
    config = load_config(choose(group, name, tmp_path))
    stored = yaml.safe_load(yaml.safe_dump(asdict(config)))
    assert check(stored, group_choices(), mistakes := []) == config, mistakes


def test_the_defaults_are_those_of_the_first_run_in_the_readme() -> None:
    config = load_config()
    assert config.dataset.name == "fashion_mini"
    assert (config.model.name, config.map.name, config.encoder.name, config.front.name) == (
        "vgg11",
        "pool",
        "pool",
        "auto",
    )
    assert config.schedule == WaveConfig("wave", epochs=3, waves=3)
    assert (config.labels, config.batches, config.batch_size, config.validation) == ("all", "labelled", 64, 0.1)


def test_yaml_shows_every_setting_there_is() -> None:
    for group, kind in get_type_hints(Config).items():
        text = "".join(file.read_text() for file in (conf_dir() / group).glob("*.yaml")) or TOP
        assert all(f"{field.name}:" in text for schema in schemas(kind) for field in fields(schema)), group
        assert f"{group}:" in TOP


def test_models_and_data_sets_are_those_that_can_be_built() -> None:
    from lwtrain.backbones import BACKBONES

    assert set(group_choices()["model"]) == set(BACKBONES)
    assert set(group_choices()["dataset"]) == {*CATALOG, *VARIANTS, "fake", "image_folder"}


def test_two_classes_are_chosen_by_name_and_others_may_be() -> None:
    assert load_config(["dataset=cifar2"]).dataset.classes == ["airplane", "bird"]
    assert load_config(["dataset=cifar2", "dataset.classes=[cat,dog]"]).dataset.classes == ["cat", "dog"]
    assert load_config(["dataset=mnist", "dataset.classes=[3,0]"]).dataset.classes == ["3", "0"]
    words = ["dataset=fashion_mnist", "dataset.classes=[T-shirt/top,Ankle boot]"]
    assert load_config(words).dataset.classes == ["T-shirt/top", "Ankle boot"]


def test_registries_have_the_names_in_conf() -> None:
    from lwtrain.backbones import BACKBONES
    from lwtrain.maps import MAPS
    from lwtrain.objectives import OBJECTIVES
    from lwtrain.sidecars import SIDECARS

    registries = {"model": BACKBONES, "map": MAPS, "encoder": SIDECARS, "objective": OBJECTIVES}
    for group, registry in registries.items():
        assert [name for name in group_choices()[group] if name != "auto"] == list(registry)


@pytest.mark.parametrize("model", group_choices()["model"])
def test_a_backbone_has_the_maps_that_it_is_published_with_and_takes_its_others(model: str) -> None:
    config = load_config([f"model={model}", "encoder=c"])
    assert config.map.name == config.model.maps[0]
    for map in config.model.maps:
        assert load_config([f"model={model}", "encoder=c", f"map={map}"]).map.name == map


def test_one_value_is_a_list_of_one(tmp_path: Path) -> None:
    assert load_config([f"layer.load={tmp_path}"]).layer.load == [str(tmp_path)]


def test_whole_numbers_stand_for_texts_and_floats() -> None:
    config = load_config(["precision=32", "model.width=2", "data_dir=2024", "optimizer.lr=[1,2,3,4,5]"])
    assert (config.precision, config.data_dir, config.optimizer.lr) == ("32", "2024", [float(n) for n in range(1, 6)])
    assert isinstance(config.model.width, float)


def test_an_experiment_sets_many_things_and_the_command_line_has_the_last_word() -> None:
    config = load_config(["experiment=report_4000", "batch_size=32", "model=vgg_b"])
    assert (config.labels, config.model.name, config.batch_size) == (4000, "vgg_b", 32)
    assert isinstance(config.encoder, AutoencoderConfig)


def test_data_dir_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LWTRAIN_DATA", "/elsewhere")
    assert load_config().data_dir == "/elsewhere"
    assert load_config(["data_dir=here"]).data_dir == "here"


def test_pictures_of_ones_own_are_cut_to_squares_and_altered_lightly_unless_told_otherwise(tmp_path: Path) -> None:
    dataset = load_config(choose("dataset", "image_folder", tmp_path)).dataset
    assert asdict(dataset) == {
        "name": "image_folder",
        "folder": str(tmp_path),
        "unlabelled": None,
        "channels": 3,
        "image_size": 64,
        "fit": "crop",
        "classes": None,
        "augmentation": "light",
        "flip": True,
    }
