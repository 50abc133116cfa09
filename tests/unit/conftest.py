"""A network small enough for unit tests, and where it computes."""

import pytest
import torch
from torch import Tensor, nn

from adaptprint.models import network as network_module
from adaptprint.models.device import Compute

torch.set_num_threads(1)
WIDTH = 16


class TinyTrunk(nn.Module):
    """Stem, four stages, pooling and ``fc``, as in a torchvision ResNet, without the residuals and the width."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4)
        self.relu, self.maxpool, self.avgpool = nn.ReLU(), nn.Identity(), nn.AdaptiveAvgPool2d(1)
        widths = [4, 4, 8, 8, WIDTH]
        for stage in range(4):
            layers = nn.Sequential(
                nn.Conv2d(widths[stage], widths[stage + 1], 3, 2 if stage % 2 else 1, 1, bias=False),
                nn.BatchNorm2d(widths[stage + 1]),
                nn.ReLU(),
            )
            self.add_module(f"layer{stage + 1}", layers)
        self.fc = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        return self.fc(torch.flatten(self.avgpool(maps), 1))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every network built in the test has a tiny trunk, whatever its architecture is called."""
    monkeypatch.setattr(network_module, "build_trunk", lambda arch: TinyTrunk())
    monkeypatch.setattr(network_module, "feature_width", lambda arch: WIDTH)


@pytest.fixture
def compute() -> Compute:
    return Compute(torch.device("cpu"), "fp32")
