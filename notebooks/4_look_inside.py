# %% [markdown]
# # Look inside
#
# What have the layers of a network learned that was trained layer by layer? Four ways to look: what a layer's sidecar
# rebuilds, what excites its filters, how much it tells about the image and the label, and what the layers say when they
# vote.
#
# What will happen: a small network is trained for some seconds, with sidecars that have a decoder (`encoder="c"`).

# %%
# %matplotlib inline
import matplotlib.pyplot as plt

from lwtrain import (
    InformationPlane,
    SemiSupervisedDataModule,
    Split,
    WaveSchedule,
    build_stack,
    cut,
    load_dataset,
    quiet_trainer,
)
from lwtrain.information.hsic import HSIC
from lwtrain.optimizers import OptimizerFactory
from lwtrain.pictures.activations import pictured, rebuild, side_by_side
from lwtrain.pictures.filters import excite

import pytorch_lightning as pl
import torch
from torch import nn
from torchvision.utils import make_grid

# %%
dataset = load_dataset("fashion_mini")
train = Split(dataset.train.images[:2000], dataset.train.labels[:2000])
data = SemiSupervisedDataModule(train, dataset.test, batch_size=100)


def convolution(channels_in: int, channels: int) -> list[nn.Module]:
    conv = nn.Conv2d(channels_in, channels, 3, padding=1)
    return [conv, nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)]


pl.seed_everything(0, verbose=False)
layers = [*convolution(1, 12), *convolution(12, 24), *convolution(24, 24)]
network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(24 * 3 * 3, 10))
backbone = cut(network, before=[4, 8, 12], input_shape=(1, 28, 28), num_classes=10)
stack = build_stack(backbone, encoder="c", encoder_settings={"hidden": 64}, optimizer=OptimizerFactory(lr=0.005))

# %% [markdown]
# The information plane is measured while the network learns, so its callback takes part in the training.

# %%
plane = InformationPlane(None, {"normalised HSIC": HSIC(normalised=True)}, images=300)
trainer = quiet_trainer(WaveSchedule(epochs=2, waves=2), plane, accelerator="cpu")
trainer.fit(stack, data)
trainer.test(stack, data, verbose=False)
print(f"accuracy of the vote on {len(dataset.test):,} test images: {stack.figures['vote/test/accuracy']:.1%}")

# %% [markdown]
# ## What a layer can rebuild
#
# Each sidecar has learned to rebuild its layer's input. Above: what enters the layer; below: what the sidecar makes of
# the layer's output. The first layer's input is the image; of the others, three principal components are shown as
# colours.

# %%
images = dataset.test.images[:8].float() / 255
figure, places = plt.subplots(3, 1, figsize=(7, 6))
for number, place in enumerate(places):
    with torch.no_grad():
        rebuilt = rebuild(stack.part(number), stack.climb(images, number), images)
    place.imshow(side_by_side(pictured(rebuilt, images=number == 0)).permute(1, 2, 0))
    place.set_title(stack.names[number], fontsize=9, loc="left")
    place.axis("off")

# %% [markdown]
# *What to look at:* after so short a training the first sidecar redraws shapes and shades, and loses patterns.
# Higher up it is left what lies where. A layer has to classify and to rebuild with the same few channels.

# %% [markdown]
# ## What excites a filter
#
# Images made by gradient ascent, so that a filter of the second layer answers as strongly as it can.

# %%
found = excite(stack, number=1, filters=range(12), shape=(1, 28, 28), steps=40)
figure, place = plt.subplots(figsize=(7, 1.4))
place.imshow(make_grid(found.images, nrow=12, pad_value=1.0).permute(1, 2, 0))
place.axis("off")
print(f"mean response: noise {found.first_responses.mean():.2f}, images made for it {found.responses.mean():.2f}")

# %% [markdown]
# *What to look at:* stripes, dots and edges, each filter's of one kind. A filter whose image is blank was never
# woken: a dead unit.

# %% [markdown]
# ## The information plane
#
# How much each layer tells about the image (to the right) and about the label (upwards), after every epoch, pale to
# full. The measure is the normalised Hilbert-Schmidt independence criterion, a number without unit: compare layers with
# each other, not with other runs on other images.

# %%
plane.draw(stack.names)

# %% [markdown]
# *What to look at:* layers move to the right and up as they begin to learn: they tell more of both. At the same height
# the head is to the left of the layers: it keeps less of the image for as much of the label. A layer's point stands
# still while only layers above it train.

# %% [markdown]
# ## What the layers say
#
# `layer_probabilities` asks all layers in one forward pass. Here are the test images over which they disagree most: the
# image, each layer's probability for the true class, and the vote's.

# %%
shares = stack.layer_probabilities(dataset.test.images)  # (layers, images, classes)
of_truth = shares[:, torch.arange(len(dataset.test)), dataset.test.labels]
disputed = of_truth.std(dim=0).topk(4).indices

figure, places = plt.subplots(2, 4, figsize=(8, 3.4), sharey="row", layout="constrained")
for (above, below), number in zip(places.T, disputed, strict=True):
    above.imshow(dataset.test.images[number, 0], cmap="gray_r")
    above.set_title(dataset.classes[dataset.test.labels[number]], fontsize=8)
    above.axis("off")
    below.bar([*stack.names, "vote"], [*of_truth[:, number], of_truth[:, number].mean()], color=["C0"] * 4 + ["C1"])
    below.tick_params(axis="x", labelrotation=90, labelsize=7)

# %% [markdown]
# And the question whether asking all of them is worth it, over all test images:

# %%
for name in [*stack.names, "vote"]:
    print(f"{name:8} {stack.figures[f'{name}/test/accuracy']:.1%}")

# %% [markdown]
# ## What to try next
#
# - `encoder_settings={"hidden": 256}`, or `objective_settings={"alpha": 0.9}`: more weight on one of the two losses.
#   How do the rebuilt pictures change?
# - The same pictures of a run of the command line: `lwtrain visualize outputs/DATE/TIME`, and more kinds of them.
# - Another estimator beside HSIC: `Binning` in `lwtrain.information.binning`.
# - A layer with a loss of your own: [your own network and objective](5_your_own_network_and_objective.ipynb).
