"""What a trained network takes pictures for: the opinion of each of its layers, and their vote."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from lwtrain.data.decoding import UnreadablePictureError
from lwtrain.errors import DataError
from lwtrain.fronts.front import CHUNK
from lwtrain.network import VotingNetwork
from lwtrain.trained_run import TrainedNetwork
from lwtrain.votes import count_votes


@dataclass(frozen=True)
class Prediction:
    """What a network takes one picture for.

    Attributes:
        file: The picture.
        vote: The probability of each class, by label: the vote's.
        layers: The same of each layer that votes, by its name; the head comes last.
    """

    file: Path
    vote: tuple[float, ...]
    layers: Mapping[str, tuple[float, ...]]


@torch.no_grad()
def judge(network: VotingNetwork, images: Tensor) -> tuple[Tensor, Tensor]:
    """Ask all layers that vote about images, in one forward pass.

    Args:
        network: On the images' device.
        images: (batch, channels, height, width), uint8 or floats in [0, 1].

    Returns:
        The vote's class probabilities, (batch, classes), and each voter's, (voters, batch, classes).
    """
    voters = network.voter_numbers
    opinions = network.judge(images, range(voters[-1] + 1), voters, flips=network.vote_rule.flips)
    layers = torch.stack([probabilities for _, probabilities in opinions])
    return count_votes(layers, network.weigh(voters)), layers


def predict(
    trained: TrainedNetwork,
    files: Iterable[Path],
    *,
    device: torch.device | str = "cpu",
    left_out: Callable[[Path, str], None] | None = None,
) -> Iterator[Prediction]:
    """Say of each picture what the network takes it for, in the order of the files.

    Pictures are read as those that the network learned from, `CHUNK` at a time: however many there are, memory holds no
    more of them.

    Args:
        trained: The network.
        files: Pictures in any format of `lwtrain.data.decoding.FORMATS`.
        device: Where to compute.
        left_out: Hears of files that cannot be read as pictures, with the reason; without it the first of them is an
            error.

    Raises:
        DataError: If no layer has trained, or a file cannot be read and nobody hears of it.
    """
    network = trained.stack
    if not network.voter_numbers:
        raise DataError(
            f"{trained.folder}: none of the layers is trained yet; go on with the run: ckpt_path={trained.folder}"
        )
    network.to(device)
    names = [network.names[number] for number in network.voter_numbers]
    waiting = iter(files)
    while some := list(islice(waiting, CHUNK)):
        pictures = _read(some, trained, left_out)
        if not pictures:
            continue
        vote, layers = judge(network, torch.stack([pixels for _, pixels in pictures]).to(device))
        for place, (file, _) in enumerate(pictures):
            opinions = zip(names, layers[:, place].tolist(), strict=True)
            yield Prediction(file, tuple(vote[place].tolist()), {name: tuple(shares) for name, shares in opinions})


def _read(
    files: Sequence[Path], trained: TrainedNetwork, left_out: Callable[[Path, str], None] | None
) -> list[tuple[Path, Tensor]]:
    pictures = []
    for file in files:
        try:
            pictures.append((file, trained.read_picture(file)))
        except UnreadablePictureError as error:
            if left_out is None:
                raise
            left_out(file, error.flaw)
    return pictures
