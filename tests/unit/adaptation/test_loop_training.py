"""What a training step changes: weights and statistics, as far as the recipe allows."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from adaptprint.adaptation.loop import AdaptationLoop
from adaptprint.adaptation.methods import adapt_network
from adaptprint.adaptation.statistics import with_statistics
from adaptprint.adaptation.task import AdaptationTask, Candidate
from adaptprint.adaptation.teacher import PrintTeacher
from adaptprint.frames.pixels import Pixels
from adaptprint.models.embed import embed, to_images
from adaptprint.models.memory import SourceFrames
from adaptprint.reporting.progress import Progress

BuildTask = Callable[..., AdaptationTask]
TARGET_OF_24 = [("T", f"good{i}", None, 6) for i in range(2)] + [("T", f"bad{i}", None, 6) for i in range(2)]


def make_loop(task: AdaptationTask, teacher: PrintTeacher | None = None) -> AdaptationLoop:
    return AdaptationLoop(task, Candidate("source-only", task.checkpoint.state), teacher)


def moved_names(task: AdaptationTask, state: dict[str, Tensor]) -> set[str]:
    return {name for name, value in state.items() if not torch.equal(value, task.checkpoint.state[name])}


def test_the_trace_has_one_row_for_each_step(make_task: BuildTask) -> None:
    told: list[Progress] = []
    found = adapt_network(make_task(report=told.append))
    assert [row["step"] for row in found.trace] == [1, 2, 3, 4, 5, 6]
    assert all(row["class_loss"] > 0 and row["loss"] > 0 and row["gradient_norm"] > 0 for row in found.trace)
    assert [event.values for event in told if event.stage == "adapting"] == [
        {name: value for name, value in row.items() if name != "step"} for row in found.trace
    ]


@pytest.mark.parametrize("align", ["none", "dann", "cdan", "coral", "mmd", "jmmd"])
def test_the_class_loss_has_one_name_in_every_trace(make_task: BuildTask, align: str) -> None:
    rows = make_loop(make_task(align=align, steps=1, mcc=0.5))
    rows.run()
    names = set(rows.progress.trace[0])
    assert {"step", "class_loss", "loss", "mcc_loss", "gradient_norm"} <= names
    assert not {"src_c_loss", "c_loss", "total"} & names


def test_it_starts_from_the_model_it_is_given(make_task: BuildTask) -> None:
    task = make_task(lr_trunk=0.0, lr_head=0.0, training_norms="kept", steps=1, snapshots=1)
    start = with_statistics(task)
    (found,) = AdaptationLoop(task, start).run()
    assert all(torch.equal(value, start.state[name]) for name, value in found.state.items())
    assert moved_names(task, found.state)


def test_without_learning_the_weights_stay_and_only_statistics_move(make_task: BuildTask) -> None:
    task = make_task(lr_trunk=0.0, lr_head=0.0)
    for snapshot in make_loop(task).run():
        moved = moved_names(task, snapshot.state)
        assert moved
        assert all("running_" in name or "num_batches_tracked" in name for name in moved)


def layer_means(task: AdaptationTask, pixels: np.ndarray, layer: str = "bn1") -> Tensor:
    """What a layer sees of the frames, in the source model."""
    network = task.checkpoint.network()
    seen: list[Tensor] = []
    network.trunk.get_submodule(layer).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network.features(to_images(pixels, task.compute))
    return seen[0].mean((0, 2, 3))


@pytest.mark.parametrize("training_norms", ["split", "joint", "kept"])
def test_early_layers_ship_the_target_s_statistics_those_of_the_joint_batch_or_what_they_had(
    make_task: BuildTask, make_pixels: Callable[..., Pixels], training_norms: str
) -> None:
    # A batch holds every target frame once, and every source frame once.
    target = make_pixels(TARGET_OF_24, brightness=200)
    task = make_task(target=target, batch_size=24, lr_trunk=0.0, training_norms=training_norms, statistics_frames=24)
    assert task.source is not None
    found = make_loop(task).run()[-1].state["trunk.bn1.running_mean"]
    on_source, on_target = layer_means(task, task.source.array), layer_means(task, target.array)
    expected = {
        "split": on_target,
        "joint": (on_source + on_target) / 2,
        "kept": task.checkpoint.state["trunk.bn1.running_mean"],
    }
    torch.testing.assert_close(found, expected[training_norms], rtol=1e-4, atol=1e-4)
    assert (on_source - on_target).abs().max() > 0.1


@pytest.mark.parametrize(("training_norms", "moves"), [("kept", False), ("joint", True), ("split", True)])
def test_a_step_normalises_by_the_batch_unless_statistics_are_kept(
    make_task: BuildTask, training_norms: str, moves: bool
) -> None:
    task = make_task(training_norms=training_norms, align="none", augment=0.0, steps=1, lr_trunk=0.0, lr_head=0.0)
    loop = make_loop(task)
    features: list[Tensor] = []
    plain = loop._features
    loop._features = lambda batch: features.append(plain(batch)) or features[-1]  # type: ignore[method-assign,func-returns-value]
    loop._step(0)
    batch = loop.batches.draw(0, task.recipe.batch_size, 0.0)
    expected = task.checkpoint.network().features(batch.images)
    assert torch.allclose(features[0], expected, atol=1e-4) is not moves


def test_split_training_shields_the_source_from_what_the_target_shows(
    make_task: BuildTask, make_pixels: Callable[..., Pixels]
) -> None:
    """Early maps of the source must not depend on the target: the split of the joint batch."""

    def seen(training_norms: str, brightness: int) -> Tensor:
        target = make_pixels(TARGET_OF_24, brightness=brightness)
        loop = make_loop(make_task(training_norms=training_norms, target=target, augment=0.0, frozen="none"))
        maps: list[Tensor] = []
        loop.network.trunk.layer2.register_forward_hook(lambda _module, _inputs, output: maps.append(output.detach()))
        loop._step(0)
        return maps[0][:6]

    assert torch.equal(seen("split", 60), seen("split", 200))
    assert not torch.allclose(seen("joint", 60), seen("joint", 200), atol=0.05)


def test_statistics_are_taken_without_augmentation(make_task: BuildTask) -> None:
    plain = make_loop(make_task(lr_trunk=0.0, lr_head=0.0, augment=0.0)).run()[-1]
    varied = make_loop(make_task(lr_trunk=0.0, lr_head=0.0, augment=2.0)).run()[-1]
    assert all(torch.equal(value, varied.state[name]) for name, value in plain.state.items())


def test_weights_decay_and_rates_warm_up_as_the_recipe_says(make_task: BuildTask) -> None:
    loop = make_loop(make_task(steps=10, warmup=0.5, weight_decay=0.07))
    loop._step(0)
    for group in loop.optimizer.param_groups:
        assert group["weight_decay"] == 0.07
        assert 0 < group["lr"] < 0.5 * group["peak"]


def test_gradients_are_clipped(make_task: BuildTask) -> None:
    loop = make_loop(make_task(clip_norm=0.01, steps=1))
    loop.run()
    assert loop.discriminator is not None
    for module in (loop.network, loop.discriminator):
        norm = torch.stack([weight.grad.norm() for weight in module.parameters() if weight.grad is not None]).norm()
        assert float(norm) == pytest.approx(0.01, rel=1e-3)
    assert loop.gradient_norm > 0.02


@pytest.mark.parametrize("frozen", ["none", "stem", "layer2"])
def test_every_weight_that_is_not_frozen_learns_in_one_group(make_task: BuildTask, frozen: str) -> None:
    loop = make_loop(make_task(frozen=frozen))
    assert loop.discriminator is not None
    inside = [id(weight) for group in loop.optimizer.param_groups for weight in group["params"]]
    stages = {"none": (), "stem": ("conv1.", "bn1."), "layer2": ("conv1.", "bn1.", "layer1.", "layer2.")}[frozen]
    trunk = [weight for name, weight in loop.network.trunk.named_parameters() if not name.startswith(stages or ("?",))]
    heads = [*loop.network.bottleneck.parameters(), *loop.network.classifier.parameters()]
    weights = [*trunk, *heads, *loop.discriminator.parameters()]
    assert sorted(inside) == sorted(map(id, weights))


@pytest.mark.parametrize(
    ("frozen", "learn"),
    [
        ("none", {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}),
        ("stem", {"layer1", "layer2", "layer3", "layer4"}),
        ("layer2", {"layer3", "layer4"}),
        ("layer3", {"layer4"}),
    ],
)
def test_frozen_stages_keep_their_weights_and_the_next_ones_do_not(
    make_task: BuildTask, frozen: str, learn: set[str]
) -> None:
    task = make_task(frozen=frozen, lr_trunk=1e-2)
    moved = moved_names(task, make_loop(task).run()[-1].state)
    assert {name.split(".")[1] for name in moved if name.startswith("trunk.") and name.endswith("weight")} == learn


def test_the_class_loss_falls_on_the_source(make_task: BuildTask, source: SourceFrames) -> None:
    hard = source.table.label_codes(["bad", "good"])  # the other way round than the model learned
    table = source.table.data.with_columns(label=np.array(["good", "bad"])[hard])
    swapped = SourceFrames(type(source.table)(table, source.table.root, "prints"), source.array, source.held_out)
    trace = adapt_network(
        make_task(source=swapped, steps=60, lr_trunk=0.01, lr_head=0.01, augment=0.0, align="none", snapshots=1)
    ).trace
    assert np.mean([row["class_loss"] for row in trace[-5:]]) < 0.5 * trace[0]["class_loss"]


@pytest.mark.parametrize("taught", [0, 1])
def test_the_target_follows_its_lessons(make_task: BuildTask, taught: int) -> None:
    """Against the labels that the source would give them: whatever is taught of these prints comes from the lessons."""
    changes = {"steps": 15, "lr_head": 0.02, "lr_trunk": 0.01, "augment": 0.0, "align": "none", "snapshots": 1}
    task = make_task(**changes, training_norms="kept", consensus=5.0, source_free=True)
    lessons = np.zeros((4, 2), np.float32)
    lessons[:, taught] = 1.0
    (found,) = make_loop(task, PrintTeacher(lessons, task.target.table.print_codes)).run()
    network = task.checkpoint.network()
    network.load_state_dict(found.state)
    assert (embed(network, task.target.array, task.compute).logits.argmax(1) == taught).all()
    trace = make_loop(task, PrintTeacher(lessons, task.target.table.print_codes))
    trace.run()
    assert trace.progress.trace[-1]["lesson_loss"] < trace.progress.trace[0]["lesson_loss"]


def test_lessons_weigh_as_much_as_the_recipe_says(make_task: BuildTask) -> None:
    def first(weight: float) -> float:
        task = make_task(steps=1, snapshots=1, align="none", training_norms="kept", consensus=weight)
        lessons = np.full((4, 2), 0.5, np.float32)
        loop = make_loop(task, PrintTeacher(lessons, task.target.table.print_codes))
        loop.run()
        return float(loop.progress.trace[0]["lesson_loss"])

    assert first(4.0) == pytest.approx(4 * first(1.0), rel=1e-4)


def test_class_confusion_falls_in_training(make_task: BuildTask) -> None:
    changes = {"steps": 30, "lr_head": 0.02, "lr_trunk": 0.0, "augment": 0.0, "align": "none", "snapshots": 1}
    loop = make_loop(make_task(**changes, mcc=3.0, training_norms="kept"))
    loop.run()
    losses = [row["mcc_loss"] for row in loop.progress.trace]
    assert 0 < np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


@pytest.mark.parametrize("align", ["coral", "mmd", "jmmd"])
def test_the_distance_between_the_domains_falls_in_training(make_task: BuildTask, align: str) -> None:
    changes = {"steps": 40, "lr_head": 0.01, "lr_trunk": 0.01, "augment": 0.0, "snapshots": 1, "batch_size": 16}

    def last(weight: float) -> float:
        # Watched at weight one hundred times smaller: as good as none, and still in the trace.
        loop = make_loop(make_task(**changes, align=align, align_weight=weight, training_norms="kept"))
        loop.run()
        rows = [next(value for name, value in row.items() if "confusion" in name) for row in loop.progress.trace]
        return float(np.mean(rows[-10:])) / weight

    assert last(20.0) < 0.7 * last(0.01)
