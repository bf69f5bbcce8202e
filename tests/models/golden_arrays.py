"""Recompute every array of the golden files, under the names they have there.

The reference implementation wrote its forward pass, intermediates, filters and
gradients for four small random models; `recompute` produces ours.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hyenascope.models import hyena_mixer
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.state_layouts import read_weights

HERE = Path(__file__).parent / "golden"
PAD = 4

CONFIGS = {
    "tiny": HyenaConfig(d_model=32, d_inner=128, l_max=258),
    "ckpt": HyenaConfig(d_model=16, n_layer=3, d_inner=64, l_max=1026),
    "order3": HyenaConfig(
        d_model=16, d_inner=64, l_max=130, order=3, train_positions=True
    ),
    "posemb": HyenaConfig(
        d_model=8,
        n_layer=1,
        d_inner=24,
        vocab_size=13,
        l_max=66,
        emb_dim=7,
        filter_order=20,
        num_inner_mlps=3,
        activation_freq=3.0,
        train_positions=True,
        modulation_shift=0.0,
        fast_decay_pct=0.4,
        slow_decay_pct=2.0,
        decay_target=0.02,
        layer_norm_epsilon=1e-3,
    ),
}
WEIGHTS = {
    "tiny": "tiny/weights.safetensors",
    "ckpt": "layered/weights.ckpt",
    "order3": "order3/weights.safetensors",
    "posemb": "posemb/weights.safetensors",
}


def golden_model(name: str, dtype: torch.dtype) -> HyenaLM:
    model = HyenaLM(CONFIGS[name])
    weights = read_weights(HERE / "checkpoints" / WEIGHTS[name])
    missing, extra = model.load_state_dict(weights, strict=False)
    assert not extra
    # A shared tensor may be stored under one of its names only.
    assert all("freq" in key or "lm_head" in key for key in missing)
    return model.to(dtype).eval()


@dataclass(frozen=True)
class Golden:
    """The reference in float64, and how far off its own float32 run was.

    Keys are "forward/L17.logits", "filter/layer0.L17.k", "grads/L17.param.…".
    """

    inputs: dict[str, np.ndarray]
    arrays: dict[str, np.ndarray]
    errors: dict[str, float]


def bundled(name: str) -> Golden:
    """The selection kept with the tests: L ≤ 17, and the outputs at ``l_max``."""
    parts = [
        dict(np.load(HERE / f"{name}_{part}.npz")) for part in ("forward", "grads")
    ]
    merged = parts[0] | parts[1]
    errors = {k[6:]: float(v) for k, v in merged.items() if k.startswith("error/")}
    return _golden({k: v for k, v in merged.items() if k[6:] not in errors}, errors)


def everything(folder: Path) -> Golden:
    """All arrays of one configuration as the reference wrote them."""
    f64, f32 = _load(folder, "f64"), _load(folder, "f32")
    shared = [key for key in f32 if not key.endswith(".ids")]
    return _golden(f64, {k: float(abs(f32[k] - f64[k]).max()) for k in shared})


def _load(folder: Path, precision: str) -> dict[str, np.ndarray]:
    return {
        f"{kind}/{key}": array
        for kind in ("forward", "filter", "grads")
        for key, array in np.load(folder / f"{kind}_{precision}.npz").items()
    }


def _golden(arrays: dict[str, np.ndarray], errors: dict[str, float]) -> Golden:
    inputs = {k: v for k, v in arrays.items() if k.endswith(".ids")}
    rest = {k: v for k, v in arrays.items() if k not in inputs}
    return Golden(inputs, rest, errors)


def recompute(
    model: HyenaLM, inputs: dict[str, np.ndarray], keys: set[str]
) -> dict[str, np.ndarray]:
    """Our values of ``keys``; ``inputs`` holds the token ids they start from."""
    wanted = defaultdict(set)
    for key in keys:
        kind, rest = key.split("/")
        wanted[kind].add(rest.split(".")[0])
    found: dict[str, Tensor] = {}
    for length in wanted["forward"]:
        ids = torch.from_numpy(inputs[f"forward/{length}.ids"])
        found |= _named(f"forward/{length}", forward_arrays(model, ids))
    for length in wanted["grads"]:
        ids = torch.from_numpy(inputs[f"grads/{length}.ids"])
        found |= _named(f"grads/{length}", gradient_arrays(model, ids))
    for key in keys:
        if match := re.fullmatch(r"filter/layer(\d+)\.L(\d+)\.k", key):
            layer, length = map(int, match.groups())
            filter_fn = model.backbone.layers[layer].mixer.filter_fn
            found[key] = filter_fn(length)
    return {key: found[key].detach().numpy() for key in keys}


def forward_arrays(model: HyenaLM, ids: Tensor) -> dict[str, Tensor]:
    """Everything the reference recorded in one forward pass."""
    with recording(model) as seen:
        hidden = model.hidden(ids)
    logits = model.head(hidden)
    embedded = model.backbone.embeddings.word_embeddings(ids)
    seen |= {"embed": embedded, "hidden": hidden, "logits": logits}
    if ids.shape[1] > 1:
        nll = _token_nll(logits, ids)
        seen |= {"token_nll": nll, "loss": nll.mean()}
        seen["loss_ignore_pad"] = nll[ids[:, 1:] != PAD].mean()
    return seen


def gradient_arrays(model: HyenaLM, ids: Tensor) -> dict[str, Tensor]:
    """Gradients of the mean loss; the two uses of the tied matrix kept apart."""
    model.zero_grad()
    table = model.lm_head.weight
    lookup, head = (table.detach().clone().requires_grad_() for _ in range(2))
    embedded = functional.embedding(ids, lookup)
    hidden = model.backbone(embedded)
    embedded.retain_grad()
    hidden.retain_grad()
    loss = _token_nll(hidden @ head.T, ids).mean()
    loss.backward()
    tied = "param.backbone.embeddings.word_embeddings.weight"
    return {
        "loss": loss,
        "input_embeddings": embedded.grad,
        "hidden": hidden.grad,
        f"{tied}.lookup_only": lookup.grad,
        "param.lm_head.weight.head_only": head.grad,
        **{f"param.{k}": p.grad for k, p in model.named_parameters() if p is not table},
        tied: lookup.grad + head.grad,
    }


@contextmanager
def recording(model: HyenaLM) -> Iterator[dict[str, Tensor]]:
    """Fill a dictionary with the intermediates of the next call, by golden name."""
    seen: dict[str, Tensor] = {}
    calls: dict[str, list] = {"short_conv": [], "spectral_conv": []}
    handles = []

    def listen(module: nn.Module, name: str) -> None:
        def hook(_, inputs, output):
            seen[f"{name}.in"], seen[f"{name}.out"] = inputs[0], output

        handles.append(module.register_forward_hook(hook))

    def wrap(name: str):
        original = getattr(hyena_mixer, name)

        def wrapper(u, *args, **kwargs):
            y = original(u, *args, **kwargs)
            calls[name].append((u, y))
            return y

        setattr(hyena_mixer, name, wrapper)
        return original

    originals = {name: wrap(name) for name in calls}
    for i, block in enumerate(model.backbone.layers):
        for part in ("norm1", "norm2", "mlp", "mlp.fc1", "mlp.fc2", "mixer"):
            listen(block.get_submodule(part), f"{i}.{part}")
        listen(block, f"{i}.block")
    try:
        yield seen
    finally:
        for name, original in originals.items():
            setattr(hyena_mixer, name, original)
        for handle in handles:
            handle.remove()
    raw = dict(seen)
    seen.clear()
    for i, block in enumerate(model.backbone.layers):
        for key, value in _block_arrays(i, block, raw, calls).items():
            seen[f"block{i}.{key}"] = value


def _block_arrays(i, block, raw, calls) -> dict[str, Tensor]:
    convs = block.mixer.config.order - 1
    projected, smooth = calls["short_conv"][i]
    long = calls["spectral_conv"][i * convs : (i + 1) * convs]
    arrays = {
        "norm1": raw[f"{i}.norm1.out"],
        "in_proj": projected.transpose(1, 2),
        "short_conv": smooth,
        "gated": (long[-1][1] * smooth[:, : block.config.d_model]).transpose(1, 2),
        "mixer_out": raw[f"{i}.mixer.out"],
        "norm2": raw[f"{i}.norm2.out"],
        "fc1": raw[f"{i}.mlp.fc1.out"],
        "gelu": raw[f"{i}.mlp.fc2.in"],
        "out_hidden": raw[f"{i}.mlp.out"],
        "out_residual": raw[f"{i}.norm2.in"],
        "stream": raw[f"{i}.block.out"],
    }
    for j, (u, y) in enumerate(long):
        arrays |= {f"longconv{j}.in": u, f"longconv{j}.out": y}
    return arrays


def _token_nll(logits: Tensor, ids: Tensor) -> Tensor:
    log_p = logits[:, :-1].log_softmax(-1)
    return -log_p.gather(-1, ids[:, 1:, None])[..., 0]


def _named(prefix: str, arrays: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{key}": value for key, value in arrays.items()}
