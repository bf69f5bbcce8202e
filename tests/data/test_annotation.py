import gzip
import os
import shutil
import time

import pysam
import pytest

from hyenascope.data.annotation import AnnotationError, Gene, Transcript, read_genes
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval


def gtf(feature, first, last, attributes, *, chrom="chr1", strand="+"):
    text = "".join(f'{key} "{value}"; ' for key, value in attributes.items())
    return f"{chrom}\tsrc\t{feature}\t{first}\t{last}\t.\t{strand}\t.\t{text.strip()}\n"


def gff(feature, first, last, attributes, *, chrom="chr1", strand="+", source="src"):
    return (
        f"{chrom}\t{source}\t{feature}\t{first}\t{last}\t.\t{strand}\t.\t{attributes}\n"
    )


def exon(first, last, transcript="t1", gene="g1", **place):
    names = {"gene_id": gene, "transcript_id": transcript}
    return gtf("exon", first, last, names, **place)


def write(path, text):
    if path.suffix == ".gz":
        with pysam.BGZFile(str(path), "w") as file:
            file.write(text.encode())
        pysam.tabix_index(str(path), preset="gff")
    else:
        path.write_text(text)
    return path


def spans(parts):
    return [(part.start, part.end) for part in parts]


UCSC = "".join(
    [
        exon(101, 200, strand="-"),
        gtf("CDS", 151, 200, {"gene_id": "g1", "transcript_id": "t1"}, strand="-"),
        gtf(
            "stop_codon", 148, 150, {"gene_id": "g1", "transcript_id": "t1"}, strand="-"
        ),
        exon(301, 400, strand="-"),
        gtf("CDS", 301, 350, {"gene_id": "g1", "transcript_id": "t1"}, strand="-"),
        gtf("start_codon", 348, 350, {"gene_id": "g1"}, strand="-"),
        exon(501, 600, strand="-"),
        exon(321, 390, "t2", strand="-"),
    ]
)

GENCODE = """\
##gff-version 3
# a comment
chr1\tHAVANA\tgene\t101\t600\t.\t-\t.\tID=G1.2;gene_type=protein_coding;gene_name=A%3BB
chr1\tHAVANA\ttranscript\t101\t600\t.\t-\t.\tID=T1.1;Parent=G1.2;transcript_type=protein_coding
chr1\tHAVANA\texon\t501\t600\t.\t-\t.\tID=exon:T1.1:1;Parent=T1.1;Note=a=b, c;;
chr1\tHAVANA\texon\t301\t400\t.\t-\t.\tID=exon:T1.1:2;Parent=T1.1;gene_id=G1.2
chr1\tHAVANA\tCDS\t301\t350\t.\t-\t0\tID=CDS:T1.1;Parent=T1.1;gene_id=G1.2
chr1\tHAVANA\tCDS\t148\t200\t.\t-\t2\tID=CDS:T1.1;Parent=T1.1;gene_id=G1.2
chr1\tHAVANA\texon\t101\t200\t.\t-\t.\tID=exon:T1.1:3;Parent=T1.1;gene_id=G1.2
###
##FASTA
>chr1
ACGT
"""


@pytest.mark.parametrize(
    ("name", "text"), [("a.gtf", UCSC), ("a.gff3", GENCODE)], ids=["gtf", "gff3"]
)
def test_parts_of_a_coding_transcript(tmp_path, name, text):
    [gene] = read_genes(write(tmp_path / name, text))
    transcript = gene.transcripts[0]
    assert (gene.chrom, gene.strand, spans([gene.interval])) == (
        "chr1",
        "-",
        [(100, 600)],
    )
    assert spans(transcript.exons) == [(100, 200), (300, 400), (500, 600)]
    assert spans(transcript.introns) == [(200, 300), (400, 500)]
    assert spans(transcript.cds) == [(147, 200), (300, 350)]
    assert spans(transcript.five_prime_utr) == [(350, 400), (500, 600)]
    assert spans(transcript.three_prime_utr) == [(100, 147)]
    parts = [*transcript.exons, *transcript.introns, *transcript.five_prime_utr]
    assert {part.strand for part in parts} == {"-"}


