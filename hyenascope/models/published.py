"""The seven published checkpoints, those shipped here, and where both come from.

Published weights are fetched from the ``-hf`` repositories of LongSafari on the
Hugging Face hub, whose safetensors hold nothing but numbers, at the commits pinned
below: a name means the same weights tomorrow.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import huggingface_hub
import pandas as pd
import torch
from huggingface_hub.errors import RevisionNotFoundError

from hyenascope._typing import StrPath
from hyenascope.data.file_sha256 import file_sha256
from hyenascope.models.config_dialects import read_config
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.state_layouts import model_tensors

BUNDLED = ("demo-synthetic", "yeast-1k")
"""Names of the checkpoints shipped with the package."""

_WEIGHTS_FOLDER = Path(str(files("hyenascope"))) / "weights"
_OWNER = "LongSafari/"
_PUBLISHED_LICENCE = "BSD-3-Clause (model card); code repository Apache-2.0"
_OWN_LICENCE = "Apache-2.0, as hyenascope"
_BYTES_PER_STATE = 40  # measured peak beyond weights and spectra, 34 to 40
_BYTES_PER_FREQUENCY = 8  # one complex64
_SCRATCH = 50_000_000


@dataclass(frozen=True)
class PublishedCheckpoint:
    """One of the seven: what to ask the hub for, and the size of the network.

    Parameters
    ----------
    name
        Short name.
    repo
        Repository of the original release, without the owner.
    revision
        Pinned commit of the ``-hf`` repository.
    config
        The network's numbers.
    """

    name: str
    repo: str
    revision: str
    config: HyenaConfig

    @property
    def hub_repo(self) -> str:
        """Repository that weights are fetched from."""
        return f"{_OWNER}{self.repo}-hf"


def _published(
    name: str, repo: str, revision: str, width: int, n_layer: int, bases: int
) -> PublishedCheckpoint:
    # Every published context has two tokens more than bases.
    config = HyenaConfig(
        d_model=width, n_layer=n_layer, d_inner=4 * width, l_max=bases + 2
    )
    return PublishedCheckpoint(name, f"hyenadna-{repo}", revision, config)


PUBLISHED = tuple(
    _published(*row)
    for row in (
        (
            *("tiny-1k", "tiny-1k-seqlen"),
            *("e8c1effa8673814e257e627d2e1eda9ea5a373f6", 128, 2, 1_024),
        ),
        (
            *("tiny-1k-d256", "tiny-1k-seqlen-d256"),
            *("6036d4e144922b44470294f510cbfd2539ba3b7e", 256, 2, 1_024),
        ),
        (
            *("tiny-16k", "tiny-16k-seqlen-d128"),
            *("d79fa37e2cd62dd338103c630f95be8f90812d46", 128, 2, 16_384),
        ),
        (
            *("small-32k", "small-32k-seqlen"),
            *("8fe770c78eb13fe33bf81501612faeddf4d6f331", 256, 4, 32_768),
        ),
        (
            *("medium-160k", "medium-160k-seqlen"),
            *("7ebf71773d22c0ede2cc55cb2be15ee8c289e1ce", 256, 8, 160_000),
        ),
        (
            *("medium-450k", "medium-450k-seqlen"),
            *("42dedd4d374eac0fb8168549e546a3472fbd27ae", 256, 8, 450_000),
        ),
        (
            *("large-1m", "large-1m-seqlen"),
            *("0a629abf9c7f85b4ec9aa6a1aefa3adcf1907446", 256, 8, 1_000_000),
        ),
    )
)
"""The seven published checkpoints, shortest context first."""


def find_published(name: str) -> PublishedCheckpoint | None:
    """Return the checkpoint of a short or full name, or None.

    Examples
    --------
    >>> find_published("LongSafari/hyenadna-small-32k-seqlen-hf").name
    'small-32k'
    """
    repo = name.removeprefix(_OWNER).removesuffix("-hf")
    for checkpoint in PUBLISHED:
        if name == checkpoint.name or repo == checkpoint.repo:
            return checkpoint
    return None


def bundled_folder(name: str) -> Path:
    """Return the folder of a checkpoint shipped with the package."""
    return _WEIGHTS_FOLDER / name


def list_models() -> pd.DataFrame:
    """Return what `load_pretrained` knows by name, one row per checkpoint.

    Columns: ``name``; ``repo``, the hub repository or "bundled"; ``context`` in
    bases; ``d_model``; ``n_layer``; ``parameters``; ``weights_mb``, the size of the
    download; ``memory_mb``; ``revision``, the pinned commit; ``licence``.

    ``memory_mb`` estimates one forward pass over a full context in float32 on the
    CPU, beyond Python and torch themselves (about 220 MB): 50 MB of scratch, 4 bytes
    per parameter and buffer, and ``d_model * l_max`` times 8 bytes per block for the
    filter spectra that are kept between calls and 40 bytes for states in flight. A
    pass over L tokens needs ``L / l_max`` of the last part. Megabytes are 10⁶ bytes.

    Examples
    --------
    >>> list_models().set_index("name").loc["tiny-1k", ["context", "parameters"]]
    context         1024
    parameters    436096
    Name: tiny-1k, dtype: object
    """
    shipped = [n for n in BUNDLED if (bundled_folder(n) / "config.json").is_file()]
    rows = [_bundled_row(name) for name in shipped]
    for checkpoint in PUBLISHED:
        row = _row(checkpoint.name, checkpoint.config)
        row |= {"repo": checkpoint.hub_repo, "revision": checkpoint.revision}
        rows.append(row | {"licence": _PUBLISHED_LICENCE})
    return pd.DataFrame(rows)


def _bundled_row(name: str) -> dict[str, object]:
    row = _row(name, read_config(bundled_folder(name) / "config.json").config)
    return row | {"repo": "bundled", "revision": "", "licence": _OWN_LICENCE}


def _row(name: str, config: HyenaConfig) -> dict[str, object]:
    with torch.device("meta"):
        model = HyenaLM(config)
    stored = 4 * sum(tensor.numel() for tensor in model_tensors(model).values())
    spectra = _BYTES_PER_FREQUENCY * config.n_layer * (config.order - 1)
    per_token = config.d_model * (spectra + _BYTES_PER_STATE)
    return {
        "name": name,
        "repo": "",
        "context": config.context_length,
        "d_model": config.d_model,
        "n_layer": config.n_layer,
        "parameters": model.num_parameters(),
        "weights_mb": round(stored / 1e6, 1),
        "memory_mb": round((_SCRATCH + stored + per_token * config.l_max) / 1e6),
    }


def download(
    checkpoint: PublishedCheckpoint,
    *,
    revision: str | None = None,
    cache_dir: StrPath | None = None,
) -> Path:
    """Fetch ``config.json`` and ``model.safetensors``; return their folder.

    Files that the cache holds are not fetched again, so it may be one that cannot be
    written. Processes that share it take turns. A connection that breaks off is taken
    up where it stopped. Files must have the digest that the hub names them by;
    others are taken out of the cache, so that the next call fetches them. The
    environment variables of
    huggingface_hub apply: ``HF_HOME``, ``HF_ENDPOINT``, ``HF_HUB_OFFLINE``.

    Parameters
    ----------
    checkpoint
        What to fetch.
    revision
        Commit, tag or branch of the ``-hf`` repository; the pinned commit if None.
    cache_dir
        Cache folder; that of huggingface_hub if None.

    Raises
    ------
    ValueError
        If the repository has no such revision, or a file is damaged.
    ConnectionError
        If the hub cannot be reached or breaks off, and the cache lacks the files.
    """
    revision = revision or checkpoint.revision
    try:
        paths = [
            huggingface_hub.hf_hub_download(
                checkpoint.hub_repo,
                filename,
                revision=revision,
                cache_dir=None if cache_dir is None else Path(cache_dir),
                endpoint=os.environ.get("HF_ENDPOINT"),
            )
            for filename in ("config.json", "model.safetensors")
        ]
    except RevisionNotFoundError as err:
        raise ValueError(
            f"revision must exist in {checkpoint.hub_repo}; got {revision!r}."
        ) from err
    except Exception as err:  # every release of the client has its own classes
        raise ConnectionError(
            f"cannot fetch {checkpoint.name} ({checkpoint.hub_repo} at {revision}): "
            f"{str(err).splitlines()[0] if str(err) else type(err).__name__} "
            "Without a network, give load_pretrained a folder with config.json and "
            "model.safetensors, or set HF_HOME (or cache_dir=) to a cache that holds "
            "them; HF_HUB_OFFLINE=1 keeps to that cache."
        ) from err
    damage = [told for path in paths if (told := _damage(Path(path)))]
    if damage:
        raise ValueError(" ".join(damage))
    return Path(paths[1]).parent


def _damage(path: Path) -> str:
    """Say so if a file has not the digest that the hub names it by, and drop it.

    Large files go by their SHA-256, the others by git's SHA-1 of a blob.
    """
    blob = path.resolve()
    if re.fullmatch("[0-9a-f]{64}", blob.name):
        kind, found = "SHA-256", {file_sha256(blob)}
    elif re.fullmatch("[0-9a-f]{40}", blob.name):
        content = blob.read_bytes()
        heads = (b"blob %d\0" % len(content), b"")  # some mirrors name it plainly
        kind, found = "SHA-1", {_sha1(head + content) for head in heads}
    else:
        return ""
    if blob.name in found:
        return ""
    then = "It was taken out of the cache; load again."
    try:
        blob.unlink()
    except OSError:  # a cache of somebody else's
        then = f"Delete {blob} and load again."
    got = " or ".join(sorted(found))
    return f"{path.name} must have the {kind} {blob.name}; got {got}. {then}"


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
