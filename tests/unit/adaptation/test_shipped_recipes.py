"""Every shipped recipe: it repeats to the bit, keeps the source model, never looks at labels of the target."""

import signal
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
import torch

from adaptprint.adaptation.methods import adapt_network
from adaptprint.adaptation.recipe import Recipe, load_recipe, recipe_names
from adaptprint.adaptation.task import Adaptation, AdaptationTask
from adaptprint.errors import BadDataError, InterruptedRunError
from adaptprint.frames.pixels import Pixels
from adaptprint.reporting.progress import Progress

BuildTask = Callable[..., AdaptationTask]
CarryOut = Callable[[str], Adaptation]


def small(name: str) -> Recipe:
    """The recipe with few steps of few frames."""
    steps = "2" if load_recipe(name).recipe.steps else "0"
    return load_recipe(
        name, [f"steps={steps}", "batch_size=4", "snapshots=2", "statistics_frames=8", "warmup=0", "augment=0.1"]
    ).recipe


TRAINED = [name for name in recipe_names() if small(name).steps]
SOURCE_FREE = [name for name in recipe_names() if not small(name).needs_source]
NEEDS_SOURCE = [name for name in recipe_names() if small(name).needs_source]
KNOWN = np.array([0, 1, -1, -1])
"""Two labelled prints: with them, and with few prints, there is something to teach."""


def assert_same(first: Adaptation, second: Adaptation) -> None:
    assert first.trace == second.trace
    assert first.warnings == second.warnings
    for one, other in zip(first.candidates, second.candidates, strict=True):
        assert (one.name, one.target_norms, one.trained) == (other.name, other.target_norms, other.trained)
        assert one.state.keys() == other.state.keys()
        assert all(torch.equal(value, other.state[name]) for name, value in one.state.items()), one.name


@pytest.fixture(scope="module")
def carried_out() -> dict[str, Adaptation]:
    """What each recipe gave, once for all tests."""
    return {}


@pytest.fixture
def carry_out(make_read_task: BuildTask, carried_out: dict[str, Adaptation]) -> CarryOut:
    def run(name: str) -> Adaptation:
        if name not in carried_out:
            carried_out[name] = adapt_network(make_read_task(recipe=small(name), print_labels=KNOWN))
        return carried_out[name]

    return run


@pytest.mark.parametrize("name", recipe_names())
def test_it_repeats_to_the_bit_whatever_labels_the_target_carries(
    make_read_task: BuildTask, carry_out: CarryOut, name: str
) -> None:
    first, task = carry_out(name), make_read_task()
    labels = np.random.default_rng(0).choice(["good", "bad"], len(task.target.table))
    told = task.target.table.data.with_columns(label=pl.Series(labels.tolist(), dtype=pl.String))
    labelled = Pixels(type(task.target.table)(told, task.target.table.root, "prints"), task.target.array, [], [])
    assert labelled.table.labelled
    torch.rand(3)  # wherever the global generator stands
    assert_same(first, adapt_network(make_read_task(recipe=small(name), target=labelled, print_labels=KNOWN)))


@pytest.mark.parametrize("name", recipe_names())
def test_the_source_model_comes_first_and_stays_as_it_was(make_task: BuildTask, carry_out: CarryOut, name: str) -> None:
    source, before = carry_out(name).candidates[0], make_task().checkpoint.state
    assert (source.name, source.target_norms, source.trained) == ("source-only", "none", False)
    assert all(torch.equal(value, source.state[key]) for key, value in before.items())


@pytest.mark.parametrize("name", recipe_names())
def test_it_changes_something_and_every_candidate_is_finite(carry_out: CarryOut, name: str) -> None:
    found = carry_out(name)
    source = found.candidates[0].state
    assert len({candidate.name for candidate in found.candidates}) == len(found.candidates)
    assert (len(found.candidates) == 1) == (name == "source-only")
    for candidate in found.candidates[1:]:
        assert any(not torch.equal(value, source[key]) for key, value in candidate.state.items()), candidate.name
        assert all(value.isfinite().all() for value in candidate.state.values()), candidate.name
    assert not [words for words in found.warnings if "finite" in words]


@pytest.mark.parametrize("name", TRAINED)
def test_another_seed_trains_another_model(make_read_task: BuildTask, carry_out: CarryOut, name: str) -> None:
    other = adapt_network(make_read_task(recipe=small(name), print_labels=KNOWN, seed=1))
    weight = "classifier.weight"
    assert not torch.equal(carry_out(name).candidates[-1].state[weight], other.candidates[-1].state[weight])


@pytest.mark.parametrize("name", TRAINED)
def test_interrupted_and_resumed_it_gives_the_very_bits(
    make_read_task: BuildTask, carry_out: CarryOut, name: str
) -> None:
    settings = {"recipe": small(name), "print_labels": KNOWN}

    def interrupt(event: Progress) -> None:
        if event.stage == "adapting" and event.done == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(InterruptedRunError):
        adapt_network(make_read_task(**settings, report=interrupt))
    torch.rand(17)
    assert_same(adapt_network(make_read_task(**settings, resume=True)), carry_out(name))


@pytest.mark.parametrize("name", SOURCE_FREE)
def test_a_source_free_recipe_needs_no_source(make_read_task: BuildTask, name: str) -> None:
    found = adapt_network(make_read_task(recipe=small(name), source=None, print_labels=KNOWN))
    assert found.candidates[0].name == "source-only"
    if name == "calibrate":
        assert [candidate.name for candidate in found.candidates] == ["source-only"]
        assert "not calibrated" in found.warnings[0]
    elif name == "source-free":
        assert found.candidates[-1].name == "trained@2"
    elif name != "source-only":
        assert len(found.candidates) == 2


@pytest.mark.parametrize("name", NEEDS_SOURCE)
def test_any_other_recipe_refuses_to_work_without_with_cause_and_fix(make_task: BuildTask, name: str) -> None:
    with pytest.raises(BadDataError, match="needs source frames") as caught:
        adapt_network(make_task(recipe=small(name), source=None))
    assert "--source-data" in caught.value.fix
