import math
import shutil
import subprocess
import sys

import pysam
import pytest

from hyenascope.data import annotated_vcf
from hyenascope.data.annotated_vcf import write_annotated_vcf
from hyenascope.data.variant import Variant
from hyenascope.data.vcf import read_vcf

META = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=1000>\n"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def record(chrom="chr1", pos=12, alt="G", info="."):
    return f"{chrom}\t{pos}\t.\tA\t{alt}\t.\t.\t{info}\n"


def write(path, text):
    path.write_text(text)
    return path


@pytest.fixture(params=[".vcf", ".vcf.gz", ".vcf.bgz", ".bcf"])
def out(request, tmp_path):
    return tmp_path / f"scores{request.param}"


@pytest.fixture
def source(tmp_path):
    columns = COLUMNS.replace("\n", "\tFORMAT\tNA1\n")
    rows = [
        "20\t5\trs5\tA\tC,<DEL>\t50.10\tPASS\tAC=1,2;OLD=x\tGT:XX\t0/1:é",
        "20\t7\t.\tg\t.\t.\tq10\t.\tGT:XX\t0/0:.",
        "20\t9\t<img src=x>\tT\tTA\t.\t.\tFLAG\tGT:XX\t1/1:7",
    ]
    text = "##fileformat=VCFv4.1\n" + columns + "\n".join(rows) + "\n"
    return write(tmp_path / "source.vcf", text)


def test_values_go_to_their_alternates(out, source):
    variants = list(read_vcf(source))
    info = {
        "delta-ll": [0.5, math.nan, None, -1.25],
        "9why": [None, "a b;c=d,e%\tf", "", "x"],
    }
    about = {"delta-ll": 'alternate "minus" reference \\ nats'}
    write_annotated_vcf(
        out,
        source,
        variants,
        info,
        about,
        contigs={"chr20": 99},
        meta={"model": "m"},
    )
    with pysam.VariantFile(str(out)) as file:
        assert file.header.contigs["20"].length == 99
        assert file.header.info["delta_ll"].number == "A"
        assert file.header.info["delta_ll"].type == "Float"
        assert file.header.info["_9why"].type == "String"
        assert list(file.header.samples) == ["NA1"]
        assert "##model=m" in str(file.header).splitlines()
        first, second, third = file
    assert first.info["delta_ll"] == (0.5, None)
    assert first.info["_9why"] == (".", "a%20b%3Bc%3Dd%2Ce%25%09f")
    assert third.info["delta_ll"] == (-1.25,)
    assert [r.id for r in (first, second, third)] == ["rs5", None, "<img src=x>"]
    assert first.qual == pytest.approx(50.1)


def test_records_are_kept_to_the_letter(tmp_path, source):
    variants = list(read_vcf(source))[-1:]
    out = tmp_path / "out.vcf"
    write_annotated_vcf(
        out, source, variants, {"delta": [2.0]}, {}, contigs={}, meta={}
    )
    before, after = source.read_text().splitlines(), out.read_text().splitlines()
    assert after[-3:-1] == before[-3:-1]
    assert after[-1] == before[-1].replace("FLAG", "FLAG;delta=2")
    assert [after[0], after[-4]] == before[:2]
    about = "Not declared in the source"
    assert after[1:-4] == [
        "##contig=<ID=20>",
        f'##INFO=<ID=END,Number=1,Type=Integer,Description="{about}">',
        f'##INFO=<ID=AC,Number=.,Type=String,Description="{about}">',
        f'##INFO=<ID=OLD,Number=.,Type=String,Description="{about}">',
        f'##FORMAT=<ID=GT,Number=1,Type=String,Description="{about}">',
        f'##FORMAT=<ID=XX,Number=.,Type=String,Description="{about}">',
        f'##FILTER=<ID=q10,Description="{about}">',
        f'##INFO=<ID=FLAG,Number=0,Type=Flag,Description="{about}">',
        '##INFO=<ID=delta,Number=A,Type=Float,Description="delta">',
    ]


def test_annotating_again_replaces(tmp_path, source):
    variants = list(read_vcf(source))
    once, twice = tmp_path / "once.vcf", tmp_path / "twice.vcf"
    for before, after in ((source, once), (once, twice)):
        values = {"delta": [1.0, 2.0, 3.0, 4.0]}
        write_annotated_vcf(
            after, before, variants, values, {}, contigs={}, meta={"model": "m"}
        )
    assert twice.read_text() == once.read_text()


