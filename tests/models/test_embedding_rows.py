"""Every source becomes rows that say what is known of them."""

import gzip

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.gene import Gene
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.models.embedding_rows import embedding_rows

CONTIG = "ACGTTGCAACGGTTAACCAT"


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "tiny.fa"
    path.write_text(f">chrA\n{CONTIG}\n")
    return path


def labelled(task="binary", **changes) -> LabelledSequences:
    fields = {
        "name": "toy",
        "sequences": ("ACGT", "GGG", "TTTTA"),
        "labels": np.array([1, 0, 1]),
        "label_names": ("no", "yes"),
        "splits": ("train", "test", "train"),
        "task": task,
    }
    return LabelledSequences(**{**fields, **changes})


def test_labels_and_splits_come_along():
    rows = embedding_rows(labelled())
    assert rows.obs.columns.tolist() == ["name", "length", "split", "label"]
    assert rows.obs["split"].tolist() == ["train", "test", "train"]
    assert rows.obs["label"].tolist() == ["yes", "no", "yes"]
    assert rows.obs["label"].cat.categories.tolist() == ["no", "yes"]
    assert rows.obs["length"].tolist() == [4, 3, 5]
    assert list(rows.texts) == ["ACGT", "GGG", "TTTTA"]
    assert rows.record["task"] == "binary"


def test_classes_without_a_row_keep_their_place():
    data = labelled("multiclass", label_names=("a", "b", "c"))
    assert embedding_rows(data).obs["label"].cat.categories.tolist() == ["a", "b", "c"]


def test_numbers_have_a_column_each_and_ids_are_names():
    numbers = np.array([[0.5, 1.0], [2.0, -1.0], [0.0, 3.0]])
    places = tuple(Interval("chr1", i, i + n, "-") for i, n in enumerate((4, 3, 5)))
    data = labelled(
        "regression",
        labels=numbers,
        label_names=("up", "down"),
        ids=("x", "y", "x"),
        intervals=places,
    )
    obs = embedding_rows(data).obs
    np.testing.assert_array_equal(obs[["up", "down"]], numbers)
    assert obs.index.tolist() == ["x", "y", "x#2"]
    assert obs["name"].tolist() == ["x", "y", "x"]
    assert obs["start"].tolist() == [0, 1, 2]


def test_genes_are_read_whole_on_their_own_strand(genome):
    genes = [
        Gene("b", "g1", Interval("chrA", 2, 9, "-"), biotype="tRNA"),
        Gene("b", "g2", Interval("chrA", 9, 20, "+")),
    ]
    rows = embedding_rows(genes, genome=genome)
    assert list(rows.texts) == ["TTGCAAC", CONTIG[9:]]
    first = rows.obs.iloc[0].to_dict()
    assert first == {
        "name": "b",
        "length": 7,
        "chrom": "chrA",
        "start": 2,
        "end": 9,
        "strand": "-",
        "gene_id": "g1",
        "biotype": "tRNA",
    }
    assert rows.obs.index.tolist() == ["b", "b#2"]
    assert rows.record["genome"] == "tiny.fa"


def test_an_annotation_file_is_its_genes(genome, tmp_path):
    path = tmp_path / "tiny.gff3"
    line = "chrA\tx\tgene\t3\t9\t.\t-\t.\tID=g1;Name=b;biotype=tRNA\n"
    path.write_text(line)
    rows = embedding_rows(path, genome=genome)
    assert (list(rows.texts), rows.obs["name"].tolist()) == (["TTGCAAC"], ["b"])


def test_places_from_intervals_bed_and_tables_are_the_same(genome, tmp_path):
    bed = tmp_path / "places.bed"
    bed.write_text("chrA\t2\t9\tfirst\t5\t-\nchrA\t0\t4\t.\t0\t.\n")
    packed = tmp_path / "places.bed.gz"
    packed.write_bytes(gzip.compress(bed.read_bytes()))
    table = pd.DataFrame(
        {
            "chrom": "chrA",
            "start": [2, 0],
            "end": [9, 4],
            "strand": ["-", "."],
            "name": ["first", ""],
            "cell": ["K562", "HeLa"],
        }
    )
    places = [Interval("chrA", 2, 9, "-"), Interval("chrA", 0, 4)]
    with FastaReader(genome) as reader:
        for source in (bed, packed, table, places):
            rows = embedding_rows(source, genome=reader)
            assert list(rows.texts) == ["TTGCAAC", "ACGT"]
            assert rows.obs["start"].tolist() == [2, 0]
        named = embedding_rows(table, genome=reader).obs
        of_bed = embedding_rows(packed, genome=reader).obs
    assert of_bed["name"].tolist() == ["first", "chrA:1-4"]
    assert named["name"].tolist() == ["first", "chrA:1-4"]
    assert named["cell"].tolist() == ["K562", "HeLa"]
    assert embedding_rows(places[0], genome=genome).obs.index[0] == "chrA:3-9:-"


def test_other_columns_of_a_table_of_sequences_come_along():
    table = pd.DataFrame({"sequence": ["AC", "GGT"], "label": ["a", "b"], "x": [1, 2]})
    obs = embedding_rows(table).obs
    assert obs.to_dict("list") == {
        "name": ["0", "1"],
        "length": [2, 3],
        "label": ["a", "b"],
        "x": [1, 2],
    }


@pytest.mark.parametrize("nothing", [np.nan, None, pd.NA, "", "."])
@pytest.mark.parametrize("dtype", [object, "category"])
def test_a_row_without_a_name_is_called_as_its_place_or_index(genome, nothing, dtype):
    names = pd.Series(["x", nothing], index=["r1", "r2"], dtype=dtype)
    texts = pd.DataFrame({"sequence": ["AC", "GGT"], "name": names})
    assert embedding_rows(texts).obs["name"].tolist() == ["x", "r2"]
    places = pd.DataFrame({"chrom": "chrA", "start": 0, "end": 4, "name": names})
    found = embedding_rows(places, genome=genome).obs
    assert found["name"].tolist() == ["x", "chrA:1-4"]


def test_names_never_become_those_of_other_rows():
    table = pd.DataFrame({"sequence": ["A"] * 4, "name": ["x", "x", "x#2", "x"]})
    assert embedding_rows(table).obs.index.tolist() == ["x", "x#3", "x#2", "x#4"]


def test_what_cannot_be_read_is_refused_before_it_is_run(genome):
    with pytest.raises(ValueError, match="genome must be given to read places"):
        embedding_rows([Interval("chrA", 0, 4)])
    with pytest.raises(ValueError, match="must lie on its contig, which has 20 bp"):
        embedding_rows([Gene("x", "g", Interval("chrA", 15, 21))], genome=genome)
    with pytest.raises(ValueError, match="sequences must hold bases; got none in 1"):
        embedding_rows(["AC", ""])
    with pytest.raises(ValueError, match="sequence 1: seq must hold only"):
        embedding_rows(["AC", "AXC"])
    with pytest.raises(ValueError, match="sequences must not be empty"):
        embedding_rows([])
    with pytest.raises(ValueError, match="must have a column 'sequence'"):
        embedding_rows(pd.DataFrame({"chrom": ["chrA"]}), genome=genome)
