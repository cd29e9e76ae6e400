"""Takes images through a network layer by layer, and measures what each makes of them."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from lwtrain.data.view import as_inputs
from lwtrain.evaluating import evaluating
from lwtrain.fronts.front import CHUNK
from lwtrain.information.estimator import Estimator
from lwtrain.layer import HorizontalLayer
from lwtrain.network import VotingNetwork


@torch.no_grad()
def coordinates(network: VotingNetwork, images: Tensor, labels: Tensor, estimators: Sequence[Estimator]) -> Tensor:
    """Give every layer's criterion with the images and that with their labels.

    The network is in evaluation mode meanwhile, each module in its own again afterwards; one layer's activations are
    held at a time.

    Args:
        network: The layers, the head included.
        images: (samples, channels, height, width), uint8 or floats in [0, 1].
        labels: (samples,), integers.
        estimators: What measures.

    Returns:
        (estimators, layers, 2), float32 on the CPU.
    """
    images, labels = as_inputs(images.to(network.device)), labels.to(network.device)
    measured = []
    with evaluating(network), torch.autocast(network.device.type, enabled=False):
        for outputs in layer_outputs(network, images):
            pairs = [[estimator.criterion(outputs, other) for other in (images, labels)] for estimator in estimators]
            figures = [torch.as_tensor(each, dtype=torch.float32, device="cpu") for pair in pairs for each in pair]
            measured.append(torch.stack(figures).view(len(pairs), 2))
    return torch.stack(measured, dim=1)


def layer_outputs(network: VotingNetwork, inputs: Tensor) -> Iterator[Tensor]:
    """Yield each layer's output for all inputs, before its map; the head's logits last."""
    for part in network.layers:
        outputs, passed_on = [], []
        for chunk in inputs.split(CHUNK):
            if isinstance(part, HorizontalLayer):
                outputs.append(part.features(chunk))
                passed_on.append(part.map(outputs[-1]))
            else:
                outputs.append(part(chunk))
        yield torch.cat(outputs)
        inputs = torch.cat(passed_on) if passed_on else inputs
