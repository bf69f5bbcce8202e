"""What is learnt from and judged, in one word: a hash of sequences and labels."""

import hashlib
import json

from hyenascope.data.labelled_sequences import LabelledSequences


def rows_hash(data: LabelledSequences) -> str:
    """Return a sha256 of the sequences, labels and splits of data, in their order.

    The provenance of data has the hashes of their files: not that of the genome which
    intervals were read from, and not which rows were taken, moved or left out.

    Examples
    --------
    >>> import numpy as np
    >>> data = LabelledSequences(
    ...     "toy", ("A", "C"), np.array([0, 1]), ("no", "yes"), ("test",) * 2, "binary"
    ... )
    >>> rows_hash(data) == rows_hash(data.take([1, 0]))
    False
    """
    hashed = hashlib.sha256()
    labels = data.labels.tolist()
    for row in zip(data.sequences, labels, data.splits, strict=True):
        hashed.update(json.dumps(row).encode())
    return hashed.hexdigest()
