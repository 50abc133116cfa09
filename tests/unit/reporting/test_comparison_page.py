"""The comparison in its four forms, from one content in the shape of comparison.json."""

import re
from typing import Any

import pytest

from adaptprint.reporting.comparison_markdown import comparison_markdown
from adaptprint.reporting.comparison_page import comparison_page
from adaptprint.reporting.console import show_comparison

HOSTILE = "<script>alert(1)</script>|`x`"
SHARES, PRINTERS = (0.0, 0.5, 1.0), ("101", HOSTILE)


def row(level: str, recipe: str, share: Any, printer: Any, gain: float) -> dict[str, Any]:
    worst = {"gain": gain - 0.1, "printer": "101", "bad_share": 1.0, "seed": 3}
    interval = [gain - 0.03, gain + 0.03]
    return {
        "level": level, "recipe": recipe, "bad_share": share, "printer": printer, "n_cells": 6, "n_prints": 20,
        "balanced_accuracy": 0.7 + gain, "interval": [0.65 + gain, 0.75 + gain], "gain": gain,
        "gain_interval": interval, "wins": 4, "ties": 1, "losses": 1, "worst": worst,
        "shipped_balanced_accuracy": 0.7 + gain / 2, "shipped_interval": [0.6, 0.8], "shipped_gain": gain / 2,
        "shipped_gain_interval": interval, "shipped_wins": 2, "shipped_ties": 4, "shipped_losses": 0,
        "shipped_worst": {**worst, "gain": 0.0}, "seconds": 63.0, "verdicts": {"ship": 3, "keep-source": 2},
    }  # fmt: skip


@pytest.fixture
def comparison() -> dict[str, Any]:
    recipes = {"source-only": 0.0, HOSTILE: -0.05, "dann": 0.062}
    rows = [
        row(level, recipe, share, printer, gain + (share or 0) / 50)
        for level, shares, printers in (
            ("all", (None,), (None,)), ("share", SHARES, (None,)),
            ("printer", (None,), PRINTERS), ("share-printer", SHARES, PRINTERS),
        )
        for share in shares for printer in printers for recipe, gain in recipes.items()
    ]  # fmt: skip
    cells = [
        {"printer": "101", "bad_share": share, "seed": 0, "recipe": recipe, "error": None}
        for share in SHARES for recipe in recipes
    ]  # fmt: skip
    cells[-1]["error"] = f"no frame of {HOSTILE} can be read\nCopy it again."
    return {
        "ok": False, "version": "0.1.0", "unit": "print", "recipes": list(recipes), "printers": list(PRINTERS),
        "bad_shares": list(SHARES), "seeds": [0], "rows": rows, "cells": cells, "notes": ["printer 101: few `bad`"],
    }  # fmt: skip


def test_hostile_names_stay_text_on_the_page(comparison):
    page = comparison_page(comparison)
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5
    assert "default-src 'none'" in page


def test_the_page_needs_no_network_and_no_fixed_ink(comparison):
    page = comparison_page(comparison)
    assert not re.search(r'(src|href)="(?!data:|#)', page.replace('xlink:href="#', 'href="#'))
    assert "#010" not in page


def test_the_page_draws_every_recipe_but_the_baseline_the_same_each_time(comparison):
    page = comparison_page(comparison)
    assert page.count("<svg role") == 2
    assert page == comparison_page(comparison)


def test_the_page_says_which_recipe_surely_gains_most(comparison):
    assert "dann gains most: +0.062 (+0.03 to +0.09)" in comparison_page(comparison)
    for each in comparison["rows"]:
        each["gain_interval"] = [-1, 1]
    assert "No recipe gains more than chance" in comparison_page(comparison)


def test_hostile_names_stay_text_in_markdown_and_split_no_row(comparison):
    text = comparison_markdown(comparison)
    assert "<script" not in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    columns = [len(re.findall(r"(?<!\\)\|", line)) for line in tables]
    heads = [place for place, line in enumerate(tables) if line.startswith("| ---")]
    for place, end in zip(heads, [*(later - 1 for later in heads[1:]), len(tables)], strict=True):
        assert len(set(columns[place - 1 : end])) == 1


def test_the_worst_cell_and_the_failed_ones_are_named_everywhere(comparison, printed):
    for text in (comparison_markdown(comparison), comparison_page(comparison), printed(show_comparison, comparison)):
        flat = " ".join(text.split())
        assert "printer 101, bad share 1, seed 3" in flat
        assert "rinter 101, bad share 1, seed 0, dann" in flat
        assert "o frame of" in flat


def test_the_terminal_s_tables_fit_80_columns(comparison, printed):
    comparison["rows"] += [row("all", "a-recipe-with-a-long-name", None, None, -0.123)]
    lines = printed(show_comparison, comparison).splitlines()
    assert max(map(len, lines)) <= 80
    line = next(line for line in lines if line.strip().startswith("dann"))
    assert line.split() == ["dann", "0.762", "+0.062", "+0.03", "to", "+0.09", "4/1/1", "-0.038", "1:03", "min"]


def test_what_ships_counts_its_verdicts(comparison, printed):
    text = printed(show_comparison, comparison)
    ships = text[text.index("What the verdict ships") :]
    line = next(line for line in ships.splitlines() if line.strip().startswith("dann"))
    assert line.split()[-3:] == ["3", "2", "0"]


def test_gains_by_share_stand_beside_the_baseline(comparison, printed):
    text = printed(show_comparison, comparison)
    by_share = text[text.index("Gain by bad share") : text.index("Gain by printer")]
    assert [line.split()[0] for line in by_share.splitlines()[2:] if line.strip()] == ["0", "0.5", "1"]
    assert "+0.072" in by_share
