"""InfoPro: a layer keeps what the image looked like while it learns to tell the classes apart."""

import torch
from torch import Tensor

from lwtrain.objectives import OBJECTIVES
from lwtrain.objectives.infopro_weights import LayerWeight, check_layer, check_weights, layer_weight
from lwtrain.objectives.objective import Losses, Objective
from lwtrain.objectives.prediction import check_label_smoothing, prediction_alone
from lwtrain.objectives.reconstruction import rebuilt_rows
from lwtrain.sidecars.sidecar import SidecarOutput


@OBJECTIVES.register("infopro")
class InfoProObjective(Objective):
    """``l1 R(x, z) + l2 p``: the cross entropy of the network's *image* x rebuilt from z, and the prediction loss p.

    InfoPro with the softmax classifier, of Wang et al. (2021, "Revisiting locally supervised learning: an alternative
    to end-to-end training", arXiv:2101.10832). What a layer throws away no layer above it can learn
    from: the reconstruction makes early layers keep it, the prediction lets later ones drop what the label does not
    need. R is the mean over all rows, labelled and unlabelled; as published all are labelled.

    Where l2 is 0 the layer's classifier learns all the same, as a probe: it lets the layer be heard in the vote, and no
    gradient of it reaches the layer.

    Args:
        name: "infopro".
        depth: How many layers lie below; alone, the layer counts as the last.
        reconstruction_weight: l1, 0 or more; or two, the first layer's and the last's, and those between on a line.
        prediction_weight: l2, likewise.
        label_smoothing: Share of the prediction's target that is spread evenly over all classes.

    Raises:
        ValueError: If a setting is out of range, or a layer is left with no weight at all.

    Example:
        >>> objective = InfoProObjective("infopro", depth=0, reconstruction_weight=5.0, prediction_weight=0.5)
        >>> images = torch.ones(3, 1, 2, 2)  # one labelled, two unlabelled
        >>> output = SidecarOutput(logits=torch.zeros(1, 2), reconstruction=torch.full_like(images, 0.5))
        >>> round(objective(output, images, labels=torch.tensor([0])).total.item(), 4)  # 5 log 2 + 0.5 log 2
        3.8123
    """

    rebuilds_images = True

    def __init__(
        self,
        name: str,  # noqa: ARG002 - there is one
        *,
        depth: int,
        reconstruction_weight: LayerWeight = (5.0, 0.5),
        prediction_weight: LayerWeight = (0.5, 1.0),
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        check_weights(reconstruction_weight, prediction_weight)
        self._depth, self._given = depth, (reconstruction_weight, prediction_weight)
        self.label_smoothing = check_label_smoothing(label_smoothing)
        self._weigh(num_layers=depth + 1)

    def take_place(self, num_layers: int) -> None:
        """Find this layer's weights."""
        check_layer(*self._given, self._depth, num_layers)
        self._weigh(num_layers)

    def _weigh(self, num_layers: int) -> None:
        weights = (layer_weight(given, self._depth, num_layers) for given in self._given)
        self.reconstruction_weight, self.prediction_weight = weights
        self.rebuilds = self.rebuilds_unlabelled = self.reconstruction_weight > 0
        self.probes = self.prediction_weight == 0

    def losses(self, output: SidecarOutput, inputs: Tensor, labels: Tensor) -> Losses:
        """Weigh both as the total; a probe counts for what it teaches, itself."""
        losses = prediction_alone(output, labels, self.label_smoothing)
        total = losses.total if self.probes else self.prediction_weight * losses.total
        if not self.rebuilds:
            return losses._replace(total=total)
        if output.reconstruction is None:
            raise ValueError("objective=infopro: needs a sidecar that rebuilds the network's images: encoder=infopro")
        rebuilt = rebuilt_rows(output.reconstruction, inputs, len(labels), "bce")
        total = torch.add(total, rebuilt.mean, alpha=self.reconstruction_weight)
        return Losses(total, losses.prediction, rebuilt.labelled, rebuilt.unlabelled)
