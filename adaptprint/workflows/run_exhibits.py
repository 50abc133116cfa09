"""What a report shows beside the verdict: prints and their margins, changed calls, frames unlike the source, a map."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logit

from adaptprint.adaptation.print_margins import log_odds, print_margins
from adaptprint.diagnostics.support import mostly_outside
from adaptprint.frames.sampling import balanced_rows
from adaptprint.frames.table import Ints
from adaptprint.models.embed import Floats
from adaptprint.models.metrics import decide, mean_by_print, print_probabilities
from adaptprint.workflows.feature_map import feature_map
from adaptprint.workflows.run_pictures import Album, spread_rows, telling_rows

if TYPE_CHECKING:
    from adaptprint.workflows.run_folder import Run

_CHANGES, _FRAMES_OF_A_CHANGE, _STRANGE = 6, 2, 6
_MAP_SOURCE, _MAP_TARGET = 120, 150


@dataclass(frozen=True)
class Exhibits:
    """What the report shows.

    Attributes:
        facts: Keys of report.json.
        pictures: JPEGs by the file names that the facts use.
    """

    facts: dict[str, Any]
    pictures: dict[str, bytes]


def exhibits(run: "Run") -> Exhibits:
    """Everything a report of this run shows beside the verdict and its evidence."""
    source = run.judgement.chosen.evidence.source
    album = Album(run.target.pixels.array, None if source is None else source.array)
    prints, gallery = _prints(run), _Gallery(run, album)
    facts = {
        "decision": _decision(run),
        "prints": prints,
        "source_prints": _source_prints(run),
        "changes": gallery.changes(prints),
        "outside_support": gallery.strange(),
        "pictures": gallery.telling(),
        "map": _map(run),
    }
    return Exhibits(facts, album.jpegs)


def _decision(run: "Run") -> dict[str, Any] | None:
    """Where both models decide, in the source model's log odds; only of two classes and one label a print."""
    config = run.task.checkpoint.config
    if len(config.classes) != 2 or config.provenance.labels_vary_inside_prints:
        return None
    # A threshold of 0 or 1 lies at no place of the scale, and infinity is no JSON.
    candidate, before = run.judgement.candidate, float(logit(np.clip(config.threshold, 1e-6, 1 - 1e-6)))
    decision = candidate.decision
    expected = None
    if decision is not None and (found := run.expectation) is not None:
        expected = {
            "margin": decision.margin,
            "gain": found.gain,
            "interval": [found.low, found.high],
            "risk": found.risk,
            "rehearsed_printers": found.printers,
        }
    moved_only = candidate.moves_decision_only and decision is not None
    after = before + decision.margin if decision is not None and moved_only else before
    return {"before": before, "after": after, "moves_only": moved_only, "expected": expected}


def _prints(run: "Run") -> list[dict[str, Any]]:
    """One row for each target print, as both models see it."""
    config, table, scores = run.task.checkpoint.config, run.table, run.scores
    codes, names = table.print_codes, table.prints["print"].to_list()
    rows = [{"print": name, "n_frames": n} for name, n in zip(names, table.prints["n_frames"], strict=True)]
    for when, probabilities in (("before", scores.before), ("after", scores.after)):
        mean = print_probabilities(probabilities, codes)
        margins = print_margins(log_odds(probabilities), codes)[0] if mean.shape[1] == 2 else None
        for place, (row, call) in enumerate(zip(rows, decide(mean, config.threshold), strict=True)):
            row[f"{when}_class"], row[f"{when}_score"] = config.classes[call], round(float(mean[place, call]), 4)
            row[f"{when}_margin"] = None if margins is None else round(float(margins[place]), 4)
    posteriors = _posteriors(run)
    standing = scores.standing
    share = strange = None
    if standing is not None:
        share = mean_by_print((~standing.supported)[:, None].astype(float), codes)[:, 0]
        strange = mostly_outside(~standing.supported, codes)
    for place, row in enumerate(rows):
        row["expected"] = posteriors.get(row["print"])
        row["outside_share"] = None if share is None else round(float(share[place]), 4)
        row["outside_support"] = None if strange is None else bool(strange[place])
    return rows


def _posteriors(run: "Run") -> dict[str, list[float]]:
    """The probability of each class for each print of the coreset, by the print's id."""
    found = run.prior.print_posteriors
    if found is None:
        return {}
    names = run.task.target.table.prints["print"]
    return {name: [round(float(each), 4) for each in row] for name, row in zip(names, found, strict=True)}


def _source_prints(run: "Run") -> list[dict[str, Any]]:
    """Labelled source prints and their margins under the source model; of two classes only."""
    evidence = run.judgement.chosen.evidence
    if evidence.source is None or evidence.frozen.source is None or len(evidence.classes) != 2:
        return []
    table = evidence.source.table
    margins = print_margins(log_odds(evidence.frozen.source.probabilities), table.print_codes)[0]
    prints = table.prints.select("printer", "print", "label")
    return [
        {"printer": printer, "print": name, "class": label, "margin": round(float(margin), 4)}
        for (printer, name, label), margin in zip(prints.iter_rows(), margins, strict=True)
    ]


