import gzip
import hashlib
import shutil
from pathlib import Path

import pandas as pd
import pytest

from hyenascope.data.genomic_benchmarks import read_genomic_benchmark
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelError

HEAD = "id,region,start,end,strand\n"


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "g.fa"
    path.write_text(">1 dna:chromosome\nAACCGGGTTT\n>ENST01.2 cdna\nACGTAC\n")
    return path


def _intervals(root, **rows):
    """Write a folder whose classes come in this order, for both splits."""
    for split in ("test", "train"):
        (root / split).mkdir(parents=True)
        for label, row in rows.items():
            path = root / split / f"{label}.csv.gz"
            path.write_bytes(gzip.compress((HEAD + row).encode()))
    (root / "metadata.yaml").write_text(
        "classes:\n  positive:\n    url: x\nversion: 3\n"
    )
    return root


def test_intervals_are_read_from_the_genome(tmp_path, genome):
    root = _intervals(
        tmp_path / "toy", positive="p,chr1,0,4,+\n", negative="n,chr1,4,8,-\n"
    )
    data = read_genomic_benchmark(root, genome=genome)
    assert data.label_names == ("negative", "positive")
    assert data.splits == ("train", "train", "test", "test")
    assert data.labels.tolist() == [0, 1, 0, 1]
    assert data.sequences == ("ACCC", "AACC") * 2
    assert data.intervals[:2] == (Interval("1", 4, 8, "-"), Interval("1", 0, 4, "+"))
    assert (data.name, data.ids) == ("toy", ("n", "p", "n", "p"))
    assert data.provenance["version"] == "3"
    first = data.provenance["files"][0]
    assert first["file"] == "train/negative.csv.gz"
    path = root / "train" / "negative.csv.gz"
    assert first["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_order_of_a_disk_changes_no_number(tmp_path, genome, monkeypatch):
    root = _intervals(
        tmp_path / "toy", b="p,1,0,4,+\n", a="n,1,4,8,+\n", c="m,1,2,5,+\n"
    )
    forward = read_genomic_benchmark(root, genome=genome)
    listed = Path.iterdir
    monkeypatch.setattr(
        Path, "iterdir", lambda self: iter(sorted(listed(self), reverse=True))
    )
    assert (
        read_genomic_benchmark(root, genome=genome)
        .to_frame()
        .equals(forward.to_frame())
    )
    assert forward.label_names == ("a", "b", "c")


def test_a_genome_for_each_class_and_transcripts_without_version(tmp_path, genome):
    other = tmp_path / "o.fa"
    other.write_text(">1\nTTTTTTTTTT\n")
    root = _intervals(tmp_path / "toy", worm="w,1,0,4,+\n", human="h,ENST01,1,4,+\n")
    data = read_genomic_benchmark(root, genome={"human": genome, "worm": other})
    assert data.split("test").sequences == ("CGT", "TTTT")
    with pytest.raises(LabelError, match="one for each class human, worm; got human"):
        read_genomic_benchmark(root, genome={"human": genome})


def test_folders_of_text_agree_with_the_intervals(tmp_path, genome):
    root = _intervals(tmp_path / "toy", positive="p,1,0,4,+\n", negative="n,1,4,8,-\n")
    expected = read_genomic_benchmark(root, genome=genome)
    made = tmp_path / "made" / "toy"
    for split, label, name, text in zip(
        expected.splits, expected.labels, expected.ids, expected.sequences, strict=True
    ):
        folder = made / split / expected.label_names[label]
        folder.mkdir(parents=True)
        (folder / f"{name}.txt").write_text(text + "\n")
    data = read_genomic_benchmark(made)
    for part in ("sequences", "splits", "ids", "label_names"):
        assert getattr(data, part) == getattr(expected, part)
    assert data.labels.tolist() == expected.labels.tolist()


def test_texts_follow_their_numbers(tmp_path):
    for split in ("train", "test"):
        for label in ("a", "b"):
            folder = tmp_path / split / label
            folder.mkdir(parents=True)
            for number in (10, 9, 100):
                (folder / f"{number}.txt").write_text("A" * number)
    data = read_genomic_benchmark(tmp_path)
    assert data.ids[:3] == ("9", "10", "100")
    assert [len(text) for text in data.sequences[:3]] == [9, 10, 100]
    (tmp_path / "train" / "b" / "9.txt").write_text("AXA")
    with pytest.raises(LabelError, match=r"b/9\.txt, line 1: .* got 'X' at index 1"):
        read_genomic_benchmark(tmp_path)


def test_refuses_what_has_no_two_splits_or_other_classes(tmp_path, genome):
    root = _intervals(tmp_path / "toy", positive="p,1,0,4,+\n", negative="n,1,4,8,-\n")
    with pytest.raises(LabelError, match=r"genome must be given, since .*; got None"):
        read_genomic_benchmark(root)
    (root / "test" / "negative.csv.gz").unlink()
    with pytest.raises(LabelError, match="negative, positive; test has positive"):
        read_genomic_benchmark(root, genome=genome)
    shutil.rmtree(root / "test")
    with pytest.raises(LabelError, match=r"folders train and test; .* has train"):
        read_genomic_benchmark(root, genome=genome)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("n,1,4,80,-\n", "line 2: interval must hold bases of 1, which has 10 bp"),
        ("n,1,4,8,?\n", "line 2: strand must be .* got '\\?'"),
        ("n,chr9,4,8,+\n", "line 2: .*no contig 'chr9'"),
        ("n,1,4,8\n", "line 2: must have 5 cells, .* got 4"),
        ("", r"train: every split .*; train has none of|two classes or more"),
    ],
)
def test_names_file_and_line(tmp_path, genome, row, message):
    root = _intervals(tmp_path / "toy", positive="p,1,0,4,+\n", negative=row)
    with pytest.raises(LabelError, match=message):
        read_genomic_benchmark(root, genome=genome)


