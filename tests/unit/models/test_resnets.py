"""ResNets by name, and bare weights told apart."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet

from adaptprint.errors import BadDataError, UsageError
from adaptprint.models.resnets import ARCHITECTURES, build_trunk, detect_architecture, feature_width, strip_prefixes


def without_memory(arch: str) -> nn.Module:
    with torch.device("meta"):
        network: nn.Module = getattr(resnet, arch)(weights=None)
    return network


def test_every_resnet_of_torchvision_is_known() -> None:
    names = {name for name in dir(resnet) if name.startswith(("resnet", "resnext", "wide_resnet"))}
    assert set(ARCHITECTURES) == names


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_bare_weights_are_recognised(arch: str) -> None:
    state = without_memory(arch).state_dict()
    assert detect_architecture(state) == arch
    trunk_alone = {name: value for name, value in state.items() if not name.startswith("fc.")}
    assert detect_architecture(trunk_alone) == arch
    counters = {name: value for name, value in state.items() if "num_batches_tracked" not in name}
    assert detect_architecture(counters) == arch


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_trunk_has_torchvision_s_names_and_shapes(arch: str) -> None:
    with torch.device("meta"):
        own = {name: tuple(value.shape) for name, value in build_trunk(arch).state_dict().items()}
    theirs = {name: tuple(value.shape) for name, value in without_memory(arch).state_dict().items()}
    assert own == {name: shape for name, shape in theirs.items() if not name.startswith("fc.")}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("arch", ["resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2"])
def test_a_trunk_gives_the_very_features_of_torchvision_s(arch: str, training: bool) -> None:
    torch.manual_seed(0)
    theirs = getattr(resnet, arch)(weights=None)
    theirs.fc = nn.Identity()
    own = build_trunk(arch)
    own.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, 64, 32)
    with torch.no_grad():
        assert torch.equal(own.train(training)(images), theirs.train(training)(images))


def test_fresh_weights_are_drawn_as_torchvision_draws_them() -> None:
    trunk, theirs = build_trunk("resnet18").state_dict(), resnet.resnet18(weights=None).state_dict()
    for name, value in trunk.items():
        if value.ndim == 4:
            assert float(value.std()) == pytest.approx(float(theirs[name].std()), rel=0.05)
        elif value.is_floating_point():
            assert torch.equal(value, theirs[name])


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_the_feature_width_is_that_of_the_trunk(arch: str) -> None:
    assert feature_width(arch) == without_memory(arch).fc.in_features
    with torch.device("meta"):
        trunk = build_trunk(arch)
    assert isinstance(trunk.fc, nn.Identity)


def test_a_state_with_a_layer_missing_is_not_taken_for_a_whole_one() -> None:
    state = without_memory("resnet18").state_dict()
    del state["layer4.1.conv2.weight"]
    with pytest.raises(BadDataError, match="no torchvision ResNet"):
        detect_architecture(state)


def test_weights_of_something_else_are_refused_naming_what_they_hold() -> None:
    with pytest.raises(BadDataError, match=r"features\.0\.weight"):
        detect_architecture({"features.0.weight": torch.zeros(1)})
    with pytest.raises(BadDataError, match="no tensors"):
        detect_architecture({})


def test_an_unknown_architecture_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError) as caught:
        build_trunk("resnet-50")
    assert "`resnet50`" in caught.value.fix
    with pytest.raises(UsageError, match="unknown architecture `vit`"):
        build_trunk("vit")


def test_prefixes_of_wrappers_go_wherever_all_names_share_them() -> None:
    state = {"module.model.conv1.weight": torch.zeros(1), "module.model.bn1.bias": torch.ones(1)}
    assert strip_prefixes(state).keys() == {"conv1.weight", "bn1.bias"}
    assert strip_prefixes(state)["bn1.bias"] is state["module.model.bn1.bias"]


def test_a_prefix_that_only_some_names_have_stays() -> None:
    state = {"module.conv1.weight": torch.zeros(1), "head.bias": torch.zeros(1)}
    assert strip_prefixes(state).keys() == state.keys()
    assert strip_prefixes({}) == {}
