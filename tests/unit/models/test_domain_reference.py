"""How a printer looked at adaptation comes back as it was kept, and is refused where it contradicts itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from adaptprint.errors import BadDataError
from adaptprint.models.domain_reference import DomainReference, read_reference, write_reference


@pytest.fixture
def reference() -> DomainReference:
    return DomainReference(
        features=np.eye(6, 4, dtype=np.float32) * 0.5,
        prints=np.array([0, 0, 1, 1, 2, 2]),
        statistics=np.full((3, 8), -0.25, dtype=np.float32),
        calls=np.full((3, 2), 0.5),
        margins=np.array([-1.0, 2.0, 0.1]),
        counts=np.array([2, 2, 2]),
        margin_model=np.arange(10.0),
    )


def test_a_reference_comes_back_as_it_was_written(reference: DomainReference, tmp_path: Path) -> None:
    write_reference(tmp_path / "file", reference)
    back = read_reference(tmp_path / "file", 2)
    for name, value in vars(reference).items():
        assert np.array_equal(getattr(back, name), value), name
        assert getattr(back, name).dtype == value.dtype, name


def test_one_without_margins_comes_back_too(reference: DomainReference, tmp_path: Path) -> None:
    none = np.zeros(0)
    write_reference(
        tmp_path / "file", replace(reference, margins=none, counts=none.astype(np.int64), margin_model=none)
    )
    assert read_reference(tmp_path / "file", 2).margins.shape == (0,)


@pytest.mark.parametrize(
    "changes",
    [
        {"prints": np.array([0, 0, 1, 1, 3, 3])},
        {"prints": np.array([0, 0, 1, 1, 1, 1])},
        {"prints": np.array([0, 1, 2])},
        {"prints": np.array([-1, 0, 1, 1, 2, 2])},
        {"features": np.zeros((0, 4), np.float32), "prints": np.zeros(0, np.int64)},
        {"features": np.full((6, 4), np.nan, np.float32)},
        {"statistics": np.zeros((2, 8), np.float32)},
        {"statistics": np.zeros(3, np.float32)},
        {"calls": np.full((3, 3), 1 / 3)},
        {"margins": np.zeros(2), "counts": np.ones(2, np.int64)},
        {"margins": np.array([0.0, 1.0, np.inf])},
        {"counts": np.array([1, 0, 1])},
        {"margin_model": np.zeros(9)},
    ],
)
def test_tables_that_contradict_each_other_are_refused(
    changes: dict[str, np.ndarray], reference: DomainReference, tmp_path: Path
) -> None:
    write_reference(tmp_path / "file", replace(reference, **changes))
    with pytest.raises(BadDataError, match="is damaged"):
        read_reference(tmp_path / "file", 2)


def test_a_missing_table_or_file_is_refused(reference: DomainReference, tmp_path: Path) -> None:
    write_reference(tmp_path / "file", reference)
    held = load_file(tmp_path / "file")
    del held["calls"]
    save_file(held, tmp_path / "file")
    for name in ("file", "nowhere"):
        with pytest.raises(BadDataError, match="is damaged"):
            read_reference(tmp_path / name, 2)
