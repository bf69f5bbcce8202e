"""Variant scores on disk: AnnData, annotated VCF, and plain tables."""

import io
from pathlib import Path

import anndata as ad
import h5py
import numpy as np

from hyenascope._typing import StrPath
from hyenascope.data.annotated_vcf import write_annotated_vcf
from hyenascope.data.atomic import atomic_path
from hyenascope.data.fasta import FastaReader
from hyenascope.data.table_files import TABLE_SUFFIXES, write_table
from hyenascope.data.variant import Variant
from hyenascope.interpret.scores import wide

VCF_SUFFIXES = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")
SUFFIXES = (".h5ad", *VCF_SUFFIXES, *TABLE_SUFFIXES)


def score_suffix(path: StrPath) -> str:
    """Return the suffix that decides the format of ``path``.

    Raises
    ------
    ValueError
        If it is none that `write_scores` knows.

    Examples
    --------
    >>> score_suffix("out/scores.vcf.gz")
    '.vcf.gz'
    """
    name = Path(path).name.lower()
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix):
            return suffix
    raise ValueError(f"path must end in one of {', '.join(SUFFIXES)}; got {path}.")


def write_scores(
    scores: ad.AnnData,
    path: StrPath,
    *,
    source: StrPath | None = None,
    genome: FastaReader | StrPath | None = None,
) -> None:
    """Write variant scores; the suffix decides the format.

    ``.h5ad`` holds everything. ``.tsv``, ``.csv`` (also ``.gz``) and ``.parquet``
    hold one row per variant: `.obs`, then a column per score. ``.vcf``,
    ``.vcf.gz`` and ``.bcf`` hold the scores as ``INFO`` fields ``HS_…`` with a
    header line each, NaN as ``.``. The file appears whole or not at all.

    Parameters
    ----------
    scores
        What `hyenascope.score_variants` returns.
    path
        Where to write.
    source
        For VCF: the file the variants came from; its header, records and samples
        are kept. Without one, plain records are made.
    genome
        For VCF: contigs to declare in the header.

    Raises
    ------
    ValueError
        If the suffix is unknown.
    OSError
        If the file cannot be written; what was there before stays.
    """
    suffix = score_suffix(path)
    if suffix in VCF_SUFFIXES:
        _write_vcf(scores, path, source, genome)
        return
    if suffix in TABLE_SUFFIXES:
        write_table([wide(scores).reset_index(names="variant")], path)
        return
    with atomic_path(path) as target:
        target.write_bytes(h5ad_bytes(scores))


def h5ad_bytes(scores: ad.AnnData) -> bytes:
    """Make the file in memory: HDF5 crashes the process when a disk is full."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        ad.io.write_elem(file, "/", scores)
    return buffer.getvalue()


def _write_vcf(
    scores: ad.AnnData,
    path: StrPath,
    source: StrPath | None,
    genome: FastaReader | StrPath | None,
) -> None:
    obs = scores.obs
    cells = zip(
        obs["chrom"], obs["pos"], obs["ref"], obs["alt"], obs["id"], strict=True
    )
    variants = [
        Variant(str(chrom), int(pos), str(ref), str(alt), str(id_))
        for chrom, pos, ref, alt, id_ in cells
    ]
    values = np.asarray(scores.X)
    info: dict[str, list[float | str | None]] = {
        f"HS_{name}": [float(value) for value in values[:, i]]
        for i, name in enumerate(scores.var_names)
    }
    info["HS_status"] = [str(status) for status in obs["status"]]
    provenance = scores.uns["hyenascope"]
    descriptions = {
        f"HS_{name}": f"{row.formula} [{row.unit}; strand {row.strand}]"
        for name, row in scores.var.iterrows()
    }
    descriptions["HS_status"] = "ok, or why hyenascope gives no score"
    keys = ("version", "model", "checkpoint_hash", "context", "strands")
    write_annotated_vcf(
        path,
        source,
        variants,
        info,
        descriptions,
        contigs=_contigs(genome),
        meta={f"hyenascope_{key}": str(provenance[key]) for key in keys},
    )


def _contigs(genome: FastaReader | StrPath | None) -> dict[str, int]:
    if genome is None:
        return {}
    if isinstance(genome, FastaReader):
        return genome.contigs
    with FastaReader(genome) as reader:
        return reader.contigs
