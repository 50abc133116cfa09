"""The ResNet trunk: torchvision's architecture and names, without the second that torchvision takes to import.

Sources: He et al. 2016, Deep Residual Learning; the stride of a bottleneck sits in its 3 x 3 convolution (ResNet 1.5);
Xie et al. 2017 (ResNeXt) and Zagoruyko and Komodakis 2016 (wide) only change the widths. A contract test compares every
architecture with torchvision's own, name by name and output by output.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn

_STAGE_WIDTHS = (64, 128, 256, 512)


@dataclass(frozen=True)
class Shape:
    """What makes one ResNet differ from another.

    Attributes:
        depths: Blocks in each of the four stages.
        bottleneck: Whether a block is 1 x 1, 3 x 3, 1 x 1 rather than two times 3 x 3.
        groups: Groups of the 3 x 3 convolution.
        base_width: Width of a group in the first stage.
    """

    depths: tuple[int, int, int, int]
    bottleneck: bool
    groups: int = 1
    base_width: int = 64

    @property
    def expansion(self) -> int:
        """Width that leaves a block over the width of its stage."""
        return 4 if self.bottleneck else 1

    @property
    def n_features(self) -> int:
        """Number of pooled features d."""
        return _STAGE_WIDTHS[-1] * self.expansion


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "resnet18": Shape((2, 2, 2, 2), False),
        "resnet34": Shape((3, 4, 6, 3), False),
        "resnet50": Shape((3, 4, 6, 3), True),
        "resnet101": Shape((3, 4, 23, 3), True),
        "resnet152": Shape((3, 8, 36, 3), True),
        "resnext50_32x4d": Shape((3, 4, 6, 3), True, 32, 4),
        "resnext101_32x8d": Shape((3, 4, 23, 3), True, 32, 8),
        "resnext101_64x4d": Shape((3, 4, 23, 3), True, 64, 4),
        "wide_resnet50_2": Shape((3, 4, 6, 3), True, 1, 128),
        "wide_resnet101_2": Shape((3, 4, 23, 3), True, 1, 128),
    }
)
"""Every architecture by torchvision's name."""


def _conv(inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)


class Block(nn.Module):
    """A residual block: the input, brought to the right shape where need be, plus what the convolutions make of it.

    Args:
        shape: The architecture.
        inside: Width of the input.
        planes: Width of the stage.
        stride: Stride of the first 3 x 3 convolution.
    """

    def __init__(self, shape: Shape, inside: int, planes: int, stride: int) -> None:
        super().__init__()
        outside = planes * shape.expansion
        if shape.bottleneck:
            width = planes * shape.base_width // 64 * shape.groups
            steps = [
                _conv(inside, width, 1), _conv(width, width, 3, stride, shape.groups), _conv(width, outside, 1),
            ]  # fmt: skip
        else:
            steps = [_conv(inside, planes, 3, stride), _conv(planes, outside, 3)]
        for number, conv in enumerate(steps, 1):
            self.add_module(f"conv{number}", conv)
            self.add_module(f"bn{number}", nn.BatchNorm2d(conv.out_channels))
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or inside != outside:
            self.downsample = nn.Sequential(_conv(inside, outside, 1, stride), nn.BatchNorm2d(outside))
        self._last = len(steps)

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (n, inside, h, w) to (n, planes x expansion, h / stride, w / stride)."""
        shortcut = maps if self.downsample is None else self.downsample(maps)
        for number in range(1, self._last + 1):
            maps = self.get_submodule(f"bn{number}")(self.get_submodule(f"conv{number}")(maps))
            if number < self._last:
                maps = self.relu(maps)
        maps = maps + shortcut
        return self.relu(maps)  # type: ignore[no-any-return]


class Trunk(nn.Module):
    """A ResNet without its classifier: images (n, 3, h, w), normalised, to features (n, d).

    Args:
        shape: The architecture.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inside = 64
        for stage, (planes, depth) in enumerate(zip(_STAGE_WIDTHS, shape.depths, strict=True), 1):
            blocks = []
            for number in range(depth):
                blocks.append(Block(shape, inside, planes, 2 if stage > 1 and number == 0 else 1))
                inside = planes * shape.expansion
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Identity()  # where torchvision's classifier stands
        for module in self.modules():
            # Drawing on the meta device would draw nothing, and import torch's whole compiler for it.
            if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 3, h, w), normalised, to features (n, d)."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in range(1, 5):
            maps = self.get_submodule(f"layer{stage}")(maps)
        return self.fc(torch.flatten(self.avgpool(maps), 1))  # type: ignore[no-any-return]
