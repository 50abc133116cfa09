"""Every torchvision ResNet: build one by name, and tell from bare weights which one they belong to."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache

import torch
from torch import Tensor, nn

from adaptprint.errors import BadDataError, UsageError
from adaptprint.models.trunk import SHAPES, Trunk

ARCHITECTURES = tuple(SHAPES)
# Wrappers that other training scripts leave in front of torchvision's own names.
_OWN_HEADS = ("bottleneck.", "classifier.")
_PREFIXES = ("module.", "model.", "backbone.", "encoder.", "resnet.", "trunk.")


def require_architecture(arch: str) -> None:
    """Checks an architecture's name.

    Raises:
        UsageError: If ``arch`` is not one of :data:`ARCHITECTURES`.
    """
    if arch not in ARCHITECTURES:
        near = get_close_matches(arch, ARCHITECTURES, n=1)
        hint = f"Did you mean `{near[0]}`? " if near else ""
        raise UsageError(f"unknown architecture `{arch}`", f"{hint}Use one of: {', '.join(ARCHITECTURES)}.")


def build_trunk(arch: str) -> nn.Module:
    """A ResNet with torchvision's names whose ``fc`` is an identity: images (n, 3, h, w) to features (n, d).

    Raises:
        UsageError: If ``arch`` is not one of :data:`ARCHITECTURES`.
    """
    require_architecture(arch)
    return Trunk(SHAPES[arch])


def feature_width(arch: str) -> int:
    """Number of pooled features d of an architecture."""
    return SHAPES[arch].n_features


@cache
def _shapes(arch: str) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        trunk = build_trunk(arch)
    return {
        name: tuple(value.shape)
        for name, value in trunk.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def strip_prefixes(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Removes wrapper names (``module.``, ``model.`` ...) that every key shares, and the heads of our own network."""
    own = any(name.startswith("trunk.") for name in state)
    plain = {name: value for name, value in state.items() if not (own and name.startswith(_OWN_HEADS))}
    for _ in range(4):
        prefix = next((p for p in _PREFIXES if plain and all(name.startswith(p) for name in plain)), None)
        if prefix is None:
            break
        plain = {name.removeprefix(prefix): value for name, value in plain.items()}
    return plain


def detect_architecture(state: Mapping[str, Tensor]) -> str:
    """The torchvision ResNet whose trunk these weights fill completely.

    Args:
        state: A bare state dict, with or without ``fc``; wrapper prefixes already stripped.

    Raises:
        BadDataError: If no torchvision ResNet has these shapes.
    """
    found = {name: tuple(value.shape) for name, value in state.items()}
    fitting = [arch for arch in ARCHITECTURES if _shapes(arch).items() <= found.items()]
    if fitting:
        # A deeper ResNet holds every tensor of a shallower one, so the one that fills most is meant.
        return max(fitting, key=lambda arch: len(_shapes(arch)))
    sample = ", ".join(list(found)[:3]) or "no tensors"
    raise BadDataError(
        f"these weights belong to no torchvision ResNet (first tensors: {sample})",
        "Give a state dict of torchvision's resnet18 to resnet152, resnext or wide_resnet.",
    )
