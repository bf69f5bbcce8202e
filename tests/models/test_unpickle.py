"""A checkpoint is read as data, whatever program its pickle holds."""

import collections
import copyreg
import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from torch._utils import _rebuild_tensor_v2

from hyenascope.models.unpickle import read_torch_content, read_torch_zip

GOLDEN = Path(__file__).parent / "golden" / "checkpoints"


class Call:
    """Pickles as a call of ``function``; loading it is what an attacker wants."""

    def __init__(self, function, *args):
        self.call = (function, args)

    def __reduce__(self):
        return self.call


class Storage:
    """Pickles as the persistent id of storage 0, four float32."""


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj):
        if isinstance(obj, Storage):
            return ("storage", torch.FloatStorage, "0", "cpu", 4)
        return None


def tensor(offset=0, size=(4,), stride=(1,), metadata=None):
    hooks = collections.OrderedDict()
    args = (Storage(), offset, size, stride, False, hooks, metadata)
    return Call(_rebuild_tensor_v2, *args)


def dumps(content, protocol=2) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=protocol).dump(content)
    return buffer.getvalue()


def write(path: Path, pickled: bytes, **entries: bytes) -> Path:
    files = {"data.pkl": pickled, "data/0": struct.pack("<4f", 1, 2, 3, 4), **entries}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"weights/{name}", content)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.ckpt"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_reads_tensors_of_a_lightning_checkpoint(path, protocol):
    content = {"epoch": 3, "state_dict": collections.OrderedDict(w=tensor())}
    write(path, dumps(content, protocol))
    assert read_torch_zip(path)["w"].tolist() == [1, 2, 3, 4]


def test_reads_a_bare_state_dict_and_views(path):
    write(path, dumps({"w": tensor(offset=1, size=(2, 1), stride=(2, 1))}))
    assert read_torch_zip(path)["w"].tolist() == [[2], [4]]


@pytest.mark.parametrize(
    "dtype",
    [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8],
    ids=str,
)
def test_reads_what_torch_saves(path, dtype):
    expected = torch.arange(6).reshape(2, 3).to(dtype)
    torch.save({"w": expected.T, "empty": expected[:0]}, path)
    found = read_torch_zip(path)
    assert found["w"].dtype == dtype
    assert torch.equal(found["w"], expected.T)
    assert found["empty"].shape == (0, 3)


def test_tensors_of_other_kinds_matter_only_where_they_are_needed(path):
    odd = torch.ones(2, dtype=torch.complex64)
    torch.save({"state_dict": {"w": torch.ones(2)}, "optimizer": [odd]}, path)
    assert read_torch_zip(path)["w"].tolist() == [1, 1]
    torch.save({"state_dict": {"w": odd}}, path)
    with pytest.raises(ValueError, match="tensor w is described in an unknown way"):
        read_torch_zip(path)


def test_reads_a_module_state_dict_with_its_version_table(path):
    module = torch.nn.LayerNorm(3)
    torch.save(module.state_dict(), path)
    assert torch.equal(read_torch_zip(path)["weight"], module.weight)


def test_published_like_file_with_omegaconf_equals_the_plain_one():
    plain = read_torch_zip(GOLDEN / "tiny" / "weights.ckpt")
    foreign = read_torch_zip(GOLDEN / "tiny" / "weights_omegaconf.ckpt")
    assert plain.keys() == foreign.keys()
    assert all(torch.equal(plain[name], foreign[name]) for name in plain)


def attacks(sentinel: Path):
    shell = f"touch {sentinel}"
    python = f"__import__('pathlib').Path({str(sentinel)!r}).touch()"
    system = Call(os.system, shell)
    yield "system", system
    yield "eval", Call(eval, python)
    yield "exec", Call(exec, python)
    yield "nested load", Call(pickle.loads, pickle.dumps(system))
    yield "map", Call(list, Call(map, os.system, [shell]))
    yield "as a dict key", {Call(os.system, shell): 1}
    yield "deep", [[[{"a": (system,)}]]]
    nested = io.BytesIO()
    torch.save({"a": system}, nested)
    yield "torch.load", Call(torch.storage._load_from_bytes, nested.getvalue())


ATTACKS = [name for name, _ in attacks(Path("x"))]


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("name", ATTACKS)
def test_calls_in_a_pickle_do_not_run(tmp_path, path, name, protocol):
    sentinel = tmp_path / "sentinel"
    attack = dict(attacks(sentinel))[name]
    content = {"hyper_parameters": attack, "state_dict": {"w": tensor()}}
    write(path, dumps(content, protocol))
    assert read_torch_zip(path)["w"].tolist() == [1, 2, 3, 4]
    assert not sentinel.exists()


@pytest.mark.parametrize("name", ["system", "eval", "exec"])
def test_calls_in_the_text_protocol_do_not_run(tmp_path, path, name):
    sentinel = tmp_path / "sentinel"
    write(path, pickle.dumps(dict(attacks(sentinel))[name], protocol=0))
    with pytest.raises(ValueError, match="state dict"):
        read_torch_zip(path)
    assert not sentinel.exists()


