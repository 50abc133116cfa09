"""Takes settings tables and single numbers of the docs from the code, so that neither can drift from it.

In a page, ``{{ percent adaptprint/diagnostics/vetoes.py _ONE_CLASS }}`` becomes ``98 %``, ``{{ value FILE NAME }}``
the bare value, and a block ``{{ settings MODULE CLASS`` + one ``key: meaning`` per line + ``}}`` a table whose
defaults and ranges come from the class. A key that is missing on either side breaks the build. ``{{ recipes }}`` is a
table of the shipped recipes, from their files.
"""

import ast
import re
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

from mkdocs.exceptions import PluginError
from pydantic import BaseModel

_ROOT = Path(__file__).parents[2]
_NUMBER = re.compile(r"\{\{ (percent|value) (\S+) (\w+) \}\}")
_SETTINGS = re.compile(r"^\{\{ settings (\S+) (\w+)\n(.*?)^\}\}$", re.MULTILINE | re.DOTALL)
_RECIPES = "{{ recipes }}"
_ROLE = re.compile(r":\w+:<code>~?([\w.]+)</code>")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fills in tables and numbers."""
    markdown = _SETTINGS.sub(lambda match: _settings(match[1], match[2], match[3]), markdown)
    if _RECIPES in markdown:
        markdown = markdown.replace(_RECIPES, _recipes())
    return _NUMBER.sub(lambda match: _number(match[1], match[2], match[3]), markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Docstrings name other objects with roles, which Markdown does not know: only the name is shown."""
    return _ROLE.sub(lambda match: f"<code>{match[1].rsplit('.', 1)[-1]}</code>", html)


def _number(kind: str, file: str, name: str) -> str:
    """A constant of a module, read without importing it."""
    for node in ast.walk(ast.parse((_ROOT / file).read_text(encoding="utf-8"))):
        for target, value in _assigned(node):
            if isinstance(target, ast.Name) and target.id == name:
                found = ast.literal_eval(value)
                return f"{100 * found:g} %" if kind == "percent" else _figure(found)
    raise PluginError(f"{file} holds no constant {name}")


def _assigned(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    """What a statement assigns, name by name; ``A, B = 1, 2`` gives two."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return []
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs += zip(target.elts, node.value.elts, strict=True)
        else:
            pairs.append((target, node.value))
    return pairs


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _settings(module: str, name: str, text: str) -> str:
    """A table of a settings class: key, default and range from the code, the meaning from the page."""
    fields = getattr(import_module(module), name).model_fields
    meanings = dict(line.split(": ", 1) for line in text.strip().splitlines())
    if set(meanings) != set(fields):
        raise PluginError(f"{name}: the page and the code differ in {sorted(set(meanings) ^ set(fields))}")
    rows = [f"| `{key}` | {_default(field)} | {_range(field)} | {meanings[key]} |" for key, field in fields.items()]
    return "\n".join(["| key | default | range | meaning |", "| --- | --- | --- | --- |", *rows])


def _recipes() -> str:
    """A table of the shipped recipes: the summary and the card of each."""
    from adaptprint.adaptation.recipe import DEFAULT_RECIPE, load_recipe, recipe_names

    rows = []
    for named in map(load_recipe, recipe_names()):
        card = named.recipe.card
        if card is None:
            raise PluginError(f"recipe {named.name} has no card")
        name = f"`{named.name}`" + (" (default)" if named.name == DEFAULT_RECIPE else "")
        needs = "yes" if named.recipe.needs_source else "no"
        rows.append("| " + " | ".join([name, named.summary, card.assumes, card.fails, card.cost, needs]) + " |")
    head = ["| recipe | does | assumes | fails | cost | source |", "| --- | --- | --- | --- | --- | --- |"]
    return "\n".join([*head, *rows])


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    if field.default is None:
        return "–"
    return f"`{str(field.default).lower()}`" if isinstance(field.default, bool) else f"`{field.default}`"


def _range(field: Any) -> str:
    """The bounds of a number, or the words that a text may be."""
    kinds = [field.annotation, *get_args(field.annotation)]
    marks = [*field.metadata, *(mark for kind in kinds for mark in getattr(kind, "__metadata__", ()))]
    bounds = {
        name: getattr(part, name) for mark in marks for part in _parts(mark) for name in _BOUNDS if _has(part, name)
    }
    if bounds:
        ends = [f"{word} {_figure(bounds[name])}" for name, word in _BOUNDS.items() if name in bounds]
        return " ".join(ends)
    if bool in kinds:
        return "`true`, `false`"
    if any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in kinds):
        return "table"
    words = [word for kind in kinds for word in (kind, *get_args(kind)) if isinstance(word, str)]
    return ", ".join(f"`{word}`" for word in dict.fromkeys(words)) or "text"


_BOUNDS = {"gt": "above", "ge": "from", "lt": "below", "le": "to", "multiple_of": "in steps of"}


def _parts(mark: Any) -> list[Any]:
    """A pydantic field inside an annotation keeps its bounds one level down."""
    return list(getattr(mark, "metadata", None) or [mark])


def _has(mark: Any, name: str) -> bool:
    return getattr(mark, name, None) is not None
