"""A finished run as plain data, in the shape of report.json, and consoles to show it on."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from PIL import Image
from rich.console import Console

Make = Callable[..., Any]

ASSUMPTION = "all frames of a print share one label"


def make_witness(name: str, low: float, high: float, applies: bool = True) -> dict[str, Any]:
    favours = "candidate" if low > 0 else "source" if high < 0 else "neither"
    return {
        "name": name,
        "value": (low + high) / 2,
        "interval": [low, high],
        "applies": applies,
        "favours": favours if applies else "neither",
        "assumption": ASSUMPTION,
        "says": f"{name} rose: 0.80 before, 0.85 after (+0.05, +0.01 to +0.09)",
    }


def make_neighbourhood(agreement: float) -> dict[str, Any]:
    return {
        "label_agreement": {"value": agreement, "interval": [agreement - 0.1, agreement + 0.1]},
        "domain_mixing": {"value": 0.2, "interval": [0.1, 0.3]},
        "support": {"value": 0.6, "interval": [0.5, 0.7]},
        "printer_affinity": {"101": 0.25, "022": 0.75},
    }


def make_run(verdict: str = "ship", **changes: Any) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "reasons": ["agreement of a print's frames rose"],
        "prints_to_label": ["1673034918", "1673025450"] if verdict == "need-labels" else [],
        "out": "runs/new",
        "checkpoint": "runs/new/checkpoint",
        "candidate": "runs/new/candidate",
        "recipe": "dann",
        "seconds": 212.4,
        "created": "2025-03-04T10:11:12+00:00",
        "seed": 7,
        "precision": "fp32",
        "device": "cpu",
        "versions": {"adaptprint": "0.1.0", "torch": "2.14.1"},
        "classes": ["good", "under_extrusion"],
        "target": {
            "path": "/frames/new printer",
            "layout": "prints",
            "printers": ["021"],
            "n_frames": 1840,
            "n_prints": 19,
            "n_unreadable": 2,
            "prior_stated": "unknown",
            "prior_estimate": 0.47,
            "prior_interval": [0.33, 0.61],
            "calls_before": {"good": 0.79, "under_extrusion": 0.21},
            "calls_after": {"good": 0.53, "under_extrusion": 0.47},
        },
        "source": {
            "digest": "sha256:abc",
            "n_frames": 2000,
            "printers": ["101", "022"],
            "labels_vary_inside_prints": False,
        },
        "candidate_name": "dann@300",
        "witnesses": [
            make_witness("steadiness", 0.01, 0.09),
            make_witness("print coherence", 0.02, 0.2, applies=False),
        ],
        "vetoes": [],
        "neighbours": {"frozen": make_neighbourhood(0.71), "adapted": make_neighbourhood(0.93)},
        "candidates": [
            {"name": "bn-early", "score": 0.4, "vetoes": ["support lost"], "witnesses": {"steadiness": 0.02}},
            {"name": "dann@300", "score": 1.4, "vetoes": [], "witnesses": {"steadiness": 0.05}},
        ],
        "notes": ["2 frames could not be read"],
        **changes,
    }


def make_trace(steps: int = 40) -> list[dict[str, Any]]:
    return [
        {
            "step": step + 1,
            "class_loss": 1 / (step + 1),
            "domain_loss": 1.3,
            "grl_weight": step / steps,
            "discriminator_accuracy": 0.6,
            "gradient_norm": 1.0,
        }
        for step in range(steps)
    ]


def make_picture(name: str = "1673034918", before: str = "good", after: str = "under_extrusion") -> dict[str, Any]:
    return {
        "name": f"{name}/0.jpg",
        "print": name,
        "picture": "target.jpg",
        "before": before,
        "after": after,
        "before_score": 0.61,
        "after_score": 0.93,
        "source_distance": 0.4,
        "nearest": {"name": "s/1.jpg", "printer": "022", "print": "s", "label": after, "picture": "source.jpg"},
    }


def make_album() -> dict[str, bytes]:
    """A red and a grey picture by their file names."""
    album = {}
    for name, colour in (("target.jpg", (180, 60, 50)), ("source.jpg", (110, 110, 120))):
        buffer = io.BytesIO()
        Image.new("RGB", (64, 48), colour).save(buffer, "JPEG")
        album[name] = buffer.getvalue()
    return album


def make_prints(names: Sequence[str]) -> list[dict[str, Any]]:
    """Prints from surely good to surely faulty; the decision moves from 0 to -1, so that one of them flips."""
    classes = ("good", "under_extrusion")
    margins = [-4 + 7 * place / max(1, len(names) - 1) for place in range(len(names))]
    return [
        {
            "print": name,
            "n_frames": 12,
            "before_class": classes[margin > 0],
            "before_score": 0.8,
            "before_margin": margin,
            "after_class": classes[margin > -1],
            "after_score": 0.7,
            "after_margin": margin + 1,
            "expected": [0.6, 0.4],
            "outside_share": 0.25,
            "outside_support": place == 0,
        }
        for place, (name, margin) in enumerate(zip(names, margins, strict=True))
    ]


def make_exhibits(names: Sequence[str] = ("1673034918", "1673025450", "p3", "p4", "p5", "p6", "p7", "p8")) -> Any:
    """What report.json holds of prints and frames."""
    prints = make_prints(names)
    flipped = [row for row in prints if row["before_class"] != row["after_class"]]
    space = {"points": [[0.1 * n, (n % 5) * 0.1] for n in range(14)], "explained": [0.4, 0.2]}
    return {
        "decision": {
            "before": 0.0,
            "after": -1.0,
            "moves_only": True,
            "expected": {
                "margin": -1.0,
                "gain": 0.034,
                "interval": [-0.01, 0.08],
                "risk": 0.12,
                "rehearsed_printers": 6,
            },
        },
        "prints": prints,
        "source_prints": [
            {
                "printer": "022",
                "print": f"s{n}",
                "class": ("good", "under_extrusion")[n % 2],
                "margin": 3.0 * (n % 2) - 2,
            }
            for n in range(6)
        ],
        "changes": {"n": len(flipped), "prints": [{**row, "frames": [make_picture(row["print"])]} for row in flipped]},
        "outside_support": {"n_frames": 9, "n_prints": 1, "limit": 0.2, "frames": [make_picture(names[0])]},
        "pictures": [make_picture(name) for name in names[:3]],
        "map": {
            "n_source": 6,
            "printers": ["022"] * 6,
            "prints": ["s"] * 6 + list(names[:8]),
            "before_calls": ["good"] * 7 + ["under_extrusion"] * 7,
            "after_calls": ["good"] * 9 + ["under_extrusion"] * 5,
            "before": space,
            "after": None,
        },
    }


def make_unmoved() -> Any:
    """What report.json holds where the decision could have moved and did not: both models are the same."""
    shown = make_exhibits()
    shown["decision"] |= {"after": shown["decision"]["before"], "expected": None}
    for row in shown["prints"]:
        row |= {f"after_{what}": row[f"before_{what}"] for what in ("class", "score", "margin")}
    for frame in shown["pictures"]:
        frame |= {f"after{what}": frame[f"before{what}"] for what in ("", "_score")}
    return {**shown, "changes": {"n": 0, "prints": []}}


def make_metrics(**changes: Any) -> dict[str, Any]:
    return {
        "n_frames": 12480,
        "n_prints": 38,
        "accuracy": 0.812,
        "balanced_accuracy": 0.803,
        "f1": 0.77,
        "f1_macro": 0.79,
        "auroc": 0.88,
        "ece": 0.061,
        "print_accuracy": 0.9,
        "print_balanced_accuracy": 0.89,
        "all_positive_f1": 0.65,
        **changes,
    }


@pytest.fixture
def witness() -> Make:
    return make_witness


@pytest.fixture
def run() -> Make:
    return make_run


@pytest.fixture
def trace() -> Make:
    return make_trace


@pytest.fixture
def picture() -> Make:
    return make_picture


@pytest.fixture
def album() -> Make:
    return make_album


@pytest.fixture
def exhibits() -> Make:
    return make_exhibits


@pytest.fixture
def unmoved() -> Make:
    return make_unmoved


@pytest.fixture
def metrics() -> Make:
    return make_metrics


@pytest.fixture
def printed() -> Make:
    """What a ``show_*`` function writes on an 80 column console; on a terminal where asked for."""

    def render(show: Callable[..., None], *content: Any, width: int = 80, terminal: bool = False) -> str:
        stream = io.StringIO()
        console = Console(
            file=stream, width=width, force_terminal=terminal, color_system="standard" if terminal else None
        )
        show(*content, console=console)
        return stream.getvalue()

    return render