@pytest.mark.parametrize("name", ["system", "eval", "nested load", "map", "deep"])
def test_the_attacks_do_run_in_a_plain_unpickler(tmp_path, name):
    sentinel = tmp_path / "sentinel"
    pickle.loads(dumps(dict(attacks(sentinel))[name]))
    assert sentinel.exists()


def test_a_call_in_place_of_a_tensor_is_refused(tmp_path, path):
    sentinel = tmp_path / "sentinel"
    attack = Call(os.system, f"touch {sentinel}")
    write(path, dumps({"w": tensor(), "b": attack}))
    with pytest.raises(ValueError, match="other values for 1, the first being 'b'"):
        read_torch_zip(path)
    assert not sentinel.exists()


def global_(module: str, name: str) -> bytes:
    return b"c" + f"{module}\n{name}\n".encode()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


OPCODES = {
    "INST": lambda cmd: b"(" + text(cmd) + b"iposix\nsystem\n.",
    "OBJ": lambda cmd: b"(" + global_("posix", "system") + text(cmd) + b"o.",
    "NEWOBJ": lambda cmd: global_("posix", "system") + text(cmd) + b"\x85\x81.",
    "STACK_GLOBAL": lambda cmd: (
        b"\x80\x04" + text("posix") + text("system") + b"\x93" + text(cmd) + b"\x85R."
    ),
    "dotted name": lambda cmd: (
        b"\x80\x04"
        + text("os.path")
        + text("os.system")
        + b"\x93"
        + text(cmd)
        + b"\x85R."
    ),
    "getattr": lambda cmd: (
        global_("builtins", "getattr")
        + global_("builtins", "__import__")
        + text("os")
        + b"\x85R"
        + text("system")
        + b"\x86R"
        + text(cmd)
        + b"\x85R."
    ),
    "BUILD": lambda cmd: (
        global_("builtins", "object")
        + b")\x81}"
        + text("__setstate__")
        + global_("posix", "system")
        + b"sb"
        + text(cmd)
        + b"b."
    ),
    "copyreg constructor": lambda cmd: (
        global_("copyreg", "__newobj__")
        + global_("posix", "system")
        + text(cmd)
        + b"\x86R."
    ),
    "defaultdict factory": lambda cmd: (
        global_("collections", "defaultdict")
        + global_("posix", "system")
        + b"\x85R"
        + text(cmd)
        + b"K\x01s."
    ),
}


@pytest.mark.parametrize("name", OPCODES)
def test_hand_written_opcodes_do_not_run(tmp_path, path, name):
    sentinel = tmp_path / "sentinel"
    write(path, OPCODES[name](f"touch {sentinel}"))
    with pytest.raises(ValueError, match=r"state dict|cannot be read as data"):
        read_torch_zip(path)
    assert not sentinel.exists()


@pytest.fixture
def registered_system():
    """An application that registered a function as a pickle extension."""
    copyreg.add_extension("posix", "system", 77)
    pickle.loads(b"\x82\x4d.")  # from now on it is cached, past find_class
    yield
    copyreg.remove_extension("posix", "system", 77)


@pytest.mark.usefixtures("registered_system")
def test_extension_registry_is_refused(tmp_path, path):
    sentinel = tmp_path / "sentinel"
    write(path, b"\x80\x02\x82\x4d" + text(f"touch {sentinel}") + b"\x85R.")
    with pytest.raises(ValueError, match="copyreg extension registry"):
        read_torch_zip(path)
    assert not sentinel.exists()


def test_memo_that_would_fill_the_memory_is_refused(path):
    write(path, b"\x80\x02}r" + struct.pack("<I", 2**31) + b".")
    with pytest.raises(ValueError, match="memo is larger than the file"):
        read_torch_zip(path)


def test_a_pickle_cannot_register_an_extension(path):
    before = dict(copyreg._inverted_registry)
    call = Call(copyreg.add_extension, "posix", "system", 78)
    write(path, dumps({"x": call, "state_dict": {"w": tensor()}}))
    read_torch_zip(path)
    assert copyreg._inverted_registry == before


