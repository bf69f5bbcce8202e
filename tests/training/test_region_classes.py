import gzip
import logging

import numpy as np
import pytest

from hyenascope.data.annotation import read_genes
from hyenascope.data.gene import Gene, Transcript
from hyenascope.data.interval import Interval
from hyenascope.training.region_classes import (
    REGION_CLASSES,
    class_tracks,
    nats_by_class,
    region_classes,
    soft_masked,
)

LETTERS = dict(zip(REGION_CLASSES, ".gixUC", strict=True))


def gene(*transcripts, chrom="chr1", strand="+", span=None):
    """Transcripts are lists of exons and of coding parts, 0-based half-open."""

    def parts(pairs):
        return tuple(Interval(chrom, *pair, strand) for pair in pairs)

    made = [
        Transcript(f"t{i}", _hull(parts(exons)), parts(exons), parts(cds))
        for i, (exons, cds) in enumerate(transcripts)
    ]
    place = Interval(chrom, *span, strand) if span else None
    place = place or _hull([t.interval for t in made])
    return Gene("G", "g", place, tuple(made))


def _hull(parts):
    start, end = min(p.start for p in parts), max(p.end for p in parts)
    return Interval(parts[0].chrom, start, end, parts[0].strand)


def labels(genes, interval):
    return "".join(LETTERS[REGION_CLASSES[i]] for i in region_classes(genes, interval))


SPLICED = ([(2, 6), (9, 14)], [(4, 6), (9, 11)])
NON_CODING = ([(1, 3), (12, 16)], [])


@pytest.mark.parametrize("strand", ["+", "-", "."])
def test_parts_of_a_coding_gene_on_either_strand(strand):
    found = labels([gene(SPLICED, strand=strand)], Interval("chr1", 0, 16, strand))
    assert found == "..UUCCiiiCCUUU.."


def test_non_coding_exons_are_no_utr():
    found = labels([gene(NON_CODING)], Interval("chr1", 0, 18))
    assert found == ".xxiiiiiiiiixxxx.."


def test_overlaps_take_the_stronger_class_in_any_order():
    pair = [gene(SPLICED), gene(NON_CODING, strand="-")]
    #              SPLICED       "..UUCCiiiCCUUU...."
    #              NON_CODING    ".xxiiiiiiiiixxxx.."
    expected = ".xUUCCiiiCCUUUxx.."
    assert labels(pair, Interval("chr1", 0, 18)) == expected
    assert labels(pair[::-1], Interval("chr1", 0, 18)) == expected
    transcripts = gene(NON_CODING, SPLICED)
    assert labels([transcripts], Interval("chr1", 0, 18)) == expected


def test_a_gap_between_coding_parts_of_one_exon_is_not_coding():
    slipped = gene(([(0, 8)], [(1, 4), (5, 7)]))
    assert labels([slipped], Interval("chr1", 0, 8)) == "UCCCUCCU"


def test_gene_beyond_its_transcripts_and_gene_without_any():
    wide = gene(([(4, 6)], [(4, 6)]), span=(2, 8))
    assert labels([wide], Interval("chr1", 0, 10)) == "..ggCCgg.."
    assert labels([gene(span=(2, 5))], Interval("chr1", 0, 6)) == "..ggg."


@pytest.mark.parametrize(
    ("start", "end"), [(0, 16), (5, 10), (13, 40), (14, 15), (3, 3)]
)
def test_labels_run_from_the_start_of_the_interval(start, end):
    whole = labels([gene(SPLICED)], Interval("chr1", 0, 40))
    assert labels([gene(SPLICED)], Interval("chr1", start, end)) == whole[start:end]


def test_contig_in_another_spelling_and_genes_elsewhere(caplog):
    genes = [gene(SPLICED), gene(([(0, 9)], []), chrom="chr2")]
    with caplog.at_level(logging.WARNING, logger="hyenascope"):
        assert labels(genes, Interval("1", 0, 6)) == "..UUCC"
    assert "matched by their usual spellings" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="hyenascope"):
        assert labels(genes, Interval("chr3", 0, 3)) == "..."
    assert "has no gene on chr3" in caplog.text


def test_refuses_no_genes():
    with pytest.raises(ValueError, match="genes must hold at least one gene; got none"):
        region_classes([], Interval("chr1", 0, 3))


