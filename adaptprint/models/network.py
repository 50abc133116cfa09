"""The network: a ResNet trunk, an optional bottleneck, and a linear classifier."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from adaptprint.models.resnets import build_trunk, feature_width

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# The stem and the first two stages carry the camera, the later ones the content.
EARLY_STAGES = ("bn1", "layer1", "layer2")
STAGES = ("stem", "layer1", "layer2", "layer3", "layer4")
_EARLY_MODULES = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2")
_LATE_MODULES = ("layer3", "layer4", "avgpool")


class PrintNet(nn.Module):
    """Tells the classes of a frame apart.

    The bottleneck normalises with LayerNorm, which has no batch statistics that a new printer could upset.

    Args:
        arch: A torchvision ResNet by name.
        n_classes: Number of classes K.
        bottleneck: Width of the bottleneck, or ``None`` to classify the trunk's features directly.
        mean: Channel means of the input, RGB in [0, 1].
        std: Channel standard deviations of the input.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        arch: str,
        n_classes: int,
        bottleneck: int | None = 256,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        width = feature_width(arch)
        self.trunk = build_trunk(arch)
        self.bottleneck: nn.Module = nn.Identity()
        if bottleneck is not None:
            self.bottleneck = nn.Sequential(nn.Linear(width, bottleneck), nn.LayerNorm(bottleneck), nn.ReLU())
        self.n_features = bottleneck or width
        self.classifier = nn.Linear(self.n_features, n_classes)
        self.set_input(mean, std)

    def set_input(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Sets what the input is normalised by: channel means and standard deviations, RGB in [0, 1]."""
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def features(self, images: Tensor) -> Tensor:
        """Images (n, 3, h, w) float in [0, 1], RGB, to features (n, d)."""
        return self.bottleneck(self.trunk((images - self.mean) / self.std))  # type: ignore[no-any-return]

    def early(self, images: Tensor) -> Tensor:
        """Images (n, 3, h, w) float in [0, 1], RGB, to the maps behind the early stages, stem to layer2."""
        return self._through(_EARLY_MODULES, (images - self.mean) / self.std)

    def late(self, maps: Tensor) -> Tensor:
        """Maps behind the early stages to features (n, d); ``late(early(images))`` is ``features(images)``."""
        pooled = torch.flatten(self._through(_LATE_MODULES, maps), 1)
        return self.bottleneck(self.trunk.get_submodule("fc")(pooled))  # type: ignore[no-any-return]

    def _through(self, modules: Sequence[str], maps: Tensor) -> Tensor:
        for name in modules:
            maps = self.trunk.get_submodule(name)(maps)
        return maps

    def forward(self, images: Tensor) -> Tensor:
        """Images (n, 3, h, w) float in [0, 1], RGB, to logits (n, K)."""
        return self.classifier(self.features(images))  # type: ignore[no-any-return]

    def on(self, device: torch.device) -> "PrintNet":
        """The network moved to a device, its weights laid out channels-last, which convolutions prefer."""
        self.to(device)
        self.to(memory_format=torch.channels_last)
        return self

    def batch_norms(self) -> Iterator[tuple[str, nn.BatchNorm2d]]:
        """The trunk's BatchNorm layers in order, by their name inside the trunk."""
        for name, module in self.trunk.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                yield name, module

    def early_batch_norms(self) -> dict[str, nn.BatchNorm2d]:
        """The BatchNorm layers from the stem to layer2."""
        return {name: norm for name, norm in self.batch_norms() if name.split(".")[0] in EARLY_STAGES}

    def freeze(self, last: str) -> None:
        """Stops the weights of the trunk's stages up to ``last``, one of :data:`STAGES`, from being trained.

        Nothing is kept for a backward pass through them, which is most of a step's time and memory. Their BatchNorm
        statistics still move.
        """
        frozen = STAGES[: STAGES.index(last) + 1]
        for name, parameter in self.trunk.named_parameters():
            stage = name.split(".")[0]
            parameter.requires_grad_((stage if stage in STAGES else "stem") not in frozen)

    def load_trunk(self, state: Mapping[str, Tensor]) -> None:
        """Fills the trunk from a bare torchvision state dict; its ``fc`` is ignored."""
        trunk_state = {name: value for name, value in state.items() if not name.startswith("fc.")}
        self.trunk.load_state_dict(trunk_state, strict=False)


def copy_state(network: nn.Module) -> dict[str, Tensor]:
    """A detached CPU copy of all weights and statistics."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
