"""The program as a whole: help, version, closed pipes, faults, and how much is said about them."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import adaptprint

COMMANDS = (
    "adapt", "batch", "compare", "diagnose", "doctor", "drift", "evaluate", "pack", "predict", "recipes", "rehearse",
    "report", "synth",
    "train", "verify",
)  # fmt: skip


def test_help_names_every_command(cli: Callable[..., Any]) -> None:
    result = cli("--help")
    assert result.code == 0
    assert all(command in result.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, cli: Callable[..., Any]) -> None:
    result = cli(command, "-h")
    assert result.code == 0
    assert "Usage" in result.stdout


def test_every_command_is_a_python_function_of_the_same_name() -> None:
    assert all(callable(getattr(adaptprint, command)) for command in COMMANDS if command != "recipes")


def test_the_version_is_that_of_the_package(cli: Callable[..., Any]) -> None:
    assert cli("--version").stdout == f"adaptprint {adaptprint.__version__}\n"


@pytest.mark.parametrize("words", [("adapt",), ("adapt", "--sauce", "x"), ("fly",), ("adapt", "--seed", "one")])
def test_a_command_that_does_not_exist_is_a_usage_error(words: tuple[str, ...], cli: Callable[..., Any]) -> None:
    result = cli(*words)
    assert result.code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("words", [("recipes", "list"), ("recipes", "list", "--json"), ("recipes", "show", "dann")])
def test_a_reader_that_closes_the_pipe_is_no_error(words: tuple[str, ...], start: Callable[..., Any]) -> None:
    read, write = os.pipe()
    os.close(read)
    process = start(*words, stdout=write)
    os.close(write)
    _, said = process.communicate(timeout=60)
    assert said == ""
    assert process.returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="a shell is needed")
def test_the_first_line_is_enough_for_head(start: Callable[..., Any]) -> None:
    process = start("recipes", "show", "dann")
    first = subprocess.run(["head", "-1"], stdin=process.stdout, capture_output=True, text=True, check=True).stdout
    assert first.startswith("# adaptprint adapt")
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == ""
    process.stdout.close()
    process.stderr.close()


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of our own."""

    def fail(*_words: object, **_options: object) -> None:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr("adaptprint.adaptation.recipe.recipe_names", fail)


@pytest.mark.usefixtures("fault")
def test_a_fault_of_our_own_is_one_line_and_a_plea_to_report_it(
    cli: Callable[..., Any], fails: Callable[..., str]
) -> None:
    said = fails(cli("recipes", "list"), 1)
    assert "ZeroDivisionError" in said
    assert "report" in said


@pytest.mark.usefixtures("fault")
def test_twice_verbose_shows_the_traceback(cli: Callable[..., Any]) -> None:
    assert "Traceback" not in cli("recipes", "list", "-v").stderr
    result = cli("recipes", "list", "-vv")
    assert result.code == 1
    assert "Traceback" in result.stderr


def test_the_default_recipes_of_the_terminal_are_those_of_python() -> None:
    from inspect import signature

    from adaptprint.adaptation.recipe import DEFAULT_RECIPE
    from adaptprint.cli.adaptation import adapt
    from adaptprint.cli.fleet import compare
    from adaptprint.workflows.compare import DEFAULT_RECIPES

    assert signature(adapt).parameters["recipe"].default == DEFAULT_RECIPE
    (argument,) = signature(compare).parameters["recipes"].annotation.__metadata__
    assert argument.help.endswith(f"[default: {' '.join(DEFAULT_RECIPES)}]")


def test_doctor_finds_this_machine_fit(cli: Callable[..., Any]) -> None:
    result = cli("doctor")
    assert result.code == 0, result.stdout
    assert "torch" in result.stdout


def test_doctor_says_what_is_missing_and_exits_with_3(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from adaptprint.workflows import doctor

    monkeypatch.setattr(doctor, "_PACKAGES", (("no-such-package", None),))
    result = cli("doctor", "--json")
    assert result.code == 3
    assert [check["fix"] for check in result.json["checks"] if check["state"] == "missing"] == [
        "pip install no-such-package"
    ]


def test_a_copied_recipe_needs_the_right_suffix(
    cli: Callable[..., Any], fails: Callable[..., str], tmp_path: Path
) -> None:
    assert ".toml" in fails(cli("recipes", "copy", "dann", tmp_path / "dann.txt"), 2)
    assert list(tmp_path.iterdir()) == []
