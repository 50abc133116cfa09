# python recipes/benchmarks/realism.py --weights ../shared/weights/resnet18_imagenet.safetensors
"""Is the renderer hard in the same way as reality? Prints the table: property, what is asked for, what was measured.

Renders source printers and unseen ones (40 prints each), fine-tunes an ImageNet ResNet-18 on three quarters of the
source prints, and scores it on the other prints of the same printers and on the unseen printers. The same is done
with frozen features, with the plastic taken out of the frames, with everything but the plastic taken out, and with
the unseen printers' own labels. Everything is split by print. Intervals are 95 % bootstraps over prints. About half
an hour on two cores.
"""

import argparse
import io
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from image_statistics import RANGES, statistics
from PIL import Image
from safetensors.torch import load_file
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn import functional as F
from torchvision.models import ResNet, resnet18

from adaptprint.synth.film import film_print
from adaptprint.synth.orders import PrintOrder, place_orders
from adaptprint.synth.presets import presets
from adaptprint.synth.scene import set_scene

SOURCES = ("magpie", "amber", "brass", "slate", "gunmetal", "frost")
UNSEEN = ("raven", "dusk", "saffron", "random-1", "random-2", "random-3")
NETWORK = (128, 224)  # height and width at which the network sees a frame
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


@dataclass(frozen=True)
class Frames:
    """Frames at network size: (n, h, w, 3) uint8, as filmed and without plastic, with label, printer and print."""

    filmed: np.ndarray
    empty: np.ndarray
    label: np.ndarray
    printer: np.ndarray
    print_id: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "Frames":
        return Frames(*(values[rows] for values in vars(self).values()))

    @property
    def plastic(self) -> np.ndarray:
        """The frames with everything but the plastic turned grey."""
        changed = np.abs(self.filmed.astype(np.int16) - self.empty).max(axis=3, keepdims=True) > 12
        return np.where(changed, self.filmed, np.uint8(118))


def shoot(order: PrintOrder, laid: bool = True) -> Iterator[np.ndarray]:
    """Films a print: (height, width, 3) uint8 each."""
    scene = set_scene(order.printer, *order.size)
    takes = film_print(scene, order.job, order.seed, order.number, order.frames, laid)
    return (take.pixels for take in takes)


def film(order: PrintOrder) -> tuple[np.ndarray, np.ndarray]:
    """Films a print with and without plastic, at network size, through JPEG."""
    takes = []
    for laid in (True, False):
        shrunk = []
        for pixels in shoot(order, laid):
            Image.fromarray(pixels).save(jpeg := io.BytesIO(), "JPEG", quality=order.printer.sensor.quality)
            shrunk.append(np.asarray(Image.open(jpeg).resize(NETWORK[::-1], Image.Resampling.BOX)))
        takes.append(np.stack(shrunk))
    return takes[0], takes[1]


def film_all(names: Sequence[str], prints: int, frames: int, jobs: int) -> Frames:
    """Films prints of several printers, half of them bad."""
    orders = place_orders(list(names), prints, frames, 0.5, 7, "endoscope", None)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        takes = list(pool.map(film, orders))
    labels, printers = [order.label for order in orders], [order.printer.name for order in orders]
    return Frames(
        np.concatenate([take[0] for take in takes]), np.concatenate([take[1] for take in takes]),
        np.repeat(labels, frames), np.repeat(printers, frames), np.repeat(np.arange(len(orders)), frames),
    )  # fmt: skip


def held_out(frames: Frames) -> np.ndarray:
    """Every fourth print of each printer, (n,) bool."""
    held = [np.unique(frames.print_id[frames.printer == printer])[::4] for printer in np.unique(frames.printer)]
    return np.isin(frames.print_id, np.concatenate(held))


def batch(pixels: np.ndarray) -> torch.Tensor:
    """Normalised network input, (n, 3, h, w)."""
    scaled = (torch.from_numpy(pixels).float() / 255 - MEAN) / DEVIATION
    return scaled.permute(0, 3, 1, 2)  # channels last in memory, which is what CPUs like


def load(weights: Path) -> ResNet:
    """ResNet-18 with ImageNet weights and a fresh head of two classes."""
    network = resnet18()
    network.load_state_dict({name: value.float() for name, value in load_file(weights).items()}, strict=False)
    network.fc = torch.nn.Linear(512, 2)
    return network.to(memory_format=torch.channels_last)


