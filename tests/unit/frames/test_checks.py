"""What `verify` finds, each kind on a small folder made for it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from adaptprint.frames.checks import Finding, Findings, verify_frames
from adaptprint.frames.layouts import read_frames
from adaptprint.frames.near_copies import bits_apart, copies_elsewhere, difference_hash

Frames = Callable[..., Path]
Competition = Callable[..., Path]

PRINTS = [f"p{print_id}/{at}.jpg" for print_id in range(3) for at in range(2)]


def found(root: Path) -> dict[str, Finding]:
    return {finding.kind: finding for finding in verify_frames(read_frames(root)).findings}


def test_a_clean_folder_has_no_findings(frames: Frames) -> None:
    findings = verify_frames(read_frames(frames(*PRINTS)))
    assert findings.findings == ()
    assert findings.ok
    assert (findings.n_frames, findings.n_readable, findings.n_prints, findings.n_printers) == (6, 6, 3, 1)


def test_broken_files_are_told_apart(frames: Frames) -> None:
    root = frames(*PRINTS, "p0/text.jpg", "p0/cut.jpg", "p0/zero.jpg")
    (root / "p0/text.jpg").write_bytes(b"hello, I am no image")
    content = (root / "p0/cut.jpg").read_bytes()
    (root / "p0/cut.jpg").write_bytes(content[: len(content) // 2])
    (root / "p0/zero.jpg").write_bytes(b"")
    findings = verify_frames(read_frames(root))
    kinds = {finding.kind: finding for finding in findings.findings}
    assert kinds["unreadable"].examples == ("p0/text.jpg: not a JPEG, PNG, BMP or WebP image",)
    assert kinds["truncated"].examples == ("p0/cut.jpg",)
    assert kinds["zero-byte"].examples == ("p0/zero.jpg",)
    assert not findings.ok
    assert findings.n_readable == 6


@pytest.mark.parametrize(
    ("colour", "kind"), [((4, 4, 4), "dark"), ((254, 254, 254), "blown-out"), ((90, 90, 90), "flat")]
)
def test_frames_that_show_nothing_are_found(frames: Frames, colour: tuple[int, int, int], kind: str) -> None:
    root = frames(*PRINTS)
    Image.new("RGB", (32, 24), colour).save(root / "p1" / "x.png")
    kinds = found(root)
    assert kinds[kind].examples == ("p1/x.png",)
    assert len(kinds) == 1


def copy(root: Path, source: str, target: str) -> None:
    (root / target).parent.mkdir(parents=True, exist_ok=True)
    (root / target).write_bytes((root / source).read_bytes())


def test_copies_inside_and_across_prints_are_told_apart(frames: Frames) -> None:
    root = frames(*PRINTS)
    copy(root, "p0/0.jpg", "p0/again.jpg")
    copy(root, "p1/0.jpg", "p2/again.jpg")
    kinds = found(root)
    assert kinds["duplicate-inside-print"].examples == ("p0/again.jpg",)
    assert kinds["duplicate-inside-print"].severity == "note"
    assert kinds["duplicate-across-prints"].examples == ("p1/0.jpg = p2/again.jpg",)
    assert kinds["duplicate-across-prints"].count == 2
    assert "near-duplicate-across-prints" not in kinds


def test_the_same_frame_under_two_printers_or_two_labels_is_an_error(frames: Frames) -> None:
    root = frames(*(f"{printer}/good/{print_id}" for printer in ("A", "B") for print_id in PRINTS))
    copy(root, "A/good/p0/0.jpg", "B/bad/q/0.jpg")
    kinds = found(root)
    assert kinds["print-in-two-printers"].severity == "error"
    assert kinds["print-in-two-printers"].examples == ("A/good/p0/0.jpg = B/bad/q/0.jpg",)
    assert kinds["conflicting-labels"].severity == "error"


@pytest.mark.parametrize(("name", "severity"), [("1678578332", "warning"), ("1", "note")])
def test_a_print_id_under_two_printers_is_found(frames: Frames, name: str, severity: str) -> None:
    others = [f"{printer}/{printer}{at}/0.jpg" for printer in "AB" for at in range(3)]
    root = frames(*others, *(f"{printer}/{name}/{at}.jpg" for printer in "AB" for at in range(2)))
    finding = found(root)["print-in-two-printers"]
    assert finding.severity == severity
    assert finding.examples == (f"{name}: A, B",)


def test_near_copies_across_prints_are_found(frames: Frames, picture: Callable[..., Image.Image]) -> None:
    root = frames(*PRINTS)
    for print_id, quality in (("p0", 60), ("p1", 90)):
        picture(99, (48, 64)).save(root / print_id / "same.jpg", quality=quality)
    finding = found(root)["near-duplicate-across-prints"]
    assert finding.count == 2
    assert finding.examples == ("p0/same.jpg ~ p1/same.jpg", "p1/same.jpg ~ p0/same.jpg")


def test_near_copies_inside_a_print_are_only_a_note(frames: Frames, picture: Callable[..., Image.Image]) -> None:
    root = frames(*PRINTS)
    for quality in (60, 70, 80):
        picture(99, (48, 64)).save(root / "p0" / f"x{quality}.jpg", quality=quality)
    kinds = found(root)
    assert {finding.severity for finding in kinds.values()} == {"note"}
    assert "near-copies, as is usual" in kinds["near-duplicate-inside-print"].says


def test_labels_that_differ_inside_a_print_are_found(competition: Competition) -> None:
    rows = [f"{at}.jpg,P1,p{at // 2},{int(at in (1, 2, 3))}" for at in range(8)] + ["8.jpg,P1,p3,"]
    kinds = found(competition(rows))
    assert kinds["labels-vary-inside-print"].examples == ("P1/p0",)
    assert kinds["partly-labelled"].examples == ("8.jpg",)
    assert "one-class" not in kinds


def test_one_class_and_too_few_prints_are_warned_of(competition: Competition) -> None:
    kinds = found(competition(["a.jpg,P1,p,0", "b.jpg,P1,q,0"]))
    assert "class good" in kinds["one-class"].says
    assert kinds["too-few-prints"].examples == ("P1: 2 prints",)


def test_other_aspects_are_a_warning_and_other_sizes_a_note(
    frames: Frames, picture: Callable[..., Image.Image]
) -> None:
    root = frames(*PRINTS)  # 24 x 32
    picture(50, (48, 64)).save(root / "p0" / "large.png")
    assert found(root)["mixed-size"].severity == "note"
    picture(51, (48, 48)).save(root / "p0" / "square.png")
    finding = found(root)["mixed-aspect"]
    assert finding.count == 1
    assert finding.examples == ("32 x 24: 6 frames", "64 x 48: 1 frame", "48 x 48: 1 frame")


def test_findings_come_worst_first_with_a_fix_and_as_json(frames: Frames) -> None:
    root = frames("p0/0.jpg", "p0/1.jpg")
    (root / "p0/1.jpg").write_bytes(b"")
    findings = verify_frames(read_frames(root))
    assert [finding.severity for finding in findings.findings] == ["error", "warning"]
    assert all(finding.says.endswith(".") and finding.fix.endswith(".") for finding in findings.findings)
    plain = json.loads(json.dumps(findings.to_dict()))
    assert plain["ok"] is False
    assert plain["findings"][0]["kind"] == "zero-byte"
    assert isinstance(findings, Findings)


def test_copies_are_looked_for_in_other_groups_only() -> None:
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**63, 3000).astype(np.uint64)
    groups = np.arange(3000) % 30
    for row, other, bits in ((5, 1206, 0b1111), (7, 2900, 0b11111), (40, 70, 0)):  # 40 and 70 share a group
        hashes[other] = hashes[row] ^ np.uint64(bits)
    partners = copies_elsewhere(hashes, groups)
    assert {(row, int(other)) for row, other in enumerate(partners) if other >= 0} == {(5, 1206), (1206, 5)}


def test_bits_are_counted_alike_with_and_without_numpy_2(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    left, right = rng.integers(0, 2**63, (2, 50)).astype(np.uint64)
    slow = [int(a ^ b).bit_count() for a, b in zip(left, right, strict=True)]
    assert bits_apart(left, right).tolist() == slow
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert bits_apart(left, right).tolist() == slow
    assert bits_apart(left[:, None], right[None]).shape == (50, 50)


def test_the_gradient_hash_ignores_brightness_and_sees_content(picture: Callable[..., Image.Image]) -> None:
    grey = np.asarray(picture(3).convert("L"))
    dimmed = (grey * 0.6).astype(np.uint8)
    other = np.asarray(picture(4).convert("L"))
    assert (difference_hash(grey) ^ difference_hash(dimmed)).bit_count() <= 4
    assert (difference_hash(grey) ^ difference_hash(other)).bit_count() > 10
