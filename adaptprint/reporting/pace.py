"""How fast a stage goes and how long it still takes, from what was seen and nothing else."""

from collections import deque

_MOST_SAMPLES = 200
_SHORTEST_WINDOW = 20.0


class Pace:
    """Rate and remaining time of one stage.

    Both come from the units finished between events, so that work done before a ``--resume`` counts for nothing.
    The window is the later half of the stage, 20 seconds at least: it follows a machine that slows down and still
    averages over pauses such as validation.
    """

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, done: int) -> None:
        """Notes that ``done`` units are finished at ``now`` (seconds on a steady clock)."""
        samples = self._samples
        if samples and done < samples[-1][1]:
            samples.clear()
        samples.append((now, done))
        if len(samples) > _MOST_SAMPLES:
            # Every other sample goes, the first and the last stay.
            kept = [sample for number, sample in enumerate(samples) if number % 2 == 0]
            if kept[-1] != samples[-1]:
                kept.append(samples[-1])
            self._samples = deque(kept)

    @property
    def rate(self) -> float | None:
        """Units per second; ``None`` until it is known."""
        if len(self._samples) < 2:
            return None
        last_time, last_done = self._samples[-1]
        first_time, first_done = self._window_start(last_time)
        if last_time <= first_time or last_done <= first_done:
            return None
        return (last_done - first_done) / (last_time - first_time)

    def remaining(self, total: int) -> float | None:
        """Seconds until ``total`` units are finished; ``None`` while the rate is unknown."""
        rate = self.rate
        if rate is None or not self._samples or total <= 0:
            return None
        return max(0, total - self._samples[-1][1]) / rate

    def _window_start(self, now: float) -> tuple[float, int]:
        span = now - self._samples[0][0]
        earliest = now - max(_SHORTEST_WINDOW, span / 2)
        return next(sample for sample in self._samples if sample[0] >= earliest)
