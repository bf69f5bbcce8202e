"""The forward pass as a file of its own: a program of PyTorch, or ONNX.

For services and other languages, where there is no hyenascope. Rows have one length;
a shorter one is padded on the right.
"""

import warnings

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from hyenascope._device import borrow
from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.track_model import TrackModel
from hyenascope.sequence.tokenizer import BASE_TOKENS

TokenModel = HyenaLM | SequenceModel | TrackModel

_ROWS = 2  # of the example; of one row, the tracer makes a constant
_OPSET = 20  # the first whose DFT takes its axis as an input


def export_program(model: TokenModel, length: int) -> ExportedProgram:
    """Return the forward pass as `torch.export` writes it down.

    ``torch.export.save(program, "model.pt2")`` writes a file that `torch.export.load`
    and PyTorch's C++ loader open without this package. It takes tokens, ``batch
    length`` of int64 with A7 C8 G9 T10 N11, any batch; it gives what the model gives:
    logits, ``batch length 16``, where row i scores token i + 1, or those of a head.
    Weights are those of the CPU; filters are written anew in every pass.

    Parameters
    ----------
    model
        A language model, or one with a head.
    length
        Tokens per row. Shorter rows end in ``[PAD]``, token 4, which a causal model
        and a head never see; a two-sided language model takes whole rows alone.

    Raises
    ------
    TypeError
        If the model is none of ours.
    ValueError
        If the length does not fit the context.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> program = export_program(model, 32)
    >>> program.module()(torch.full((3, 32), 7)).shape
    torch.Size([3, 32, 16])
    """
    tokens = _example(model, length)
    with borrow(model, "cpu"), torch.no_grad():
        shapes = {"tokens": {0: Dim("batch")}}
        return torch.export.export(model, (tokens,), dynamic_shapes=shapes)


def to_onnx(model: TokenModel, path: StrPath, length: int) -> None:
    """Write the forward pass as an ONNX file, whole or not at all.

    The file has one input, ``tokens``, and one output, ``logits``, as in
    `export_program`, and holds its weights. Long convolutions are ONNX's DFT, which
    onnxruntime runs some times slower than PyTorch does. Needs the extra ``onnx``.

    Parameters
    ----------
    model
        A language model, or one with a head.
    path
        Where to write.
    length
        Tokens per row, as in `export_program`.

    Raises
    ------
    ImportError
        If onnxscript is missing.
    TypeError
        If the model is none of ours.
    ValueError
        If the length does not fit the context.

    Examples
    --------
    >>> import tempfile
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> to_onnx(model, f"{tempfile.mkdtemp()}/model.onnx", 32)
    """
    try:
        import onnxscript  # noqa: F401
    except ImportError as err:
        raise ImportError(
            "onnxscript must be installed for this "
            "(pip install hyenascope[onnx]); got none."
        ) from err
    program = export_program(model, length)
    with warnings.catch_warnings():
        # PyTorch's exporter copies a tree of its own in a form that it deprecates.
        warnings.filterwarnings("ignore", category=FutureWarning, module="copyreg")
        file = torch.onnx.export(
            program,
            input_names=["tokens"],
            output_names=["logits"],
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    assert file is not None
    with atomic_path(path) as temporary:
        file.save(temporary)


def _example(model: TokenModel, length: int) -> Tensor:
    if not isinstance(model, TokenModel):
        raise TypeError(
            "model must be a HyenaLM, SequenceModel or TrackModel; got "
            f"{type(model).__name__}."
        )
    longest = model.config.l_max
    if not 1 <= length <= longest:
        raise ValueError(f"length must be 1 to {longest:,}; got {length:,}.")
    bases = torch.arange(_ROWS * length) % len(BASE_TOKENS)
    return (bases + BASE_TOKENS[0]).view(_ROWS, length)
