# python recipes/benchmarks/compiled.py
"""Does `torch.compile` pay? The forward pass and a training step of ResNet-18, as they are and compiled, in turn.

The step is that of the recipe `dann-prior`, without its hook: two domains through the early stages alone, their weights
frozen, the late stages jointly, a loss on every feature, a step of AdamW. `warm-up` is the first call, which compiles;
`pays after` is how many calls its seconds take to come back. Needs a C++ compiler, as torch.compile does on a CPU.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from machine import Row, report
from torch import Tensor

from adaptprint.adaptation.batchnorm import not_tracking
from adaptprint.adaptation.recipe import load_recipe
from adaptprint.models.device import Compute, Precision, choose_compute
from adaptprint.models.network import PrintNet

NETWORK_SIZE = (128, 224)
EMBEDDED = 64  # frames of a forward pass, as in `embed`
Call = Callable[[], object]


def forward(network: PrintNet, compute: Compute, compiled: bool) -> Call:
    """One batch through the network in evaluation mode."""
    network.eval()
    run = torch.compile(network.features) if compiled else network.features
    frames = images(EMBEDDED)

    def call() -> Tensor:
        with torch.inference_mode(), compute.autocast():
            return run(frames)

    return call


def step(network: PrintNet, compute: Compute, compiled: bool) -> Call:
    """One training step of both domains."""
    recipe = load_recipe("dann-prior").recipe
    network.freeze(recipe.frozen)
    network.train()
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, 1e-5, fused=True)
    early, late = (torch.compile(part) if compiled else part for part in (network.early, network.late))
    source, target = images(recipe.batch_size), images(recipe.batch_size)

    def call() -> None:
        optimizer.zero_grad()
        with compute.autocast():
            with not_tracking(network.early_batch_norms().values()):
                maps = early(source)
            features = late(torch.cat([maps, early(target)]))
        features.float().square().mean().backward()
        optimizer.step()

    return call


def images(n: int) -> Tensor:
    """(n, 3, h, w) float32, channels last."""
    return torch.rand(n, 3, *NETWORK_SIZE).contiguous(memory_format=torch.channels_last)


def seconds(call: Call) -> float:
    """What one call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def compare(name: str, make: Callable[[PrintNet, Compute, bool], Call], compute: Compute, rounds: int) -> Row:
    """Times one piece of work both ways, in turn; medians."""
    torch.compiler.reset()
    calls = [make(PrintNet("resnet18", 2).on(compute.device), compute, compiled) for compiled in (False, True)]
    first = [seconds(call) for call in calls]
    taken = [[seconds(call) for call in calls] for _ in range(rounds)]
    plain, compiled = (statistics.median(times) for times in zip(*taken, strict=True))
    saved = plain - compiled
    return {
        "work": name,
        "number format": compute.precision,
        "as it is, s": plain,
        "compiled, s": compiled,
        "ratio": statistics.median(eager / fast for eager, fast in taken),
        "warm-up, s": first[1],
        "pays after": (first[1] - first[0]) / saved if saved > 0 else None,
    }


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="counted calls of each")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    precision: Precision = choose_compute("cpu", options.threads, options.precision).precision
    compute = Compute(torch.device("cpu"), precision)
    torch.manual_seed(0)
    works = {f"forward, {EMBEDDED} frames": forward, "training step": step}
    report(
        {"torch.compile": [compare(name, make, compute, options.rounds) for name, make in works.items()]}, options.json
    )


if __name__ == "__main__":
    main()
