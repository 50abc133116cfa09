"""Renders prints in several processes at once.

Workers are plain Python processes that read orders from a pipe and answer with rows. `multiprocessing` would either
copy the caller's threads and locks (fork) or run the caller's script again (spawn); this does neither, so
`render_dataset(jobs=4)` works in any script and notebook.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, TypeVar, cast

Order = TypeVar("Order")
Answer = TypeVar("Answer")


def run_in_workers(
    task: Callable[[Order, Path], Answer], orders: Sequence[Order], folder: Path, jobs: int
) -> Iterator[tuple[int, Answer]]:
    """Runs `task(order, folder)` for every order, and yields (index, answer) as answers come.

    Args:
        task: A function of an importable module.
        orders: What to do; must pickle.
        folder: Where to write.
        jobs: How many processes.

    Raises:
        OSError: A worker could not write, or ended before its work was done.
    """
    idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
    workers = [_start() for _ in range(min(jobs, len(orders)))]
    for worker in workers:
        idle.put(worker)

    def ask(order: Order) -> Answer:
        worker = idle.get()
        try:
            return cast("Answer", _ask(worker, (task, order, folder)))
        finally:
            idle.put(worker)

    pool = ThreadPoolExecutor(len(workers))
    try:
        waiting = {pool.submit(ask, order): index for index, order in enumerate(orders)}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.communicate()


def _start() -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", "from adaptprint.synth.workers import serve; serve()"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)  # noqa: S603


def _ask(worker: subprocess.Popen[bytes], request: object) -> Any:
    to, back = cast("IO[bytes]", worker.stdin), cast("IO[bytes]", worker.stdout)
    try:
        pickle.dump(request, to)
        to.flush()
        answer = pickle.load(back)  # noqa: S301 - our own process wrote it
    except (EOFError, BrokenPipeError, pickle.UnpicklingError) as problem:
        raise OSError(f"a rendering process ended early (exit code {worker.poll()}; is memory short?)") from problem
    if isinstance(answer, BaseException):
        raise answer
    return answer


def serve(requests: IO[bytes] | None = None, answers: IO[bytes] | None = None) -> None:
    """Answers requests until they end; what a worker process runs.

    Args:
        requests: Pickled (task, order, folder); standard input by default.
        answers: Where pickled answers, or the exceptions instead of them, go; standard output by default.
    """
    requests, answers = requests or sys.stdin.buffer, answers or sys.stdout.buffer
    while True:
        try:
            task, order, folder = pickle.load(requests)  # noqa: S301 - the parent process wrote it
            answer: object = task(order, folder)
        except (EOFError, KeyboardInterrupt):
            return
        except Exception as problem:
            answer = problem
        pickle.dump(answer, answers)
        answers.flush()
