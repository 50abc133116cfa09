"""Ray: what the executor relies on, as far as it shows without starting a cluster."""

import inspect

import pytest

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'adaptprint[ray]'")


def test_a_reference_becomes_a_future_of_concurrent_futures() -> None:
    assert "concurrent.futures.Future" in (inspect.getdoc(ray.ObjectRef.future) or "")


def test_init_takes_the_words_it_is_given() -> None:
    known = inspect.signature(ray.init).parameters
    assert {"address", "log_to_driver", "logging_level", "include_dashboard"} <= set(known)


def test_a_task_takes_its_resources_and_retries() -> None:
    task = ray.remote(num_cpus=2, num_gpus=0, max_retries=3)(lambda: None)
    assert hasattr(task, "remote")
    with pytest.raises(ValueError, match="max_retry"):
        ray.remote(max_retry=3)(lambda: None)


def test_two_machines_can_be_played_on_one() -> None:
    from ray.cluster_utils import Cluster

    assert "allow_graceful" in inspect.signature(Cluster.remove_node).parameters
