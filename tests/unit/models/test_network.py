"""The network: its parts, its normalisation, and weights taken in from elsewhere."""

from collections.abc import Callable

import torch
from torch import nn

from adaptprint.models.network import PrintNet, copy_state
from adaptprint.models.resnets import build_trunk


def test_features_are_what_the_classifier_reads(make_network: Callable[..., PrintNet]) -> None:
    network = make_network(n_classes=3, bottleneck=8)
    images = torch.rand(2, 3, 32, 32)
    features = network.features(images)
    assert features.shape == (2, network.n_features) == (2, 8)
    assert network(images).shape == (2, 3)
    assert torch.equal(network.classifier(features), network(images))
    assert features.min() >= 0


def test_without_bottleneck_the_features_are_the_trunk_s(make_network: Callable[..., PrintNet]) -> None:
    network = make_network(bottleneck=None)
    assert network.n_features == 16
    assert network.features(torch.rand(2, 3, 32, 32)).shape == (2, 16)


def test_images_are_normalised_inside(make_network: Callable[..., PrintNet]) -> None:
    network = make_network()
    seen: list[torch.Tensor] = []
    network.trunk.conv1.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(torch.full((1, 3, 32, 32), 0.5))
    expected = (0.5 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(seen[0][0, :, 0, 0], expected)


def test_mean_and_deviation_are_no_weights(make_network: Callable[..., PrintNet]) -> None:
    assert not {"mean", "std"} & make_network().state_dict().keys()


def test_the_early_batch_norms_are_those_from_the_stem_to_layer2() -> None:
    with torch.device("meta"):
        network = PrintNet("resnet18", 2)
    names = [name for name, _ in network.batch_norms()]
    early = list(network.early_batch_norms())
    assert len(names) == 20
    assert early == [name for name in names if name == "bn1" or name.startswith(("layer1.", "layer2."))]
    assert len(early) == 10


def test_bare_weights_fill_the_trunk_and_their_classifier_is_ignored() -> None:
    torch.manual_seed(1)
    state = build_trunk("resnet18").state_dict()
    network = PrintNet("resnet18", 2)
    before = network.classifier.weight.detach().clone()
    network.load_trunk({**state, "fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)})
    filled = network.trunk.state_dict()
    assert filled.keys() == state.keys()
    assert all(torch.equal(filled[name], value) for name, value in state.items())
    assert torch.equal(network.classifier.weight, before)


def test_a_copied_state_does_not_follow_the_network(make_network: Callable[..., PrintNet]) -> None:
    network = make_network()
    state = copy_state(network)
    nn.init.zeros_(network.classifier.weight)
    assert state["classifier.weight"].abs().sum() > 0
    assert not state["classifier.weight"].requires_grad
    assert state["classifier.weight"].device.type == "cpu"


def test_on_a_device_convolutions_lie_channels_last(make_network: Callable[..., PrintNet]) -> None:
    network = make_network()
    assert network.on(torch.device("cpu")) is network
    assert network.trunk.conv1.weight.is_contiguous(memory_format=torch.channels_last)
