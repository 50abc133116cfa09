"""torch and torchvision: what training, adapting and loading rely on."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchvision.models import resnet


class Bomb:
    """Leaves a marker when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


def test_weights_only_loading_runs_no_code(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1), "x": Bomb(tmp_path / "ran")}, tmp_path / "w.pth")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "w.pth", map_location="cpu", weights_only=True)
    assert not (tmp_path / "ran").exists()


def test_weights_only_loading_reads_nested_plain_values_and_optimizer_states(tmp_path: Path) -> None:
    layer = nn.Linear(2, 2)
    optimizer = torch.optim.AdamW([{"params": layer.parameters(), "lr": 0.1, "peak": 0.1}])
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    content = {"optimizer": optimizer.state_dict(), "trace": [{"step": 1, "loss": 0.5}], "name": "x", "none": None}
    torch.save(content, tmp_path / "s.pt")
    found = torch.load(tmp_path / "s.pt", weights_only=True)
    assert found["trace"] == content["trace"]
    assert found["optimizer"]["param_groups"][0]["peak"] == 0.1
    optimizer.load_state_dict(found["optimizer"])


def test_an_averaged_model_averages_buffers_too_and_starts_as_a_copy() -> None:
    norm = nn.BatchNorm1d(2)
    average = AveragedModel(norm, multi_avg_fn=get_ema_multi_avg_fn(0.75), use_buffers=True)
    average.update_parameters(norm)
    with torch.no_grad():
        norm.weight.fill_(5.0)
        norm.running_mean.fill_(4.0)
    average.update_parameters(norm)
    assert isinstance(average.module, nn.BatchNorm1d)
    assert average.module is not norm
    assert average.module.weight.tolist() == [2.0, 2.0]
    assert average.module.running_mean.tolist() == [1.0, 1.0]
    assert "n_averaged" in average.state_dict()


def test_batch_norm_without_momentum_averages_batches_equally() -> None:
    norm = nn.BatchNorm2d(1, momentum=None)
    norm.reset_running_stats()
    batches = [torch.randn(4, 1, 3, 3) + offset for offset in (0, 5, 10)]
    for batch in batches:
        norm(batch)
    expected = torch.stack([batch.mean() for batch in batches]).mean()
    torch.testing.assert_close(norm.running_mean[0], expected)
    torch.testing.assert_close(norm.running_var[0], torch.stack([batch.var() for batch in batches]).mean())


def test_a_resnet_has_the_parts_and_stages_that_are_relied_on() -> None:
    with torch.device("meta"):
        network = resnet.resnet18(weights=None)
    assert isinstance(network.fc, nn.Linear)
    assert isinstance(network.bn1, nn.BatchNorm2d)
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        assert any(isinstance(module, nn.BatchNorm2d) for module in getattr(network, stage).modules())
    network.fc = nn.Identity()
    assert not any(name.startswith("fc.") for name in network.state_dict())
    with torch.device("meta"):
        assert network(torch.zeros(2, 3, 64, 32)).shape == (2, 512)


def test_clipping_gives_the_norm_before_and_reports_what_is_not_finite() -> None:
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 4.0])
    assert float(nn.utils.clip_grad_norm_([weight], 1.0)) == 5.0
    torch.testing.assert_close(weight.grad, torch.tensor([0.6, 0.8]))
    weight.grad = torch.tensor([float("inf"), 0.0])
    assert not torch.isfinite(nn.utils.clip_grad_norm_([weight], 1.0))


def test_a_manual_seed_decides_dropout() -> None:
    def drop() -> torch.Tensor:
        torch.manual_seed(4)
        return nn.functional.dropout(torch.ones(50), 0.5)

    assert torch.equal(drop(), drop())


def test_the_meta_device_gives_shapes_without_memory() -> None:
    with torch.device("meta"):
        state = resnet.wide_resnet101_2(weights=None).state_dict()
    assert all(value.is_meta for value in state.values())
    assert tuple(state["conv1.weight"].shape) == (64, 3, 7, 7)
