"""The small networks for airplanes and birds as they are published, with what was wrong in them put right."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Net(nn.Module):
    """Net, NetWidth, NetDropout (in eval mode), NetBatchNormalization, NetWidthProject and NetWidthEmbed in one."""

    def __init__(self, n_ch1: int, batch_norm: bool = False, projected: int | None = None) -> None:
        super().__init__()
        half = n_ch1 // 2
        self.conv1 = nn.Conv2d(3, n_ch1, kernel_size=3, padding=1)  # bias="False" is true
        self.norm1 = nn.BatchNorm2d(n_ch1) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(n_ch1, half, kernel_size=3, padding=1)
        self.norm2 = nn.BatchNorm2d(half) if batch_norm else nn.Identity()
        self.conv3 = None if projected is None else nn.Conv2d(half, projected, kernel_size=1)
        self.fc1 = nn.Linear(8 * 8 * (projected or half), 32)
        self.fc2 = nn.Linear(32, 2)

    def forward(self, x: Tensor) -> Tensor:
        out = F.max_pool2d(torch.tanh(self.norm1(self.conv1(x))), 2)
        out = F.max_pool2d(torch.tanh(self.norm2(self.conv2(out))), 2)
        if self.conv3 is not None:
            out = torch.tanh(self.conv3(out))
        return self.fc2(torch.tanh(self.fc1(out.flatten(1))))


class NetSkip(nn.Module):
    def __init__(self, n_ch1: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, n_ch1, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(n_ch1, n_ch1 // 2, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(n_ch1 // 2, n_ch1 // 2, kernel_size=3, padding=1)
        self.fc1 = nn.Linear(4 * 4 * n_ch1 // 2, 32)
        self.fc2 = nn.Linear(32, 2)

    def forward(self, x: Tensor) -> Tensor:
        out = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        out = F.max_pool2d(torch.relu(self.conv2(out)), 2)
        out = F.max_pool2d(torch.relu(self.conv3(out)) + out, 2)
        return self.fc2(torch.relu(self.fc1(out.flatten(1))))


class ResBlock(nn.Module):
    def __init__(self, n_ch: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_ch, n_ch, kernel_size=3, padding=1, bias=False)
        self.batch_norm = nn.BatchNorm2d(n_ch)
        nn.init.constant_(self.batch_norm.weight, 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.batch_norm(self.conv(x))) + x


class NetResDeep(nn.Module):
    def __init__(self, n_ch1: int, n_blocks: int, shared: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, n_ch1, kernel_size=3, padding=1)
        blocks = n_blocks * [ResBlock(n_ch1)] if shared else [ResBlock(n_ch1) for _ in range(n_blocks)]
        self.resblocks = nn.Sequential(*blocks)
        self.fc1 = nn.Linear(8 * 8 * n_ch1, 32)
        self.fc2 = nn.Linear(32, 2)

    def forward(self, x: Tensor) -> Tensor:
        out = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        out = F.max_pool2d(self.resblocks(out), 2)
        return self.fc2(torch.relu(self.fc1(out.flatten(1))))
