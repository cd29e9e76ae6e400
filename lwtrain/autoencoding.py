"""A stack as an autoencoder of images: its layers lead up to a code, and the sidecars' decoders back down."""

from torch import Tensor, nn

from lwtrain.data.view import as_inputs
from lwtrain.layer import HorizontalLayer
from lwtrain.local_module import LocalStep
from lwtrain.network import VotingNetwork
from lwtrain.objectives.reconstruction import ReconstructionObjective
from lwtrain.sidecars.sidecar import SidecarOutput


def can_decode(network: VotingNetwork) -> bool:
    """Tell whether there is a way back from the code to the image; see `decoders`."""
    return not any(_obstacle(part) for part in _horizontals(network))


def decoders(network: VotingNetwork) -> list[nn.Module]:
    """Give the decoders in the order in which they run: the top layer's first.

    Each rebuilds its layer's input, which is the output of the layer below, from its layer's output.

    Raises:
        ValueError: If a sidecar has no such decoder, or something stands between two layers.
    """
    for number, part in enumerate(_horizontals(network)):
        if obstacle := _obstacle(part):
            raise ValueError(f"layer_{number}: {obstacle}; images are rebuilt by encoder=mirror with map=none")
    inverses = [part.sidecar.inverse for part in reversed(_horizontals(network))]
    return [inverse for inverse in inverses if inverse is not None]


def encode(network: VotingNetwork, images: Tensor) -> Tensor:
    """Give the top layer's output, (batch, *code), for images: uint8, or floats in [0, 1]."""
    return network.climb(as_inputs(images), len(network.layers) - 1)


def decode(network: VotingNetwork, codes: Tensor) -> Tensor:
    """Rebuild images, (batch, channels, height, width), from codes, shaped as `encode` gives them.

    Raises:
        ValueError: If there is no way back.
    """
    for decoder in decoders(network):
        codes = decoder(codes)
    return codes


def reconstruct(network: VotingNetwork, images: Tensor) -> Tensor:
    """Encode and decode images.

    Promises the same whether the layers learned one by one or end to end: no decoder but those of the sidecars runs.

    Example:
        >>> import torch
        >>> from lwtrain.backbones import BACKBONES
        >>> from lwtrain.building import build_stack
        >>> backbone = BACKBONES["conv_autoencoder"]("conv_autoencoder", (1, 28, 28), num_classes=10)
        >>> stack = build_stack(backbone, encoder="mirror", objective="reconstruction")
        >>> images = torch.rand(2, 1, 28, 28)
        >>> encode(stack, images).shape, reconstruct(stack, images).shape
        (torch.Size([2, 10, 1, 1]), torch.Size([2, 1, 28, 28]))
    """
    return decode(network, encode(network, images))


def learns_to_rebuild(network: VotingNetwork) -> bool:
    """Tell whether reconstruction is all that teaches the layers: then it is end to end, too."""
    parts = _horizontals(network)
    return bool(parts) and all(isinstance(part.objective, ReconstructionObjective) for part in parts)


def whole_step(network: VotingNetwork, images: Tensor, labels: Tensor) -> LocalStep:
    """Compute the losses of the whole network as one autoencoder, with gradient; the head is the probe on its code.

    Args:
        network: Trained end to end.
        images: (batch, channels, height, width), floats in [0, 1].
        labels: Of the first rows.
    """
    codes = encode(network, images)
    logits = network.part(-1).classify(codes[: len(labels)].detach())
    lowest = _horizontals(network)[0]  # the objective whose depth is that of images
    losses = lowest.objective(SidecarOutput(logits, decode(network, codes)), images, labels)
    return LocalStep(losses, logits)


def _horizontals(network: VotingNetwork) -> list[HorizontalLayer]:
    return [part for part in network.layers if isinstance(part, HorizontalLayer)]


def _obstacle(part: HorizontalLayer) -> str | None:
    if not all(isinstance(between, nn.Identity) for between in (part.inlet, part.map)):
        return "a map stands beside it that nothing leads back through"
    return "its sidecar does not rebuild from the layer's own output" if part.sidecar.inverse is None else None
