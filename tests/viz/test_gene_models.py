"""Genes as lines of exons: transcripts merged, or one by one."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hyenascope.data.gene import Gene, Transcript
from hyenascope.data.interval import Interval
from hyenascope.viz import gene_models


def test_merged_transcripts_cover_all_exons():
    def part(start: int, end: int) -> Interval:
        return Interval("chr1", start, end, "-")

    whole = part(0, 100)
    short = Transcript("t1", whole, (part(0, 10), part(50, 100)), (part(5, 10),))
    long = Transcript("t2", whole, (part(8, 30), part(50, 60)), (part(8, 20),))
    model = gene_models.collapse(Gene("G", "g1", whole, (short, long)))
    assert model.exons == ((0, 30), (50, 100))
    assert model.cds == ((5, 20),)
    assert model.introns == ((30, 50),)


def test_a_gene_without_transcripts_is_one_block():
    gene = Gene("G", "g1", Interval("chr1", 5, 9))
    assert gene_models.collapse(gene).exons == ((5, 9),)
    assert gene_models.each(gene) == [gene_models.collapse(gene)]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=12))
def test_merged_spans_hold_the_same_bases(pairs):
    spans = [(start, start + length) for start, length in pairs]
    merged = gene_models.merge_spans(spans)
    bases = {base for start, end in spans for base in range(start, end)}
    assert {base for start, end in merged for base in range(start, end)} == bases
    assert all(left[1] < right[0] for left, right in pairwise(merged))