def test_names_and_types(tmp_path):
    [ucsc] = read_genes(write(tmp_path / "a.gtf", UCSC))
    assert (ucsc.name, ucsc.gene_id, ucsc.biotype) == ("g1", "g1", "")
    assert [t.transcript_id for t in ucsc.transcripts] == ["t1", "t2"]
    [gencode] = read_genes(write(tmp_path / "a.gff3", GENCODE))
    assert (gencode.name, gencode.gene_id) == ("A;B", "G1.2")
    assert gencode.biotype == gencode.transcripts[0].biotype == "protein_coding"


def test_non_coding_transcript_has_no_utr():
    place = Interval("chr1", 0, 9, "+")
    transcript = Transcript("t", place, (place,))
    assert transcript.five_prime_utr == transcript.three_prime_utr == ()


def test_gtf_attributes(tmp_path):
    tail = 'gene_id "g;1"; transcript_id "t 1"; level 2; tag "a"; tag "b"; '
    tail += 'gene_name "β=\\"x\\"";'
    line = f"chr1\ts\texon\t5\t9\t.\t+\t.\t{tail}\n"
    text = '#!genome-build\ntrack name="x"\n\n' + line
    [gene] = read_genes(write(tmp_path / "a.gtf", text))
    assert (gene.gene_id, gene.name) == ("g;1", 'β=\\"x\\"')
    assert gene.transcripts[0].transcript_id == "t 1"


def test_ensembl_gtf_rows(tmp_path):
    names = {"gene_id": "ENSG1", "gene_name": "ABC", "gene_biotype": "lincRNA"}
    own = {**names, "transcript_id": "ENST1", "transcript_biotype": "retained_intron"}
    text = (
        gtf("gene", 11, 90, names)
        + gtf("transcript", 11, 80, own)
        + gtf("exon", 11, 30, own)
        + gtf("exon", 61, 80, own)
        + gtf("five_prime_utr", 11, 30, own)
    )
    [gene] = read_genes(write(tmp_path / "a.gtf", text))
    exons = (Interval("chr1", 10, 30, "+"), Interval("chr1", 60, 80, "+"))
    transcript = Transcript(
        "ENST1", Interval("chr1", 10, 80, "+"), exons, (), "retained_intron"
    )
    assert gene == Gene(
        "ABC", "ENSG1", Interval("chr1", 10, 90, "+"), (transcript,), "lincRNA"
    )


def test_gff3_hierarchies(tmp_path):
    text = (
        gff("gene", 11, 90, "ID=gene:E1;Name=ONE;biotype=protein_coding")
        + gff("mRNA", 11, 90, "ID=transcript:T1;Parent=gene:E1;Name=ONE-201")
        + gff("mRNA", 11, 50, "ID=transcript:T2;Parent=gene:E1")
        + gff("exon", 11, 50, "Parent=transcript:T1,transcript:T2")
        + gff("exon", 71, 90, "Parent=transcript:T1")
        + gff("ncRNA_gene", 101, 190, "ID=gene-MIR1;gene=MIR1")
        + gff("primary_transcript", 101, 190, "ID=rna-NR1;Parent=gene-MIR1")
        + gff("exon", 101, 190, "ID=e1;Parent=rna-NR1")
        + gff("miRNA", 111, 130, "ID=rna-m1;Parent=rna-NR1")
        + gff("exon", 111, 130, "ID=e2;Parent=rna-m1")
        + gff("gene", 201, 290, "ID=gene-prok;Name=prok")
        + gff("CDS", 201, 290, "ID=cds-P1;Parent=gene-prok")
        + gff("pseudogene", 301, 390, "ID=gene-psi;Name=psi")
        + gff("region", 1, 900, "ID=chr1")
        + gff("cDNA_match", 401, 450, "ID=m1;Target=x")
    )
    genes = read_genes(write(tmp_path / "a.gff3", text))
    assert [(g.name, g.gene_id) for g in genes] == [
        ("ONE", "E1"),
        ("MIR1", "MIR1"),
        ("prok", "prok"),
        ("psi", "psi"),
    ]
    one, mir, prok, psi = genes
    assert {t.transcript_id: spans(t.exons) for t in one.transcripts} == {
        "T1": [(10, 50), (70, 90)],
        "T2": [(10, 50)],
    }
    assert [t.biotype for t in mir.transcripts] == ["primary_transcript", "miRNA"]
    assert spans(prok.transcripts[0].cds) == spans(prok.transcripts[0].exons)
    assert psi.transcripts == ()


