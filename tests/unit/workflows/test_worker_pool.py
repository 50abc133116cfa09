"""Jobs are Python expressions here: `eval` is a function that every process can import."""

from adaptprint.workflows.worker_pool import WorkerDiedError, run_jobs


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


def test_leaving_early_ends_the_processes():
    import multiprocessing

    for index, answer in run_jobs(eval, ["0", *["__import__('time').sleep(60)"] * 3], n_processes=2):
        assert (index, answer) == (0, 0)
        break
    assert multiprocessing.active_children() == []
