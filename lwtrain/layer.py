"""What trains as one: a layer of the backbone with its local problem, or the head."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from lwtrain.batch_rows import first_rows
from lwtrain.folding import FoldedLayer
from lwtrain.local_module import LocalModule, LocalStep
from lwtrain.objectives.objective import Objective
from lwtrain.objectives.prediction import prediction_alone
from lwtrain.sidecars.sidecar import Sidecar, SidecarOutput


class HorizontalLayer(LocalModule):
    """A layer of the backbone, the map behind it, and the sidecar and objective that give it something to learn.

    Promise: `forward` is the backbone's part alone; sidecar and objective are needed in training only.

    Args:
        layer: Convolutions (or anything) that turn the layer's input into its output.
        map: Carries the output on to the next layer.
        sidecar: Reads the layer's output; see `lwtrain.sidecars`.
        objective: Turns what the sidecar says into losses; see `lwtrain.objectives`.
        num_classes: How many classes there are.
        lr: Learning rate of Adam when trained alone.
        inlet: A map that stands before the layer and trains with it. What it gives is what the sidecar rebuilds.

    Example:
        >>> from lwtrain.backbones.backbone import LayerShape
        >>> from lwtrain.objectives.prediction import PredictionObjective
        >>> from lwtrain.sidecars.pool import PoolSidecar
        >>> shape = LayerShape(inputs=(3, 8, 8), outputs=(4, 8, 8))
        >>> layer = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
        >>> sidecar = PoolSidecar(shape, num_classes=10, grid=2)
        >>> horizontal = HorizontalLayer(layer, nn.MaxPool2d(2), sidecar, PredictionObjective(), num_classes=10)
        >>> horizontal(torch.rand(5, 3, 8, 8)).shape, horizontal.classify(torch.rand(5, 3, 8, 8)).shape
        (torch.Size([5, 4, 4, 4]), torch.Size([5, 10]))
    """

    def __init__(
        self,
        layer: nn.Module,
        map: nn.Module,
        sidecar: Sidecar,
        objective: Objective,
        num_classes: int,
        lr: float = 1e-3,
        inlet: nn.Module | None = None,
    ) -> None:
        super().__init__(num_classes, lr, inlet)
        self.layer, self.map, self.sidecar, self.objective = layer, map, sidecar, objective
        if objective.rebuilds and objective.rebuilds_images and not sidecar.rebuilds_images:
            raise ValueError(f"{type(objective).__name__}: rebuilds the network's images; choose encoder=infopro")
        self.reads_images = objective.reads_images or (objective.rebuilds and sidecar.rebuilds_images)
        self.compares_rows = objective.compares_rows
        self._folded = FoldedLayer(layer, map)

    def forward(self, inputs: Tensor) -> Tensor:
        """Give what the next layer reads."""
        inputs = self.inlet(inputs)
        return self._folded.carried(inputs) if self._folds(inputs) else self.map(self.layer(inputs))

    def features(self, inputs: Tensor) -> Tensor:
        """Give what the sidecar reads: the layer's output before the map."""
        inputs = self.inlet(inputs)
        return self._folded.features(inputs) if self._folds(inputs) else self.layer(inputs)

    def _folds(self, inputs: Tensor) -> bool:
        """Whether the layer may run the quicker way: it rests, and numbers are rounded anyway."""
        if torch.is_grad_enabled() or not torch.is_autocast_enabled(inputs.device.type):
            return False
        return not any(module.training for module in self.layer.modules())  # batch norm alone may gather statistics

    def local_step(
        self, inputs: Tensor, labels: Tensor, carry: bool = False, images: Tensor | None = None
    ) -> LocalStep:
        """Run layer and sidecar once over labelled and unlabelled rows together, and weigh what they give.

        The sidecar reads no row that the objective does not look at, and rebuilds nothing where no loss would see it.
        """
        images = inputs if images is None else images
        inputs = self.inlet(inputs)
        features = self.layer(inputs)
        count = len(inputs) if self.objective.rebuilds_unlabelled else len(labels)
        output = self._ask_sidecar(first_rows(features, count), len(labels))
        if self.objective.reads_images:
            output = output._replace(images=images[:count])
        originals = images if self.sidecar.rebuilds_images else inputs
        losses = self.objective(output, originals[:count].detach(), labels)
        with torch.no_grad():
            return LocalStep(losses, output.logits, self.map(features) if carry else None)

    def _ask_sidecar(self, features: Tensor, num_labelled: int) -> SidecarOutput:
        objective = self.objective
        if objective.rebuilds:
            output = self.sidecar(features, num_labelled=num_labelled, probe=objective.probes)
        else:
            read = features[:num_labelled].detach() if objective.probes else features
            output = SidecarOutput(self.sidecar.classify(read), None)
        if objective.reads_projection:
            output = output._replace(projection=self.sidecar.project(features))
        return output._replace(features=features) if objective.reads_features else output

    def idle_parameters(self) -> Iterator[nn.Parameter]:
        """Give what gets no gradient: what no loss looks at, and a weight that has nothing to balance."""
        if not self.objective.rebuilds:
            yield from self.sidecar.decoder_parameters()
        if not self.objective.reads_projection:
            yield from self.sidecar.projection_parameters()
        if not self.sidecar.rebuilds:
            yield from self.objective.parameters()

    def classify(self, inputs: Tensor) -> Tensor:
        """Give the logits of the layer's own supervision, (batch, num_classes)."""
        return self.sidecar.classify(self.features(inputs))

    def pass_on(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Give the sidecar's logits, and what the next layer reads."""
        features = self.features(inputs)
        return self.sidecar.classify(features), self.map(features)


class LinearHead(LocalModule):
    """The classifier that closes the backbone, trained as the last horizontal layer. Unlabelled rows pass it by.

    Args:
        classifier: Turns the last map's output into logits.
        num_classes: How many classes there are.
        label_smoothing: Share of the target spread evenly over all classes.
        lr: Learning rate of Adam when trained alone.
        inlet: A map that stands before the classifier and trains with it.
    """

    def __init__(
        self,
        classifier: nn.Module,
        num_classes: int,
        label_smoothing: float = 0.0,
        lr: float = 1e-3,
        inlet: nn.Module | None = None,
    ) -> None:
        super().__init__(num_classes, lr, inlet)
        self.classifier, self.label_smoothing = classifier, label_smoothing

    def forward(self, inputs: Tensor) -> Tensor:
        """Give the network's logits, (batch, num_classes)."""
        return self.classifier(self.inlet(inputs))

    def local_step(
        self,
        inputs: Tensor,
        labels: Tensor,
        carry: bool = False,
        images: Tensor | None = None,
    ) -> LocalStep:
        """Give the cross entropy of the labelled rows."""
        logits = self(inputs[: len(labels)])
        losses = prediction_alone(SidecarOutput(logits, None), labels, self.label_smoothing)
        return LocalStep(losses, logits, logits.detach() if carry else None)

    def classify(self, inputs: Tensor) -> Tensor:
        """Give the network's logits, (batch, num_classes)."""
        return self(inputs)

    def pass_on(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Give the logits twice: as an opinion, and as what comes after the head."""
        logits = self(inputs)
        return logits, logits