class _Gallery:
    """Picks the frames that are shown, all from the part of the target that was decoded."""

    def __init__(self, run: "Run", album: Album) -> None:
        self.run, self.album = run, album
        self.scores, self.table = run.scores.of(run.target.rows), run.target.pixels.table
        self.names = self.table.data["print"].to_list()

    def changes(self, every: list[dict[str, Any]]) -> dict[str, Any]:
        """Those of all prints whose call flips, first those whose score moves most."""
        prints = [row for row in every if row["before_class"] != row["after_class"]]
        prints.sort(key=lambda row: -(row["before_score"] + row["after_score"]))
        shown = [row for row in prints if row["print"] in self.names][:_CHANGES]
        return {"n": len(prints), "prints": [{**row, "frames": self._frames_of(row["print"])} for row in shown]}

    def strange(self) -> dict[str, Any] | None:
        """Frames farthest from the source among those outside its support, one for each print."""
        every, standing = self.run.scores.standing, self.scores.standing
        if every is None or standing is None:
            return None
        rows: dict[str, int] = {}
        for row in map(int, np.argsort(-standing.distance, kind="stable")):
            if not standing.supported[row]:
                rows.setdefault(self.names[row], row)
        shown = [self._frame(row) for row in list(rows.values())[:_STRANGE]]
        outside = ~every.supported
        n_prints = int(mostly_outside(outside, self.run.table.print_codes).sum())
        return {"n_frames": int(outside.sum()), "n_prints": n_prints, "limit": every.limit, "frames": shown}

    def telling(self) -> list[dict[str, Any]]:
        """Frames of the prints to label, then those on which the models differ most."""
        judgement, threshold = self.run.judgement, self.run.task.checkpoint.config.threshold
        before, after, flips = self.scores.before, self.scores.after, None
        if judgement.candidate.moves_decision_only:
            flips = decide(before, threshold) != decide(after, threshold)
        wanted = judgement.verdict.prints_to_label
        return [self._frame(row) for row in telling_rows(self.names, before, after, wanted, flips)]

    def _frames_of(self, name: str) -> list[dict[str, Any]]:
        rows = np.flatnonzero(np.array(self.names) == name)
        return [self._frame(row) for row in spread_rows(rows, _FRAMES_OF_A_CHANGE)]

    def _frame(self, row: int) -> dict[str, Any]:
        standing = self.scores.standing
        return {
            "name": self.table.data["name"][row],
            "print": self.names[row],
            "picture": self.album.picture("target", row),
            **self._call("before", self.scores.before[row]),
            **self._call("after", self.scores.after[row]),
            "source_distance": None if standing is None else round(float(standing.distance[row]), 5),
            "nearest": self._nearest(row),
        }

    def _call(self, when: str, probabilities: Floats) -> dict[str, Any]:
        config = self.run.task.checkpoint.config
        call = int(decide(probabilities[None], config.threshold)[0])
        return {when: config.classes[call], f"{when}_score": round(float(probabilities[call]), 4)}

    def _nearest(self, row: int) -> dict[str, Any] | None:
        source, standing = self.run.judgement.chosen.evidence.source, self.scores.standing
        if source is None or standing is None:
            return None
        place = int(standing.nearest[row])
        found = source.table.data.select("name", "printer", "print", "label").row(place, named=True)
        return {**found, "picture": self.album.picture("source", place)}


def _map(run: "Run") -> dict[str, Any] | None:
    """Both domains in two dimensions, as each model sees them; ``None`` without source frames."""
    evidence = run.judgement.chosen.evidence
    source, old, new = evidence.source, evidence.frozen, evidence.adapted
    if source is None or old.source is None or new.source is None:
        return None
    sizes = ((source.table, _MAP_SOURCE), (evidence.target, _MAP_TARGET))
    parts = [balanced_rows([table.print_codes], size, run.task.seed) for table, size in sizes]

    def calls(view: Floats, rows: Ints) -> list[str]:
        return [evidence.classes[call] for call in decide(view[rows], evidence.threshold)]

    prints = [table.data["print"][rows] for table, rows in zip((source.table, evidence.target), parts, strict=True)]
    spaces = {"before": old}
    if not run.judgement.candidate.moves_decision_only and run.judgement.examinations:
        spaces["after"] = new
    found: dict[str, Any] = {
        "n_source": len(parts[0]),
        "printers": source.table.data["printer"][parts[0]].to_list(),
        "prints": [*prints[0], *prints[1]],
        "before_calls": calls(old.source.probabilities, parts[0]) + calls(old.target.probabilities, parts[1]),
        "after_calls": calls(new.source.probabilities, parts[0]) + calls(new.target.probabilities, parts[1]),
        "after": None,
    }
    for name, view in spaces.items():
        if view.source is not None:
            found[name] = feature_map(view.source.features, view.target.features, parts[0], parts[1])
    return found
