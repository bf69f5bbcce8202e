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


@pytest.mark.parametrize("name", ["obs", "X/.zarray", "X/0.0"])
def test_links_are_refused(store, name):
    (store / "X" / "0.0").write_bytes(bytes(64))
    moved = (store / name).rename(store.parent / "moved")
    (store / name).symlink_to(moved)
    with pytest.raises(ValueError, match=rf"{name} must be a file or a folder"):
        check_store(store)


def test_a_link_to_a_store_is_refused(store):
    link = store.with_name("link")
    link.symlink_to(store, target_is_directory=True)
    with pytest.raises(ValueError, match="link must be a file or a folder, and no"):
        check_store(link)


def test_names_are_those_of_every_disk(store):
    (store / "X" / ".ZARRAY").write_text('{"zarr_format": 3}')
    with pytest.raises(ValueError, match=r"\.ZARRAY must be as a run writes it"):
        check_store(store)


def test_files_without_end_are_refused(store):
    with (store / ".zattrs").open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(
        ValueError, match=r"\.zattrs must have at most 16,777,216 bytes"
    ):
        check_store(store)
