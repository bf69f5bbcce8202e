import pytest

from hyenascope.data.genotypes import Genotype, read_genotypes
from hyenascope.data.vcf import VcfError

HEADER = "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def vcf(tmp_path, *rows: str, samples: str = "FORMAT\tS1\tS2"):
    path = tmp_path / "v.vcf"
    lines = [row.replace(" ", "\t") for row in rows]
    header = f"{HEADER}\t{samples}" if samples else HEADER
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


@pytest.mark.parametrize(
    ("cell", "alleles", "phased", "phase_set"),
    [
        ("0|1", (0, 1), True, ""),
        ("2/1", (2, 1), False, ""),
        ("1|1:7", (1, 1), True, "7"),
        ("0/1:7", (0, 1), False, ""),
        ("0|1:.", (0, 1), True, ""),
        (".|1", (None, 1), True, ""),
        ("./.", (None, None), False, ""),
        (".", (None,), False, ""),
        ("1", (1,), False, ""),
        ("0|1|2", (0, 1, 2), True, ""),
    ],
)
def test_genotypes_as_the_format_defines_them(
    tmp_path, cell, alleles, phased, phase_set
):
    path = vcf(tmp_path, f"I 7 . A G,T . . . GT:PS {cell} 0/0")
    record = next(read_genotypes(path))
    assert record.genotypes[0] == Genotype("S1", alleles, phased, phase_set)
    assert [str(variant) for variant in record.variants] == ["I:7:A>G", "I:7:A>T"]


def test_gt_is_found_among_the_keys(tmp_path):
    path = vcf(tmp_path, "I 7 . A G . . . DP:GT 9:0|1 8", "I 8 . A G . . . DP 1 2")
    first, second = read_genotypes(path)
    assert [each.alleles for each in first.genotypes] == [(0, 1), (None,)]
    assert [each.alleles for each in second.genotypes] == [(None,), (None,)]


def test_samples_are_kept_in_the_order_asked_for(tmp_path):
    path = vcf(tmp_path, "I 7 . A G . . . GT 0|1 1|1")
    record = next(read_genotypes(path, samples=["S2", "S1"]))
    assert [each.sample for each in record.genotypes] == ["S2", "S1"]
    with pytest.raises(ValueError, match=r"samples must be among S1, S2; got S9\."):
        next(read_genotypes(path, samples=["S9"]))


@pytest.mark.parametrize("cell", ["0|x", "3|0", "|", ""])
def test_refuses_malformed_genotypes(tmp_path, cell):
    path = vcf(tmp_path, f"I 7 . A G . . . GT {cell} 0/0")
    with pytest.raises(VcfError, match=r"line 3: GT must hold 0 to 1 or '\.'"):
        next(read_genotypes(path))


def test_refuses_a_file_without_samples(tmp_path):
    path = vcf(tmp_path, "I 7 . A G . . .", samples="")
    with pytest.raises(VcfError, match="must have sample columns; got none"):
        next(read_genotypes(path))


def test_real_trio(shared):
    path = shared / "data/human_hg19_chr20/CEUtrio_gatk.chr20_10.0-10.25Mb.vcf.gz"
    records = list(read_genotypes(path, region="chr20:10,000,001-10,050,000"))
    assert records
    assert all(len(each.genotypes) == 1 for each in records)
