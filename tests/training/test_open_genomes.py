"""Genomes and intervals, split into what is for training and what is held out."""

import pytest

from hyenascope.training.open_genomes import open_genomes

GENOME = {"I": "ACGT" * 100, "II": "CCAT" * 50, "Mito": "AT" * 30}


def shown(regions):
    return [str(region) for region in regions]


def test_contigs_by_name():
    data = open_genomes(GENOME, validation=["chrII"], leave_out=["chrM"])
    assert shown(data.train) == ["I:1-400"]
    assert shown(data.valid) == ["II:1-200"]
    assert data.bases("train") == 400
    assert list(data.texts("valid")) == [("II:1-200", GENOME["II"])]
    tested = open_genomes(GENOME, validation=["I"], test=["II"])
    assert shown(tested.test) == ["II:1-200"]
    assert shown(tested.train) == ["Mito:1-60"]


@pytest.mark.parametrize("what", ["validation", "test", "leave_out"])
def test_a_name_alone_is_no_list_of_letters(what):
    genome = {"V": "ACGT" * 9, "I": "GGCC" * 9, "VI": "TTAA" * 9}
    data = open_genomes(genome, **{"validation": 0.0, what: "VI"})
    assert shown(data.train) == ["I:1-36", "V:1-36"]


def test_the_shell_is_told_the_same_split(tmp_path):
    fasta = tmp_path / "genome.fa"
    fasta.write_text(">I\nACGT\n>a_b\nGGTT\n>c\nAAAA\n")
    data = open_genomes(fasta, validation=["I"], test=["a_b"])
    assert data.typed == "genome.fa --validation I --test a_b"
    in_memory = open_genomes({"I": "ACGT" * 9}, validation=0.5)
    assert in_memory.typed == ""  # a shell could not read it


def test_a_share_of_every_contig_by_hand():
    data = open_genomes({"I": "ACGT" * 75}, validation=0.1)
    assert shown(data.train) == ["I:1-100", "I:131-300"]
    assert shown(data.valid) == ["I:101-130"]
    assert shown(open_genomes({"I": "ACGT" * 75}).valid) == ["I:101-115"]
    assert open_genomes({"I": "ACGT"}, validation=0.0).valid == ()


def test_intervals_with_a_split_column(tmp_path):
    bed = tmp_path / "sequences.bed"
    bed.write_text("chrI\t0\t100\ttrain\nchrI\t100\t200\tvalid\nI\t250\t300\ttest\n")
    data = open_genomes(GENOME, intervals=bed)
    assert shown(data.train) == ["I:1-100"]
    assert shown(data.valid) == ["I:101-200"]
    assert shown(data.test) == ["I:251-300"]


def test_stretches_of_one_part_that_overlap_are_one(tmp_path):
    bed = tmp_path / "s.bed"
    rows = ["I 0 60 train", "I 40 90 train", "I 50 55 train", "I 90 95 train"]
    rows += ["I 200 240 valid", "I 200 240 valid"]
    bed.write_text("\n".join(rows).replace(" ", "\t") + "\n")
    data = open_genomes(GENOME, intervals=bed)
    assert shown(data.train) == ["I:1-90", "I:91-95"]
    assert shown(data.valid) == ["I:201-240"]
    assert data.bases("valid") == 40


@pytest.mark.parametrize("word", ["dev", "val", "validation"])
def test_a_split_column_may_spell_validation_otherwise(tmp_path, word):
    bed = tmp_path / "s.bed"
    bed.write_text(f"I\t0\t100\ttrain\nI\t100\t200\t{word}\n")
    assert shown(open_genomes(GENOME, intervals=bed).valid) == ["I:101-200"]


def test_intervals_without_a_split_column_are_split_like_contigs(tmp_path):
    bed = tmp_path / "some.bed"
    bed.write_text("I\t0\t100\nII\t10\t60\n")
    data = open_genomes(GENOME, intervals=bed, validation=["II"])
    assert shown(data.train) == ["I:1-100"]
    assert shown(data.valid) == ["II:11-60"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("I\t0\t100\ttrain\nI\t99\t200\ttest\n", r"I:1-100 for training and I:100-200"),
        ("I\t0\t100\ttrain\nI\t0\t100\tvalid\n", "train must not overlap"),
        (
            "II\t0\t5\ttrain\nI\t0\t100\tvalid\nI\t99\t200\ttest\n",
            r"validation must not overlap test; got I:1-100 for validation and "
            r"I:100-200 for test, in genome 1",
        ),
        ("I\t0\t401\ttrain\n", r"row 1, and I has 400 bp"),
        ("IX\t0\t10\ttrain\n", r"IX has none in genome 1"),
        ("I\t0\t10\ttraining\n", r"fourth column; got 'training' in row 1"),
        ("I\t0\t10\ttest\n", "something to train on; got 1 stretches, all held out"),
    ],
)
def test_splits_that_cannot_be(tmp_path, rows, message):
    bed = tmp_path / "s.bed"
    bed.write_text(rows)
    with pytest.raises(ValueError, match=message):
        open_genomes(GENOME, intervals=bed)


@pytest.mark.parametrize(
    ("genomes", "options", "message"),
    [
        (GENOME, {"validation": ["III"]}, "got 'III', and there are I, II, Mito"),
        (GENOME, {"validation": 1.0}, "validation must be a share from 0 to below 1"),
        (GENOME, {"validation": ["I", "II", "Mito"]}, "something to train on"),
        (
            GENOME,
            {"validation": ["II"], "test": ["chrII"]},
            "validation and test must name different contigs; got II in both",
        ),
        (
            GENOME,
            {"validation": ["I", "II"], "leave_out": ["Mito", "II"]},
            "validation and leave_out must name different contigs; got II in both",
        ),
        (
            GENOME,
            {"test": ["chrM"], "leave_out": ["Mito"]},
            "test and leave_out must name different contigs; got Mito in both",
        ),
        ([], {}, "at least one genome"),
        ({}, {}, "empty mapping"),
        ([GENOME, dict(GENOME)], {}, "same text twice: genome 1 and genome 2"),
        ({"I": "ACGU"}, {}, r"genome 1, I must hold only letters of DNA .* 'U'"),
    ],
)
def test_genomes_that_cannot_be(genomes, options, message):
    with pytest.raises(ValueError, match=message):
        open_genomes(genomes, **options)


def test_many_files(tmp_path):
    for name, bases in (("a.fa", "ACGT" * 10), ("b.fa", "GGCC" * 10)):
        (tmp_path / name).write_text(f">chr1\n{bases}\n")
    data = open_genomes([tmp_path / "a.fa", tmp_path / "b.fa"], validation=0.25)
    assert [r.genome for r in data.train] == [0, 0, 1, 1]
    assert [name for name, _ in data.texts("valid")] == [
        "a.fa chr1:14-23",
        "b.fa chr1:14-23",
    ]
