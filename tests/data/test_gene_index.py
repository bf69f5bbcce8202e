"""Names to places: against `read_genes`, for every real annotation and by hand."""

import threading
from pathlib import Path

import pytest

from hyenascope.data import gene_index
from hyenascope.data.annotation import AnnotationError, read_genes
from hyenascope.data.example import example_locus
from hyenascope.data.gene import Gene, Transcript
from hyenascope.data.gene_index import GeneIndex, GenePlace
from hyenascope.data.interval import Interval

PLACE = Interval("chr1", 100, 200, "+")


def gene(name: str, gene_id: str = "g", place: Interval = PLACE, *ids: str) -> Gene:
    return Gene(
        name, gene_id, place, tuple(Transcript(i, place, (place,)) for i in ids)
    )


def gtf(folder: Path, *rows: str) -> Path:
    """Write rows of feature, start, end and attributes."""
    lines = []
    for row in rows:
        feature, start, end, text = row.split(" ", 3)
        cells = ["chr1", "x", feature, start, end, ".", "+", ".", text]
        lines.append("\t".join(cells))
    path = folder / "genes.gtf"
    path.write_text("#!genome-build\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    "name",
    [
        "celegans_1pct/C.elegans_1pct.gff3.gz",
        "human_hg19_brca1/gencode.v19.BRCA1.gff3.gz",
        "human_hg19_chr20/gencode.v19.chr20_first250kb.gtf.gz",
        "human_hg19_chr20/hg19.chr20.refseq.gtf.gz",
        "human_hg38_1Mb/Ensembl91.hg38.chr9_first1Mb.gtf.gz",
        pytest.param(
            "yeast_R64/Saccharomyces_cerevisiae.R64-1-1.96.gtf.gz",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_real_annotations_agree_with_read_genes(shared, name):
    path = shared / "data" / name
    index = GeneIndex(path)
    for found in read_genes(path):
        for called in (found.name, found.gene_id):
            assert found.interval in [place.interval for place in index.find(called)]
        for transcript in found.transcripts:
            places = index.find(transcript.transcript_id)
            assert transcript.interval in [place.interval for place in places]


def test_the_example_is_indexed():
    locus = example_locus()
    genes = read_genes(locus.genes)
    index = GeneIndex(locus.genes)
    assert not index.is_loaded  # reading waits for the first question
    assert len(index) == len({gene.name for gene in genes})
    assert index.is_loaded


def test_case_spaces_and_versions_do_not_matter():
    index = GeneIndex([gene("BRCA1", "ENSG00000012048.15", PLACE, "NM_007294.3")])
    expected = GenePlace("BRCA1", "ENSG00000012048.15", PLACE)
    for name in (" brca1 ", "ensg00000012048.15", "ENSG00000012048"):
        assert index.find(name) == (expected,)
    [transcript] = index.find("nm_007294")
    assert transcript.transcript_id == "NM_007294.3"
    assert transcript.interval == PLACE


def test_names_without_a_known_version_scheme_stay_whole():
    index = GeneIndex([gene("T17A3.2", "T17A3.2"), gene("T17A3.1", "T17A3.1")])
    assert index.find("T17A3") == ()


def test_two_genes_of_one_name_give_both():
    other = Interval("chrX", 5, 9, "-")
    index = GeneIndex([gene("SHOX", "a"), gene("SHOX", "b", other)])
    assert [place.interval for place in index.find("shox")] == [PLACE, other]
    assert len(index) == 1


def test_a_name_wins_over_an_identifier_of_another_gene():
    other = Interval("chr2", 5, 9)
    index = GeneIndex([gene("X1", "other", other), gene("TP53", "X1")])
    assert [place.interval for place in index.find("X1")] == [other]


def test_a_transcript_as_long_as_its_gene_is_one_place():
    index = GeneIndex([gene("YAL1", "YAL1", PLACE, "YAL1")])
    assert [str(place) for place in index.find("yal1")] == ["YAL1 at chr1:101-200:+"]


def test_unknown_names_have_neighbours():
    index = GeneIndex([gene(name) for name in ("BRCA1", "BRCA2", "TP53", "MYC")])
    assert index.find("BRAC1") == ()
    assert index.nearest("brac1") == ("BRCA1", "BRCA2")
    assert index.nearest("brac1", count=1) == ("BRCA1",)
    assert index.nearest("XQZW") == ()
    assert index.nearest("") == ()


def test_counts_are_checked():
    index = GeneIndex([])
    with pytest.raises(ValueError, match=r"count must be at least 1; got 0\."):
        index.nearest("x", count=0)


def test_exons_of_a_known_transcript_are_passed_over_and_others_are_not(tmp_path):
    """ERCC controls, appended to a GENCODE file, have exons alone."""
    path = gtf(
        tmp_path,
        'gene 11 90 gene_id "g1"; gene_name "ONE";',
        'transcript 11 90 gene_id "g1"; transcript_id "t1"; gene_name "ONE";',
        'exon 11 30 gene_id "g1"; transcript_id "t1"; gene_name "ONE";',
        'CDS 15 30 gene_id "g1"; transcript_id "t1"; gene_name "ONE";',
        'exon 201 230 gene_id "ERCC-2"; transcript_id "DQ1";',
        'CDS 201 210 gene_id "ERCC-2"; transcript_id "DQ1";',
        'exon 251 280 gene_id "ERCC-2"; transcript_id "DQ1";',
    )
    index = GeneIndex(path)
    assert [str(place) for place in index.find("t1")] == ["ONE (t1) at chr1:11-90:+"]
    assert [str(place.interval) for place in index.find("ercc-2")] == ["chr1:201-280:+"]


def test_a_gff3_without_exons_still_has_its_genes(tmp_path):
    path = tmp_path / "a.gff3"
    row = "I\tx\tgene\t5\t9\t.\t-\t.\tID=gene:G1;Name=abc-1\n"
    path.write_text("##gff-version 3\n" + row + "##FASTA\n>I\nACGT\n")
    [found] = GeneIndex(path).find("ABC-1")
    assert found == GenePlace("abc-1", "G1", Interval("I", 4, 9, "-"))


def test_a_file_is_read_once_by_many_threads(tmp_path, monkeypatch):
    path = gtf(tmp_path, 'gene 11 90 gene_id "g1";')
    reads = []
    plain = gene_index.numbered_lines
    monkeypatch.setattr(
        gene_index,
        "numbered_lines",
        lambda path, refuse: reads.append(path) or plain(path, refuse),
    )
    index = GeneIndex(path)
    threads = [threading.Thread(target=index.load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reads == [path]


def test_trouble_is_told_at_the_first_question(tmp_path):
    index = GeneIndex(tmp_path / "none.gtf")
    with pytest.raises(AnnotationError, match="does not exist"):
        index.find("x")
    bad = gtf(tmp_path, 'gene 90 11 gene_id "g1";')
    with pytest.raises(AnnotationError, match=r"line 2: start and end must be numbers"):
        GeneIndex(bad).load()
    cut = tmp_path / "cut.gtf"
    cut.write_text("chr1\tx\n")
    with pytest.raises(AnnotationError, match="must have 9 columns"):
        GeneIndex(cut).load()
