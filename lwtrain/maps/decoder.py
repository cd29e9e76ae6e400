"""A map that begins as a piece of the decoder below it."""

import torch
from torch import Tensor, nn

from lwtrain.backbones.backbone import Shape
from lwtrain.convolution import SameConv2d
from lwtrain.maps import MAPS
from lwtrain.sidecars.sidecar import Sidecar


@MAPS.register("decoder")
class DecoderMap(nn.Module):
    """A convolution that starts with the weights of the last one in the decoder of the layer below.

    That convolution has learned to turn features of the right size into the layer's input, so nothing has to be scaled.
    From then on the map trains with the layer above it, as a `ConvMap` does. The weights are taken over once, when the
    layer above wakes for the first time (`LayerStack.activate`); a run that is resumed does not take them again.

    Args:
        inputs: (channels, height, width) of what it reads.
        outputs: The same of what it gives; height and width are the input's.

    Raises:
        ValueError: If the sizes differ.
    """

    begun: Tensor

    def __init__(self, inputs: Shape, outputs: Shape) -> None:
        if inputs[1:] != outputs[1:]:
            raise ValueError(f"map=decoder: cannot make {outputs} of {inputs}, whose size differs; choose another map")
        super().__init__()
        self.conv = SameConv2d(inputs[0], outputs[0])
        self.register_buffer("begun", torch.tensor(False))

    def forward(self, inputs: Tensor) -> Tensor:
        """Give (batch, *outputs) from (batch, *inputs)."""
        return self.conv(inputs)

    def beginning(self, sidecar: Sidecar) -> nn.Conv2d:
        """Find the last convolution of a sidecar's decoder.

        Raises:
            ValueError: If there is none, or it is of another shape.
        """
        decoder = set(sidecar.decoder_parameters())
        layers = [module for module in sidecar.modules() if getattr(module, "weight", None) in decoder]
        last = layers[-1] if layers else None
        if not isinstance(last, nn.Conv2d) or last.weight.shape != self.conv.weight.shape:
            raise ValueError(
                "map=decoder: the sidecar below has no decoder that ends in such a convolution; "
                "choose encoder=a, b or c with encoder.kernel_size=3"
            )
        return last

    @torch.no_grad()
    def begin_as(self, sidecar: Sidecar) -> None:
        """Take over the last convolution of the sidecar below, unless that has been done.

        Raises:
            ValueError: As `beginning`.
        """
        if not self.begun:
            self.conv.load_state_dict(self.beginning(sidecar).state_dict())
            self.begun.fill_(True)