def test_in_place_over_an_undeclared_key(tmp_path):
    path = write(tmp_path / "a.vcf", META + COLUMNS + record(info="d=old;AC=1"))
    variants = list(read_vcf(path))
    write_annotated_vcf(path, path, variants, {"d": [1.5]}, {}, contigs={}, meta={})
    text = path.read_text()
    assert text.count("##INFO=<ID=d,") == 1
    assert text.splitlines()[-1].endswith("\tAC=1;d=1.5")


def test_variants_named_otherwise_and_given_twice(tmp_path):
    text = META + COLUMNS + record() + record()
    source = write(tmp_path / "a.vcf", text)
    variants = [Variant("1", 12, "A", "G"), Variant("1", 12, "A", "G")]
    out = tmp_path / "out.vcf"
    write_annotated_vcf(
        out, source, variants, {"d": [1.0, 2.0]}, {}, contigs={}, meta={}
    )
    infos = [line.split("\t")[7] for line in out.read_text().splitlines()[-2:]]
    assert infos == ["d=1", "d=2"]


def test_variant_that_is_not_in_the_source(tmp_path, source):
    out = tmp_path / "out.vcf"
    variants = [Variant("20", 9, "T", "TA"), Variant("20", 9, "T", "TC")]
    with pytest.raises(ValueError, match=r"must all be in .*; 20:9:T>TC is not"):
        write_annotated_vcf(
            out, source, variants, {"d": [1.0, 2.0]}, {}, contigs={}, meta={}
        )
    assert not out.exists()


def test_without_a_source_records_are_sorted(out):
    variants = [
        Variant("2", 5, "A", "G", "x;y"),
        Variant("chr1", 9, "A", "<DEL>"),
        Variant("chr1", 2, "A", "."),
    ]
    info = {"d": [1.0, 1 / 3, math.nan]}
    contigs = {"chr1": 100, "chr2": 50}
    write_annotated_vcf(
        out,
        None,
        variants,
        info,
        {"d": "x\ny"},
        contigs=contigs,
        meta={"a b": "<c"},
    )
    with pysam.VariantFile(str(out)) as file:
        assert [(c.name, c.length) for c in file.header.contigs.values()] == [
            ("chr1", 100),
            ("2", 50),
        ]
        assert file.header.info["d"].description == "x y"
        assert '##a_b="<c"' in str(file.header).splitlines()
        found = [(r.chrom, r.pos, r.id) for r in file]
    assert found == [("chr1", 2, None), ("chr1", 9, None), ("2", 5, "x;y")]
    assert [v.alt for v in read_vcf(out)] == [".", "<DEL>", "G"]


def test_index_is_written_and_used(tmp_path, caplog):
    variants = [Variant("chr1", pos, "A", "G") for pos in (3, 70, 90)]
    for name, index in (("a.vcf.gz", "a.vcf.gz.tbi"), ("a.bcf", "a.bcf.csi")):
        write_annotated_vcf(
            tmp_path / name, None, variants, {}, {}, contigs={"chr1": 99}, meta={}
        )
        assert (tmp_path / index).exists()
        found = read_vcf(tmp_path / name, region="chr1:60-80")
        assert [str(variant) for variant in found] == ["chr1:70:A>G"]
    assert not caplog.records


def test_unsorted_source_keeps_its_order_and_gets_no_index(tmp_path, caplog):
    source = write(tmp_path / "a.vcf", META + COLUMNS + record(pos=9) + record(pos=2))
    variants = list(read_vcf(source))
    out = tmp_path / "out.vcf.gz"
    out.with_name("out.vcf.gz.tbi").write_text("of an older file")
    write_annotated_vcf(
        out, source, variants, {"d": [1.0, 2.0]}, {}, contigs={}, meta={}
    )
    assert [v.pos for v in read_vcf(out)] == [9, 2]
    assert "has no index: are its records sorted?" in caplog.text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.vcf", "out.vcf.gz"]


def test_interrupt_leaves_the_old_files(out, source, monkeypatch):
    out.write_text("old")

    def interrupted(*_):
        raise KeyboardInterrupt("stop")

    monkeypatch.setattr(annotated_vcf, "_check_count", interrupted)
    with pytest.raises(KeyboardInterrupt, match="stop"):
        write_annotated_vcf(
            out, source, list(read_vcf(source)), {}, {}, contigs={}, meta={}
        )
    assert out.read_text() == "old"
    assert sorted(out.parent.iterdir()) == sorted([out, source])


