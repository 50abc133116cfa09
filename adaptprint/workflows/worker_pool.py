"""Runs jobs one after the other, in several processes, or on any executor; one that fails loses no other."""

import multiprocessing
import os
import queue
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from adaptprint.errors import AdaptprintError, InterruptedRunError, lacks_memory
from adaptprint.frames.wording import shown

Job = TypeVar("Job")
Answer = TypeVar("Answer")
_TICK_SECONDS = 1.0
_REPORT = "This is a fault of adaptprint, not yours: please report it."


class WorkerDiedError(AdaptprintError):
    """A process ended before its job was done: most often the system took it to get memory back."""


def run_jobs(
    work: Callable[[Job], Answer],
    jobs: Sequence[Job],
    n_processes: int = 1,
    tick: Callable[[], None] = lambda: None,
) -> Generator[tuple[int, Answer | Exception], None, None]:
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
        again = bool(suspects)
        queue, n_running = (suspects, 1) if again else (waiting, min(n_processes, len(waiting)))
        lost: list[int] = []
        yield from _run_until_broken(work, jobs, queue, n_running, lost, tick)
        if not again:
            suspects.extend(lost)
        elif lost:
            yield lost[0], WorkerDiedError("its process died", "Free some memory, or lower --max-parallel.")


def run_on(
    executor: Executor,
    work: Callable[..., Answer],
    jobs: Sequence[Job],
    tick: Callable[[], None] = lambda: None,
    shared: Sequence[object] = (),
) -> Generator[tuple[int, Answer | Exception], None, None]:
    """As :func:`run_jobs`, on an executor of someone else's, who also decides how often a lost worker is replaced.

    Args:
        executor: Its ``submit`` is all that is needed; its futures are those of ``concurrent.futures``.
        work: A function of a module that workers can import.
        jobs: What to do, in order.
        tick: Called about every second.
        shared: Further arguments of every call.
    """
    ended: queue.SimpleQueue[Future[Answer | Exception]] = queue.SimpleQueue()
    places: dict[Future[Answer | Exception], int] = {}
    try:
        for index, job in enumerate(jobs):
            try:
                future = executor.submit(_attempt, work, job, *shared)
            except Exception as error:  # a pool that broke takes no more
                yield index, _lost(error)
                continue
            places[future] = index
            future.add_done_callback(ended.put)
        while places:
            try:
                future = ended.get(timeout=_TICK_SECONDS)
            except queue.Empty:
                tick()
                continue
            index = places.pop(future)
            reason = CancelledError("cancelled") if future.cancelled() else future.exception()
            yield index, future.result() if reason is None else _lost(reason)
            tick()
    finally:
        for future in places:
            future.cancel()


def _lost(error: BaseException) -> WorkerDiedError:
    return WorkerDiedError(
        f"its worker was lost ({type(error).__name__})", "Repeat the command: what is finished is kept."
    )


def _attempt(work: Callable[..., Answer], job: Job, *shared: object) -> Answer | Exception:
    try:
        return work(job, *shared)
    except Exception as error:
        # What an error arose from stays behind when it travels to another process.
        short = lacks_memory(error) and not isinstance(error, AdaptprintError)
        return MemoryError() if short else error
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as panic:  # what libraries written in Rust raise is no Exception, but no wish to stop either
        return RuntimeError(f"{type(panic).__name__}: {panic}")


def _attempt_or_end(work: Callable[..., Answer], job: Job) -> Answer | Exception:
    """In a process of the pool: one that was told to end while it trained has saved its state now, and ends.

    Otherwise, where the pool has broken, it would wait for the queue's lock, which a process that was killed while it
    waited for a job holds for ever, and the pool would wait for its end.
    """
    answer = _attempt(work, job)
    if isinstance(answer, InterruptedRunError):
        os._exit(1)
    return answer


def _run_until_broken(
    work: Callable[[Job], Answer],
    jobs: Sequence[Job],
    queue: deque[int],
    n_running: int,
    lost: list[int],
    tick: Callable[[], None],
) -> Generator[tuple[int, Answer | Exception], None, None]:
    """Empties the queue, or ends early with the jobs of a broken pool in ``lost``."""
    with _processes(n_running) as pool:
        running: dict[Future[Answer | Exception], int] = {}
        while (queue or running) and not lost:
            while queue and len(running) < n_running and not lost:
                index = queue.popleft()
                try:
                    running[pool.submit(_attempt_or_end, work, jobs[index])] = index
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
    """Leaves Ctrl-C and all talking to the parent, and never outlives it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever ends this process, short of memory between two jobs say, Python would print a traceback.
    sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as it lives
    parent: Any = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def told(error: Exception) -> str:
    """Cause and fix, a line each; of an error that nobody foresaw, where it happened, as far as that is known."""
    if isinstance(error, AdaptprintError):
        return shown(str(error))
    if lacks_memory(error):
        return "out of memory\nFree some memory, or lower --max-parallel."
    steps = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(steps[-1].filename).name}:{steps[-1].lineno})" if steps else ""
    return shown(f"internal error: {type(error).__name__}: {error}{where}\n{_REPORT}")
