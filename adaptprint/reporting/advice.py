"""What a verdict means for the person at the printer: a headline, one sentence to act on, and what would help."""

from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any, Literal

from adaptprint.reporting.formats import clean, part

Tone = Literal["success", "neutral", "question", "unknown"]

_HELP_BY_VETO = {
    "too few prints": "Record frames of at least three prints on this printer, more if you can, and adapt again.",
    "source accuracy lost": "The frames may differ too much: match crop, rotation and light to the source printers "
    "(`--crop`, `--rotate`, `--flip`){milder}.",
    "collapse to one class": "If the prints really are all alike, say so with `--target-prior all-good` or `all-bad`; "
    "otherwise add prints of the other kind.",
    "outside the stated prior": "Check the share you stated with `--target-prior`; leave it out if you are not sure.",
    "support lost": "The camera may see something the source printers never showed: crop to the nozzle "
    "(`--crop`){milder}.",
}
_MILDER = ", or try the milder recipe `bn-early`"
_AS_MILD = ("bn-early", "calibrate")
_GENERAL_HELP = "More prints of this printer, good ones and faulty ones, narrow the intervals."


@dataclass(frozen=True)
class Advice:
    """How to read a verdict.

    Attributes:
        tone: ``success`` only where the adapted model may be used.
        headline: The verdict in a few words.
        action: What to do now, one sentence.
        help: What would lead further, one sentence each.
        help_title: Heading for the help.
        commands: Commands that go with the help.
    """

    tone: Tone
    headline: str
    action: str
    help: tuple[str, ...] = ()
    help_title: str = "What would help"
    commands: tuple[str, ...] = ()


def advise(content: Mapping[str, Any]) -> Advice:
    """The advice for the content of a report.json."""
    verdict = content.get("verdict")
    checkpoint = clean(content.get("checkpoint"))
    if verdict == "ship":
        return Advice(
            "success",
            "Use the adapted model",
            f"Replace your model for this printer by `{checkpoint}`.",
            (
                "Look at the frames below before you switch: you see what no label-free check can.",
                "Keep the old model for the printers it was trained on.",
            ),
            "Before you switch",
        )
    if verdict == "keep-source":
        return Advice(
            "neutral",
            "Keep your current model",
            f"Go on with the model you have: nothing has changed, `{checkpoint}` is a copy of it.",
            _help(content),
        )
    if verdict == "need-labels":
        return _ask_for_labels(content)
    return Advice("unknown", "No verdict", "Keep your current model: this run came to no verdict.")


def stayed(content: Mapping[str, Any]) -> bool:
    """Whether the decision alone could have moved, and did not: both models are the same."""
    decision = part(content, "decision")
    return bool(decision.get("moves_only")) and decision.get("after") == decision.get("before")


def _ask_for_labels(content: Mapping[str, Any]) -> Advice:
    # A print whose frames are of several classes has no line in a CSV of prints.
    by_frame = part(content, "source").get("labels_vary_inside_prints")
    wanted = f"frames of {_prints(content)}" if by_frame else _prints(content)
    by_csv = "Write their classes into a CSV (first line `print,class`) and adapt again with `--labels CSV`."
    if told := part(part(content, "target"), "labelled_prints").get("file"):
        by_csv = f"Add their classes to `{clean(told)}` and adapt again with it as `--labels`."
    same = "So far the decision has not moved and both models are the same: the labels say where it belongs."
    measure = "sort their frames into one folder per class and measure both models: the better one wins."
    models = (clean(content.get("candidate")), clean(content.get("checkpoint")))
    if by_frame:
        ways: tuple[str, ...] = (measure.capitalize(),)
    else:
        ways = (by_csv, same if stayed(content) else f"Or {measure}")
    commands = (f"adaptprint evaluate --model {quote(path)} --data LABELLED" for path in models)
    return Advice(
        "question",
        "A few labels will decide",
        f"Label {wanted} by eye, and keep your current model until then.",
        ways,
        "How the labels decide",
        () if stayed(content) else tuple(commands),
    )


def _prints(content: Mapping[str, Any]) -> str:
    names = [f"`{clean(name)}`" for name in content.get("prints_to_label") or ()]
    if not names:
        return "some prints"
    if len(names) == 1:
        return f"print {names[0]}"
    return f"prints {', '.join(names[:-1])} and {names[-1]}"


def _help(content: Mapping[str, Any]) -> tuple[str, ...]:
    if content.get("candidate_name") == "source-only":
        if content.get("recipe") == "source-only":
            return ("This recipe is the baseline and never changes the model; the default recipe adapts it.",)
        return ("This recipe found nothing to change here; the reason says what it lacked. Try another one.",)
    raised = [veto for veto in content.get("vetoes") or () if isinstance(veto, Mapping)]
    vetoes = [veto.get("name") for veto in raised if not veto.get("answer")]
    milder = "" if content.get("recipe") in _AS_MILD else _MILDER
    known = [_HELP_BY_VETO[name].format(milder=milder) for name in vetoes if name in _HELP_BY_VETO]
    if known:
        return tuple(known)
    prior = part(content, "target").get("prior_stated")
    if prior in (None, "unknown") and len(content.get("classes") or ()) == 2:
        return (_GENERAL_HELP, "If you know roughly how many prints are faulty, say so: `--target-prior 0.1-0.4`.")
    return (_GENERAL_HELP,)