def train(weights: Path, pixels: np.ndarray, labels: np.ndarray, epochs: int) -> ResNet:
    """Fine-tunes all layers: AdamW, one cycle, flips and brightness."""
    torch.manual_seed(0)
    shuffle, network, size = np.random.default_rng(0), load(weights), 32
    optimizer = torch.optim.AdamW(network.parameters(), 3e-4, weight_decay=1e-2)
    steps = epochs * (len(pixels) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-4, total_steps=steps + 1)
    network.train()
    for _ in range(epochs):
        order = shuffle.permutation(len(pixels))
        for rows in order[: len(order) // size * size].reshape(-1, size):
            images = batch(pixels[rows][:, :, :: shuffle.choice([-1, 1])].copy())
            images = images + 0.3 * torch.randn(size, 1, 1, 1)
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(images)
            optimizer.zero_grad()
            F.cross_entropy(logits.float(), torch.from_numpy(labels[rows])).backward()
            optimizer.step()
            schedule.step()
    return network


@torch.no_grad()
def run(network: torch.nn.Module, pixels: np.ndarray) -> np.ndarray:
    """Features in evaluation mode, (n, 512), or with a head how bad each frame looks, (n,)."""
    network.eval()
    with torch.autocast("cpu", torch.bfloat16):
        parts = [network(batch(pixels[start : start + 64])).float() for start in range(0, len(pixels), 64)]
    outputs = torch.cat(parts).numpy()
    return outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs


def accuracy(score: np.ndarray, frames: Frames, by_print: bool = False) -> str:
    """Accuracy with its interval over prints. `score` is positive where a frame is called bad."""
    hits = []
    for one in np.unique(frames.print_id):
        rows = frames.print_id == one
        called = score[rows].mean(keepdims=True) if by_print else score[rows]
        hits.append(((called > 0) == frames.label[rows][0]).mean())
    draws = np.random.default_rng(0).choice(hits, (2000, len(hits))).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{np.mean(hits):.3f} ({low:.2f}-{high:.2f})"


def learned(source: Frames, unseen: Frames, weights: Path, epochs: int, say: Callable[[str, str, str], None]) -> None:
    """Everything that needs a network."""
    test = held_out(source)
    own, known = source[test], unseen[~held_out(unseen)]
    network = train(weights, source.filmed[~test], source.label[~test], epochs)
    say("own printers, other prints: by print", ">= .95", accuracy(run(network, own.filmed), own, True))
    called = run(network, unseen.filmed)
    say("unseen printers: by frame", ".55 to .80", accuracy(called, unseen))
    for name in UNSEEN:
        rows = unseen.printer == name
        say(f"- {name}", "", accuracy(called[rows], unseen[rows]))
    say("own printers, plastic taken out: by frame", "about .5", accuracy(run(network, own.empty), own))
    plastic = train(weights, source.plastic[~test], source.label[~test], epochs)
    say("own printers, only plastic left: by print", "as the first", accuracy(run(plastic, own.plastic), own, True))
    target = unseen[held_out(unseen)]
    scores = run(train(weights, known.filmed, known.label, epochs), target.filmed)
    say("unseen printers, trained with their labels: by print", ">= .92", accuracy(scores, target, True))

    frozen = load(weights)
    frozen.fc = torch.nn.Identity()
    features, far = run(frozen, source.filmed), run(frozen, unseen.filmed)
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    probe.fit(features[~test], source.label[~test])
    say("frozen features, own printers: by frame", "", accuracy(probe.decision_function(features[test]), own))
    say("frozen features, unseen printers: by frame", "< .75", accuracy(probe.decision_function(far), unseen))
    probe.fit(features[~test], source.printer[~test])
    say("printer told from frozen features", ">= .99", f"{probe.score(features[test], own.printer):.3f}")


def colour(say: Callable[[str, str, str], None]) -> None:
    """How well a forest tells the label from all that is drawn for a print but its flow."""
    orders = [o for seed in range(4) for o in place_orders([*presets()], 25, 1, 0.5, seed, "endoscope", None)]
    jobs, labels = [order.job for order in orders], np.array([order.label for order in orders])
    rows = [(*j.filament.colour, j.filament.gloss, j.line_width, j.layer_height, j.speed, j.away) for j in jobs]
    forest = RandomForestClassifier(300, min_samples_leaf=5, random_state=0)
    called = cross_val_predict(forest, np.array(rows), labels, cv=KFold(5, shuffle=True, random_state=0))
    say("label told from filament, line and speed", "about .5", f"{(called == labels).mean():.3f} (n={len(rows)})")


def looks(say: Callable[[str, str, str], None]) -> None:
    """How many presets lie inside the ranges of real cameras."""
    orders = place_orders([*presets()], 2, 4, 0.5, 3, "endoscope", None)
    values = [(o.printer, np.mean([statistics(pixels) for pixels in shoot(o)], axis=0)) for o in orders]
    for column, (name, (low, high)) in enumerate(RANGES.items()):
        counted = [(p.name, v[column]) for p, v in values if name != "luma, bottom sixth" or p.family == "endoscope"]
        outside = sorted({printer for printer, value in counted if not 0.97 * low <= value <= 1.03 * high})
        span = f"{min(v for _, v in counted):.2f} to {max(v for _, v in counted):.2f}"
        say(name, f"{low} to {high}", span + (f"; outside: {', '.join(outside)}" if outside else ""))


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, help="ResNet-18 ImageNet weights (.safetensors); without: looks only")
    parser.add_argument("--prints", type=int, default=40, help="prints per source printer")
    parser.add_argument("--frames", type=int, default=12, help="frames per print")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.jobs)

    def say(what: str, asked: str, measured: str) -> None:
        print(f"| {what} | {asked} | {measured} |", flush=True)

    print("| property | asked | measured |\n| --- | --- | --- |")
    looks(say)
    colour(say)
    if options.weights is None:
        return
    began = time.perf_counter()
    source = film_all(SOURCES, options.prints, options.frames, options.jobs)
    unseen = film_all(UNSEEN, options.prints, options.frames, options.jobs)
    rendered = 2 * (len(source.label) + len(unseen.label)) / (time.perf_counter() - began) / options.jobs
    say("frames per second and core, all sizes", ">= 20 at 640 x 360", f"{rendered:.1f}")
    learned(source, unseen, options.weights, options.epochs, say)


if __name__ == "__main__":
    main()