def test_wormbase_sources_and_names(tmp_path):
    text = (
        gff("gene", 11, 90, "ID=Gene:WB1;Name=WB1;locus=abc-1;sequence_name=Y1.1")
        + gff("gene", 211, 290, "ID=Gene:WB2;Name=WB2;sequence_name=Y1.2")
        + gff("intron", 31, 60, "Note=x", source="RNASeq_splice")
        + gff("mRNA", 11, 90, "ID=Transcript:Y1.1.1;Parent=Gene:WB1;locus=abc-1")
        + gff("exon", 11, 30, "Parent=Transcript:Y1.1.1")
        + gff("intron", 31, 60, "Parent=Transcript:Y1.1.1")
        + gff("exon", 61, 90, "Parent=Transcript:Y1.1.1")
        + gff("CDS", 21, 30, "ID=CDS:Y1.1;Parent=Transcript:Y1.1.1")
        + gff("pseudogenic_transcript", 211, 290, "ID=Pseudogene:Y1.2;Parent=Gene:WB2")
    )
    one, two = read_genes(write(tmp_path / "a.gff3", text))
    assert (one.name, one.gene_id) == ("abc-1", "WB1")
    assert (two.name, two.gene_id) == ("Y1.2", "WB2")
    assert one.transcripts[0].biotype == "protein_coding"
    assert two.transcripts[0].biotype == "pseudogenic_transcript"
    assert two.transcripts[0].transcript_id == "Y1.2"
    assert spans(two.transcripts[0].exons) == [(210, 290)]


class TestCopies:
    """One identifier at several places makes several genes."""

    def test_on_other_contigs_and_strands(self, tmp_path):
        text = exon(11, 20) + exon(11, 20, chrom="chr2") + exon(51, 60, strand="-")
        genes = read_genes(write(tmp_path / "a.gtf", text))
        assert [(g.chrom, g.strand) for g in genes] == [
            ("chr1", "+"),
            ("chr1", "-"),
            ("chr2", "+"),
        ]

    def test_far_apart_on_one_contig(self, tmp_path):
        text = exon(11, 20) + exon(31, 40) + exon(5_000_011, 5_000_020)
        genes = read_genes(write(tmp_path / "a.gtf", text))
        assert [g.interval.length for g in genes] == [30, 10]

    def test_where_transcripts_do_not_overlap(self, tmp_path):
        text = exon(11, 20) + exon(31, 40) + exon(51, 60, "t1_1") + exon(71, 80, "t1_1")
        genes = read_genes(write(tmp_path / "a.gtf", text))
        assert [spans([g.interval]) for g in genes] == [[(10, 40)], [(50, 80)]]

    @pytest.mark.parametrize("numbers", ["1212", "2121"])
    def test_by_exon_number(self, tmp_path, numbers):
        text = "".join(
            exon(at, at + 9).replace("\n", f" exon_number {number};\n")
            for at, number in zip((11, 31, 51, 71), numbers, strict=True)
        )
        genes = read_genes(write(tmp_path / "a.gtf", text))
        assert [spans([g.interval]) for g in genes] == [[(10, 40)], [(50, 80)]]

    def test_by_transcript_and_gene_rows(self, tmp_path):
        names = {"gene_id": "g1", "transcript_id": "t1"}
        text = "".join(
            gtf("gene", at, at + 29, {"gene_id": "g1"})
            + gtf("transcript", at, at + 29, names)
            + exon(at, at + 9)
            + exon(at + 20, at + 29)
            for at in (11, 51)
        )
        genes = read_genes(write(tmp_path / "a.gtf", text))
        assert [len(g.transcripts) for g in genes] == [1, 1]
        assert [spans(g.transcripts[0].exons) for g in genes] == [
            [(10, 20), (30, 40)],
            [(50, 60), (70, 80)],
        ]

    def test_same_row_from_two_sources_is_one(self, tmp_path):
        [gene] = read_genes(
            write(tmp_path / "a.gtf", (exon(11, 20) + exon(31, 40)) * 2)
        )
        assert spans(gene.transcripts[0].exons) == [(10, 20), (30, 40)]