@pytest.mark.parametrize(
    "target",
    [
        global_("torch._utils", "_rebuild_tensor_v2"),
        global_("collections", "OrderedDict"),
        global_("torch", "FloatStorage"),
        global_("anything", "else"),
    ],
)
def test_build_cannot_change_the_classes_of_the_reader(path, target):
    # BUILD with (None, {name: value}) sets an attribute on a class that lets it.
    slots = b"N}" + text("size") + global_("posix", "system") + b"s\x86b."
    write(path, target + slots)
    with pytest.raises(ValueError, match="cannot be read as data"):
        read_torch_zip(path)
    write(path, dumps({"w": tensor()}))
    assert read_torch_zip(path)["w"].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        ({"size": (5,)}, "within its storage of 4 numbers"),
        ({"offset": 1}, "within its storage of 4 numbers"),
        ({"size": (2, 2), "stride": (3, 1)}, "within its storage of 4 numbers"),
        ({"size": (1 << 40,), "stride": (0,)}, "within its storage of 4 numbers"),
        ({"stride": (1 << 61,)}, "within its storage of 4 numbers"),
        ({"offset": -1}, "unknown way"),
        ({"stride": (-1,), "offset": 3}, "unknown way"),
        ({"size": (-4,)}, "unknown way"),
        ({"size": (True,)}, "unknown way"),
        ({"size": (1 << 80,)}, "unknown way"),
        ({"size": 4}, "unknown way"),
        ({"metadata": {"neg": True}}, "unknown way"),
        ({"size": (2, 2)}, "one stride per axis"),
    ],
    ids=str,
)
def test_tensors_outside_their_storage_are_refused(path, geometry, message):
    write(path, dumps({"w": tensor(**geometry)}))
    with pytest.raises(ValueError, match=f"tensor w .*{message}"):
        read_torch_zip(path)


def test_storage_that_is_not_there_is_refused(path):
    torch.save({"w": torch.ones(3)}, path)
    with zipfile.ZipFile(path) as archive:
        pickled = archive.read("weights/data.pkl")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/data.pkl", pickled)
    with pytest.raises(ValueError, match="must hold data/0; it is not there"):
        read_torch_zip(path)


def test_older_format_is_refused(path):
    torch.save({"w": torch.ones(3)}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match="got the pickle format of older PyTorch"):
        read_torch_zip(path)


def test_truncated_and_foreign_files_are_refused(path):
    whole = (GOLDEN / "posemb" / "weights.ckpt").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="got a truncated zip"):
        read_torch_zip(path)
    path.write_bytes(b"GIF89a")
    with pytest.raises(ValueError, match="got another kind of file"):
        read_torch_zip(path)


def test_changed_bytes_are_refused(path):
    whole = bytearray((GOLDEN / "posemb" / "weights.ckpt").read_bytes())
    start = whole.index(b"data/3") + 64
    whole[start : start + 8] = bytes(8)
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="must be a whole zip archive"):
        read_torch_zip(path)


def test_compressed_storages_are_refused(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights/data.pkl", dumps({"w": tensor()}))
        archive.writestr("weights/data/0", bytes(16))
    with pytest.raises(ValueError, match=r"data\.pkl must be stored uncompressed"):
        read_torch_zip(path)


def test_other_byte_order_is_refused(path):
    write(path, dumps({"w": tensor()}), byteorder=b"big")
    with pytest.raises(ValueError, match=r"byte order must be .* little; got big"):
        read_torch_zip(path)


@pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": [1]}, 7])
def test_pickles_without_a_state_dict_are_refused(path, content):
    write(path, dumps(content))
    with pytest.raises(ValueError, match="must hold a state dict"):
        read_torch_zip(path)


def test_zip_without_a_pickle_is_refused(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ValueError, match=r"one data\.pkl; got 0"):
        read_torch_zip(path)


def test_reads_all_that_is_data(path):
    content = {"step": 3, "model": {"w": torch.ones(2)}, "a": [1.5, (None, "x", True)]}
    torch.save(content, path)
    found = read_torch_content(path)
    assert found.pop("model")["w"].tolist() == [1, 1]
    assert found == {"step": 3, "a": [1.5, (None, "x", True)]}


def test_content_with_anything_else_is_refused(tmp_path, path):
    sentinel = tmp_path / "sentinel"
    write(path, dumps({"a": [Call(os.system, f"touch {sentinel}")]}))
    with pytest.raises(ValueError, match="got something else in a"):
        read_torch_content(path)
    assert not sentinel.exists()
    write(path, dumps({(1, 2): 3}))
    with pytest.raises(ValueError, match="keys of the pickle"):
        read_torch_content(path)


@pytest.mark.usefixtures("unchecked")  # a million calls, each checked, take 25 s
def test_content_that_repeats_itself_is_refused(path):
    found = [1]
    for _ in range(40):
        found = [found, found]
    write(path, dumps(found))
    with pytest.raises(ValueError, match="at most 1,000,000 values"):
        read_torch_content(path)
    found.append(found)
    write(path, dumps(found))
    with pytest.raises(ValueError, match="50 levels deep"):
        read_torch_content(path)


@pytest.mark.parametrize("read", [read_torch_zip, read_torch_content])
def test_storages_that_too_many_tensors_share_are_refused(path, read):
    content = {f"w{i}": tensor(size=(1_000,)) for i in range(100)}
    write(path, dumps(content), **{"data/0": bytes(4_000)})
    with pytest.raises(ValueError, match="8 times the bytes of the file; got more"):
        read(path)
    torch.save({"a": (w := torch.ones(1_000)), "b": w, "c": w}, path)
    assert len(read(path)) == 3
