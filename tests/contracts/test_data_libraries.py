"""faiss, safetensors, polars, Pillow, tomlkit, pydantic, filelock, threadpoolctl: what is relied on, a promise each."""

import io
import json
from pathlib import Path

import faiss
import numpy as np
import polars as pl
import pytest
import tomlkit
import torch
from filelock import FileLock, Timeout
from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from threadpoolctl import threadpool_info, threadpool_limits
from tomlkit.exceptions import TOMLKitError


def test_faiss_finds_the_largest_inner_products_exactly_and_in_falling_order() -> None:
    rng = np.random.default_rng(0)
    indexed, queries = (rng.normal(size=(n, 8)).astype(np.float32) for n in (50, 4))
    index = faiss.IndexFlatIP(8)
    index.add(indexed)
    similarity, rows = index.search(queries, 5)
    products = queries @ indexed.T
    assert rows.tolist() == np.argsort(-products, axis=1)[:, :5].tolist()
    np.testing.assert_allclose(similarity, np.take_along_axis(products, rows, 1), rtol=1e-5)
    assert index.ntotal == 50


def test_safetensors_write_the_same_bytes_for_the_same_tensors_in_any_order(tmp_path: Path) -> None:
    tensors = {"b": torch.arange(3.0), "a": torch.tensor([True, False]), "c": torch.tensor(7)}
    save_file(tensors, tmp_path / "1")
    save_file(dict(reversed(tensors.items())), tmp_path / "2")
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    found = load_file(tmp_path / "1")
    assert all(torch.equal(found[name], value) and found[name].dtype == value.dtype for name, value in tensors.items())


def test_safetensors_keep_metadata_and_empty_tensors(tmp_path: Path) -> None:
    text = json.dumps({"name": ["ä/1.jpg"]})
    save_file({"empty": torch.zeros((0, 0), dtype=torch.uint8)}, tmp_path / "m", metadata={"table": text})
    with safe_open(tmp_path / "m", framework="pt") as file:
        assert file.metadata()["table"] == text
        assert file.get_tensor("empty").shape == (0, 0)


def test_safetensors_refuse_damage_with_an_error_of_their_own(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(9)}, tmp_path / "m")
    (tmp_path / "m").write_bytes((tmp_path / "m").read_bytes()[:-5])
    with pytest.raises(SafetensorError):
        load_file(tmp_path / "m")
    assert not issubclass(SafetensorError, (OSError, ValueError))


def test_safetensors_name_the_system_s_error_number_when_they_cannot_write(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        with pytest.raises(SafetensorError, match=r"os error \d+"):
            save_file({"a": torch.zeros(5000)}, tmp_path / "m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_polars_groups_and_joins_keep_the_order_when_asked() -> None:
    names = [f"{(7 * i) % 40:02}" for i in range(200)]
    frame = pl.DataFrame({"print": names, "row": range(200)})
    groups = frame.group_by("print", maintain_order=True).agg(pl.len().alias("n"), pl.col("row").first())
    assert groups["print"].to_list() == list(dict.fromkeys(names))
    assert groups["row"].to_list() == sorted(groups["row"].to_list())
    joined = frame.join(groups.with_row_index("code"), on="print", how="left", maintain_order="left")
    assert joined["row"].to_list() == list(range(200))
    assert frame["print"].unique(maintain_order=True).to_list() == list(dict.fromkeys(names))


def test_polars_leave_ids_as_text_and_tell_nulls_from_labels() -> None:
    frame = pl.DataFrame([("007", None), ("1e3", "bad")], schema={"id": pl.String, "label": pl.String}, orient="row")
    assert frame["id"].to_list() == ["007", "1e3"]
    assert frame["label"].drop_nulls().mode().to_list() == ["bad"]


def test_pillow_names_a_jpeg_s_size_without_decoding_it_and_guards_against_bombs() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((8, 16, 3), np.uint8)).save(buffer, "JPEG", quality=92, subsampling=0)
    with Image.open(io.BytesIO(buffer.getvalue()), formats=["JPEG"]) as image:
        assert image.size == (16, 8)
    data = bytearray(buffer.getvalue())
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = b"\xff\x00\xff\x00"
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data), formats=["JPEG"])
    assert not issubclass(Image.DecompressionBombError, OSError)


def test_tomlkit_gives_plain_types_and_one_family_of_errors() -> None:
    values = tomlkit.parse('a = 1\nb = 2e-4\nc = "x"\nd = true\n').unwrap()
    assert [type(value) for value in values.values()] == [int, float, str, bool]
    for text in ("a = ", "a = 1\na = 2", "a = {b=1,b=2}"):
        with pytest.raises(TOMLKitError):
            tomlkit.parse(text)


def test_pydantic_refuses_what_is_unknown_and_names_it() -> None:
    class Settings(BaseModel):
        model_config = ConfigDict(frozen=True, extra="forbid")
        steps: int = 3

    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"stepps": 1})
    assert caught.value.errors()[0]["loc"] == ("stepps",)
    assert issubclass(ValidationError, ValueError)


def test_a_file_lock_held_elsewhere_is_refused_at_once_and_freed_at_the_end(tmp_path: Path) -> None:
    with FileLock(tmp_path / "lock"), pytest.raises(Timeout):
        FileLock(tmp_path / "lock", timeout=0).acquire()
    with FileLock(tmp_path / "lock", timeout=0):
        pass


def test_threads_can_be_limited_for_good_and_not_in_a_block_alone() -> None:
    def of_linear_algebra() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    with threadpool_limits(1):  # puts the numbers back at its end
        threadpool_limits(2)
        assert of_linear_algebra() == {2}
