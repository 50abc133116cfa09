"""Typed settings from TOML and ``key=value``: typos are refused with the nearest right name."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import tomlkit
from pydantic import BaseModel, ValidationError
from tomlkit.exceptions import TOMLKitError

from adaptprint.errors import UsageError

S = TypeVar("S", bound=BaseModel)


def read_toml(path: Path) -> dict[str, Any]:
    """Reads a TOML file.

    Raises:
        UsageError: If it is missing or no valid TOML.
    """
    try:
        return deepcopy(_parsed(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}", "Check the path; the file must be UTF-8 text.") from error
    except (TOMLKitError, RecursionError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}", "Mend the line it names.") from error


@lru_cache(maxsize=16)
def _parsed(text: str) -> dict[str, Any]:
    """Each text once: the printers of a fleet share a recipe, and to read it takes as long as to see if one changed."""
    return tomlkit.parse(text).unwrap()


def parse_overrides(pairs: Sequence[str], option: str = "--set") -> dict[str, Any]:
    """``["steps=100", "align=dann"]`` to a dictionary; values are read as TOML, else as text.

    Args:
        pairs: What the user wrote.
        option: Behind which option.

    Raises:
        UsageError: If a pair has no ``=``.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator or not key.strip():
            raise UsageError(f"`{option} {pair}` is not key=value", f"Write it as {option} steps=100.")
        try:
            values[key.strip()] = tomlkit.parse(f"value = {text}").unwrap()["value"]
        except (TOMLKitError, RecursionError):
            values[key.strip()] = text
    return values


def make_settings(kind: type[S], values: Mapping[str, Any], origin: str) -> S:
    """Checks ``values`` against a settings class.

    Args:
        kind: The settings class; it forbids unknown keys.
        values: Keys and values.
        origin: Where they come from, for the message.

    Raises:
        UsageError: For an unknown key (with the nearest right one) or a value out of its range.
    """
    known = list(kind.model_fields)
    for key in values:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else f"Known keys: {', '.join(known)}."
            raise UsageError(f"{origin}: unknown key `{key}`", hint)
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise _refusal(error, kind, origin) from error


def fault(error: ValidationError) -> str:
    """What is wrong with a value, in the words of pydantic or of our own check."""
    return error.errors()[0]["msg"].removeprefix("Value error, ")


def _refusal(error: ValidationError, kind: type[BaseModel], origin: str) -> UsageError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if not key:
        return UsageError(f"{origin}: {fault(error)}", "Change one of the values it names.")
    if first["type"] == "missing":
        field = kind.model_fields.get(key)
        meaning = f": {field.description}" if field is not None and field.description else "."
        return UsageError(f"{origin} lacks `{key}`", f"Give `{key}` a value{meaning}")
    return UsageError(
        f"{origin}: {key} = {first.get('input')!r} will not do: {fault(error)}", f"Give `{key}` a value that fits."
    )
