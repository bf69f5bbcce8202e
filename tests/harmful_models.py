"""Weights and configurations that somebody made to harm whoever loads them."""

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import torch

from hyenascope.models.checkpoint import load_pretrained, save_pretrained
from hyenascope.models.fine_tuned import load_fine_tuned, save_fine_tuned
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.prompted import PromptedModel, dna_prompt
from hyenascope.models.saved_prompt import load_prompt, save_prompt
from hyenascope.models.saved_track_model import load_track_model, save_track_model
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.models.track_model import TrackModel
from tests.models.test_unpickle import Call, dumps, tensor

CONFIG = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
TASK = SequenceTask("regression", ("signal",))
DEEP = b"[" * 200_000

Attack = Callable[[Path], Callable[[], object]]
"""Makes the files in a folder and returns what reads them."""


def model_attacks() -> Iterator[tuple[str, Attack]]:
    """Yield every attack by the name of its reader and its own."""
    yield from _configurations()
    yield from _heads()
    yield from _weights()
    yield from _run_checkpoints()


def changed(path: Path, changes: Mapping[str, object], within: str = "") -> None:
    """Change what a JSON file says."""
    whole = json.loads(path.read_text())
    (whole[within] if within else whole).update(changes)
    path.write_text(json.dumps(whole))


def touch(folder: Path) -> Call:
    return Call(os.system, f"touch {folder.parent / 'canary'}")


def _configurations() -> Iterator[tuple[str, Attack]]:
    asked = {
        **dict.fromkeys(("d_model", "order", "filter_order"), 10**6),
        **dict.fromkeys(("n_layer", "num_inner_mlps"), 10**9),
        **dict.fromkeys(("l_max", "d_inner", "vocab_size"), 10**12),
        **{"emb_dim": 10**12 + 1, "short_filter_order": 10**12},
        "pad_vocab_size_multiple": 10**12,
    }
    for name, value in [*asked.items(), ("d_model", 10**400)]:
        changes = {name: value}

        def pretrained(folder: Path, changes=changes) -> Callable[[], object]:
            save_pretrained(HyenaLM(CONFIG), folder)
            changed(folder / "config.json", changes, "config")
            changed(folder / "config.json", {"checkpoint": None})
            return lambda: load_pretrained(folder)

        def fine_tuned(folder: Path, changes=changes) -> Callable[[], object]:
            save_fine_tuned(SequenceModel(HyenaLM(CONFIG), TASK), folder)
            changed(folder / "config.json", changes, "config")
            return lambda: load_fine_tuned(folder)

        size = "1e400" if value == 10**400 else f"{value:.0e}"
        yield f"config {name} {size}", pretrained
        yield f"fine-tuned {name} {size}", fine_tuned

    def unconfirmed(folder: Path) -> Callable[[], object]:
        weights = HyenaLM(CONFIG).state_dict().items()
        tensors = {name: t for name, t in weights if "pos_emb" not in name}
        save_pretrained(HyenaLM(CONFIG), folder)
        (folder / "model.safetensors").unlink()
        torch.save(tensors, folder / "weights.ckpt")
        changed(folder / "config.json", {"l_max": 10**9}, "config")
        changed(folder / "config.json", {"checkpoint": None})
        return lambda: load_pretrained(folder)

    yield "config l_max that no weights confirm", unconfirmed


def _heads() -> Iterator[tuple[str, Attack]]:
    def folder_of(load: str, file: str, change: object) -> Attack:
        def make(folder: Path) -> Callable[[], object]:
            backbone = HyenaLM(CONFIG)
            prompt = PromptedModel(
                backbone, TASK, dna_prompt(backbone, "ACGT"), answer="linear"
            )
            reads = {
                "pretrained": (save_pretrained, load_pretrained, backbone),
                "fine-tuned": (
                    *(save_fine_tuned, load_fine_tuned),
                    SequenceModel(backbone, TASK),
                ),
                "tracks": (
                    *(save_track_model, load_track_model),
                    TrackModel(backbone, TASK),
                ),
                "prompt": (save_prompt, lambda f: load_prompt(f, backbone), prompt),
            }
            save, read, model = reads[load]
            save(model, folder)  # type: ignore[operator]
            if isinstance(change, bytes):
                (folder / file).write_bytes(change)
            else:
                changed(folder / file, change)  # type: ignore[arg-type]
            return lambda: read(folder)  # type: ignore[operator]

        return make

    many = {"task": {"kind": "regression", "label_names": ["a"] * 2_000_000}}
    for load, file in (
        *(("fine-tuned", "head.json"), ("tracks", "head.json")),
        ("prompt", "prompt.json"),
    ):
        yield f"{load} labels", folder_of(load, file, many)
        yield f"{load} deep {file}", folder_of(load, file, DEEP)
        yield (
            f"{load} checkpoint",
            folder_of(load, file, {"checkpoint": [], "prompt": 1}),
        )
        yield f"{load} no object", folder_of(load, file, b"3")
    yield "pretrained deep", folder_of("pretrained", "config.json", DEEP)
    yield "tracks window", folder_of("tracks", "head.json", {"window": 10**12})


