"""Similarity matching beside prediction: images of one class shall look alike to a layer, those of two shall not."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lwtrain.batch_rows import first_rows
from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.objective import Losses, Objective
from lwtrain.objectives.prediction import check_label_smoothing, prediction_alone
from lwtrain.sidecars.sidecar import SidecarOutput

FEW_CHANNELS = 3  # of an image rather than of features: deviations would say too little


@OBJECTIVES.register("predsim")
class PredSimObjective(Objective):
    """``b similarity + (1 - b) prediction``, of the labelled rows.

    The local error signals of Nøkland and Eidnes (2019), arXiv:1901.06656, section 2. What is compared is what the
    sidecar projects the layer's output to: with `encoder=similarity` a convolution of it, as published, with others
    the output itself. Rows of one batch are compared, so that batches should be large; unlabelled rows pass by.

    Args:
        name: "predsim".
        depth: How many layers lie below; all learn alike.
        similarity: b, the weight of the similarities, above 0 and below 1: at 1 nobody would learn to vote.
        label_smoothing: Share of the prediction's target that is spread evenly over all classes.

    Raises:
        ValueError: If a setting is out of range.

    Example:
        >>> objective = PredSimObjective("predsim", depth=0, similarity=0.75)
        >>> alike = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])  # the first two, and they are of one class
        >>> output = SidecarOutput(torch.zeros(3, 2), None, projection=alike[:, :, None, None])
        >>> losses = objective(output, alike, labels=torch.tensor([1, 1, 0]))
        >>> torch.allclose(losses.total, 0.25 * losses.prediction)
        True
    """

    rebuilds = rebuilds_unlabelled = False
    reads_projection = compares_rows = True

    def __init__(
        self,
        name: str,  # noqa: ARG002 - there is one
        *,
        depth: int,  # noqa: ARG002
        similarity: float = 0.99,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 < similarity < 1:
            raise ValueError(f"objective.similarity={similarity}: choose a number above 0 and below 1")
        self.similarity, self.label_smoothing = similarity, check_label_smoothing(label_smoothing)

    def losses(self, output: SidecarOutput, inputs: Tensor, labels: Tensor) -> Losses:  # noqa: ARG002
        """Weigh both as the total."""
        assert output.projection is not None, "reads_projection asks for it"
        losses = prediction_alone(output, labels, self.label_smoothing)
        if len(labels) < 2:  # nothing to compare; a zero, so that there is a gradient
            return losses._replace(total=losses.total + output.projection[:0].float().sum())
        matching = similarity_loss(first_rows(output.projection, len(labels)), labels, output.logits.shape[1])
        return losses._replace(total=self.similarity * matching + (1 - self.similarity) * losses.total)


def similarity_loss(features: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Give the mean squared difference between the features' similarities and the labels', in float32.

    Args:
        features: (batch, channels, height, width), or (batch, numbers).
        labels: (batch,)
        num_classes: How long a label's one-hot code is.

    Example:
        >>> labels = torch.tensor([0, 0, 1])  # one-hot codes of two classes, centred: similarities of 1 and -1
        >>> round(similarity_loss(torch.tensor([[5.0, 1.0], [2.0, 0.0], [0.0, 3.0]]), labels, num_classes=2).item(), 6)
        0.0
    """
    targets = F.one_hot(labels, num_classes).to(torch.float32)
    with torch.autocast(features.device.type, enabled=False):
        return F.mse_loss(similarities(summarised(features)), similarities(targets))


def summarised(features: Tensor) -> Tensor:
    """Describe each row by how much each of its channels varies over the image: (batch, channels), in float32.

    Where there is nothing to vary (one position) or too few channels (`FEW_CHANNELS`), by all its numbers.
    """
    flat = features.float().flatten(2) if features.dim() > 2 else features.float()[:, :, None]
    return flat.std(dim=2) if flat.shape[1] > FEW_CHANNELS and flat.shape[2] > 1 else flat.flatten(1)


def similarities(rows: Tensor) -> Tensor:
    """Give the cosine of the angle between each two rows, each centred about its own mean: (rows, rows).

    Args:
        rows: (rows, numbers). A row of equal numbers is similar to nothing: 0.

    Example:
        >>> similarities(torch.tensor([[3.0, 1.0], [1.0, 3.0], [2.0, 2.0]])).round()
        tensor([[ 1., -1.,  0.],
                [-1.,  1.,  0.],
                [ 0.,  0.,  0.]])
    """
    directions = F.normalize(rows - rows.mean(dim=1, keepdim=True), dim=1)
    return directions @ directions.T
