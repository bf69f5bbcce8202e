"""Files that somebody made to harm whoever reads them, and the readers they are for.

``python -m tests.harmful_files`` reads every one in a process of its own, where memory
and time are bounded, and prints what came of it as JSON.
"""

import io
import json
import logging
import os
import pickle
import shutil
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import anndata as ad
import h5py
import numcodecs
import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.cluster.manifest import Manifest
from hyenascope.cluster.result_store import create_store
from hyenascope.cluster.run import Run
from hyenascope.cluster.run_folder import RunFolder, ShardRecord
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.interpret.baselines import Baselines
from hyenascope.interpret.read_scores import read_scores
from hyenascope.interpret.score_files import h5ad_bytes
from hyenascope.training.recorded_model import read_record
from tests.fuzz import BYTES, bounded_memory, is_refusal, time_limit
from tests.harmful_models import DEEP, Attack, changed, model_attacks, touch

resource = pytest.importorskip("resource", reason="bounds of memory are POSIX's")


def attacks() -> Iterator[tuple[str, Attack]]:
    """Yield every attack by the name of its reader and its own."""
    yield from model_attacks()
    yield from _archives()
    yield from _runs()
    yield from _scores()


def _archives() -> Iterator[tuple[str, Attack]]:
    texts = ("ACAC", "GTTT", "ACACAC", "GTTTG")
    splits = ("train", "train", "dev", "dev")
    labels, names = np.array([0, 1, 0, 1]), ("ac", "gt")
    data = LabelledSequences("toy", texts, labels, names, splits, "binary")

    def npy(shape: tuple[int, ...], body: bytes = b"") -> bytes:
        made = io.BytesIO()
        facts = {"shape": shape, "fortran_order": False, "descr": "<f4"}
        np.lib.format.write_array_header_1_0(made, facts)
        return made.getvalue() + body

    def objects(folder: Path) -> bytes:
        made = io.BytesIO()
        np.save(made, np.array([touch(folder)], object))
        return made.getvalue()

    deflated = zipfile.ZIP_DEFLATED
    arrays: dict[str, tuple[Callable[[Path], bytes], int]] = {
        "terabyte": (lambda _: npy((2**40,)), deflated),
        "bomb": (lambda _: npy((2**27,), bytes(2**29)), deflated),
        "lzma bomb": (lambda _: npy((2**27,), bytes(2**29)), zipfile.ZIP_LZMA),
        "overflow": (lambda _: npy((2**40, 2**40)), deflated),
        "objects": (objects, zipfile.ZIP_STORED),
        "header": (lambda _: b"\x93NUMPY\x01\x00(#" + b"(" * 9_000, deflated),
    }
    for name, (content, packing) in arrays.items():
        for reader in ("record", "baselines"):

            def make(
                folder: Path, content=content, packing=packing, reader=reader
            ) -> Callable[[], object]:
                path = folder / "x.npz"
                with zipfile.ZipFile(path, "w", packing) as archive:
                    entry = "facts.npy" if reader == "record" else "order_0.npy"
                    archive.writestr(entry, content(folder))
                    archive.writestr("../../outside.npy", b"")
                if reader == "record":
                    return lambda: read_record(path, data, made_from={})
                return lambda: Baselines.load(path)

            yield f"{reader} {name}", make


def run_folder(folder: Path) -> Path:
    """Make a run that is done, and return its store."""
    genome = {"genome": {"file": "x", "fingerprint": "y"}}
    manifest = Manifest("score_variants", genome, {"model": "m"}, {}, "1", 8)
    manifest.write(folder)
    files = RunFolder(folder, manifest.digest)
    files.write_size(20, 8)
    columns = {"chrom": np.empty(0, object), "pos": np.empty(0, np.int64)}
    obs = pd.DataFrame(columns, index=pd.Index([], dtype=str))
    var = pd.DataFrame(index=["x", "y"])
    template = ad.AnnData(np.zeros((0, 2), np.float32), obs=obs, var=var)
    create_store(files.zarr, template, rows=20, shard_size=8, provenance={})
    for shard, rows in enumerate((8, 8, 4)):
        files.write_record(ShardRecord(shard, manifest.digest, rows, {}))
    return files.zarr