class TestInterval:
    """What overlaps comes whole, with or without an index."""

    TEXT = (
        exon(1_000_011, 1_000_020)
        + exon(2_000_011, 2_000_020)
        + exon(2_900_011, 2_900_020)
        + exon(2_000_031, 2_000_040, "t2", "g2")
        + exon(11, 20, "t3", "g3", chrom="chr2")
    )

    @pytest.fixture(params=["a.gtf", "a.gtf.gz"])
    def path(self, request, tmp_path):
        rows = sorted(
            self.TEXT.splitlines(keepends=True),
            key=lambda row: (row.split("\t")[0], int(row.split("\t")[3])),
        )
        return write(tmp_path / request.param, "".join(rows))

    def test_inside_an_intron(self, path):
        [gene] = read_genes(path, Interval("chr1", 1_500_000, 1_500_001))
        assert spans([gene.interval]) == [(1_000_010, 2_900_020)]
        assert len(gene.transcripts[0].exons) == 3

    def test_at_the_edges(self, path):
        def found(start, end):
            return [g.gene_id for g in read_genes(path, Interval("chr1", start, end))]

        assert found(2_000_025, 2_000_031) == ["g1", "g2"]
        assert found(2_900_019, 2_900_020) == ["g1"]
        assert found(2_900_020, 2_900_050) == []
        assert found(-5, 1_000_010) == []
        assert found(1_000_005, 1_000_005) == []

    def test_contig_is_spelled_as_asked(self, path, caplog):
        [gene] = read_genes(path, Interval("2", 0, 50))
        assert (gene.gene_id, gene.chrom) == ("g3", "2")
        assert gene.transcripts[0].exons[0].chrom == "2"
        assert caplog.text.count("usual spellings") == 1

    def test_contig_without_genes(self, path):
        assert read_genes(path, Interval("chr7", 0, 50)) == []

    def test_gene_longer_than_the_reach(self, tmp_path):
        names = {"gene_id": "g1", "transcript_id": "t1"}
        text = (
            gtf("transcript", 11, 9_000_000, names)
            + exon(11, 20)
            + exon(5_000_001, 5_000_009)
            + exon(8_999_991, 9_000_000)
        )
        path = write(tmp_path / "a.gtf.gz", text)
        [gene] = read_genes(path, Interval("chr1", 5_000_001, 5_000_002))
        assert len(gene.transcripts[0].exons) == 3

    def test_index_older_than_the_file_is_not_used(self, tmp_path):
        path = write(tmp_path / "a.gtf.gz", exon(11, 20))
        with pysam.BGZFile(str(path), "w") as file:
            file.write((exon(11, 20, chrom="chr0") * 5 + exon(31, 40)).encode())
        os.utime(path, (time.time() + 9, time.time() + 9))
        [gene] = read_genes(path, Interval("chr1", 0, 100))
        assert spans([gene.interval]) == [(30, 40)]


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("chr1\tx\texon\t5\n", "must have 9 columns separated by tabs; got 4"),
        (exon("zz", 9), "must be numbers with 1 <= start <= end; got 'zz' and '9'"),
        (exon(0, 9), "must be numbers with 1 <= start <= end; got '0' and '9'"),
        (exon(9, 5), "must be numbers with 1 <= start <= end; got '9' and '5'"),
        (exon(5, 9, strand="x"), "strand must be .* got 'x'"),
        (exon(5, 9, chrom="c 1"), "chrom must be a name without white space"),
        (gtf("exon", 5, 9, {"level": "2"}), "a row of type exon must have gene_id"),
        (gff("gene", 5, 9, "Name=x"), "a row of type gene must have ID"),
    ],
)
def test_malformed_row_names_file_and_line(tmp_path, bad, expected):
    path = write(tmp_path / "a.gtf", "# comment\n" + exon(1, 4) + bad)
    with pytest.raises(AnnotationError, match=rf"a\.gtf, line 3: .*{expected}"):
        read_genes(path)


def test_malformed_row_by_index_names_its_place(tmp_path):
    path = write(tmp_path / "a.gtf.gz", exon(1, 4) + exon(5, 9, strand="x"))
    with pytest.raises(AnnotationError, match=r"a\.gtf\.gz, row at chr1:5: strand"):
        read_genes(path, Interval("chr1", 0, 10))


