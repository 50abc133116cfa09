"""A neighbourhood as plain data: every number with its interval and one sentence of what it means."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from adaptprint.diagnostics.bootstrap import Interval, by_print
from adaptprint.diagnostics.neighbour_details import Details
from adaptprint.diagnostics.neighbourhood import Neighbourhood
from adaptprint.diagnostics.support import SUPPORT_QUANTILE, K
from adaptprint.frames.wording import plural

Facts = dict[str, Any]


def neighbour_facts(found: Neighbourhood | None, classes: Sequence[str]) -> Facts | None:
    """The neighbourhood of one space, for JSON; ``None`` where there is none.

    Args:
        found: The neighbourhood.
        classes: Class names.
    """
    if found is None:
        return None
    plain = {
        "label_agreement": found.label_agreement,
        "domain_mixing": found.domain_mixing,
        "support": found.support,
    }
    facts: Facts = {name: _number(interval) for name, interval in plain.items()}
    facts["printer_affinity"] = found.printer_affinity
    details = found.details
    if details is None:
        return facts
    facts["local_outliers"] = _number(details.local_outliers)
    facts["hubness"] = {**_number(details.hubness), **_hub(details)}
    mixing = details.frames.mixing
    codes = details.target.print_codes
    facts["domain_mixing"] |= {
        "observed": float(by_print(mixing.observed, codes).mean()),
        "expected": float(by_print(mixing.expected, codes).mean()),
    }
    for name, intervals in details.by_class.items():
        facts[name]["by_class"] = {
            label: None if interval is None else _number(interval)
            for label, interval in zip(classes, intervals, strict=True)
        }
    for name, says in _meanings(facts).items():
        facts[name]["says"] = says
    facts["printer_affinity_intervals"] = {name: share.to_list() for name, share in details.affinity.items()}
    facts["search"] = _search(details)
    facts["prints"] = _prints(details)
    return facts


def frame_facts(found: Neighbourhood | None, classes: Sequence[str]) -> list[Facts]:
    """What the neighbours in one space say of each target frame, one dictionary a frame; empty without details."""
    if found is None or found.details is None:
        return []
    frames, target, source = found.details.frames, found.details.target, found.details.source
    names, printers = source.data["name"].to_list(), source.data["printer"].to_list()
    rows = zip(target.data["name"], target.data["print"], frames.nearest.tolist(), strict=True)
    return [
        {
            "name": name,
            "print": of_print,
            "call": classes[frames.calls[row]],
            "agrees": bool(frames.agrees[row]),
            "mixing": round(float(frames.mixing.ratio[row]), 4),
            "supported": bool(frames.supported[row]),
            "outlier_rank": round(float(frames.outlier_rank[row]), 4),
            "nearest": names[nearest] if nearest >= 0 else None,
            "nearest_printer": printers[nearest] if nearest >= 0 else None,
            "hub": round(float(frames.hub[row]), 4),
        }
        for row, (name, of_print, nearest) in enumerate(rows)
    ]


def _number(interval: Interval) -> Facts:
    return {"value": interval.value, "interval": interval.to_list()}


def _hub(details: Details) -> Facts:
    """The source frame that is most often a neighbour, and of which share of the target."""
    shares = details.hubs.mean(0)
    most = int(shares.argmax())
    return {"most_used": details.source.data["name"][most], "most_used_by": float(shares[most])}


def _meanings(facts: Facts) -> dict[str, str]:
    """One sentence for each number; what it is, and how to read it."""
    mixing, hubness = facts["domain_mixing"], facts["hubness"]
    agreement, support, outliers = (facts[name]["value"] for name in ("label_agreement", "support", "local_outliers"))
    return {
        "label_agreement": f"{agreement:.0%} of the target frames are called what most of their {K} nearest source "
        "frames are; where few are, the classifier and the labels around it contradict each other",
        "domain_mixing": f"{mixing['observed']:.0%} of a target frame's neighbours are source frames; at the "
        f"estimated class shares perfect mixing would give {mixing['expected']:.0%} (0: apart, 1: mixed), which "
        "adversarial training aims at, so a rise proves nothing",
        "support": f"{support:.0%} of the target frames are as near to the source as {SUPPORT_QUANTILE:.0%} of its own "
        "frames are to other prints; beyond that the model guesses",
        "local_outliers": f"{outliers:.0%} of the target frames stand further off, for how dense the source is around "
        f"them, than {SUPPORT_QUANTILE:.0%} of its own frames; of a print like the source's {1 - SUPPORT_QUANTILE:.0%} "
        "would",
        "hubness": f"how unevenly source frames are neighbours (skewness, 0 is evenly): the most used one is among the "
        f"{K} nearest of {hubness['most_used_by']:.0%} of the target, and the numbers above lean on it so much",
    }


def _search(details: Details) -> Facts:
    copies = details.n_copies
    how = "exact" if details.exact else f"approximate, with {details.recall:.1%} of the true neighbours found"
    if copies is None:
        told = "near-copies in other prints could not be told, since frames of different prints look alike"
    else:
        told = f"{plural(copies, 'target frame')} with a near-copy in another print, which does not count"
    return {
        "exact": details.exact,
        "recall": details.recall,
        "near_copies": copies,
        "says": f"neighbours are {how}; never of the own print; {told}",
    }


def _prints(details: Details) -> list[Facts]:
    """One dictionary for each target print, in order of its codes."""
    frames, codes = details.frames, details.target.print_codes
    means = {name: by_print(values, codes) for name, values in frames.measures(SUPPORT_QUANTILE).items()}
    means["outlier_rank"], means["hub"] = by_print(frames.outlier_rank, codes), by_print(frames.hub, codes)
    printers = details.source.printers
    nearest = np.where(frames.nearest >= 0, details.source.printer_codes[frames.nearest], -1)
    rows = []
    for code, name in enumerate(details.target.prints["print"]):
        votes = np.bincount(nearest[(codes == code) & (nearest >= 0)], minlength=len(printers))
        rows.append(
            {
                "print": name,
                "n_frames": int((codes == code).sum()),
                **{measure: round(float(values[code]), 4) for measure, values in means.items()},
                "nearest_printer": printers[int(votes.argmax())] if votes.any() else None,
            }
        )
    return rows
