"""What decoders end with, and what sidecars with a bottleneck of their own have in common."""

from torch import Tensor, nn

from lwtrain.backbones.backbone import Shape
from lwtrain.registry import choices_hint

OUTPUTS = ("auto", "sigmoid", "linear")


class ImageSigmoid(nn.Module):
    """Squeezes numbers into [0, 1], in float32.

    bfloat16 has no numbers between 0.996 and 1: there the sigmoid would be 1, and cross entropy without gradient.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Give numbers in (0, 1), in float32."""
        return input.float().sigmoid()


def choose_output(output: str, depth: int) -> str:
    """Resolve `auto`: "sigmoid" where an image is rebuilt, and "linear" for what layers give to each other.

    Raises:
        ValueError: If `output` is none of `OUTPUTS`.

    Example:
        >>> choose_output("auto", depth=0), choose_output("auto", depth=1), choose_output("sigmoid", depth=1)
        ('sigmoid', 'linear', 'sigmoid')
    """
    if output not in OUTPUTS:
        raise ValueError(f"encoder.output={output}: {choices_hint(output, list(OUTPUTS))}")
    if output != "auto":
        return output
    return "sigmoid" if depth == 0 else "linear"


def check_dropout(dropout: float) -> None:
    """Refuse what is no probability to keep something by."""
    if not 0 <= dropout < 1:
        raise ValueError(f"encoder.dropout={dropout}: choose 0 or more and less than 1")


def check_kernel_size(kernel_size: int) -> None:
    """Refuse kernels without a middle."""
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"encoder.kernel_size={kernel_size}: choose an odd number")


def output_module(output: str) -> nn.Module:
    """Make the module that a decoder ends with: "sigmoid" or "linear"."""
    return ImageSigmoid() if output == "sigmoid" else nn.Identity()


class Autoencoder(nn.Module):
    """Squeezes a layer's output through a bottleneck and rebuilds the layer's *input* from it.

    Args:
        encoder: From the layer's output to the bottleneck.
        decoder: From the bottleneck to the layer's input, up to the output's sigmoid.
        bottleneck: (channels, height, width)
        output: "sigmoid" or "linear".
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, bottleneck: Shape, output: str) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.bottleneck, self.output = bottleneck, output
        self._end = output_module(output)

    def decode(self, code: Tensor) -> Tensor:
        """Rebuild the layer's input from the bottleneck."""
        rebuilt: Tensor = self._end(self.decoder(code))
        return rebuilt

    def forward(self, features: Tensor) -> Tensor:
        """Rebuild the layer's input (batch, *shape.inputs) from its output (batch, *shape.outputs)."""
        return self.decode(self.encoder(features))
