# %% [markdown]
# # Schedules and the front
#
# A *schedule* says which layer trains when; it is a list of *visits*. The *front* is what makes layer-wise training
# cheap: the activations that enter the active layer are computed once and kept, rather than again for every batch.
#
# What will happen: the schedules are drawn, then one is run with and without a front that is kept.

# %%
# %matplotlib inline
from lwtrain import (
    BackpropSchedule,
    CustomSchedule,
    SemiSupervisedDataModule,
    SequentialSchedule,
    SimultaneousSchedule,
    Split,
    WaveSchedule,
    build_stack,
    cut,
    draw_timeline,
    load_dataset,
    quiet_trainer,
)
from lwtrain.timeline_text import timeline_text

import pytorch_lightning as pl
import torch
from torch import nn

names = ["layer_0", "layer_1", "layer_2", "layer_3", "head"]

# %% [markdown]
# ## One layer after the other
#
# `sequential`: each layer trains to its end before the next one starts. The layers below the active one rest; they
# only serve the front. Those above wait.

# %%
draw_timeline(SequentialSchedule(epochs=3).visits(len(names)), names)

# %% [markdown]
# ## In waves
#
# `wave`: each layer trains for a share of its epochs, then the next, and when the head has had its turn, all begin
# again. As many epochs as above, but a layer comes back when those below it have become better. Pictures are altered
# anew for each wave, where the data module was given an `augmentation`.

# %%
draw_timeline(WaveSchedule(epochs=3, waves=3).visits(len(names)), names)

# %% [markdown]
# ## As you like it
#
# `custom`: name the visits yourself. Here the first layer, on which all others stand, trains longest, and the
# head twice.

# %%
visits = [
    {"layer": 0, "epochs": 4},
    {"layer": 1, "epochs": 2},
    {"layer": "head"},
    {"layer": 2, "epochs": 2},
    {"layer": 3, "epochs": 2},
    {"layer": "head", "epochs": 2},
]
draw_timeline(CustomSchedule(visits).visits(len(names)), names)

# %% [markdown]
# ## All at once
#
# `simultaneous`: every layer learns from every batch, still each from its own loss: the rows stay apart. `backprop` is
# the baseline: one loss at the top, whose gradient crosses all layers, so it is drawn as one block.

# %%
draw_timeline(SimultaneousSchedule(epochs=6).visits(len(names)), names)

# %%
draw_timeline(BackpropSchedule(epochs=6).visits(len(names)), names)

# %% [markdown]
# For a terminal there is the same in characters:

# %%
print(timeline_text(WaveSchedule(epochs=3, waves=3).visits(len(names)), names))

# %% [markdown]
# ## The front
#
# With `front="recompute"` the resting layers run again for every batch; with `front="memory"` each runs once when its
# visit ends. Both must give the same network. We train one wave of a small network each way, from the same seed, and
# count how many images the convolutions read in all.

# %%
dataset = load_dataset("fashion_mini")
train = Split(dataset.train.images[:1500], dataset.train.labels[:1500])


def convolution(channels_in: int, channels: int) -> list[nn.Module]:
    conv = nn.Conv2d(channels_in, channels, 3, padding=1)
    return [conv, nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(2)]


def trained(front: str) -> tuple[dict[str, torch.Tensor], int]:
    """Train one wave; give the weights, and how many images the convolutions have read."""
    read = 0

    def count(module: nn.Module, inputs: tuple[torch.Tensor]) -> None:
        nonlocal read
        read += len(inputs[0])

    pl.seed_everything(0, verbose=False)
    layers = [*convolution(1, 16), *convolution(16, 32), *convolution(32, 32), *convolution(32, 32)]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(32, 10))
    stack = build_stack(cut(network, [4, 8, 12, 16], (1, 28, 28), num_classes=10), encoder="pool")
    data = SemiSupervisedDataModule(train, batch_size=100)
    trainer = quiet_trainer(WaveSchedule(epochs=2, waves=1, front=front), accelerator="cpu")
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(count)
    trainer.fit(stack, data)
    return network.state_dict(), read


# %%
results = {front: trained(front) for front in ("memory", "recompute")}
weights, others = (results[front][0] for front in ("memory", "recompute"))
furthest = max(float((weights[name].float() - others[name].float()).abs().max()) for name in weights)
for front, (_, read) in results.items():
    print(f"front={front:9}  {read:7,} images through a convolution")
print(f"largest difference between any two weights: {furthest:g}")

# %% [markdown]
# ## What to look at
#
# The difference between the weights is nothing, or what rounding leaves. What they cost differs more the deeper the
# network is: `recompute` climbs through all resting layers for each batch, so that for the tenth layer nine others run.
# In return it keeps nothing in memory, and it is what works with any `DataLoader`.
#
# ## What to try next
#
# - `front="disk"`: kept in a memory-mapped file, for more images than memory holds. `"auto"`, the default, chooses.
# - `front` and `views`: `WaveSchedule(epochs=8, waves=2, views=2)` draws two augmented views a visit and cycles
#   through them.
# - `course="cosine"`: how each layer's learning rate falls over its own epochs.
# - The same schedules from the command line: `python train.py schedule=wave schedule.epochs=8 schedule.waves=4`.
# - How far layer-wise training comes: [compare with backpropagation](3_compare_with_backprop.ipynb).
