"""Random streams named by what they draw, so that no draw depends on the order of rendering.

A stream is keyed by a seed and a path of names and numbers (`"frame", 3`). Equal paths give equal numbers on any
machine, in any process and whatever was drawn before, which is why a data set has the same bytes for every `jobs`.
"""

import zlib

import numpy as np

Key = str | int


def stream(seed: int, *path: Key) -> np.random.Generator:
    """Returns the generator that belongs to a path below a seed.

    Args:
        seed: Any integer at or above zero.
        *path: What is drawn, from the general to the particular: `"printer", "magpie", "print", 4`.

    Example:
        >>> float(stream(7, "print", 1).random()) == float(stream(7, "print", 1).random())
        True
    """
    words = [zlib.crc32(key.encode()) if isinstance(key, str) else key for key in path]
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=words))


def smooth_noise(rng: np.random.Generator, s: np.ndarray, length: float) -> np.ndarray:
    """Draws noise along a line that is standard normal at knots `length` apart and linear between them.

    Args:
        rng: Where the knots come from.
        s: Positions along the line, mm, (n,) float.
        length: Correlation length, mm.

    Returns:
        (n,) float, mean about 0, standard deviation about 0.8.
    """
    first, last = float(s.min(initial=0.0)), float(s.max(initial=0.0))
    knots = rng.standard_normal(int((last - first) / length) + 2)
    return np.interp((s - first) / length, np.arange(len(knots)), knots)
