import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from lwtrain.data.decoding import UnreadablePictureError
from lwtrain.errors import DataError
from lwtrain.fronts.front import CHUNK
from lwtrain.prediction import judge, predict
from lwtrain.predictions_table import as_csv, as_json_lines
from lwtrain.trained_run import TrainedNetwork, load_network


@pytest.fixture(scope="module")
def network(classifier_run: Path) -> TrainedNetwork:
    return load_network(classifier_run)


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Three squares of the network's size, which reading leaves as they are."""
    images = torch.randint(0, 256, (3, 16, 16, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file, image in zip(files, images, strict=True):
        Image.fromarray(image.numpy()).save(file)
    return files


def pixels(files: list[Path]) -> torch.Tensor:
    return torch.stack(
        [
            torch.frombuffer(bytearray(Image.open(file).tobytes()), dtype=torch.uint8).view(16, 16, 3).permute(2, 0, 1)
            for file in files
        ]
    )


def test_a_prediction_is_what_the_network_says_of_the_pixels(network: TrainedNetwork, pictures: list[Path]) -> None:
    found = list(predict(network, pictures))
    images = pixels(pictures)
    vote, layers = network.stack.vote(images), network.stack.layer_probabilities(images)
    assert [each.file for each in found] == pictures
    for place, each in enumerate(found):
        assert each.vote == pytest.approx(tuple(vote[place].tolist()), abs=1e-6)
        assert list(each.layers) == network.stack.names
        for number, shares in enumerate(each.layers.values()):
            assert shares == pytest.approx(tuple(layers[number, place].tolist()), abs=1e-6)


def test_judging_asks_those_alone_that_have_trained(network: TrainedNetwork) -> None:
    images, stack = torch.rand(4, 3, 16, 16), network.stack
    everyone = stack.voter_numbers
    try:
        stack.elect([0, 2])
        vote, layers = judge(stack, images)
        assert torch.allclose(vote, stack.vote(images), atol=1e-6)
        assert torch.allclose(layers, stack.layer_probabilities(images)[[0, 2]], atol=1e-6)
    finally:
        stack.elect(everyone)


def test_many_pictures_are_read_a_chunk_at_a_time(network: TrainedNetwork, pictures: list[Path]) -> None:
    asked: list[Path] = []

    def files() -> object:
        for _ in range(CHUNK + 5):
            asked.append(pictures[0])
            yield pictures[0]

    predictions = predict(network, files())  # type: ignore[arg-type]
    first = next(predictions)
    assert len(asked) == CHUNK
    rest = list(predictions)
    assert len(rest) == CHUNK + 4
    assert rest[-1].vote == pytest.approx(first.vote, abs=1e-6)


def test_unreadable_pictures_are_left_out_and_told(network: TrainedNetwork, pictures: list[Path]) -> None:
    pictures[1].write_text("no picture")
    told: dict[Path, str] = {}
    found = [each.file for each in predict(network, pictures, left_out=told.__setitem__)]
    assert found == [pictures[0], pictures[2]]
    assert told == {pictures[1]: "it is in no format that is known"}
    with pytest.raises(UnreadablePictureError, match=r"1\.png cannot be read as a picture"):
        list(predict(network, pictures))


def test_an_untrained_network_says_nothing(classifier_run: Path, pictures: list[Path]) -> None:
    network = load_network(classifier_run)
    network.stack.elect([])
    with pytest.raises(DataError, match="none of the layers is trained yet"):
        list(predict(network, pictures))


def test_both_forms_say_the_same(network: TrainedNetwork, pictures: list[Path]) -> None:
    found = list(predict(network, pictures))
    header, *rows = [line.strip().split(",") for line in as_csv(found, network.classes)]
    for line, row in zip(as_json_lines(found, network.classes), rows, strict=True):
        told, values = json.loads(line), dict(zip(header, row, strict=True))
        assert (told["file"], told["class"], str(told["probability"])) == tuple(values[name] for name in header[:3])
        assert sum(told["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)
        assert told["probability"] == max(told["probabilities"].values())
        for name, share in told["probabilities"].items():
            assert values[f"vote/{name}"] == str(share)
        for name, opinion in told["layers"].items():
            assert values[f"{name}/class"] == opinion["class"]
            assert values[f"{name}/probability"] == str(opinion["probability"])
