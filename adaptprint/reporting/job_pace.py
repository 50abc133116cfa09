"""How long many jobs of different cost still take, from what those that ended took."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from adaptprint.reporting.progress import Progress, ProgressCallback

# What every job costs beside its own seconds, as a share of the dearest kind: reading, scoring, writing.
_OVERHEAD = 0.05


class JobPace:
    """Reports jobs as they end, with the time left.

    A kind of job costs what jobs of this kind took on average, an unseen kind what the dearest took. Only the
    proportions count: how much of it fits into a second is seen from the clock, so it does not matter how many run at
    once.

    Args:
        stage: Name of the stage.
        kinds: Kind of each job to do.
        done: Jobs that were finished before.
        progress: Told after each job, and whenever asked to.
        clock: Seconds, steadily growing.
    """

    def __init__(
        self,
        stage: str,
        kinds: Sequence[str],
        done: int,
        progress: ProgressCallback,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stage, self._progress, self._clock = stage, progress, clock
        self._left, self._ended = Counter(kinds), Counter[str]()
        self._seconds: dict[str, float] = defaultdict(float)
        self._done, self._total = done, done + len(kinds)
        self._started = self._latest = clock()
        self.tell()

    def add(self, kind: str, seconds: float) -> None:
        """Notes that a job ended which took some seconds of its own."""
        self._left[kind] -= 1
        self._ended[kind] += 1
        self._seconds[kind] += seconds
        self._done += 1
        self._latest = self._clock()
        self.tell()

    def tell(self) -> None:
        """Reports again, as time went by."""
        self._progress(Progress(self._stage, self._done, self._total, seconds_left=self.seconds_left))

    @property
    def seconds_left(self) -> float | None:
        """Until all jobs are done; ``None`` before the first ended."""
        if not self._ended:
            return None
        means = {kind: self._seconds[kind] / n for kind, n in self._ended.items()}
        dearest = max(max(means.values()), 1e-6)
        costs = {kind: means.get(kind, dearest) + _OVERHEAD * dearest for kind in self._left}
        done = sum(costs[kind] * n for kind, n in self._ended.items())
        left = sum(costs[kind] * n for kind, n in self._left.items())
        since = self._clock() - self._latest
        return max(0.0, (self._latest - self._started) * left / done - since)
