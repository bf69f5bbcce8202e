"""A store of somebody else's is read only if it is as a run writes it."""

import numcodecs
import pytest

from hyenascope.cluster.store_check import check_store
from tests.harmful_files import run_folder
from tests.harmful_models import changed


@pytest.fixture
def store(tmp_path):
    return run_folder(tmp_path)


def test_what_a_run_writes_passes(store):
    check_store(store)


@pytest.mark.parametrize(
    ("array", "changes", "message"),
    [
        ("X", {"shape": [10**13, 2]}, "fit this machine's memory"),
        ("X", {"chunks": [10**13, 2]}, "fit this machine's memory"),
        ("X", {"shape": [-1, 2]}, "must be whole numbers"),
        ("X", {"shape": [20]}, "must be whole numbers"),
        ("X", {"compressor": {"id": "pickle"}}, "compressor must be Blosc"),
        ("X", {"filters": [{"id": "pickle"}]}, "numbers, or texts in vlen-utf8"),
        ("X", {"dtype": "|O"}, "numbers, or texts in vlen-utf8"),
        ("X", {"dtype": [["a", "|O"]]}, "numbers, or texts in vlen-utf8"),
        ("X", {"zarr_format": 3}, "not of Zarr format 2"),
        ("obs/chrom", {"filters": [{"id": "pickle"}]}, "texts in vlen-utf8"),
        ("obs/chrom", {"filters": [{"id": "vlen-utf8"}] * 2}, "texts in vlen-utf8"),
    ],
    ids=str,
)
def test_what_a_run_does_not_write_is_refused(store, array, changes, message):
    changed(store / array / ".zarray", changes)
    with pytest.raises(ValueError, match=rf"{array}/\.zarray must .*{message}"):
        check_store(store)


def test_chunks_that_unpack_to_far_more_are_refused(store):
    packed = numcodecs.Blosc(cname="zstd", clevel=9).encode(bytes(2**24))
    (store / "X" / "0.0").write_bytes(packed)
    with pytest.raises(ValueError, match=r"chunk 0\.0 unpacks to 16,777,216 bytes"):
        check_store(store)


@pytest.mark.parametrize("name", ["zarr.json", ".zmetadata"])
def test_other_formats_are_refused(store, name):
    (store / "X" / name).write_text("{}")
    with pytest.raises(ValueError, match=f"{name} must not be there"):
        check_store(store)
