"""The HSIC bottleneck: a layer learns to depend on the labels, and no more on the images than it takes."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lwtrain.backbones.backbone import Shape
from lwtrain.batch_rows import first_rows
from lwtrain.information.hsic import HSIC
from lwtrain.information.kernels import gaussian_kernel, label_kernel
from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.objective import Losses, Objective
from lwtrain.objectives.prediction import check_label_smoothing, prediction_alone
from lwtrain.sidecars.sidecar import SidecarOutput


@OBJECTIVES.register("hsic")
class HSICObjective(Objective):
    """``HSIC(z, x) - c HSIC(z, y)``, of a layer's output z, the network's images x and the labels y.

    Ma, Lewis and Kleijn (2019, "The HSIC bottleneck: deep learning without back-propagation", arXiv:1908.01580),
    equation 6. It asks for no decoder and no classifier. The sidecar's cross entropy is added as a probe: it lets the
    layer be heard in the vote, and no gradient of it reaches the layer. Kernels need labels and compare rows of one
    batch, so that batches should be large, and unlabelled rows pass by.

    With several widths, the layer's channels are dealt out to as many groups of neighbours, each of which learns from
    a loss of its own, and the losses are added: the sigma network, whose branches are parallel groups of the backbone.

    Args:
        name: "hsic".
        depth: How many layers lie below; picks one of several coefficients.
        sigma: Of the gaussian kernels of z and x, in units of one number of a sample; or one for each branch. See
            `lwtrain.information.kernels.gaussian_kernel`.
        coefficient: c, how much the labels count against the images; or one for each layer.
        normalised: Whether to take `lwtrain.information.hsic.normalised_hsic`, as the paper's experiments do; if not,
            `lwtrain.information.hsic.hsic`.
        label_smoothing: Of the probe, as in `lwtrain.objectives.prediction`.

    Raises:
        ValueError: If a setting is out of range, or if there are fewer coefficients than layers.

    Example:
        >>> objective = HSICObjective("hsic", depth=0, sigma=1.0, coefficient=2.0, normalised=False)
        >>> images = torch.rand(4, 1, 2, 2, generator=torch.Generator().manual_seed(0))
        >>> output = SidecarOutput(torch.zeros(4, 2), None, features=images, images=images)
        >>> losses = objective(output, images, labels=torch.tensor([0, 1, 0, 1]))
        >>> kx, ky = gaussian_kernel(images, 1.0), label_kernel(torch.tensor([0, 1, 0, 1]))
        >>> expected = HSIC().of_kernels(kx, kx) - 2 * HSIC().of_kernels(kx, ky) + losses.prediction
        >>> torch.allclose(losses.total, expected)
        True
    """

    rebuilds = rebuilds_unlabelled = False
    reads_features = reads_images = compares_rows = probes = True

    def __init__(
        self,
        name: str,  # noqa: ARG002 - there is one
        *,
        depth: int,
        sigma: float | Sequence[float] = 5.0,
        coefficient: float | Sequence[float] = 100.0,
        normalised: bool = True,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.sigmas = [float(each) for each in ([sigma] if isinstance(sigma, (int, float)) else sigma)]
        if not self.sigmas or min(self.sigmas) <= 0:
            raise ValueError(f"objective.sigma={sigma}: choose a number above 0, or one for each branch")
        coefficients = [coefficient] * (depth + 1) if isinstance(coefficient, (int, float)) else coefficient
        if len(coefficients) <= depth or min(coefficients) <= 0:
            raise ValueError(f"objective.coefficient={coefficient}: choose a number above 0, or one for each layer")
        self.depth, self.coefficient = depth, float(coefficients[depth])
        self.measures = [HSIC(sigma, normalised) for sigma in self.sigmas]
        self.label_smoothing = check_label_smoothing(label_smoothing)

    def losses(self, output: SidecarOutput, inputs: Tensor, labels: Tensor) -> Losses:  # noqa: ARG002
        """The criteria of all branches and the probe's cross entropy as the total."""
        assert output.features is not None, "reads_features asks for them"
        assert output.images is not None, "reads_images asks for them"
        losses = prediction_alone(output, labels, self.label_smoothing)
        if len(labels) < 2:  # nothing to compare; a zero, so that there is a gradient
            return losses._replace(total=losses.total + output.features[:0].float().sum())
        features, images = first_rows(output.features, len(labels)), output.images[: len(labels)]
        return losses._replace(total=losses.total + self.criterion(features, images, labels))

    def criterion(self, features: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        """Give ``HSIC(z, x) - c HSIC(z, y)``, summed over all branches.

        Args:
            features: z, (batch, channels, height, width).
            images: x, (batch, channels, height, width), as the network reads them.
            labels: y, (batch,).

        Raises:
            ValueError: If the channels cannot be dealt out evenly to the branches.
        """
        self._check_channels(features.shape[1])
        ky = label_kernel(labels)
        terms = []
        for measure, branch in zip(self.measures, features.chunk(len(self.sigmas), dim=1), strict=True):
            kz, kx = gaussian_kernel(branch, measure.sigma), gaussian_kernel(images, measure.sigma)
            target = measure.factor(kx) - self.coefficient * measure.factor(ky)
            terms.append((measure.factor(kz) * target).sum())
        return torch.stack(terms).sum()

    def check_outputs(self, outputs: Shape) -> None:
        """Refuse channels that cannot be dealt out evenly to the branches."""
        self._check_channels(outputs[0])

    def _check_channels(self, channels: int) -> None:
        if channels % len(self.sigmas):
            choice = f"choose a divisor of the {channels} channels of layer_{self.depth}'s output"
            raise ValueError(f"objective.sigma={self.sigmas}: {len(self.sigmas)} branches; {choice}")
