"""Runs against a definition, base by base; surveys whatever the pieces."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyenascope.data import genome_survey
from hyenascope.data.fasta import FastaReader
from hyenascope.data.genome_survey import Runs, TextGenome, survey

LETTERS = st.text("ACGTNacgtnRy", max_size=60)


@given(st.lists(st.booleans(), max_size=40), st.data())
def test_runs_cover_what_is_inside(inside, data):
    inside = np.array(inside, bool)
    runs = Runs.of(inside)
    places = st.integers(0, len(inside))
    start, end = sorted((data.draw(places), data.draw(places)))
    count = runs.covered(np.array([start]), np.array([end]))
    assert count.tolist() == [int(inside[start:end].sum())]
    again = np.zeros(len(inside), bool)
    for first, last in zip(runs.starts, runs.ends, strict=True):
        again[first:last] = True
    assert np.array_equal(again, inside)


@given(st.dictionaries(st.sampled_from(["I", "II"]), LETTERS), st.integers(1, 9))
def test_pieces_make_no_difference(texts, piece):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(genome_survey, "_PIECE", piece)
        found = survey(TextGenome(texts), source="t")
    for name, text in texts.items():
        unknown = Runs.of(np.array([x.upper() not in "ACGT" for x in text], bool))
        lower = Runs.of(np.array([x.islower() for x in text], bool))
        for mine, theirs in ((found.unknown, unknown), (found.soft, lower)):
            assert np.array_equal(mine[name].starts, theirs.starts)
            assert np.array_equal(mine[name].ends, theirs.ends)
    assert found.digests == {
        name: hashlib.sha256(text.upper().encode()).hexdigest()
        for name, text in texts.items()
    }
    assert found.contigs == {name: len(text) for name, text in texts.items()}


def test_the_digest_knows_names_and_texts():
    genomes = [{"I": "ACG", "II": "T"}, {"I": "AC", "II": "GT"}, {"I": "ACG", "X": "T"}]
    found = {survey(TextGenome(genome), source="t").digest for genome in genomes}
    assert len(found) == 3


def test_a_file_and_its_text_are_one(tmp_path):
    path = tmp_path / "g.fa"
    path.write_text(">I\nACGTN\nacg\n>II\nNNN\n")
    texts = {"I": "ACGTNacg", "II": "NNN"}
    with FastaReader(path, keep_case=True) as reader:
        of_file = survey(reader, source="g.fa")
    of_text = survey(TextGenome(texts), source="t")
    assert of_file.digest == of_text.digest
    assert of_file.soft["I"].starts.tolist() == [5]
    upper = {name: text.upper() for name, text in texts.items()}
    assert survey(TextGenome(upper), source="t").digest == of_text.digest


@pytest.mark.parametrize(("text", "letter"), [("ACGU", "'U'"), ("ACG*", r"'\*'")])
def test_what_is_no_dna_is_refused_with_its_place(text, letter):
    with pytest.raises(ValueError, match=rf"t, I must .* got {letter} at position 4 "):
        survey(TextGenome({"I": text}), source="t")
