"""Layer-wise training as it was published: a restatement of what the layer-wise VGG's report (2019) describes.

What costs time there is kept: for every batch all layers below the one in training run again, once for the labelled
half and once for the unlabelled one, with their batch norm live; float32, channels first, dropout element by element,
plain Adam, and where a row asks for it augmentation image by image in the training process. Left out, in its favour:
gradients that nobody uses. It has modules of its own, so that nothing that lwtrain does better helps it.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarking.augmenting import one_by_one
from benchmarking.contender import pick_device, shuffled, timed
from benchmarking.networks import CLASSES, activation, convolutions, head
from benchmarking.row import Row
from lwtrain.backbones.backbone import Shape
from lwtrain.data.load import Split

ALPHA = 0.5  # the weight of prediction against reconstruction
DROPOUT = 0.1
HIDDEN = 512
LEARNING_RATE = 1e-3


class PublishedLayer(nn.Module):
    """A convolution, the pooling behind it, and the sidecar of type C beside it.

    Args:
        block: Convolution, batch norm, activation.
        map: The pooling.
        channels_in: Of the layer's input, which the sidecar rebuilds.
        channels: Of the layer's output.
        side: Height and width of both.
    """

    def __init__(self, block: nn.Module, map: nn.Module, channels_in: int, channels: int, side: int) -> None:
        super().__init__()
        squeezed, small = max(1, channels // 2), side // 2
        self.block, self.map = block, map
        self.encoder = nn.Sequential(nn.MaxPool2d(2), *_convolve(channels, squeezed), nn.Dropout(DROPOUT))
        self.decoder = nn.Sequential(
            nn.Upsample(scale_factor=2),
            *_convolve(squeezed, channels),
            nn.Dropout(DROPOUT),
            nn.Conv2d(channels, channels_in, 3, padding=1),
            nn.Sigmoid(),
        )
        self.supervision = nn.Sequential(
            nn.Flatten(),
            nn.Linear(squeezed * small * small, HIDDEN),
            nn.ReLU(inplace=True),
            nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN, CLASSES),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Give what the next layer reads."""
        return self.map(self.block(inputs))

    def loss(self, labelled: Tensor, labels: Tensor, unlabelled: Tensor) -> Tensor:
        """Give u (1 - a) + (s + p) a, from one pass over the labelled inputs and one over the others."""
        code = self.encoder(self.block(labelled))
        supervised = F.mse_loss(self.decoder(code), labelled) + F.cross_entropy(self.supervision(code), labels)
        rebuilt = self.decoder(self.encoder(self.block(unlabelled)))
        return ALPHA * supervised + (1 - ALPHA) * F.mse_loss(rebuilt, unlabelled)


class Published:
    """Trains every layer for one epoch, then the head."""

    def __init__(self, row: Row, shape: Shape) -> None:
        self._batch_size, self._device = row.batch_size, pick_device()
        self._augment = None if row.augmentation is None else one_by_one(row.augmentation)
        self.layers, channels = _layers(row, shape)
        self.head = head(row.network, channels).to(self._device)
        for layer in self.layers:
            layer.to(self._device)
        self.num_layers = len(self.layers) + 1
        self._optimizers = [torch.optim.Adam(part.parameters(), lr=LEARNING_RATE) for part in (*self.layers, self.head)]

    def train(self, images: Split) -> float:
        """Train on every image once per layer."""
        with timed() as seconds:
            for number in range(len(self.layers)):
                for inputs, labels in self._batches(images):
                    self._step(number, self._loss_of_layer(number, inputs, labels))
            for inputs, labels in self._batches(images):
                # All images count as labelled here, so one pass does: the head has nothing to learn from others.
                logits = self.head(self._climb(inputs, len(self.layers)))
                self._step(len(self.layers), F.cross_entropy(logits, labels))
        return seconds()

    def _batches(self, images: Split) -> Iterator[tuple[Tensor, Tensor]]:
        for inputs, labels in shuffled(images, self._batch_size, self._device):
            yield inputs if self._augment is None else self._augment(inputs), labels

    def _loss_of_layer(self, number: int, inputs: Tensor, labels: Tensor) -> Tensor:
        half = len(inputs) // 2
        labelled, unlabelled = self._climb(inputs[:half], number), self._climb(inputs[half:], number)
        return self.layers[number].loss(labelled, labels[:half], unlabelled)

    def _step(self, number: int, loss: Tensor) -> None:
        self._optimizers[number].zero_grad()
        loss.backward()
        self._optimizers[number].step()

    @torch.no_grad()
    def _climb(self, inputs: Tensor, upto: int) -> Tensor:
        """Run the frozen layers, in training mode as the published code leaves them."""
        for layer in self.layers[:upto]:
            inputs = layer(inputs)
        return inputs


def _layers(row: Row, shape: Shape) -> tuple[list[PublishedLayer], int]:
    """Make the layers, and give the channels of the last one."""
    layers, (channels_in, side, _) = [], shape
    for channels, pools_after in convolutions(row.network, row.width):
        conv, norm, _ = _convolve(channels_in, channels)
        block = nn.Sequential(conv, norm, activation(row.network))
        map = nn.MaxPool2d(2) if pools_after else nn.Identity()
        layers.append(PublishedLayer(block, map, channels_in, channels, side))
        channels_in, side = channels, side // 2 if pools_after else side
    return layers, channels_in


def _convolve(channels_in: int, channels: int) -> tuple[nn.Module, nn.Module, nn.Module]:
    return nn.Conv2d(channels_in, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.LeakyReLU(inplace=True)
