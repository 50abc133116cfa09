"""Settings from TOML and ``--set``: typed, and typos answered with the nearest right name."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from adaptprint.errors import UsageError
from adaptprint.models.settings import make_settings, parse_overrides, read_toml
from adaptprint.models.train_settings import TrainSettings

fuzz = settings(deadline=None, derandomize=True, database=None, max_examples=200)


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("steps=100", 100),
        ("lr_head=2e-4", 2e-4),
        ("flip=false", False),
        ("optimizer=sgd", "sgd"),
        ('optimizer="sgd"', "sgd"),
        ("sizes=[1, 2]", [1, 2]),
        (" steps = 7 ", 7),
        ("name=a=b", "a=b"),
        ("name=", ""),
    ],
)
def test_values_given_on_the_command_line_take_the_type_they_look_like(pair: str, value: object) -> None:
    (found,) = parse_overrides([pair]).values()
    assert found == value
    assert type(found) is type(value)


def test_later_pairs_win_and_keys_are_trimmed() -> None:
    assert parse_overrides(["steps=1", "width=64", " steps=2"]) == {"steps": 2, "width": 64}
    assert parse_overrides([]) == {}


@pytest.mark.parametrize("pair", ["steps", "=3", " = 3", ""])
def test_a_pair_without_key_or_value_is_refused(pair: str) -> None:
    with pytest.raises(UsageError, match="is not key=value"):
        parse_overrides([pair])


@fuzz
@given(st.text(max_size=12))
def test_no_text_after_the_equals_sign_ends_in_a_traceback(text: str) -> None:
    assert list(parse_overrides([f"key={text}"])) == ["key"]


@pytest.mark.parametrize(
    "text", ["1979-13-45", "2020-02-30T25:00:00", "[1,", "{a=1,a=2}", '"\\u12"', "0x", "1__0", "'", "[" * 9999]
)
def test_values_that_only_look_like_toml_are_taken_as_text_or_number(text: str) -> None:
    assert list(parse_overrides([f"key={text}"])) == ["key"]


@fuzz
@given(st.binary(max_size=30) | st.text("ab=[]{}\"'\n#.1-:", max_size=30).map(str.encode))
def test_no_bytes_of_a_settings_file_end_in_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzz.toml"
    file.write_bytes(data)
    with suppress(UsageError):
        assert isinstance(read_toml(file), dict)


@pytest.mark.parametrize("text", ["steps = ", "steps = 1\nsteps = 2", "a = [", "[a]\n[a]", "a.b = 1\na = 2"])
def test_a_broken_settings_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"mine\.toml is not valid TOML"):
        read_toml(tmp_path / "mine.toml")


def test_a_missing_or_binary_settings_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "nowhere.toml", tmp_path / "binary.toml", tmp_path):
        with pytest.raises(UsageError, match="cannot read"):
            read_toml(path)


def test_plain_values_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("steps = 3\nlr_head = 1e-3\n", encoding="utf-8")
    values = read_toml(tmp_path / "a.toml")
    assert values == {"steps": 3, "lr_head": 1e-3}
    assert type(values["steps"]) is int


def test_a_typo_is_answered_with_the_nearest_key() -> None:
    with pytest.raises(UsageError, match="--set: unknown key `lr_haed`") as caught:
        make_settings(TrainSettings, {"lr_haed": 1e-3}, "--set")
    assert caught.value.fix == "Did you mean `lr_head`?"


def test_a_key_like_no_other_is_answered_with_all_keys() -> None:
    with pytest.raises(UsageError) as caught:
        make_settings(TrainSettings, {"zzz": 1}, "--set")
    assert "steps" in caught.value.fix
    assert "batch_size" in caught.value.fix


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("steps", 0),
        ("steps", "many"),
        ("steps", 1.5),
        ("lr_head", -1e-3),
        ("width", 100),
        ("optimizer", "adam"),
        ("flip", "maybe"),
        ("validation_share", 1.0),
        ("lr_head", float("nan")),
    ],
)
def test_a_value_that_does_not_fit_is_refused_naming_key_and_value(key: str, value: object) -> None:
    with pytest.raises(UsageError) as caught:
        make_settings(TrainSettings, {key: value}, "train.toml")
    assert caught.value.cause.startswith(f"train.toml: {key} = {value!r}")
    assert f"`{key}`" in caught.value.fix
    assert "\n" not in caught.value.cause


class Job(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: str = Field(description="the folder to start from.")
    name: str
    low: int = 0
    high: int = 1

    @field_validator("name")
    @classmethod
    def _is_short(cls, name: str) -> str:
        if len(name) > 3:
            raise ValueError("a name has three letters at most")
        return name

    @model_validator(mode="after")
    def _is_a_range(self) -> "Job":
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self


@pytest.mark.parametrize(
    ("values", "cause", "fix"),
    [
        ({}, "job.toml lacks `source`", "Give `source` a value: the folder to start from."),
        ({"source": "a"}, "job.toml lacks `name`", "Give `name` a value."),
        (
            {"source": "a", "name": "long"},
            "job.toml: name = 'long' will not do: a name has three letters at most",
            "Give `name` a value that fits.",
        ),
        (
            {"source": "a", "name": "b", "low": 2},
            "job.toml: low must not be above high",
            "Change one of the values it names.",
        ),
    ],
)
def test_what_is_missing_and_what_does_not_fit_is_said_in_plain_words(
    values: dict[str, object], cause: str, fix: str
) -> None:
    with pytest.raises(UsageError) as caught:
        make_settings(Job, values, "job.toml")
    assert (caught.value.cause, caught.value.fix) == (cause, fix)


def test_settings_cannot_be_changed_afterwards() -> None:
    made = make_settings(TrainSettings, {"steps": 5}, "here")
    assert made.steps == 5
    with pytest.raises(ValueError, match="frozen"):
        made.steps = 6


def test_a_file_that_changed_is_read_anew_and_what_was_read_belongs_to_the_reader(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[a]\nb = 1\n")
    read_toml(file)["a"]["b"] = 3
    assert read_toml(file) == {"a": {"b": 1}}
    file.write_text("[a]\nb = 2\n")
    assert read_toml(file) == {"a": {"b": 2}}
