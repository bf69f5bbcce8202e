import gzip

import numpy as np
import pytest

from hyenascope.data.meme import MemeError, read_meme

GOOD = """MEME version 4

ALPHABET= ACGT

strands: + -

Background letter frequencies (from uniform background):
A 0.25 C 0.25 G 0.25 T 0.25

MOTIF  M1\tfirst
letter-probability matrix: alength= 4 w= 2 nsites= 20 E= 0
 1.0\t0.0  0.0 0.0
 0.10 0.20 0.30 0.41

URL http://nowhere
MOTIF M2

letter-probability matrix: w=1

0 0 0 1
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.meme"


def check(motifs):
    assert list(motifs) == ["M1 first", "M2"]
    expected = [[1, 0, 0, 0], np.array([0.1, 0.2, 0.3, 0.41]) / 1.01]
    np.testing.assert_allclose(motifs["M1 first"], expected)
    assert motifs["M2"].tolist() == [[0, 0, 0, 1]]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_reads_every_spelling(path, end):
    path.write_bytes(GOOD.replace("\n", end).encode())
    check(read_meme(path))


def test_reads_gzip(path):
    path.write_bytes(gzip.compress(GOOD.encode()))
    check(read_meme(path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "= ACGT",
            "= ACGU",
            r"line 3: the alphabet must be ACGT; got 'ALPHABET= ACGU'",
        ),
        (
            "0.41",
            "x",
            r"line 13: must hold four probabilities .* got '0.10 0.20 0.30 x",
        ),
        ("0.41", "", r"line 13: must hold four probabilities"),
        ("0.41", "0.9", r"line 13: .* add up to 1"),
        ("0.41", "nan", r"line 13: must hold four"),
        ("1.0\t0.0", "2.0\t-1.0", r"line 12: must hold four"),
        ("w= 2", "w= 3", r"line 15: must hold four probabilities .* got 'URL"),
        ("w=1", "w=2", r"line 18: the matrix must have 2 rows; the file ends after 1"),
        ("w=1", "", r"line 18: must say w= and a width"),
        ("MOTIF M2", "", r"line 18: a matrix must follow a MOTIF line"),
        ("MOTIF M2", "MOTIF M1 first", r"line 16: .* its own name; got 'M1 first'"),
        ("MOTIF M2", "MOTIF", r"line 16: .* its own name; got ''"),
        ("letter-probability matrix: w=1", "", r"line 16: 'M2' has no matrix"),
        (GOOD, "hello\n", "holds no motif; is it a MEME file"),
        (GOOD, "", "is empty"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(path, old, new, message):
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(MemeError, match=message):
        read_meme(path)


def test_a_cut_archive_is_named(path):
    text = GOOD + "".join(f"comment {i} {i * i}\n" for i in range(5000))
    path.write_bytes(gzip.compress(text.encode())[:-2000])
    with pytest.raises(MemeError, match="truncated or damaged"):
        read_meme(path)


def test_a_missing_file_is_named(path):
    with pytest.raises(MemeError, match=r"x\.meme does not exist"):
        read_meme(path)


@pytest.mark.parametrize(
    ("name", "count", "motif", "consensus"),
    [
        (
            "motifs/JASPAR2022_CORE_vertebrates.meme",
            838,
            "MA0139.1 CTCF",
            "TGGCCACCAGGGGGCGCTA",
        ),
        ("motifs/HOCOMOCO_H12CORE.meme.gz", 1443, "AHR.H12CORE.0.P.B", "GCGTGC"),
        ("motifs/jaspar_2024_consensus.meme", 182, "C001:HES_SREBF:bHLH", "CACGTG"),
        (
            "yeast_R64/yeast_YEASTRACT_20130918.meme",
            732,
            "Abf1p&consensus=AGCCGTAAATAGTTATCTTCCAAG Abf1p",
            "AGCCGTAAATAGTTATCTTCCAAG",
        ),
    ],
)
def test_published_databases(shared, name, count, motif, consensus):
    motifs = read_meme(shared / "data" / name)
    assert len(motifs) == count
    for each in motifs.values():
        np.testing.assert_allclose(each.sum(axis=1), 1)
    best = "".join("ACGT"[i] for i in motifs[motif].argmax(axis=1))
    assert consensus in best or consensus == best[: len(consensus)]
