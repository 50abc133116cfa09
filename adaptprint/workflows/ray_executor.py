"""Ray as an executor: a task for each call, on a cluster or on this machine; large arguments are placed once."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

from adaptprint.errors import MissingDependencyError, UsageError

Answer = TypeVar("Answer")
# A task whose worker or machine is lost runs again, elsewhere if need be; it goes on where it stood if it trained.
RETRIES = 3


class RayExecutor(Executor):
    """Runs calls as Ray tasks.

    A cluster that this process has joined already is used and stays; one that is joined or started here is left or
    stopped by :meth:`shutdown`. All machines must see the same files.

    Args:
        address: ``auto``, or the address of a cluster; ``None`` takes ``$RAY_ADDRESS``, else starts one here.
        cores: CPU cores of one task; ``None`` takes two, or all of the largest machine if that has fewer.
        device: ``auto`` takes a GPU for each task where the cluster has any, ``cuda`` does in any case, ``cpu`` never.

    Attributes:
        cores: CPU cores of one task.

    Raises:
        MissingDependencyError: If Ray is not installed.
        UsageError: If the cluster cannot be joined, or no machine of it has what one task needs.
    """

    def __init__(self, address: str | None = None, cores: int | None = None, device: str = "auto") -> None:
        self._ray = _ray()
        self._joined = not self._ray.is_initialized()
        if self._joined:
            _join(self._ray, address)
        try:
            machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
            gpus = int(device == "cuda" or (device == "auto" and any(machine.get("GPU", 0) for machine in machines)))
            self.cores = cores or max(1, min(2, int(max(machine.get("CPU", 0) for machine in machines))))
            _refuse_impossible(machines, self.cores, gpus)
        except UsageError:
            self.shutdown()
            raise
        self._call = self._ray.remote(num_cpus=self.cores, num_gpus=gpus, max_retries=RETRIES)(_call)

    def share(self, value: object) -> Any:
        """Places a value in the object store once; pass what comes back as an argument of :meth:`submit`."""
        return self._ray.put(value)

    def submit(self, function: Callable[..., Answer], /, *words: Any, **options: Any) -> Future[Answer]:
        """Starts a task; its future ends with the answer, or with Ray's error where the task was lost for good."""
        future: Future[Answer] = self._call.remote(function, *words, **options).future()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leaves the cluster if it was joined here; tasks that are under way end with it."""
        del wait, cancel_futures
        if self._joined:
            self._ray.shutdown()
            self._joined = False


def _refuse_impossible(machines: Sequence[Mapping[str, float]], cores: int, gpus: int) -> None:
    """A task that no machine can take would wait for ever."""
    if not any(machine.get("CPU", 0) >= cores and machine.get("GPU", 0) >= gpus for machine in machines):
        needed = f"{cores} cores" + (" and a GPU" if gpus else "")
        raise UsageError(
            f"no machine of the Ray cluster has {needed}",
            "Lower --threads" + (", or pass --device cpu." if gpus else "."),
        )


def _call(function: Callable[..., Answer], *words: Any, **options: Any) -> Answer:
    return function(*words, **options)


def _ray() -> ModuleType:
    try:
        return import_module("ray")
    except ImportError as error:
        raise MissingDependencyError(
            "--executor ray needs Ray, which is not installed", "Run: pip install 'adaptprint[ray]'"
        ) from error


def _join(ray: ModuleType, address: str | None) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of ours calls home unasked
    address = address or os.environ.get("RAY_ADDRESS")
    own: dict[str, Any] = {} if address else {"include_dashboard": False}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        reason = str(error).split("\n", 1)[0]
        raise UsageError(
            f"the Ray cluster{f' at {address}' if address else ''} cannot be joined: {reason}",
            "Check --ray-address; `ray status` on its head machine must answer.",
        ) from error
