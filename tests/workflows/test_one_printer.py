"""A benchmark that adapts to a random printer is scored on further prints of that printer, not on another one."""

import runpy
from pathlib import Path

import adaptprint
from adaptprint.frames.layouts import read_frames

SCRIPT = Path(__file__).parents[2] / "recipes" / "benchmarks" / "one_printer.py"


def test_the_prints_to_adapt_on_and_to_score_on_come_out_of_one_rendering(tmp_path: Path) -> None:
    module = runpy.run_path(str(SCRIPT))
    wanted = module["Wanted"]
    frames = module["render_printer"]("random-1", tmp_path / "dealt", wanted(5, 3, 0.2), wanted(4, 2, 0.5), jobs=1)

    target = read_frames(frames.target, layout="prints", labels="ignored")
    scored = read_frames(frames.scored, layout="auto", labels="required")
    assert (target.prints.height, len(target), len(target.printers)) == (5, 15, 1)
    assert (scored.prints.height, len(scored), len(scored.printers)) == (4, 8, 1)
    assert not set(target.data["print"]) & set(scored.data["print"])
    assert sorted(scored.prints["label"]) == ["good"] * 2 + ["under_extrusion"] * 2
    assert not list(frames.target.parents[1].rglob("*.csv"))  # no label of the target lies about

    once = tmp_path / "once"
    adaptprint.synth(once, printers=["random-1"], prints=9, frames=3, bad_share=3 / 9, seed=module["SEED"])
    rendered = {file.read_bytes() for file in (once / "images").rglob("*.jpg")}
    dealt = [Path(path).read_bytes() for table in (target, scored) for path in table.paths]
    assert len(set(dealt)) == len(dealt)
    assert rendered.issuperset(dealt)
