# python recipes/benchmarks/verdicts.py COMPARISON [--labelled COMPARISON] [--rehearsed CKPT]
"""Which rule for shipping can be trusted? Every rule on the cells of a finished comparison, without running a model.

A cell is one recipe on one printer at one share of bad prints: its picked candidate against the source model, with
everything that is known without labels, and the true gain on the printer's next prints. Each rule gives a candidate a
score and ships it above zero. `AUC` is the chance that a candidate that helps gets a higher score than one that does
not (ties count half; without those that change nothing); `mean gain` counts a kept source as zero; `of the oracle's` is
its part of what shipping exactly the helpful candidates gains. `harm` is the share of cells that lose over a point.
Of each veto that was raised: what share of the candidates it falls on, and what these and the others gain.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from machine import Row, report
from scipy.stats import rankdata
from verdict_cases import Case, read_cases

from adaptprint.adaptation.print_decision import PrintDecision
from adaptprint.diagnostics.recipe_gain import recipe_relation
from adaptprint.diagnostics.rehearsal import (
    Rehearsal,
    gain_relation,
    rehearsed_in,
    trials_of_recipe,
)
from adaptprint.diagnostics.rehearsed_recipes import Trial, trials_like
from adaptprint.diagnostics.verdict import LARGEST_RISK, SHIPPED_GAIN
from adaptprint.diagnostics.vetoes import borne_out
from adaptprint.models.checkpoint import load_checkpoint

POINT = 0.01
Rule = Callable[[Case], float | None]


def witness(name: str) -> Rule:
    """A witness alone: its value, whether the verdict would hear it or not."""

    def score(case: Case) -> float | None:
        found = [each for each in case.candidate["witnesses"] if each["name"] == name]
        return float(found[0]["value"]) if found else None

    return score


def validator(name: str) -> Rule:
    """A validator alone: how much higher the candidate scores than the source model."""

    def score(case: Case) -> float | None:
        found = [each for each in case.candidate.get("validators", ()) if each["name"] == name]
        return float(found[0]["delta"]) if found else None

    return score


def expected(rehearsal: Rehearsal | None) -> Rule:
    """The expected gain: positive if the verdict would ship the candidate; none where nothing is expected.

    That of a moved decision can always be told, that of any other candidate only once its recipe was rehearsed.
    """
    relation = gain_relation(rehearsal)

    def score(case: Case) -> float | None:
        if case.changes_more_than_the_decision:
            return _shipping_score(case, trials_of_recipe(rehearsal, case.settings))
        decision = case.candidate.get("decision")
        if decision is None:
            return None
        found = relation.expect(PrintDecision(**decision))
        return _below_all(found.gain - SHIPPED_GAIN, found.risk > LARGEST_RISK or bool(case.vetoes))

    return score


def learned_elsewhere(cases: Sequence[Case]) -> Rule:
    """As the rehearsed verdict, had the recipe been rehearsed on the comparison's other printers.

    That is what a rehearsal on printers like these can come to.
    """
    trials = [(case.settings, case.trial) for case in cases if case.changes_more_than_the_decision]

    def score(case: Case) -> float | None:
        if not case.changes_more_than_the_decision:
            return None
        elsewhere = [trial for known, trial in trials if known == case.settings]
        return _shipping_score(case, [trial for trial in elsewhere if trial.printer != case.cell["printer"]])

    return score


def _shipping_score(case: Case, trials: Sequence[Trial]) -> float | None:
    relation = recipe_relation(trials_like(trials, case.vetoes))
    if relation is None:
        return None
    found = relation.expect(case.covariates)
    standing = not all(borne_out(veto, trials) for veto in case.vetoes)
    return _below_all(found.gain - SHIPPED_GAIN, found.risk > LARGEST_RISK or standing)


def _below_all(score: float, risky: bool) -> float:
    """Those too risky stay below all that ship, in the order of their gain."""
    return score - 1.0 if risky else score


def labelled_verdict(number: str) -> Rule:
    """Whether the verdict ships once so many prints are labelled that the candidate did not learn from."""

    def score(case: Case) -> float | None:
        decision = case.cell.get("verdicts_once_labelled", {}).get(number)
        return None if decision is None else float(decision == "ship")

    return score


def row(name: str, rule: Rule, cases: Sequence[Case]) -> Row | None:
    """One rule's figures; ``None`` where it says nothing of any case."""
    pairs = [(score, case.gain) for case in cases if (score := rule(case)) is not None]
    if not pairs:
        return None
    scores, gains = np.transpose(pairs)
    return figures(name, gains, np.where(scores > 0, gains, 0.0), scores, scores > 0)


