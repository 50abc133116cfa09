# python recipes/benchmarks/printer_sheet.py --out docs/assets/printers.jpg
"""Draws a sheet of every named printer, a good print beside an under-extruded one: to be looked at, not measured."""

import argparse
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from adaptprint.synth.film import film_print
from adaptprint.synth.orders import PrintOrder, place_orders
from adaptprint.synth.presets import presets
from adaptprint.synth.scene import set_scene

CELL = (320, 180)
PER_ROW = 2  # printers in a row of the sheet, each with its good and its bad print
CAPTION = 18
FRAMES = 8


def fullest_frame(order: PrintOrder) -> Image.Image:
    """The frame of a print that differs most from the same frame without plastic."""
    scene = set_scene(order.printer, *order.size)
    film = [film_print(scene, order.job, order.seed, order.number, FRAMES, laid) for laid in (True, False)]
    pairs = [(a.pixels, b.pixels) for a, b in zip(*film, strict=True)]
    shown = max(pairs, key=lambda pair: (abs(pair[0].astype(int) - pair[1]).max(axis=2) > 25).mean())[0]
    return Image.fromarray(shown)


def main() -> None:
    """Draws the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    options = parser.parse_args()
    names = list(presets())
    orders = place_orders(names, 6, FRAMES, 0.5, 5, "endoscope", None)
    width, height = CELL
    rows = -(-len(names) // PER_ROW)
    sheet = Image.new("RGB", (2 * PER_ROW * width, rows * (height + CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for index, name in enumerate(names):
        for label, word in enumerate(("good", "under-extruded")):
            order = next(o for o in orders if o.printer.name == name and o.label == label)
            left = (index % PER_ROW * 2 + label) * width
            top = index // PER_ROW * (height + CAPTION)
            draw.text((left + 4, top + 1), f"{name}, {word}, {order.job.filament.name}", fill="black", font=font)
            sheet.paste(fullest_frame(order).resize(CELL, Image.Resampling.LANCZOS), (left, top + CAPTION))
    sheet.save(options.out, quality=85)


if __name__ == "__main__":
    main()
