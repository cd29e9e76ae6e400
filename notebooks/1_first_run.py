# %% [markdown]
# # A first run
#
# A network for pictures of clothes, trained **one layer at a time**: each layer has a small classifier beside it, its
# *sidecar*, and learns from that alone. No gradient crosses from one layer into another.
#
# What will happen: the images come with lwtrain, nothing is downloaded; training takes some seconds.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt

from lwtrain import (
    History,
    SemiSupervisedDataModule,
    Split,
    WaveSchedule,
    build_stack,
    cut,
    draw_timeline,
    load_dataset,
    quiet_trainer,
)
from lwtrain.optimizers import OptimizerFactory
from lwtrain.report import accuracy_table

import pytorch_lightning as pl
from torch import nn

# %% [markdown]
# ## The images
#
# `fashion_mini` is a part of Fashion-MNIST: 10,000 training and 2,000 test images of 28 x 28 pixels in ten classes. To
# be quick we take 3,000; a tenth of these is held out for validation.

# %%
dataset = load_dataset("fashion_mini")
train = Split(dataset.train.images[:3000], dataset.train.labels[:3000])
data = SemiSupervisedDataModule(train, dataset.test, batch_size=150)

_, places = plt.subplots(1, 10, figsize=(9, 1.2))
for place, image, label in zip(places, train.images, train.labels, strict=False):
    place.imshow(image[0], cmap="gray_r")
    place.set_title(dataset.classes[label], fontsize=8)
    place.axis("off")

# %% [markdown]
# ## The network
#
# An `nn.Sequential` as anybody would write it. `cut` says where it falls into layers: before modules 4, 8 and 12. So
# there are three layers, and behind them the *head*, which is the network's own classifier. `build_stack` puts a
# sidecar beside each layer.

# %%


pl.seed_everything(0, verbose=False)  # the weights to begin with


def convolution(channels_in: int, channels: int) -> list[nn.Module]:
    conv = nn.Conv2d(channels_in, channels, 3, padding=1)
    return [conv, nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)]


network = nn.Sequential(
    *convolution(1, 16),
    *convolution(16, 24),
    *convolution(24, 32),
    nn.Flatten(),
    nn.Linear(32 * 3 * 3, 10),
)
backbone = cut(network, before=[4, 8, 12], input_shape=(1, 28, 28), num_classes=10)
stack = build_stack(backbone, encoder="pool", optimizer=OptimizerFactory(lr=0.01))
stack.names

# %% [markdown]
# ## The schedule
#
# Who trains when. A *wave* visits the layers from the image up to the head; here are two, with two epochs a visit. What
# lies below the active layer rests: its output is computed once and kept, the *front* from which the active layer
# learns.

# %%
schedule = WaveSchedule(epochs=4, waves=2)
draw_timeline(schedule.visits(len(stack.names)), stack.names)

# %% [markdown]
# ## Training
#
# The stack is a `LightningModule`, the schedule a callback, `History` a logger: any Lightning `Trainer` will do.
# `quiet_trainer` makes one without progress bars, log files and checkpoints.

# %%
history = History()
trainer = quiet_trainer(schedule, logger=history, accelerator="cpu")
trainer.fit(stack, data)
_ = trainer.test(stack, data, verbose=False)

# %% [markdown]
# Every layer classifies, so every layer has an accuracy. The *vote* is the mean of all layers' class probabilities.

# %%
accuracy_table(stack.figures, stack.names)

# %% [markdown]
# ## What to look at
#
# Each layer was visited for four epochs. In the second wave a layer finds other, better inputs than in the first, since
# the layers below it have learned more.

# %%
figure, place = plt.subplots(figsize=(6, 3))
for name in stack.names:
    place.plot(range(1, 5), history[f"{name}/val/accuracy"], marker="o", label=name)
place.set(xlabel="the layer's own epochs", ylabel="validation accuracy", xticks=range(1, 5))
place.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Using the network
#
# `stack(images)` gives the backbone's logits; `stack.vote(images)` asks all layers. The backbone is `network` itself:
# its weights are trained now, under their own names, and it runs without lwtrain.

# %%
images = dataset.test.images[:8]
votes, alone = stack.vote(images).argmax(dim=1), network(images / 255).argmax(dim=1)
for label, vote, own in zip(dataset.test.labels, votes, alone, strict=False):
    print(f"{dataset.classes[label]:12} vote: {dataset.classes[vote]:12} network alone: {dataset.classes[own]}")

# %% [markdown]
# ## What to try next
#
# - All 10,000 images, and `WaveSchedule(epochs=8, waves=4)`: some points more.
# - `SequentialSchedule(epochs=4)`: each layer to its end before the next begins
#   ([schedules](2_schedules_and_the_front.ipynb)).
# - Few labels: `SemiSupervisedDataModule(train, labels=500)` with `encoder="c"`, whose decoder learns from images
#   without a label.
# - The same by backpropagation: [compare](3_compare_with_backprop.ipynb).