@pytest.mark.parametrize("suffix", [".vcf", ".vcf.gz", ".bcf"])
def test_full_disk_leaves_nothing(tmp_path, suffix):
    script = (
        "import resource, sys\n"
        "from hyenascope.data.vcf import write_annotated_vcf\n"
        "from hyenascope.data.variant import Variant\n"
        "variants = [Variant('1', i * i % 7919, 'A', 'G') for i in range(9000)]\n"
        "values = {'d': [i * 0.37 for i in range(9000)]}\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, -1))\n"
        "write_annotated_vcf(sys.argv[1], None, variants, values, {},"
        " contigs={'1': 9000}, meta={})\n"
    )
    out = tmp_path / f"out{suffix}"
    result = subprocess.run(
        [sys.executable, "-c", script, str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "File too large; no file was left" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"d": [1.0]}, r"info\['d'\] must have one value per variant, 4; got 1"),
        (
            {"a b": [0.0] * 4, "a-b": [0.0] * 4},
            r"info has two keys that VCF writes as 'a_b': 'a-b'",
        ),
    ],
)
def test_bad_columns(out, source, info, expected):
    with pytest.raises(ValueError, match=expected):
        write_annotated_vcf(
            out, source, list(read_vcf(source)), info, {}, contigs={}, meta={}
        )


def test_bad_suffix(tmp_path, source):
    with pytest.raises(ValueError, match=r"out_path must end in \.vcf, .*'.*a\.txt'"):
        write_annotated_vcf(tmp_path / "a.txt", source, [], {}, {}, contigs={}, meta={})


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="needs bcftools")
@pytest.mark.parametrize("suffix", [".vcf", ".vcf.gz", ".bcf"])
@pytest.mark.parametrize(
    "name",
    [
        "human_hg38_1Mb/3samples.hg38.chr20_first1Mb.vcf.gz",
        "human_chrM/mutect2_filtered.chrM.vcf.gz",
        "human_hg19_chr20/CEUtrio_gatk.chr20_10.0-10.25Mb.vcf.gz",
    ],
    ids=["indels", "mutect", "trio"],
)
def test_bcftools_takes_annotated_real_files(shared, tmp_path, name, suffix):
    source = shared / "data" / name
    variants = list(read_vcf(source))
    info = {
        "delta": [index / 7 for index in range(len(variants))],
        "reason": ["no contig 'x'; 50%"] * len(variants),
    }
    out = tmp_path / f"out{suffix}"
    write_annotated_vcf(out, source, variants, info, {}, contigs={}, meta={})
    query = ["bcftools", "query", "-f", "%CHROM %POS %REF %ALT [%GT ]\n"]
    views = [
        subprocess.run([*query, str(path)], capture_output=True, text=True, check=True)
        for path in (source, out)
    ]
    assert views[0].stdout == views[1].stdout
    view = subprocess.run(
        ["bcftools", "view", "-H", str(out)], capture_output=True, text=True, check=True
    )
    assert view.stderr == ""
    assert view.stdout.count("delta=") == views[0].stdout.count("\n")


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="needs bcftools")
@pytest.mark.parametrize("suffix", [".vcf", ".vcf.gz", ".bcf"])
def test_bcftools_takes_a_source_that_declares_nothing(tmp_path, suffix):
    body = record("7", info="AC=1;DB") + record("8", alt="<NON_REF>,*", info="END=19")
    source = write(tmp_path / "a.vcf", "##fileformat=VCFv4.2\n" + COLUMNS + body)
    out = tmp_path / f"out{suffix}"
    write_annotated_vcf(
        out,
        source,
        list(read_vcf(source)),
        {"d": [1.0, 2.0, math.nan]},
        {},
        contigs={"chr7": 70, "chr8": 80},
        meta={},
    )
    command = ["bcftools", "view", "-H", str(out)]
    view = subprocess.run(command, capture_output=True, text=True, check=True)
    infos = [line.split("\t")[7] for line in view.stdout.splitlines()]
    assert infos == ["AC=1;DB;d=1", "END=19;d=2,."]
