"""What tells one input, or one model, from another: the facts that a manifest holds."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hyenascope.cluster.places import PlaceSource
from hyenascope.cluster.run_folder import file_hash
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.interpret.background import Background
from hyenascope.interpret.variant_sources import VariantSource, collect_variants
from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.state_layouts import tensors_hash


def file_facts(path: Path) -> dict[str, Any]:
    """Return name, size and sha256; a file that is not there has none."""
    digest = file_hash(path)
    size = path.stat().st_size if digest else None
    return {"file": path.name, "bytes": size, "sha256": digest}


def genome_facts(reader: FastaReader) -> dict[str, Any]:
    """Return the facts of its file, and the fingerprint that results carry."""
    return {**file_facts(reader.path), "fingerprint": reader.fingerprint}


def variants_facts(variants: VariantSource) -> dict[str, Any]:
    """Return the facts of a file, or a hash of what is in memory."""
    if isinstance(variants, str | Path):
        return file_facts(Path(variants))
    lines = (f"{each}\t{each.id}\n" for each in collect_variants(variants))
    return _text_facts("".join(lines))


def places_facts(places: PlaceSource) -> dict[str, Any]:
    """Return the facts of a file, or a hash of what is in memory."""
    if isinstance(places, str | Path):
        return file_facts(Path(places))
    if isinstance(places, pd.DataFrame):
        return _text_facts(places.to_csv(index=False))
    return _text_facts(repr([places] if isinstance(places, Interval) else list(places)))


def background_facts(background: Background) -> dict[str, Any]:
    """Return a hash of all that a percentile depends on."""
    scores = background.scores
    contexts = scores.obs[["ref", "alt", "trinucleotide_context"]].astype(str)
    parts = [contexts.to_csv(), scores.var[["strand"]].astype(str).to_csv()]
    digest = hashlib.sha256("".join(parts).encode())
    digest.update(np.ascontiguousarray(scores.X, np.float64).tobytes())
    digest.update(f"{background.classes} {background.least}".encode())
    return {"sha256": digest.hexdigest()}


def model_facts(model: HyenaLM | SequenceModel) -> dict[str, Any]:
    """Return name, hash and type of the weights, those of a head among them."""
    if isinstance(model, SequenceModel):
        whole = {name: each.cpu() for name, each in model.state_dict().items()}
        return {**model_facts(model.backbone), "weights": tensors_hash(whole)}
    dtype = model.backbone.embeddings.word_embeddings.weight.dtype
    return {
        "model": model.name,
        "checkpoint_hash": checkpoint_hash(model),
        "modulation_shift": model.config.modulation_shift,
        "dtype": str(dtype).removeprefix("torch."),
    }


def _text_facts(text: str) -> dict[str, Any]:
    return {"file": None, "sha256": hashlib.sha256(text.encode()).hexdigest()}
