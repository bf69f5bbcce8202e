"""Genes of files: read once, as the file is, whole or by transcript."""

import gzip
import os
from pathlib import Path

import pytest

from hyenascope.data.interval import Interval
from hyenascope.viz import gene_source

ROW = 'chr1\tx\texon\t{}\t{}\t.\t+\t.\tgene_id "{}"; transcript_id "{}";\n'


@pytest.fixture
def annotation(tmp_path) -> Path:
    path = tmp_path / "tiny.gtf.gz"
    rows = [(11, 20, "a", "a1"), (15, 45, "a", "a2"), (5_000_000, 5_000_100, "b", "b1")]
    with gzip.open(path, "wt") as file:
        file.writelines(ROW.format(*row) for row in rows)
    return path


@pytest.fixture
def reads(monkeypatch) -> list[Interval]:
    """Stretches that were read from files."""
    found, read = [], gene_source.read_genes

    def watched(path, interval):
        found.append(interval)
        return read(path, interval)

    monkeypatch.setattr(gene_source, "read_genes", watched)
    return found


def names(path: Path, start: int, end: int, *, whole: bool) -> list[str]:
    place = Interval("chr1", start, end)
    return [model.name for model in gene_source.read_models(path, place, whole=whole)]


def test_a_file_without_index_is_read_once_a_contig(annotation, reads):
    assert names(annotation, 0, 100, whole=True) == ["a", "b"]
    assert names(annotation, 4_000_000, 5_000_100, whole=True) == ["a", "b"]
    assert len(reads) == 1


def test_an_indexed_file_is_read_a_stretch_at_a_time(annotation, reads):
    annotation.with_name("tiny.gtf.gz.tbi").touch()  # stale: older than no file
    os.utime(annotation.with_name("tiny.gtf.gz.tbi"), (0, 0))
    assert names(annotation, 10, 100, whole=True) == ["a"]
    assert names(annotation, 50, 900_000, whole=True) == ["a"]
    assert reads == [Interval("chr1", 0, 1_000_000)]


def test_transcripts_one_by_one(annotation):
    assert names(annotation, 0, 100, whole=False) == ["a1", "a2", "b1"]


def test_a_changed_file_is_read_again(annotation, reads):
    names(annotation, 0, 100, whole=True)
    os.utime(annotation, (1, 1))
    names(annotation, 0, 100, whole=True)
    assert len(reads) == 2
