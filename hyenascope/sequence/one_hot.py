"""DNA as one-hot rows and back; what is not A, C, G or T is a row of zeros."""

import numpy as np
from jaxtyping import Float32, Int, Num

from hyenascope.sequence.tokenizer import BASE_TOKENS, N_TOKEN, detokenize, tokenize

_TOKENS = np.array(BASE_TOKENS)


def one_hot(
    sequence: str | Int[np.ndarray, "*batch length"],
) -> Float32[np.ndarray, "*batch length 4"]:
    """Return one row per base, columns A, C, G, T.

    Parameters
    ----------
    sequence
        DNA text in either case, or tokens, ``length`` or ``batch length``. N, other
        IUPAC codes, padding and special tokens are rows of zeros.

    Raises
    ------
    ValueError
        If a text holds anything but IUPAC letters, naming the first.

    Examples
    --------
    >>> one_hot("AgN")
    array([[1., 0., 0., 0.],
           [0., 0., 1., 0.],
           [0., 0., 0., 0.]], dtype=float32)
    """
    tokens = tokenize(sequence) if isinstance(sequence, str) else sequence
    return (tokens[..., None] == _TOKENS).astype(np.float32)


def from_one_hot(rows: Num[np.ndarray, "length 4"]) -> str:
    """Return the upper-case text of one-hot rows; a row of zeros is N.

    Raises
    ------
    ValueError
        If a row is neither a single one nor all zeros, naming its 0-based index.

    Examples
    --------
    >>> from_one_hot(np.array([[0, 1, 0, 0], [0, 0, 0, 0]]))
    'CN'
    """
    ones = rows == 1
    proper = (ones | (rows == 0)).all(axis=1) & (ones.sum(axis=1) <= 1)
    if not proper.all():
        index = int(np.argmin(proper))
        raise ValueError(
            "rows must hold a single one or only zeros; got "
            f"{rows[index].tolist()} at index {index}."
        )
    tokens = np.where(ones.any(axis=1), _TOKENS[ones.argmax(axis=1)], N_TOKEN)
    return detokenize(tokens)