def code_in_a_chunk(folder: Path) -> Path:
    """Make a run whose store has a codec that runs code; return the store."""
    store = run_folder(folder)
    changes = {"filters": [{"id": "vlen-utf8"}, {"id": "pickle"}], "compressor": None}
    changed(store / "obs/chrom/.zarray", changes)
    (store / "obs/chrom/0").write_bytes(pickle.dumps(touch(folder)))
    return store


def _runs() -> Iterator[tuple[str, Attack]]:
    def array(name: str, changes: dict[str, object], chunk: bytes = b"") -> Attack:
        def make(folder: Path) -> Callable[[], object]:
            store = run_folder(folder)
            changed(store / name / ".zarray", changes)
            if chunk:
                (store / name / "0.0").write_bytes(chunk)
            return lambda: Run(folder).read()

        return make

    def file(name: str, content: bytes) -> Attack:
        def make(folder: Path) -> Callable[[], object]:
            run_folder(folder)
            (folder / name).write_bytes(content)
            return lambda: (repr(Run(folder)), Run(folder).read())

        return make

    def code(folder: Path) -> Callable[[], object]:
        code_in_a_chunk(folder)
        return lambda: Run(folder).read()

    def linked_code(folder: Path) -> Callable[[], object]:
        store = code_in_a_chunk(folder)
        elsewhere = (store / "obs").rename(folder / "elsewhere")
        (store / "obs").symlink_to(elsewhere, target_is_directory=True)
        return lambda: Run(folder).read()

    def endless_chunk(folder: Path) -> Callable[[], object]:
        chunk = run_folder(folder) / "X" / "0.0"
        chunk.symlink_to("/dev/zero")
        return lambda: Run(folder).read()

    def sparse_chunk(folder: Path) -> Callable[[], object]:
        with (run_folder(folder) / "X" / "0.0").open("wb") as file:
            file.truncate(2**40)
        return lambda: Run(folder).read()

    zeros = bytes(2**29)
    packed = numcodecs.Blosc(cname="zstd", clevel=9).encode(zeros)
    yield "run code in a chunk", code
    yield "run code behind a link", linked_code
    yield "run endless chunk", endless_chunk
    yield "run sparse chunk", sparse_chunk
    yield "run terabytes", array("X", {"shape": [10**12, 2]})
    yield "run chunk of terabytes", array("X", {"chunks": [10**12, 2]})
    yield "run below zero", array("X", {"shape": [-1, 2]})
    yield "run blosc bomb", array("X", {}, packed)
    zstd = {"compressor": {"id": "zstd", "level": 1}}
    yield "run zstd bomb", array("X", zstd, numcodecs.Zstd().encode(zeros))
    yield "run other format", file("result.zarr/X/zarr.json", b"{}")
    yield "run other metadata", file("result.zarr/.zmetadata", b"{}")
    yield "run deep array", file("result.zarr/X/.zarray", DEEP)
    yield "run deep attributes", file("result.zarr/.zattrs", DEEP)
    path = b'{"encoding-type":"dataframe","encoding-version":"0.2.0",'
    path += b'"_index":"_index","column-order":["../../../outside"]}'
    yield "run path", file("result.zarr/obs/.zattrs", path)
    yield "run rows", file("size.json", b'{"rows": 1000000000000, "shards": 3}')
    yield "run more rows", file("size.json", b'{"rows": 21, "shards": 3}')
    yield "run text for rows", file("size.json", b'{"rows": "a", "shards": -1}')
    yield "run deep size", file("size.json", DEEP)
    yield "run deep manifest", file("manifest.json", DEEP)
    odd = b'{"verb":1,"inputs":[],"model":3,"options":"","version":[],"shard_size":"x"}'
    yield "run odd manifest", file("manifest.json", odd)