@pytest.mark.parametrize(
    ("feature", "expected"), [("gene", ".gg."), ("transcript", ".xx.")]
)
def test_annotation_without_exons(feature, expected, tmp_path):
    path = tmp_path / "bare.gtf"
    row = ["chr1", "x", feature, "2", "3", ".", "+", ".", 'gene_id "g";']
    row[-1] += ' transcript_id "t";' if feature == "transcript" else ""
    path.write_text("\t".join(row) + "\n")
    assert labels(read_genes(path), Interval("chr1", 0, 4)) == expected


def test_yeast_against_the_rows_of_the_file(shared):
    """Counted base by base from the text of the GTF, without our reader."""
    path = shared / "data" / "yeast_R64" / "Saccharomyces_cerevisiae.R64-1-1.96.gtf.gz"
    size = 562_643
    kinds = {name: np.zeros(size, bool) for name in ("CDS", "exon", "gene")}
    with gzip.open(path, "rt") as lines:
        for line in lines:
            chrom, _, kind, start, end, *_ = line.split("\t") + [""] * 5
            kind = "CDS" if kind == "stop_codon" else kind
            if chrom == "VIII" and kind in kinds:
                kinds[kind][int(start) - 1 : int(end)] = True
    found = region_classes(read_genes(path), Interval("chrVIII", 0, size))
    named = {name: found == i for i, name in enumerate(REGION_CLASSES)}
    np.testing.assert_array_equal(named["CDS"], kinds["CDS"])
    outside = kinds["exon"] & ~kinds["CDS"]
    np.testing.assert_array_equal(named["UTR"] | named["non-coding exon"], outside)
    np.testing.assert_array_equal(named["intergenic"], ~kinds["gene"])
    inside = kinds["gene"] & ~kinds["exon"]
    np.testing.assert_array_equal(named["intron"] | named["gene"], inside)


def test_soft_masked_is_lower_case():
    assert soft_masked("AcgTNn").tolist() == [False, True, True, False, False, True]
    assert soft_masked("").tolist() == []
    with pytest.raises(ValueError, match=r"got 'é' at index 1"):
        soft_masked("Aé")


def test_nats_by_class_by_hand():
    nats = [np.array([np.nan, 1.0, 2.0]), np.array([4.0, np.nan, 6.0])]
    classes = [np.array([0, 0, 5], np.int8), np.array([5, 4, 0], np.int8)]
    masked = [np.array([True, True, False]), np.array([False, True, True])]
    table = nats_by_class(nats, classes, masked=masked)
    assert table["class"].tolist() == [
        *("all", "intergenic", "CDS"),  # the only UTR base was not judged
        *("soft-masked", "not masked"),
    ]
    assert table["bases"].tolist() == [4, 2, 2, 2, 2]
    np.testing.assert_allclose(table["nats"], [13 / 4, 7 / 2, 3.0, 7 / 2, 3.0])
    np.testing.assert_allclose(table["perplexity"], np.exp(table["nats"]))


def test_classes_share_all_bases_out():
    rng = np.random.default_rng(0)
    nats, classes = rng.random(500), rng.integers(0, 6, 500).astype(np.int8)
    nats[rng.random(500) < 0.1] = np.nan
    table = nats_by_class([nats], [classes]).set_index("class")
    rest = table.drop("all")
    assert rest["bases"].sum() == table.loc["all", "bases"]
    total = (rest["bases"] * rest["nats"]).sum()
    assert total == pytest.approx(np.nansum(nats))


def test_nats_by_class_has_no_row_without_bases():
    assert nats_by_class([np.array([np.nan])], [np.zeros(1, np.int8)]).empty


@pytest.mark.parametrize(("name", "dtype"), [("classes", np.int8), ("masked", bool)])
def test_refuses_arrays_of_other_lengths(name, dtype):
    arguments = {"classes": [np.zeros(3, np.int8)], name: [np.zeros(2, dtype)]}
    message = rf"{name} must have .* got lengths \[2\] for \[3\]"
    with pytest.raises(ValueError, match=message):
        nats_by_class([np.ones(3)], **arguments)


def test_tracks_of_classes_leave_out_what_is_of_another():
    wanted = ("CDS", "intergenic")
    places = [Interval("chr1", 0, 16), Interval("chr1", 5, 8)]
    first, second = class_tracks([gene(SPLICED)], places, classes=wanted)
    assert first.interval == places[0]
    letters = "".join("C."[int(v)] if v == v else "?" for v in first.values[:, 0])
    assert letters == "..??CC???CC???.."
    assert np.array_equal(second.values, first.values[5:8], equal_nan=True)
    with pytest.raises(ValueError, match="got 'exon'"):
        class_tracks([gene(SPLICED)], places, classes=("exon",))
