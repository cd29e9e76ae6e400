# %% [markdown]
# # Your own network, your own objective
#
# Any network that runs in a straight line can be trained layer by layer, and a layer can learn from any loss that you
# write. Here: a small residual network, and layers that learn by the squared error of their probabilities rather than
# by cross entropy.
#
# What will happen: two trainings of some seconds, one with each loss.

# %%
from lwtrain import (
    Backbone,
    LayerStack,
    SemiSupervisedDataModule,
    Split,
    WaveSchedule,
    build_stack,
    load_dataset,
    quiet_trainer,
)
from lwtrain.objectives.objective import Losses, Objective
from lwtrain.optimizers import OptimizerFactory
from lwtrain.report import accuracy_table
from lwtrain.sidecars.sidecar import SidecarOutput

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

# %% [markdown]
# ## The network
#
# A class of your own, as you would write it without lwtrain.

# %%


class Block(nn.Module):
    """Two convolutions, and a way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one, self.two = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))
        self.norm_one, self.norm_two = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = self.norm_one(self.one(inputs)).relu()
        return (inputs + self.norm_two(self.two(outputs))).relu()


class SmallResNet(nn.Module):
    """A stem that halves the image, two blocks, a linear classifier."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 5, stride=2, padding=2), nn.BatchNorm2d(channels), nn.ReLU())
        self.blocks = nn.ModuleList([Block(channels), Block(channels)])
        self.pool, self.classifier = nn.MaxPool2d(2), nn.Linear(channels * 3 * 3, 10)

    def forward(self, images: Tensor) -> Tensor:
        first = self.pool(self.blocks[0](self.stem(images)))
        return self.classifier(self.pool(self.blocks[1](first)).flatten(start_dim=1))


# %% [markdown]
# ## Where it falls into layers
#
# A `Backbone` names the layers, the *map* behind each (what carries its output to the next: pooling, or nothing) and
# the head. The modules are shared, not copied: after training, it is your network that is trained. For an
# `nn.Sequential`, `cut` does this, as in [the first run](1_first_run.ipynb).

# %%


def as_backbone(network: SmallResNet) -> Backbone:
    layers = [network.stem, *network.blocks]
    maps = [nn.Identity(), network.pool, nn.MaxPool2d(2)]
    head = nn.Sequential(nn.Flatten(), network.classifier)
    return Backbone("small_resnet", (1, 28, 28), 10, layers, maps, head)


for number, shape in enumerate(as_backbone(SmallResNet()).shapes()):
    print(f"layer {number}: {shape.inputs} -> {shape.outputs}")

# %% [markdown]
# ## The objective
#
# `losses` gets what the sidecar made of the layer's output, here its logits, and the labels of the first rows of the
# batch; the others have none. It returns the total to minimise. `rebuilds = False` says that it looks at no
# reconstruction, so that none is computed.

# %%


class SquaredError(Objective):
    """The squared distance between the class probabilities and the truth (Brier, 1950)."""

    rebuilds = rebuilds_unlabelled = False

    def __init__(self, depth: int, temperature: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature  # `depth`, the number of layers below, does not matter to this one

    def losses(self, output: SidecarOutput, inputs: Tensor, labels: Tensor) -> Losses:
        logits = output.logits[: len(labels)].float() / self.temperature
        truth = F.one_hot(labels, logits.shape[1]).float()
        error = (logits.softmax(dim=1) - truth).square().sum(dim=1).mean()
        return Losses(total=error, prediction=error)


# %% [markdown]
# A check by hand, before anything is trained: a sure and right answer costs nothing, a sure and wrong one costs 2.

# %%
sure = SidecarOutput(logits=torch.tensor([[30.0, 0.0], [30.0, 0.0]]), reconstruction=None)
[float(SquaredError(depth=0)(sure, torch.zeros(2, 1), torch.tensor([label, label])).total) for label in (0, 1)]

# %% [markdown]
# ## Training
#
# `objective` takes a name, or a class such as this one, which is made for every layer anew. The head learns by cross
# entropy, in both cases.

# %%
dataset = load_dataset("fashion_mini")
train = Split(dataset.train.images[:2500], dataset.train.labels[:2500])


def run(objective: str | type[Objective]) -> tuple[SmallResNet, LayerStack]:
    pl.seed_everything(0, verbose=False)
    network = SmallResNet()
    optimizer = OptimizerFactory(lr=0.01)
    settings = {"encoder": "c", "encoder_settings": {"hidden": 64}}  # a hidden layer of 64 units beside each layer
    stack = build_stack(as_backbone(network), **settings, objective=objective, optimizer=optimizer)
    data = SemiSupervisedDataModule(train, dataset.test, batch_size=200)
    trainer = quiet_trainer(WaveSchedule(epochs=2, waves=2), accelerator="cpu")
    trainer.fit(stack, data)
    trainer.test(stack, data, verbose=False)
    return network, stack


# %%
network, stack = run(SquaredError)
accuracy_table(stack.figures, stack.names)

# %%
_, other = run("prediction")  # cross entropy
for name in [*stack.names, "vote"]:
    own, usual = (each.figures[f"{name}/test/accuracy"] for each in (stack, other))
    print(f"{name:8}  squared error {own:.1%}   cross entropy {usual:.1%}")

# %% [markdown]
# *What to look at:* both learn. Which is better by some points is not for one seed and 2,000 test images to say: the
# standard error of an accuracy of 80 % over 2,000 images is 0.9 points.
#
# ## Your network, without lwtrain
#
# `network` has its weights under its own names, and nothing of the sidecars. A fresh one takes them.

# %%
fresh = SmallResNet()
fresh.load_state_dict(network.state_dict())
images = dataset.test.images[:100]
torch.equal(fresh.eval()(images / 255), network(images / 255))

# %% [markdown]
# ## What to try next
#
# - A loss that looks at the layer's output itself: `reads_features = True`, then `output.features`.
# - A loss that compares images with each other needs `compares_rows = True`, so that batches are not cut into slices.
# - Your own images: any `DataLoader` or `LightningDataModule` that yields `(images, labels)` works; the resting layers
#   then run again for each batch.
# - A ResNet of torchvision's, pretrained layers that must not move, and what to mind:
#   [your own network](../docs/own_network.md).
# - Your objective from the command line too: register it in a file under `lwtrain/objectives/`, with a YAML in
#   `conf/objective/`.