def _scores() -> Iterator[tuple[str, Attack]]:
    def scores(change: Callable[[h5py.File, Path], None]) -> Attack:
        def make(folder: Path) -> Callable[[], object]:
            path = folder / "x.h5ad"
            path.write_bytes(h5ad_bytes(ad.AnnData(np.zeros((4, 2), np.float32))))
            with h5py.File(path, "a") as file:
                change(file, folder)
            return lambda: read_scores(path)

        return make

    def instead(file: h5py.File, **how: object) -> h5py.Dataset:
        facts = dict(file["X"].attrs)
        del file["X"]
        made = file.create_dataset("X", dtype="f4", **how)
        made.attrs.update(facts)
        return made

    def bomb(file: h5py.File, _: Path) -> None:
        shape = (2**27, 1)
        instead(file, shape=shape, chunks=shape, compression="gzip")[:] = 0

    def elsewhere(file: h5py.File, folder: Path) -> None:
        other = folder.parent / "secret"
        other.write_bytes(bytes(32))
        instead(file, shape=(4, 2), external=[(str(other), 0, 32)])

    def link(file: h5py.File, folder: Path) -> None:
        del file["X"]
        file["X"] = h5py.ExternalLink(str(folder.parent / "other.h5"), "X")

    def cycle(file: h5py.File, _: Path) -> None:
        file["uns"]["again"] = file["uns"]

    def laughs(file: h5py.File, _: Path) -> None:
        below = file.create_group("a0")
        for level in range(1, 12):
            above = file.create_group(f"a{level}")
            for name in range(8):
                above[str(name)] = below
            below = above

    yield "scores terabyte", scores(lambda f, _: instead(f, shape=(10**11, 3)) and None)
    yield "scores 3 GB", scores(lambda f, _: instead(f, shape=(25 * 10**7, 3)) and None)
    yield "scores bomb", scores(bomb)
    yield "scores of another file", scores(elsewhere)
    yield "scores link", scores(link)
    yield "scores cycle", scores(cycle)
    yield "scores laughs", scores(laughs)


def _memory(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return 1024 * int(line.split()[1])
    return 0


def _told(make: Attack, root: Path) -> dict[str, object]:
    """Read one, and tell what came of it."""
    folder = root / "made" / "folder"
    folder.mkdir(parents=True)
    read = make(folder)
    before = {path for path in root.rglob("*") if folder not in path.parents}
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts here
    used, began = _memory("VmRSS"), time.perf_counter()
    error, refused, named = "nothing: it was read", False, False
    try:
        with bounded_memory(), time_limit():
            read()
    except Exception as err:
        error, refused = f"{type(err).__name__}: {err}"[:300], is_refusal(err)
        named = str(folder) in str(err)
    after = {path for path in root.rglob("*") if folder not in path.parents}
    return {
        "error": error,
        "refused": refused,
        "named": named,
        "outside": sorted(map(str, after - before)),
        "bytes": max(0, _memory("VmHWM") - used),
        "seconds": time.perf_counter() - began,
    }


def in_a_process(make: Attack) -> dict[str, object]:
    """Do `_told` in a fork of this process, which may die of it."""
    root = Path(tempfile.mkdtemp())
    told = root / "told.json"
    child = os.fork()
    if not child:
        try:
            found = _told(make, root)
            told.write_text(json.dumps(found))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    try:
        return json.loads(told.read_text())
    except FileNotFoundError:
        return {"error": f"the process died of it, {status}", "refused": False}
    finally:
        shutil.rmtree(root)


def main() -> None:
    """Print by attack what came of it."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    # Newer releases ask first; older ones, which are allowed, do not.
    numcodecs.pickles.ALLOW_UNSAFE_PICKLE_DECODE = True
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    assert BYTES == 2**30
    found = {name: in_a_process(make) for name, make in attacks()}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
