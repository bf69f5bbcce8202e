"""Motif databases in MEME's text format: JASPAR, HOCOMOCO, YEASTRACT and others."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from hyenascope._typing import StrPath
from hyenascope.data._text_lines import check_file, numbered_lines

_WIDTH = re.compile(r"\bw=\s*(\d+)")
_SLACK = 0.05  # rounded rows do not add up to 1

Motif = Float64[np.ndarray, "length 4"]
"""Probabilities per position, columns A, C, G, T; each row adds up to 1."""


class MemeError(ValueError):
    """A motif file that cannot be read; the message names the line."""


def read_meme(path: StrPath) -> dict[str, Motif]:
    """Return the motifs of a MEME file by name, in file order.

    A name is the rest of the ``MOTIF`` line: ``"MA0139.1 CTCF"`` in JASPAR,
    ``"AHR.H12CORE.0.P.B"`` in HOCOMOCO. Rows are scaled to add up to 1. Only the
    letter-probability matrices are read, not backgrounds or sites.

    Parameters
    ----------
    path
        Plain or gzip.

    Raises
    ------
    MemeError
        If the file is missing, holds no motif, has another alphabet, the same name
        twice, or a matrix that is cut short or no probabilities.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "one.meme"
    ...     lines = "MOTIF ME1 half|letter-probability matrix: w= 1|0.5 0.5 0 0|"
    ...     _ = path.write_text(lines.replace("|", chr(10)))
    ...     read_meme(path)
    {'ME1 half': array([[0.5, 0.5, 0. , 0. ]])}
    """
    check_file(Path(path), MemeError)
    lines = numbered_lines(Path(path), MemeError)
    motifs: dict[str, Motif] = {}
    name, named_at = None, 0
    for number, line in lines:
        where = f"{path} line {number}"
        if line.startswith("ALPHABET") and "=" in line:
            _check_alphabet(line, where)
        elif line.startswith("MOTIF"):
            if name is not None:
                raise MemeError(f"{path} line {named_at}: {name!r} has no matrix.")
            name, named_at = " ".join(line.split()[1:]), number
            if not name or name in motifs:
                raise MemeError(
                    f"{where}: a motif must have its own name; got {name!r}."
                )
        elif line.startswith("letter-probability"):
            if name is None:
                raise MemeError(f"{where}: a matrix must follow a MOTIF line.")
            motifs[name] = _read_matrix(lines, line, where, str(path))
            name = None
    if name is not None:
        raise MemeError(f"{path} line {named_at}: {name!r} has no matrix.")
    if not motifs:
        raise MemeError(f"{path} holds no motif; is it a MEME file?")
    return motifs


def _check_alphabet(line: str, where: str) -> None:
    alphabet = line.split("=", 1)[1].split()
    if "".join(alphabet) != "ACGT":
        raise MemeError(f"{where}: the alphabet must be ACGT; got {line.strip()!r}.")


def _read_matrix(
    lines: Iterator[tuple[int, str]], head: str, where: str, path: str
) -> Motif:
    width = _WIDTH.search(head)
    if width is None or int(width[1]) < 1:
        raise MemeError(f"{where}: must say w= and a width; got {head.strip()!r}.")
    rows: list[Float64[np.ndarray, " 4"]] = []
    while len(rows) < int(width[1]):
        number, line = next(lines, (0, None))
        if line is None:
            raise MemeError(
                f"{where}: the matrix must have {width[1]} rows; the file ends after "
                f"{len(rows)}."
            )
        if line.strip():
            rows.append(_probabilities(line, f"{path} line {number}"))
    return np.array(rows)


def _probabilities(line: str, where: str) -> Float64[np.ndarray, " 4"]:
    try:
        row = np.array([float(field) for field in line.split()])
    except ValueError:
        row = np.empty(0)
    if len(row) != 4 or not (row >= 0).all() or abs(row.sum() - 1) > _SLACK:
        raise MemeError(
            f"{where}: must hold four probabilities that add up to 1; "
            f"got {line.strip()!r}."
        )
    return row / row.sum()
