"""An adapted checkpoint gives its source model back, to the bit, and takes little room for it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from adaptprint.errors import BadDataError
from adaptprint.frames.camera import CameraProfile
from adaptprint.models.checkpoint import Checkpoint, halve, load_checkpoint, save_checkpoint
from adaptprint.models.origin import original, with_origin

ROOT = Path(__file__).parents[3]
BuildCheckpoint = Callable[..., Checkpoint]


def adapted_from(source: Checkpoint, **changes: float) -> Checkpoint:
    """An adaptation of a checkpoint that adds a number to some of its tensors."""
    state = dict(source.state)
    for name, amount in changes.items():
        key = name.replace("__", ".")
        state[key] = state[key] + amount
    update = {"command": "adapt", "parent_digest": source.digest, "verdict": "ship"}
    provenance = source.config.provenance.model_copy(update=update)
    config = source.config.model_copy(update={"provenance": provenance, "metrics": {}})
    return with_origin(Checkpoint(config, state, source.memory, source.moments), source)


def saved(checkpoint: Checkpoint, folder: Path) -> Checkpoint:
    save_checkpoint(checkpoint, folder)
    return load_checkpoint(folder)


def same(first: Checkpoint, second: Checkpoint) -> bool:
    return first.digest == second.digest and first.config.provenance == second.config.provenance


def test_a_moved_decision_costs_a_few_bytes_and_the_source_comes_back(
    make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    source = make_checkpoint()
    adapted = saved(adapted_from(source, classifier__bias=0.25), tmp_path / "ckpt")
    assert list(adapted.origin or {}) == ["classifier.bias"]
    assert (tmp_path / "ckpt" / "origin.safetensors").stat().st_size < 200
    back = original(adapted)
    assert same(back, source)
    assert back.config.metrics == source.config.metrics
    assert back.config.origin is None
    assert back.memory is adapted.memory


def test_changed_weights_travel_in_the_precision_they_were_kept_in(
    make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    source = make_checkpoint()
    source = replace(source, state=halve(source.state))
    adapted = saved(adapted_from(source, trunk__conv1__weight=1e-5, trunk__bn1__running_mean=0.1), tmp_path / "ckpt")
    assert set(adapted.origin or {}) == {"trunk.conv1.weight", "trunk.bn1.running_mean"}
    assert same(original(adapted), source)
    halves = source.state["trunk.conv1.weight"].numel() * 2
    assert (tmp_path / "ckpt" / "origin.safetensors").stat().st_size < halves + 400


def test_however_often_a_model_was_adapted_its_first_source_comes_back(
    make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    source = make_checkpoint()
    once = adapted_from(source, classifier__bias=0.25)
    twice = adapted_from(once, trunk__bn1__running_var=0.5)
    thrice = saved(adapted_from(twice, classifier__bias=-1.0), tmp_path / "ckpt")
    assert thrice.config.provenance.parent_digest == twice.digest
    assert same(original(thrice), source)


def test_the_camera_of_the_source_s_own_frames_comes_back_however_often_it_was_adapted(
    make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    source = make_checkpoint()
    own, printers = source.config.camera, [CameraProfile(rotate=90), CameraProfile(rotate=180)]
    model = source
    for number, camera in enumerate(printers):
        adapted = adapted_from(original(model), classifier__bias=0.25 + number)
        model = saved(replace(adapted, config=adapted.config.model_copy(update={"camera": camera})), tmp_path / "ckpt")
        assert model.config.camera_of_source == own
        assert original(model).config.camera == camera
        assert original(model).config.camera_of_source == own
    left = original(model)
    assert saved(left, tmp_path / "left").config.camera_of_source == own
    assert json.loads((tmp_path / "left" / "config.json").read_text(encoding="utf-8"))["format_version"] == 3


def test_a_zero_that_changed_its_sign_travels_too(make_checkpoint: BuildCheckpoint, tmp_path: Path) -> None:
    source = make_checkpoint()
    state = {**source.state, "classifier.bias": torch.tensor([-0.0, 1.0])}
    source = replace(source, state=state)
    adapted = saved(adapted_from(source, classifier__bias=0.0), tmp_path / "ckpt")
    assert same(original(adapted), source)


def test_a_source_model_is_its_own_original(make_checkpoint: BuildCheckpoint) -> None:
    source = make_checkpoint()
    assert same(original(source), source)


def test_the_camera_of_the_printer_stays_and_that_of_the_source_is_remembered(make_checkpoint: BuildCheckpoint) -> None:
    from adaptprint.frames.camera import CameraProfile

    source, turned = make_checkpoint(), CameraProfile(rotate=180)
    adapted = adapted_from(source, classifier__bias=0.25)
    adapted = replace(adapted, config=adapted.config.model_copy(update={"camera": turned}))
    assert original(adapted).config.camera == turned
    assert adapted.config.origin is not None
    assert adapted.config.origin.camera == CameraProfile()


def test_a_model_that_was_adapted_without_an_origin_says_what_to_do(make_checkpoint: BuildCheckpoint) -> None:
    adapted = adapted_from(make_checkpoint(), classifier__bias=0.25)
    old = replace(adapted, config=adapted.config.model_copy(update={"origin": None}), origin=None)
    with pytest.raises(BadDataError, match="older adaptprint") as caught:
        original(old)
    assert "--continue" in caught.value.fix
    # Continued all the same, what it was is the oldest that is known.
    again = adapted_from(old, classifier__bias=0.5)
    assert original(again).digest == old.digest


def test_an_origin_of_another_model_is_refused(make_checkpoint: BuildCheckpoint) -> None:
    adapted = adapted_from(make_checkpoint(), classifier__bias=0.25)
    forged = replace(adapted, origin={"classifier.bias": torch.zeros(2)})
    with pytest.raises(BadDataError, match="not the one it was adapted from"):
        original(forged)


@pytest.mark.parametrize("origin", [{"classifier.bias": torch.zeros(3)}, {"another": torch.zeros(2)}])
def test_an_origin_that_does_not_fit_the_weights_is_refused_when_it_is_loaded(
    origin: dict[str, torch.Tensor], make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    adapted = adapted_from(make_checkpoint(), classifier__bias=0.25)
    save_checkpoint(replace(adapted, origin=origin), tmp_path / "ckpt")
    with pytest.raises(BadDataError, match="belongs to another model"):
        load_checkpoint(tmp_path / "ckpt")


def test_an_origin_without_a_story_or_a_story_without_an_origin_is_refused(
    make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    source = make_checkpoint()
    adapted = adapted_from(source, classifier__bias=0.25)
    for number, (config, origin) in enumerate([(source.config, adapted.origin), (adapted.config, None)]):
        save_checkpoint(replace(adapted, config=config, origin=origin), tmp_path / str(number))
        with pytest.raises(BadDataError, match="different stories"):
            load_checkpoint(tmp_path / str(number))


def test_only_what_is_new_to_version_1_is_written_as_version_2(
    make_checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    source = make_checkpoint()
    assert saved(source, tmp_path / "source").config.format_version == 1
    assert '"origin"' not in (tmp_path / "source" / "config.json").read_text(encoding="utf-8")
    adapted = saved(adapted_from(source, classifier__bias=0.25), tmp_path / "adapted")
    assert adapted.config.format_version == 2
    assert saved(original(adapted), tmp_path / "back").config.format_version == 1


def test_a_checkpoint_from_before_version_2_still_loads() -> None:
    assert load_checkpoint(ROOT / "recipes" / "demo_source").config.format_version == 1