def test_files_without_rows(tmp_path):
    assert read_genes(write(tmp_path / "a.gff3", "##gff-version 3\n")) == []
    with pytest.raises(AnnotationError, match=r"b\.gtf is empty"):
        read_genes(write(tmp_path / "b.gtf", ""))
    with pytest.raises(AnnotationError, match="does not exist"):
        read_genes(tmp_path / "no.gtf")


def test_gzip_and_cut_gzip(tmp_path):
    data = gzip.compress((exon(11, 20) * 500).encode())
    (tmp_path / "a.gtf.gz").write_bytes(data)
    assert len(read_genes(tmp_path / "a.gtf.gz")) == 1
    (tmp_path / "a.gtf.gz").write_bytes(data[:-20])
    with pytest.raises(AnnotationError, match="truncated or damaged after line"):
        read_genes(tmp_path / "a.gtf.gz")


@pytest.mark.parametrize(
    ("annotation", "fasta", "counts", "introns"),
    [
        (
            "human_hg19_chr20/hg19.chr20.refseq.gtf.gz",
            "human_hg19_chr20/hg19.chr20.fa.gz",
            (653, 1084),
            (196, 197),
        ),
        (
            "human_hg38_1Mb/Ensembl91.hg38.chr9_first1Mb.gtf.gz",
            "human_hg38_1Mb/hg38.chr9_chr20.first1Mb.fa.gz",
            (23, 105),
            (194, 195),
        ),
        (
            "human_hg19_brca1/gencode.v19.BRCA1.gff3.gz",
            "human_hg19_brca1/hg19.chr17_BRCA1.fa.gz",
            (2, 32),
            (45, 45),
        ),
        (
            "celegans_1pct/C.elegans_1pct.gff3.gz",
            "celegans_1pct/C.elegans_1pct.fa.gz",
            (269, 427),  # 260 gene rows and nine transcripts cut off from theirs
            (980, 991),
        ),
    ],
    ids=["refseq", "ensembl", "gencode", "wormbase"],
)
def test_real_introns_start_with_gt_or_gc_and_end_with_ag(
    shared, annotation, fasta, counts, introns
):
    genes = read_genes(shared / "data" / annotation)
    transcripts = [transcript for gene in genes for transcript in gene.transcripts]
    assert (len(genes), len(transcripts)) == counts
    distinct = {part for transcript in transcripts for part in transcript.introns}
    with FastaReader(shared / "data" / fasta) as genome:
        bases = [genome.fetch(part) for part in distinct]
    known = [text for text in bases if "N" not in text[:2] + text[-2:]]
    spliced = [t for t in known if t[:2] in ("GT", "GC") and t.endswith("AG")]
    assert (len(spliced), len(known)) == introns


def test_real_coding_parts_start_with_atg_and_end_with_stop(shared):
    folder = shared / "data/yeast_R64"
    genes = read_genes(
        folder / "Saccharomyces_cerevisiae.R64-1-1.96.gtf.gz",
        Interval("chrIV", 0, 10**6),
    )
    with FastaReader(folder / "Saccharomyces_cerevisiae.R64-1-1.fa.gz") as genome:
        proteins = [
            "".join(genome.fetch(part) for part in parts)
            for gene in genes
            if gene.biotype == "protein_coding"
            for transcript in gene.transcripts
            for parts in [transcript.cds[:: -1 if gene.strand == "-" else 1]]
        ]
    assert len(proteins) > 500
    assert all(text[:3] == "ATG" for text in proteins)
    assert all(text[-3:] in ("TAA", "TAG", "TGA") for text in proteins)
    assert all(len(text) % 3 == 0 for text in proteins)


def test_real_region_by_index_equals_reading_all(shared, tmp_path):
    source = shared / "data/human_hg19_chr20/hg19.chr20.refseq.gtf.gz"
    shutil.copy(source, tmp_path / "copy.gtf.gz")
    region = Interval("20", 1_220_100, 1_220_200)
    by_index = read_genes(source, region)
    assert by_index == read_genes(tmp_path / "copy.gtf.gz", region)
    [gene] = by_index
    assert (gene.name, str(gene.interval)) == ("RAD21L1", "20:1,206,764-1,235,145:+")
    assert len(gene.transcripts[0].exons) == 14
