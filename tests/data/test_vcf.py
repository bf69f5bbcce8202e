import gzip
import os
import shutil
import time

import pysam
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.data.vcf import VcfError, read_variants, read_vcf

CHR20 = "human_hg19_chr20/1000G_phase3.chr20_1-2Mb.sites.vcf.gz"
META = (
    "##fileformat=VCFv4.2\n"
    "##contig=<ID=chr1,length=1000>\n"
    '##INFO=<ID=END,Number=1,Type=Integer,Description="end">\n'
)
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
FIRST = "chr1\t10\trs1\tA\tC\t.\t.\t.\n"


def record(chrom="chr1", pos=12, name=".", ref="A", alt="G", info="."):
    return f"{chrom}\t{pos}\t{name}\t{ref}\t{alt}\t.\t.\t{info}\n"


def texts(variants):
    return [str(variant) for variant in variants]


def write(path, text):
    if path.suffix == ".gz":
        with pysam.BGZFile(str(path), "w") as file:
            file.write(text.encode())
    else:
        path.write_text(text)
    return path


def to_bcf(source, target):
    with (
        pysam.VariantFile(str(source)) as records,
        pysam.VariantFile(str(target), "wb", header=records.header) as out,
    ):
        for item in records:
            out.write(item)
    return target


@pytest.fixture(params=[".vcf", ".vcf.gz", ".bcf"])
def store(request, tmp_path):
    """Write VCF text in one of the three formats."""

    def write_as(text):
        if request.param != ".bcf":
            return write(tmp_path / f"calls{request.param}", text)
        return to_bcf(write(tmp_path / "text.vcf", text), tmp_path / "calls.bcf")

    return write_as


def test_alternates_become_variants_in_file_order(store):
    path = store(META + COLUMNS + FIRST + record(name="rs2", ref="AC", alt="A,GT"))
    assert list(read_vcf(path)) == [
        Variant("chr1", 10, "A", "C", "rs1"),
        Variant("chr1", 12, "AC", "A", "rs2"),
        Variant("chr1", 12, "AC", "GT", "rs2"),
    ]


def test_what_cannot_be_scored_comes_through(store):
    alternates = ["<DEL>", "*", "<NON_REF>", "G]chr2:19]", "<*>"]
    body = record(alt=",".join(alternates)) + record(alt=".") + record(pos=0)
    variants = list(read_vcf(store(META + COLUMNS + body)))
    assert [variant.alt for variant in variants] == [*alternates, ".", "G"]
    assert [variant.is_symbolic for variant in variants] == [True] * 6 + [False]
    assert variants[-1].pos == 0


@pytest.mark.parametrize(
    "text",
    [
        (META + COLUMNS + FIRST).replace("\n", "\r\n"),
        "\ufeff" + META + COLUMNS + FIRST,
        META + COLUMNS + "\n" + FIRST + "\n\n",
        COLUMNS + FIRST,
        META + COLUMNS + FIRST.replace("A\tC", "a\tc"),
        META + COLUMNS + FIRST.replace("\t.\n", "\tX=1;Y;1a=é\n"),
    ],
    ids=["windows", "mark", "blank lines", "no meta", "lower case", "undeclared INFO"],
)
def test_harmless_oddities_are_read(tmp_path, text):
    path = write(tmp_path / "odd.vcf", text)
    assert list(read_vcf(path)) == [Variant("chr1", 10, "A", "C", "rs1")]


def test_undeclared_contig(tmp_path):
    path = write(tmp_path / "calls.vcf.gz", META + COLUMNS + FIRST + record("chrZ"))
    assert texts(read_vcf(path)) == ["chr1:10:A>C", "chrZ:12:A>G"]


@pytest.mark.parametrize("suffix", [".vcf", ".vcf.gz"])
@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (record(pos="x"), r"line 6: POS must be a whole number; got 'x'"),
        (record(pos="1e3"), r"line 6: POS must be a whole number; got '1e3'"),
        (record(pos=""), r"line 6: POS must be a whole number; got ''"),
        (record(pos=-4), r"line 6: POS must be a whole number; got '-4'"),
        (record(pos="9" * 30), r"line 6: POS must be a whole number"),
        (record(ref=""), r"line 6: ref must be IUPAC bases"),
        (record(alt="C,,T"), r"line 6: alt must be IUPAC bases or a VCF symbol"),
        (record(alt="A-"), r"line 6: alt must be IUPAC bases or a VCF symbol"),
        (record(chrom="chr 1"), r"line 6: chrom must be a name without white"),
        ("chr1\t12\t.\tA\tC\n", r"line 6: a record must have 8 columns, .* got 5"),
        ("chr1\t12", r"line 6: a record must have 8 columns, as the header has; got 2"),
    ],
)
def test_bad_record_names_file_and_line(tmp_path, suffix, bad, expected):
    path = write(tmp_path / f"bad{suffix}", META + COLUMNS + FIRST + bad)
    variants = read_vcf(path)
    with pytest.raises(VcfError, match=rf"bad\.vcf.*, {expected}"):
        list(variants)


