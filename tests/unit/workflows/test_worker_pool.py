"""Jobs are Python expressions here: `eval` is a function that every process can import."""

import errno
import inspect
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest

from adaptprint.workflows.worker_pool import WorkerDiedError, run_jobs, run_on, told


def test_in_one_process_an_error_takes_the_place_of_its_answer():
    answers = dict(run_jobs(eval, ["1 + 1", "1 / 0", "2 + 2"]))
    assert (answers[0], answers[2]) == (2, 4)
    assert isinstance(answers[1], ZeroDivisionError)


def test_a_job_that_kills_its_process_is_the_only_one_lost():
    jobs = ["1 + 1", "__import__('os')._exit(9)", "1 / 0", "2 + 2"]
    answers = dict(run_jobs(eval, jobs, n_processes=2))
    assert (answers[0], answers[3]) == (2, 4)
    assert isinstance(answers[1], WorkerDiedError)
    assert "--max-parallel" in answers[1].fix
    assert isinstance(answers[2], ZeroDivisionError)


def test_a_job_whose_process_was_killed_once_is_done_all_the_same(tmp_path):
    mark = tmp_path / "killed"
    once = f"(p := __import__('pathlib').Path({str(mark)!r})).exists() or (p.touch(), __import__('os')._exit(9))"
    assert dict(run_jobs(eval, ["1 + 1", once], n_processes=2)) == {0: 2, 1: True}
    mark.unlink()
    # Alone at the end of a fleet it had no second try.
    slow = f"__import__('time').sleep(2) or ({once})"
    assert dict(run_jobs(eval, ["1 + 1", slow], n_processes=2)) == {0: 2, 1: True}


class Bomb:
    """Whoever reads it in another process meets an error there, outside of every job."""

    def __reduce__(self):
        return eval, ("1 / 0",)


def test_a_process_that_dies_between_jobs_shows_no_traceback(capfd):
    answers = dict(run_jobs(eval, ["1 + 1", Bomb(), "2 + 2"], n_processes=2))
    assert (answers[0], answers[2]) == (2, 4)
    assert isinstance(answers[1], WorkerDiedError)
    assert "Traceback" not in capfd.readouterr().err


def train_for_three_seconds():
    """As the training loops do: told to end, it saves its state first."""
    import time

    from adaptprint.errors import InterruptedRunError
    from adaptprint.models.interrupt import stop_on_signal

    with stop_on_signal() as stop:
        for _ in range(60):
            time.sleep(0.05)
            if stop.requested:
                raise InterruptedRunError("cause", "fix")


@pytest.mark.timeout(60)
def test_a_process_that_saves_its_state_when_a_pool_breaks_ends_all_the_same():
    train = f"exec({inspect.getsource(train_for_three_seconds) + 'train_for_three_seconds()'!r})"
    # A process that waits for its next job holds the lock of the queue, and takes it into its grave.
    die_later = "__import__('threading').Timer(1, lambda: __import__('os')._exit(9)).start()"
    assert dict(run_jobs(eval, [train, die_later], n_processes=2)) == {0: None, 1: None}


def save_in_vain():
    """As torch does: its writer complains about what it could not finish, which hides why it could not."""
    try:
        raise MemoryError
    finally:
        raise RuntimeError("unexpected pos 64 vs 0")


def test_lack_of_memory_is_told_from_another_process_whatever_came_of_it():
    code = f"exec({inspect.getsource(save_in_vain) + 'save_in_vain()'!r})"
    answers = dict(run_jobs(eval, ["1 + 1", code], n_processes=2))
    assert told(answers[1]).startswith("out of memory\n")


@pytest.mark.parametrize("n_processes", [1, 2])
def test_what_is_raised_beside_all_exceptions_is_an_error_of_its_job(n_processes):
    panic = "next(x for x in [1] if (_ for _ in ()).throw(type('Panic', (BaseException,), {})('at the disco')))"
    answers = dict(run_jobs(eval, ["1 + 1", panic], n_processes))
    assert answers[0] == 2
    assert "Panic: at the disco" in told(answers[1])


def test_leaving_early_ends_the_processes():
    import multiprocessing

    for index, answer in run_jobs(eval, ["0", *["__import__('time').sleep(60)"] * 3], n_processes=2):
        assert (index, answer) == (0, 0)
        break
    assert multiprocessing.active_children() == []


class Broken(Executor):
    """Loses its second job, and takes no third."""

    def __init__(self):
        self.n = 0

    def submit(self, function, /, *words, **options):
        self.n += 1
        if self.n == 3:
            raise BrokenProcessPool
        future = Future()
        if self.n == 2:
            future.set_exception(BrokenProcessPool())
        else:
            future.set_result(function(*words, **options))
        return future


def test_what_an_executor_loses_is_an_answer_and_stops_no_other():
    answers = dict(run_on(Broken(), eval, ["1 + 1", "2 + 2", "3 + 3", "1 / 0"]))
    assert answers[0] == 2
    assert isinstance(answers[3], ZeroDivisionError)
    for place in (1, 2):
        assert isinstance(answers[place], WorkerDiedError)
        assert "BrokenProcessPool" in answers[place].cause


def test_leaving_an_executor_early_cancels_what_has_not_begun():
    begun = []
    with ThreadPoolExecutor(1) as pool:
        for _ in run_on(pool, lambda nap: begun.append(nap) or time.sleep(nap), [0, *[0.05] * 100]):
            break
    assert len(begun) < 50


def test_an_unforeseen_error_is_told_with_its_place_and_lack_of_memory_as_what_it_is():
    with pytest.raises(ZeroDivisionError) as caught:
        eval("1 / 0")
    assert "ZeroDivisionError: division by zero (<string>:1)" in told(caught.value)
    for lack in (
        MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory"), RuntimeError("std::bad_alloc"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."),
        RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"),
    ):  # fmt: skip
        assert told(lack).startswith("out of memory\n")
