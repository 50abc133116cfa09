"""Runs jobs one after the other or in several processes; a job that fails or kills its process loses no other."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

from adaptprint.errors import AdaptprintError

Job = TypeVar("Job")
Answer = TypeVar("Answer")
_TICK_SECONDS = 1.0


class WorkerDiedError(AdaptprintError):
    """A process ended before its job was done: most often the system took it to get memory back."""


def run_jobs(
    work: Callable[[Job], Answer],
    jobs: Sequence[Job],
    n_processes: int = 1,
    tick: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, Answer | Exception]]:
    """Runs ``work(job)`` for every job and yields (index, answer or the error instead) as they end.

    Where a process dies, nobody knows whose fault it was: the jobs that were under way run again one by one, and only
    one that kills its process again is given up. Leaving the iterator ends the processes.

    Args:
        work: A function of an importable module; jobs, answers and errors must pickle if there are several processes.
        jobs: What to do, in order.
        n_processes: 1 runs everything in this process.
        tick: Called about every second while processes work.
    """
    if n_processes == 1:
        for index, job in enumerate(jobs):
            yield index, _attempt(work, job)
        return
    waiting, suspects = deque(range(len(jobs))), deque[int]()
    while waiting or suspects:
        # A suspect runs alone, so that the next death has one possible cause.
        queue, n_running = (suspects, 1) if suspects else (waiting, min(n_processes, len(waiting)))
        lost: list[int] = []
        yield from _run_until_broken(work, jobs, queue, n_running, lost, tick)
        if len(lost) == 1:
            yield lost[0], WorkerDiedError("its process died", "Free some memory, or lower --max-parallel.")
        else:
            suspects.extend(lost)


def _attempt(work: Callable[[Job], Answer], job: Job) -> Answer | Exception:
    try:
        return work(job)
    except Exception as error:
        return error


def _run_until_broken(
    work: Callable[[Job], Answer],
    jobs: Sequence[Job],
    queue: deque[int],
    n_running: int,
    lost: list[int],
    tick: Callable[[], None],
) -> Iterator[tuple[int, Answer | Exception]]:
    """Empties the queue, or ends early with the jobs of a broken pool in ``lost``."""
    with _processes(n_running) as pool:
        running: dict[Future[Answer | Exception], int] = {}
        while (queue or running) and not lost:
            while queue and len(running) < n_running and not lost:
                index = queue.popleft()
                try:
                    running[pool.submit(_attempt, work, jobs[index])] = index
                except BrokenProcessPool:
                    lost.append(index)
            # All of a broken pool's jobs end at once.
            done, _ = wait(running, None if lost else _TICK_SECONDS, FIRST_COMPLETED)
            if any(isinstance(future.exception(), BrokenProcessPool) for future in done) or lost:
                done, _ = wait(running)
            for future in sorted(done, key=running.__getitem__):
                index, error = running.pop(future), future.exception()
                if isinstance(error, BrokenProcessPool):
                    lost.append(index)
                else:
                    # Only what cannot travel between processes is an error here: the rest became an answer.
                    yield index, error if isinstance(error, Exception) else future.result()
            tick()


@contextmanager
def _processes(n_processes: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes end with the block, at once where it ends badly."""
    others = set(multiprocessing.active_children())
    # A forked process would share the locks of torch's threads.
    pool = ProcessPoolExecutor(n_processes, multiprocessing.get_context("spawn"), initializer=_begin_worker)
    try:
        yield pool
    except BaseException:
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    """Leaves Ctrl-C to the parent, and never outlives it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent: Any = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
