# %% [markdown]
# # Compare with backpropagation
#
# The same network, the same images, the same optimizer; once end to end, once layer by layer in waves, once with all
# layers at the same time but each from its own loss.
#
# What will happen: three trainings of a few seconds each, a table, a plot. It shows *how* to compare. The figures are
# of a small network, 2,000 images, and one seed: another seed moves them by a point or two.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt

from lwtrain import (
    BackpropSchedule,
    History,
    LayerSchedule,
    LayerStack,
    SemiSupervisedDataModule,
    SimultaneousSchedule,
    Split,
    WaveSchedule,
    build_stack,
    cut,
    load_dataset,
    quiet_trainer,
)
from lwtrain.optimizers import OptimizerFactory

import pytorch_lightning as pl
from torch import nn

dataset = load_dataset("fashion_mini")
train = Split(dataset.train.images[:2000], dataset.train.labels[:2000])

# %% [markdown]
# ## What is compared
#
# Each method gets every layer trained for `EPOCHS` epochs, so each layer's weights take as many steps. That is the
# usual comparison, and it is not the only fair one: equal *time* is another, which the plot below shows.

# %%
EPOCHS = 3


def convolution(channels_in: int, channels: int) -> list[nn.Module]:
    conv = nn.Conv2d(channels_in, channels, 3, padding=1)
    return [conv, nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)]


def new_stack() -> LayerStack:
    layers = [*convolution(1, 16), *convolution(16, 24), *convolution(24, 32)]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 3 * 3, 10))
    backbone = cut(network, before=[4, 8, 12], input_shape=(1, 28, 28), num_classes=10)
    return build_stack(backbone, encoder="pool", optimizer=OptimizerFactory(lr=0.01))


def run(schedule: LayerSchedule, seed: int = 0) -> tuple[LayerStack, History]:
    pl.seed_everything(seed, verbose=False)
    data = SemiSupervisedDataModule(train, dataset.test, batch_size=100, seed=seed)
    stack, history = new_stack(), History()
    trainer = quiet_trainer(schedule, logger=history, accelerator="cpu")
    trainer.fit(stack, data)
    trainer.test(stack, data, verbose=False)
    return stack, history


# %%
schedules = {
    "backprop": BackpropSchedule(epochs=EPOCHS),
    "wave": WaveSchedule(epochs=EPOCHS, waves=3),
    "simultaneous": SimultaneousSchedule(epochs=EPOCHS),
}
results = {name: run(schedule) for name, schedule in schedules.items()}

# %% [markdown]
# ## The table
#
# Validation images choose among methods and settings; the test images are read once, at the end. The head is the
# network's own classifier; the vote is the mean of all layers' opinions, which backpropagation does not have (there
# the head votes alone).

# %%
print(f"{'':14}{'head, test':>12}{'vote, test':>12}{'seconds':>10}")
for name, (stack, history) in results.items():
    head, vote = (stack.figures[f"{who}/test/accuracy"] for who in ("head", "vote"))
    seconds = history.points("vote/val/accuracy_so_far")[-1].seconds
    print(f"{name:14}{head:>12.1%}{vote:>12.1%}{seconds:>10.1f}")

# %% [markdown]
# ## Over time
#
# The vote of the layers that have trained so far. In waves there is an early answer, from the first layer alone, and a
# curve that goes on when the next layer joins; it may dip where one has trained for a single epoch.

# %%
figure, place = plt.subplots(figsize=(6, 3.2))
for name, (_, history) in results.items():
    points = history.points("vote/val/accuracy_so_far")
    place.plot([point.seconds for point in points], [point.value for point in points], marker=".", label=name)
place.set(xlabel="seconds", ylabel="validation accuracy")
place.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Layer by layer
#
# How much of the label a layer's sidecar can tell, from the image up to the head. With backpropagation only the head
# can be asked: nothing else has learned to classify.

# %%
figure, place = plt.subplots(figsize=(6, 3.2))
for name in ("wave", "simultaneous"):
    stack, _ = results[name]
    place.plot(stack.names, [stack.figures[f"{layer}/test/accuracy"] for layer in stack.names], marker="o", label=name)
baseline = results["backprop"][0].figures["head/test/accuracy"]
place.axhline(baseline, color="grey", linestyle="--", label="backprop, head")
place.set(ylabel="test accuracy")
place.legend(frameon=False)
plt.show()

# %% [markdown]
# ## What to look at, and what not to conclude
#
# End to end usually comes out ahead after so few epochs: layers with problems of their own learn greedily. What
# layer-wise training offers besides is memory that does not grow with depth, an answer from every layer, and learning
# from images without a label. [RESULTS.md](../RESULTS.md) has runs of more epochs, several seeds and other sidecars,
# and says where backpropagation is better.
#
# ## What to try next
#
# - Three seeds: `[run(WaveSchedule(epochs=EPOCHS, waves=3), seed) for seed in range(3)]`; give means and spreads.
# - `encoder="c"` in `new_stack`: a sidecar with a hidden layer and a decoder; dearer, and better for the lower layers.
# - Learning rates for each method by itself: a rate that suits one need not suit the other.
# - The same at full size: `python train.py -m schedule=backprop,wave,simultaneous seed=0,1,2`, then
#   `lwtrain runs outputs`.
# - Why the layers differ: [look inside](4_look_inside.ipynb).