def test_three_classes_of_real_intervals_on_both_strands(shared, tmp_path):
    folder = shared / "data" / "genomic_benchmarks"
    table = pd.read_csv(folder / "window_subset.hg38.chr9_chr20.tsv.gz", sep="\t")
    table = table[table["dataset"] == "human_ensembl_regulatory"]
    for (split, label), rows in table.groupby(["split", "class"]):
        (tmp_path / split).mkdir(exist_ok=True)
        own = rows.rename(columns={"chrom": "region", "start0": "start"})
        own[HEAD.strip().split(",")].to_csv(
            tmp_path / split / f"{label}.csv.gz", index=False
        )
    genome = shared / "data" / "human_hg38_1Mb" / "hg38.chr9_chr20.first1Mb.fa.gz"
    data = read_genomic_benchmark(tmp_path, genome=genome)
    assert data.label_names == ("enhancer", "ocr", "promoter")
    frame = data.to_frame().rename(columns={"label": "class"})
    keys = ["split", "class", "chrom", "start"]
    table = table.rename(columns={"start0": "start"}).set_index(keys)["sequence"]
    found = frame.set_index(keys)["sequence"].sort_index()
    assert found.equals(table.str.upper().sort_index())


def test_published_intervals_give_published_sequences(shared, tmp_path):
    folder = shared / "data" / "genomic_benchmarks"
    published = folder / "intervals" / "human_nontata_promoters" / "test"
    own = pd.read_csv(published / "positive.csv.gz")
    own = own[own["region"].isin(["chr9", "chr20"]) & (own["end"] <= 1_000_000)]
    assert set(own["strand"]) == {"+", "-"}
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        own.to_csv(tmp_path / split / "positive.csv.gz", index=False)
        (tmp_path / split / "other.csv").write_text(HEAD + "x,chr20,70000,70251,+\n")
    genome = shared / "data" / "human_hg38_1Mb" / "hg38.chr9_chr20.first1Mb.fa.gz"
    data = read_genomic_benchmark(tmp_path, genome=genome).split("test")
    texts = pd.read_csv(folder / "human_nontata_promoters.test.tsv.gz", sep="\t")
    known = set(texts.loc[texts["label"] == 1, "sequence"])
    found = [
        text for text, name in zip(data.sequences, data.ids, strict=True) if name != "x"
    ]
    assert len(found) == len(own) == 4
    assert set(found) <= known
