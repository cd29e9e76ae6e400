"""Any piece of a network as a map."""

import copy

from torch import Tensor, nn


class SidecarMap(nn.Module):
    """Carries a layer's output on through modules that never train: poolings, or anything that has been trained before.

    Works on a copy of them whose weights are buffers, so that no optimizer and no schedule can reach them, and which
    stays in eval mode whatever is asked of it: statistics do not move, nothing is dropped. The names of the weights are
    those of `nn.Sequential(*modules)`, behind "slice.".

    Args:
        modules: Run one after the other.

    Example:
        >>> import torch
        >>> map = SidecarMap(nn.Conv2d(3, 8, 1), nn.MaxPool2d(2))
        >>> map(torch.rand(1, 3, 4, 4)).shape, list(map.parameters())
        (torch.Size([1, 8, 2, 2]), [])
    """

    def __init__(self, *modules: nn.Module) -> None:
        super().__init__()
        self.slice = copy.deepcopy(nn.Sequential(*modules))
        for module in self.slice.modules():
            for name, parameter in list(module.named_parameters(recurse=False)):
                delattr(module, name)
                module.register_buffer(name, parameter.detach())
        self.eval()

    def forward(self, inputs: Tensor) -> Tensor:
        """Run the modules."""
        return self.slice(inputs)

    def train(self, mode: bool = True) -> "SidecarMap":  # noqa: ARG002
        """Stay in eval mode."""
        return super().train(False)
