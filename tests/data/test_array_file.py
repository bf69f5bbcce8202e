"""Arrays out of a file that anybody may have made."""

import io
import struct
import zipfile

import numpy as np
import pytest

from hyenascope.data.array_file import read_arrays

MOST = 100_000


def npy(shape, body=b"", descr="<f4"):
    made = io.BytesIO()
    facts = {"shape": shape, "fortran_order": False, "descr": descr}
    np.lib.format.write_array_header_1_0(made, facts)
    return made.getvalue() + body


def archive(path, *entries, packing=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", packing) as made:
        for name, content in entries:
            made.writestr(name, content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_reads_what_numpy_writes(tmp_path, save):
    arrays = {
        "floats": np.arange(6, dtype=np.float32).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "text": np.array("a sentence"),
        "texts": np.array(["a", "bcd"]),
        "none": np.empty((0, 3)),
        "one": np.array(7),
    }
    save(tmp_path / "x.npz", **arrays)
    found = read_arrays(tmp_path / "x.npz", most_bytes=MOST)
    assert found.keys() == arrays.keys()
    for name, values in arrays.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)
    found["floats"][0, 0] = 5  # an array of one's own


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy((2**40,)), r"\(1099511627776,\) of float32 are not 0 bytes"),
        (npy((2**40, 2**40)), "of float32 are not 0 bytes"),
        (npy((-1,), bytes(4)), "are not 4 bytes"),
        (npy((3,), bytes(4)), "are not 4 bytes"),
        (npy((1,), bytes(8), "|O"), "it holds Python objects"),
        (npy((1,), bytes(8), [("a", "|O")]), "it holds Python objects"),
        (npy((0,), b"", "<U1000000000"), "not a valid dtype"),
        (b"\x93NUMPY\x01\x00" + struct.pack("<H", 9_000) + b"(" * 9_000, "EOF|paren"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31), "EOF"),
        (b"\x93NUMPY\x09\x00", "9, 0"),
        (b"text", "EOF|magic"),
        (bytes(2**24), "unpacks to 16,777,216 bytes of at most 100,000"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_array_is_refused(tmp_path, content, message):
    path = archive(tmp_path / "x.npz", ("a.npy", content))
    with pytest.raises(ValueError, match=rf"x\.npz must be a whole .npz.*({message})"):
        read_arrays(path, most_bytes=MOST)


def test_entries_must_be_arrays_each_once_and_packed_as_numpy_does(tmp_path):
    path, whole = tmp_path / "x.npz", npy((1,), bytes(4))
    archive(path, ("a.npy", whole), ("../../a", whole))
    with pytest.raises(ValueError, match=r"it holds '\.\./\.\./a'"):
        read_arrays(path, most_bytes=MOST)
    archive(path, ("a.npy", whole), packing=zipfile.ZIP_LZMA)
    with pytest.raises(ValueError, match=r"a\.npy is packed in an unknown way"):
        read_arrays(path, most_bytes=MOST)
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive(path, ("a.npy", whole), ("a.npy", whole))
    with pytest.raises(ValueError, match=r"it holds 'a\.npy'"):
        read_arrays(path, most_bytes=MOST)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut short"])
def test_what_is_no_archive_is_refused(tmp_path, content):
    path = tmp_path / "x.npz"
    with pytest.raises(FileNotFoundError):
        read_arrays(path, most_bytes=MOST)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.npz must be .* not a zip file"):
        read_arrays(path, most_bytes=MOST)