def test_record_without_all_samples(tmp_path):
    columns = COLUMNS.replace("\n", "\tFORMAT\tS1\tS2\n")
    body = FIRST.replace("\n", "\tGT\t0/1\n")
    path = write(tmp_path / "a.vcf", META + columns + body)
    with pytest.raises(
        VcfError, match="must have 11 columns, as the header has; got 10"
    ):
        list(read_vcf(path))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", r"a\.vcf is empty \(0 bytes\)"),
        (
            FIRST,
            r"no header: records start at line 1\. Add '##fileformat=VCFv4\.3' and",
        ),
        (META + FIRST, r"no header: records start at line 4\. Add '#CHROM\\tPOS"),
        (META, r"has no '#CHROM' line and no records"),
        ("<html>\n", r"is no VCF: line 1 is '<html>'"),
        (
            META + COLUMNS.replace("\t", "  "),
            r"line 4: columns must be separated by tabs",
        ),
        (
            META + "#CHROM\tPOS\tREF\n",
            r"line 4: the column line must start with #CHROM",
        ),
    ],
    ids=["empty", "headerless", "no columns", "only meta", "html", "spaces", "columns"],
)
def test_bad_header(tmp_path, text, expected):
    path = write(tmp_path / "a.vcf", text)
    with pytest.raises(VcfError, match=expected):
        read_vcf(path)


def test_missing_file(tmp_path):
    with pytest.raises(VcfError, match=r"no\.vcf does not exist"):
        read_vcf(tmp_path / "no.vcf")


def test_file_without_records(store):
    assert list(read_vcf(store(META + COLUMNS))) == []


def test_last_line_without_its_end_is_noticed(tmp_path, caplog):
    path = write(tmp_path / "a.vcf", (META + COLUMNS + FIRST)[:-1])
    assert texts(read_vcf(path)) == ["chr1:10:A>C"]
    assert "the last line has no line end" in caplog.text


@pytest.fixture(scope="module")
def body():
    rows = (record(pos=pos, name=f"rs{pos * 7919 % 10007}") for pos in range(3_000))
    return (META + COLUMNS + "".join(rows)).encode()


@pytest.fixture(scope="module")
def bgzip(body, tmp_path_factory):
    path = tmp_path_factory.mktemp("bgzip") / "a.vcf.gz"
    with pysam.BGZFile(str(path), "w") as file:
        file.write(body)
    return path


