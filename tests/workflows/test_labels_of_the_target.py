"""The labels of a target are never read by adapt, even where a column holds them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import adaptprint

PLAIN = ("img_path", "printer_id", "print_id")


@pytest.mark.parametrize("labels", ["swapped", "nonsense", "none"])
def test_the_candidate_has_the_same_bytes_whatever_the_target_s_labels_say(
    labels: str,
    source: Path,
    target: Path,
    run_folder: Path,
    tiny_dann: tuple[str, ...],
    write_csv: Callable[..., Path],
    digests: Callable[[Path], dict[str, str]],
    tmp_path: Path,
) -> None:
    copy = Path(shutil.copytree(target, tmp_path / target.name))
    true = [line.split(",") for line in (target / "train.csv").read_text().splitlines()[1:]]
    cell = {"swapped": lambda label: 1 - int(label), "nonsense": lambda label: f"spaghetti {label}"}
    if labels == "none":
        write_csv(copy / "train.csv", [row[:3] for row in true], PLAIN)
    else:
        write_csv(copy / "train.csv", [(*row[:3], cell[labels](row[3])) for row in true])
    result = adaptprint.adapt(source, copy, out=tmp_path / "run", recipe="dann-prior", set=tiny_dann)
    assert digests(result.out) == digests(run_folder)