def figures(name: str, gains: Any, kept: Any, scores: Any | None, shipped: Any) -> Row:
    """The row of a rule that keeps ``kept`` of the candidates' true gains."""
    oracle = np.maximum(gains, 0).mean()
    return {
        "rule": name,
        "cases": len(gains),
        "AUC": "" if scores is None else f"{area(scores, gains):.2f}",
        "ships": f"{np.mean(shipped):.0%}",
        "mean gain": f"{100 * kept.mean():+.2f}",
        "of the oracle's": f"{kept.mean() / oracle:.0%}" if oracle > 0 else "",
        "worst": f"{100 * kept.min():+.1f}",
        "harm": f"{(kept < -POINT).mean():.0%}",
    }


def area(scores: Any, gains: Any) -> float:
    """Area under the ROC curve of a score for candidates that help, against those that harm."""
    told = gains != 0
    helps, ranks = gains[told] > 0, rankdata(scores[told])
    n_help, n_harm = int(helps.sum()), int((~helps).sum())
    if n_help == 0 or n_harm == 0:
        return float("nan")
    return float((ranks[helps].sum() - n_help * (n_help + 1) / 2) / (n_help * n_harm))


def rows(cases: Sequence[Case], labelled: Sequence[Case], rehearsed: Rehearsal | None) -> list[Row]:
    """Every rule's row."""
    gains = np.array([case.gain for case in cases])
    names = {kind: _names(cases, kind) for kind in ("witnesses", "validators")}
    found: list[Row | None] = [figures("always ship", gains, gains, None, np.ones(len(gains)))]
    found += [row(name, witness(name), cases) for name in names["witnesses"]]
    found += [row(name, validator(name), cases) for name in names["validators"]]
    found += [row("expected gain, not rehearsed", expected(None), cases)]
    if rehearsed is not None:
        found += [row("expected gain, rehearsed", expected(rehearsed), cases)]
    found += [row("expected gain, rehearsed on the other printers", learned_elsewhere(cases), cases)]
    for number in ("1", "3", "5"):
        found += [row(f"the verdict, {number} most telling prints labelled", labelled_verdict(number), cases)]
    for name, part in (("the verdict", cases), ("the verdict, prints labelled", labelled)):
        if part:
            ended = np.array([case.ended for case in part])
            true = np.array([case.gain for case in part])
            ships = [case.cell["verdict"] == "ship" for case in part]
            found.append(figures(name, true, ended, None, ships))
    found.append(figures("oracle", gains, np.maximum(gains, 0), gains, gains > 0))
    return [each for each in found if each is not None]


def veto_rows(cases: Sequence[Case]) -> list[Row]:
    """What each veto falls on, and what those candidates and the others gain."""
    found: list[Row] = []
    for name in dict.fromkeys(name for case in cases for name in case.vetoes):
        under = np.array([name in case.vetoes for case in cases])
        gains = np.array([case.gain for case in cases])
        rest = gains[~under]
        found.append(
            {
                "veto": name,
                "cases": len(cases),
                "falls on": f"{under.mean():.0%}",
                "mean gain of these": f"{100 * gains[under].mean():+.2f}",
                "harm among these": f"{(gains[under] < -POINT).mean():.0%}",
                "mean gain of the others": f"{100 * rest.mean():+.2f}" if len(rest) else "",
                "harm among the others": f"{(rest < -POINT).mean():.0%}" if len(rest) else "",
            }
        )
    return found


def _names(cases: Sequence[Case], kind: str) -> list[str]:
    return list(dict.fromkeys(each["name"] for case in cases for each in case.candidate.get(kind, ())))


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("comparison", type=Path, help="folder that `adaptprint compare` wrote")
    parser.add_argument("--recipes", default="", help="only these, with commas between")
    parser.add_argument("--labelled", type=Path, help="the same comparison with --labelled-prints")
    parser.add_argument("--rehearsed", type=Path, help="checkpoint with a rehearsal of the comparison's source")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    recipes = [name for name in options.recipes.split(",") if name]
    cases = read_cases(options.comparison, recipes)
    if not cases:
        raise SystemExit(f"no cell in {options.comparison} holds a candidate")
    labelled = [] if options.labelled is None else read_cases(options.labelled, recipes)
    metrics = {} if options.rehearsed is None else load_checkpoint(options.rehearsed).config.metrics
    rehearsal = rehearsed_in(metrics)
    tables = {"All recipes": rows(cases, labelled, rehearsal)}
    if vetoes := veto_rows(cases):
        tables["Vetoes"] = vetoes
    for recipe in dict.fromkeys(case.cell["recipe"] for case in cases):
        of = [case for case in cases if case.cell["recipe"] == recipe]
        told = [case for case in labelled if case.cell["recipe"] == recipe]
        tables[recipe] = rows(of, told, rehearsal)
    report(tables, options.json)


if __name__ == "__main__":
    main()