class TestDamage:
    """Cut and damaged files end in an error, never early."""

    def test_plain_gzip_is_read_whole(self, tmp_path, body):
        (tmp_path / "a.vcf.gz").write_bytes(gzip.compress(body))
        assert sum(1 for _ in read_vcf(tmp_path / "a.vcf.gz")) == 3_000

    @pytest.mark.parametrize("kept", [0.3, 0.9, 0.9999])
    def test_cut_gzip(self, tmp_path, body, kept):
        data = gzip.compress(body)
        (tmp_path / "a.vcf.gz").write_bytes(data[: int(kept * len(data))])
        with pytest.raises(VcfError, match=r"truncated or damaged after line \d+"):
            list(read_vcf(tmp_path / "a.vcf.gz"))

    def test_cut_bgzip(self, tmp_path, bgzip):
        data = bgzip.read_bytes()
        size = int.from_bytes(data[16:18], "little") + 1
        for kept in (-28, -10, size, size + 100):
            (tmp_path / "a.vcf.gz").write_bytes(data[:kept])
            with pytest.raises(VcfError, match="end-of-file block is missing"):
                read_vcf(tmp_path / "a.vcf.gz")

    def test_damaged_block(self, tmp_path, bgzip):
        data = bytearray(bgzip.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 50] = bytes(50)
        (tmp_path / "a.vcf.gz").write_bytes(data)
        with pytest.raises(VcfError, match=r"a\.vcf\.gz"):
            list(read_vcf(tmp_path / "a.vcf.gz"))

    def test_damaged_bcf(self, tmp_path, bgzip):
        data = bytearray(to_bcf(bgzip, tmp_path / "whole.bcf").read_bytes())
        middle = len(data) // 2
        data[middle : middle + 50] = bytes(50)
        (tmp_path / "a.bcf").write_bytes(data)
        with pytest.raises(VcfError, match="truncated or damaged"):
            list(read_vcf(tmp_path / "a.bcf"))
        (tmp_path / "a.bcf").write_bytes(data[: middle // 2])
        with pytest.raises(VcfError, match="end-of-file block is missing"):
            read_vcf(tmp_path / "a.bcf")

    def test_damaged_block_under_an_index(self, tmp_path, bgzip):
        path = tmp_path / "a.vcf.gz"
        shutil.copy(bgzip, path)
        pysam.tabix_index(str(path), preset="vcf")
        index = path.with_name("a.vcf.gz.tbi")
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 50] = bytes(50)
        path.write_bytes(data)
        os.utime(index, (time.time() + 9, time.time() + 9))
        with pytest.raises(VcfError, match=r"a\.vcf\.gz"):
            list(read_vcf(path, region="chr1"))


REGION_BODY = (
    record(pos=5)
    + record(pos=8, ref="ACGT", alt="A", name="spans")
    + record(pos=10, name="in")
    + record(pos=2, alt="<DEL>", info="END=40", name="long")
    + record(pos=12, name="last")
    + record(pos=13)
    + record("chr2", pos=11)
)


class TestRegion:
    """Regions by index and by reading everything agree."""

    @pytest.fixture
    def ordered(self):
        rows = sorted(REGION_BODY.splitlines(keepends=True)[:6], key=_position)
        return META + "##contig=<ID=chr2>\n" + COLUMNS + "".join(rows) + record("chr2")

    @pytest.mark.parametrize("region", ["chr1:11-12", Interval("1", 10, 12)], ids=str)
    def test_of_plain_text(self, tmp_path, caplog, region):
        path = write(tmp_path / "a.vcf", META + COLUMNS + REGION_BODY)
        names = [variant.id for variant in read_vcf(path, region=region)]
        assert names == ["spans", "long", "last"]
        assert (
            "it is not bgzip-compressed and indexed; reading all of it" in caplog.text
        )

    @pytest.mark.parametrize("region", ["chr1:11-12", "1:11-12"])
    def test_by_tabix(self, tmp_path, caplog, ordered, region):
        path = write(tmp_path / "a.vcf.gz", ordered)
        pysam.tabix_index(str(path), preset="vcf")
        names = [variant.id for variant in read_vcf(path, region=region)]
        assert names == ["long", "spans", "last"]
        assert ("usual spellings" in caplog.text) == region.startswith("1")
        assert "reading all" not in caplog.text

    def test_by_csi(self, tmp_path, caplog, ordered):
        path = to_bcf(write(tmp_path / "a.vcf", ordered), tmp_path / "a.bcf")
        everything = [v.id for v in read_vcf(path, region="chr1:11-12")]
        assert "it has no index; reading all of it" in caplog.text
        caplog.clear()
        pysam.tabix_index(str(path), preset="bcf")
        assert [v.id for v in read_vcf(path, region="chr1:11-12")] == everything
        assert everything == ["long", "spans", "last"]
        assert not caplog.records

    def test_whole_contig(self, store):
        path = store(META + "##contig=<ID=chr2>\n" + COLUMNS + FIRST + record("chr2"))
        assert texts(read_vcf(path, region="chr2")) == ["chr2:12:A>G"]

    def test_of_plain_gzip(self, tmp_path, caplog):
        path = tmp_path / "a.vcf.gz"
        path.write_bytes(gzip.compress((META + COLUMNS + REGION_BODY).encode()))
        assert sum(1 for _ in read_vcf(path, region="chr1:11-12")) == 3
        assert "it is not bgzip-compressed and indexed" in caplog.text

    def test_with_an_index_older_than_the_file(self, tmp_path, caplog, ordered):
        path = write(tmp_path / "a.vcf.gz", ordered)
        pysam.tabix_index(str(path), preset="vcf")
        write(path, ordered.replace("chr1\t13", "chr1\t12"))
        os.utime(path, (time.time() + 9, time.time() + 9))
        assert sum(1 for _ in read_vcf(path, region="chr1:12-12")) == 3
        assert "its index is older than the file" in caplog.text

    def test_on_a_contig_without_records(self, store, caplog):
        path = store(META + COLUMNS + FIRST)
        assert list(read_vcf(path, region="chr9:1-5")) == []
        assert "holds no records on contig chr9" in caplog.text

    def test_text_that_is_no_region(self, store):
        path = store(META + COLUMNS + FIRST)
        with pytest.raises(ValueError, match="interval must look like"):
            read_vcf(path, region="chr1:7")


def _position(line):
    return int(line.split("\t")[1])


def test_htslib_verbosity_is_left_as_it_was(store):
    before = pysam.get_verbosity()
    list(read_vcf(store(META + COLUMNS + FIRST), region="chr1:1-20"))
    assert pysam.get_verbosity() == before


class TestTables:
    """Variants from TSV and CSV."""

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            (
                "a.tsv",
                "chrom\tpos\tref\talt\tid\nchr1\t7\tA\tG\tx\nchr1\t9\tT\t<DEL>\t\n",
            ),
            (
                "a.txt",
                "#CHROM\tPOS\tREF\tALT\tID\n\nchr1\t7\tA\tG\tx\nchr1\t9\tT\t<DEL>\t.",
            ),
            (
                "a.csv",
                " Alt , Ref, Pos ,Chrom,id\n G, A ,7,chr1, x\n<DEL>,T,9, chr1 ,\n",
            ),
            (
                "a.csv",
                'chrom,pos,ref,alt,id,n\nchr1,7,a,g,x,"1,2"\nchr1,9,T,<DEL>,.,3\n',
            ),
        ],
        ids=["tsv", "vcf-like", "spaces", "more columns"],
    )
    def test_read(self, tmp_path, name, text):
        path = write(tmp_path / name, text)
        expected = [Variant("chr1", 7, "A", "G", "x"), Variant("chr1", 9, "T", "<DEL>")]
        assert list(read_variants(path)) == expected

    def test_id_may_be_left_out_and_region_selects(self, tmp_path, caplog):
        path = tmp_path / "a.tsv.gz"
        rows = "chrom\tpos\tref\talt\nchr1\t7\tA\tG\nchr1\t9\tA\tG\nchr2\t9\tA\tG\n"
        path.write_bytes(gzip.compress(rows.encode()))
        assert texts(read_variants(path, region="1:8-9")) == ["chr1:9:A>G"]
        assert len(caplog.records) == 1

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "is empty"),
            (
                "chr1,7,A,G\n",
                r"columns chrom, pos, ref and alt, .* missing from \['chr1'",
            ),
            ("chrom,pos,ref,alt\nchr1,x,A,G\n", r"line 2: pos must be a whole number"),
            ("chrom,pos,ref,alt\nchr1,7,A,-\n", r"line 2: alt must be IUPAC bases"),
            (
                "chrom,pos,ref,alt\n\nchr1,7,A\n",
                r"line 3: a row must have 4 cells, .*got 3",
            ),
        ],
    )
    def test_bad(self, tmp_path, text, expected):
        path = write(tmp_path / "a.csv", text)
        with pytest.raises(VcfError, match=expected):
            list(read_variants(path))

    def test_other_suffixes_are_vcf(self, store):
        path = store(META + COLUMNS + FIRST)
        assert texts(read_variants(path, region="chr1:10-10")) == ["chr1:10:A>C"]


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("human_hg38_1Mb/3samples.hg38.chr20_first1Mb.vcf.gz", 3_513),
        ("human_hg19_brca1/1000G_phase3.BRCA1.3samples.vcf.gz", 2_052),
        ("human_hg19_chr20/CEUtrio_gatk.chr20_10.0-10.25Mb.vcf.gz", 495),
        ("human_chrM/mutect2_filtered.chrM.vcf.gz", 6),
    ],
    ids=["indels", "brca1", "trio", "mutect"],
)
def test_real_variants_agree_with_htslib(shared, name, records):
    with pysam.VariantFile(str(shared / "data" / name)) as file:
        items = [(i.chrom, i.pos, i.ref, i.alts or (".",), i.id or ".") for i in file]
    expected = [(*item[:3], alt, item[4]) for item in items for alt in item[3]]
    found = [
        (v.chrom, v.pos, v.ref, v.alt, v.id) for v in read_vcf(shared / "data" / name)
    ]
    assert len(items) == records
    assert found == expected


def test_real_region_by_index_equals_reading_all(shared, tmp_path):
    path = shared / "data" / CHR20
    shutil.copy(path, tmp_path / "copy.vcf.gz")
    region = Interval("20", 1_100_000, 1_110_000)
    by_index = list(read_vcf(path, region=region))
    assert by_index == list(read_vcf(tmp_path / "copy.vcf.gz", region=region))
    with pysam.VariantFile(str(path)) as file:
        inside = [i for i in file if i.start < region.end and region.start < i.stop]
    assert [v.pos for v in by_index] == [i.pos for i in inside for _ in i.alts]


def test_damaged_gzip_is_said(tmp_path):
    path = tmp_path / "x.vcf.gz"
    path.write_bytes(gzip.compress(b"##fileformat")[:10] + b"\xff" * 30)
    with pytest.raises(VcfError, match=r"truncated or damaged: .*invalid block type"):
        list(read_vcf(path))