def _weights() -> Iterator[tuple[str, Attack]]:
    def header(shape: list[int], end: int, dtype: str = "F32") -> bytes:
        entry = {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}
        text = json.dumps({"w": entry}).encode()
        return struct.pack("<Q", len(text)) + text + bytes(min(end, 8))

    files = {
        "header of 9 EB": struct.pack("<Q", 2**63) + b"{}",
        "header of 100 MB": struct.pack("<Q", 10**8 - 1) + b"{}",
        "overflow": header([2**62, 4], 0),
        "empty and endless": header([0, 2**63], 0),
        "past the end": header([10**9], 4 * 10**9),
        "another type": header([1], 4, "F64"),
        "1,000 axes": header([1] * 1_000, 4),
        "deep": struct.pack("<Q", len(DEEP)) + DEEP,
    }
    for name, content in files.items():

        def make(folder: Path, content=content) -> Callable[[], object]:
            save_pretrained(HyenaLM(CONFIG), folder)
            (folder / "model.safetensors").write_bytes(content)
            return lambda: load_pretrained(folder)

        yield f"safetensors {name}", make


def _run_checkpoints() -> Iterator[tuple[str, Attack]]:
    def state(**changes: object) -> dict[str, object]:
        record = {"config": asdict(CONFIG)}
        weights = {"w": tensor()}
        return {"format": 2, "record": record, "model": weights, "average": None} | (
            changes
        )

    def laughs() -> list[object]:
        found: list[object] = [1]
        for _ in range(60):
            found = [found, found]
        return found

    big = {"config": asdict(CONFIG) | {"n_layer": 10**9}}
    pickles: dict[str, Callable[[Path], bytes]] = {
        "call": lambda f: dumps(state(best=touch(f))),
        "call for weights": lambda f: dumps(state(model=touch(f))),
        "deep key": lambda _: b"\x80\x02})" + b"\x85" * 1_000_000 + b"K\x01s.",
        "deep list": lambda _: b"\x80\x02" + b"]" * 10**5 + b"a" * (10**5 - 1) + b".",
        "laughs": lambda _: dumps(state(record=laughs())),
        "stride 0": lambda _: dumps(
            state(model={"w": tensor(size=(2**40,), stride=(0,))})
        ),
        "one storage": lambda _: dumps(
            state(model={f"w{i}": tensor() for i in range(10_000)})
        ),
        "layers": lambda _: dumps(state(record=big)),
        "memo": lambda _: b"\x80\x02Nr\xff\xff\xff\x7f.",
    }
    for name, pickled in pickles.items():

        def make(folder: Path, pickled=pickled) -> Callable[[], object]:
            path = folder / "x.pt"
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("x/version", b"3\n")
                archive.writestr("x/data.pkl", pickled(folder))
                archive.writestr("x/data/0", struct.pack("<4f", 1, 2, 3, 4))
            return lambda: load_pretrained(path)

        yield f"run checkpoint {name}", make

    def bomb(folder: Path) -> Callable[[], object]:
        plain, path = io.BytesIO(), folder / "x.pt"
        torch.save(state(model={"w": torch.zeros(2**27)}), plain)
        with (
            zipfile.ZipFile(plain) as stored,
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
        ):
            for entry in stored.infolist():
                packed.writestr(entry.filename, stored.read(entry))
        return lambda: load_pretrained(path)

    yield "run checkpoint bomb", bomb
