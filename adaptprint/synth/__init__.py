"""Procedural printers: frames of nozzle cameras over first layers, good and under-extruded, in the competition layout.

One file per idea: `toolpath` (where the nozzle goes), `deposition` (what plastic lies where), `jobs` (what a print is),
`printers` and `presets` (what a camera and its printer are), `camera` (where a pixel looks), `scene` (bed and light),
`sprites` (nozzle, shroud, probe), `optics` (blur), `sensor` (tone, noise, JPEG), `film` (a print's frames),
`dataset` (files). Lengths are mm, angles degrees, colours linear RGB unless a name says otherwise.
"""

from adaptprint.synth.dataset import SynthResult, render_dataset
from adaptprint.synth.presets import presets
from adaptprint.synth.printers import Printer

__all__ = ["Printer", "SynthResult", "presets", "render_dataset"]
