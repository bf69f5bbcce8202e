"""Rows of a run as they stood in its input, without holding them all."""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from hyenascope.cluster.genome_order import in_genome_order
from hyenascope.cluster.shard_inputs import as_table, read_rows

_ROWS_AT_ONCE = 4_096
_NUMBER = "input_row"


def in_given_order(files: Sequence[Path], scratch: Path) -> Iterator[pd.DataFrame]:
    """Yield tables whose rows follow one another by ``input_row``.

    Files that are in that order already are read one after the other; others are
    sorted on disk.

    Parameters
    ----------
    files
        Parquet with a column ``input_row``.
    scratch
        A folder to sort in; nothing is left there.
    """
    if _are_in_order(files):
        yield from map(pd.read_parquet, files)
        return
    schema = pq.read_schema(files[0]).remove_metadata()
    at = schema.get_field_index(_NUMBER)
    with tempfile.TemporaryDirectory(prefix="order-", dir=scratch) as folder:
        rows = in_genome_order(
            chain.from_iterable(map(read_rows, files)),
            lambda row: (0, int(row[at])),
            schema,
            Path(folder) / "sorting",
        )
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            yield as_table(some, schema).to_pandas()


def _are_in_order(files: Sequence[Path]) -> bool:
    last = -1
    for file in files:
        found = pq.read_table(file, columns=[_NUMBER])[_NUMBER].to_numpy()
        if (np.diff(found, prepend=last) < 0).any():
            return False
        last = found[-1]
    return True
