"""The readers that are fuzzed, each with files that it can read.

Run one with ``python -m tests.fuzz_readers READER COUNT``, in a process of its own:
what it costs is bounded there, and the checks of types that tests add do not slow it.
"""

import gzip
import io
import json
import logging
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import pysam
import torch

from hyenascope.data.annotation import read_genes
from hyenascope.data.bed import read_bed, read_bed_places
from hyenascope.data.fasta import FastaReader
from hyenascope.data.vcf import read_variants
from hyenascope.models.checkpoint import load_pretrained, save_pretrained
from hyenascope.models.config_dialects import read_config
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from tests.fuzz import Read, fuzz

VCF = b"""##fileformat=VCFv4.3
##contig=<ID=chr1,length=1000>
##INFO=<ID=AC,Number=A,Type=Integer,Description="Count">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO	FORMAT	s1
chr1	7	rs1	A	G,<DEL>	.	PASS	AC=1,2	GT	0|1
chr1	9	.	ACG	A	10.5	q10	END=11;AC=3	GT	1|1
chr1	90	x;y	T	*,TA	.	.	.	GT	./.
"""
TABLE = b'chrom,pos,ref,alt,id\nchr1,7,A,G,x\nchr1,"1,008",AC,<DEL>,.\n'
FASTA = b">chr1 some\nACGTNNacgt\nACGTACGTAC\nACG\n>chr2\nTTTT\n"
LONG = b">chr1\n" + b"ACGTTGCAAC\n" * 40 + b">chr2\nTTTT\n"
BED = b"""track name=x
chr1	10	20	peak	5	+	12	18	255,0,0	2	3,4	0,6
chr1	30	40	p	.	-	30	40	0	1	10	0
"""
GTF = b"""#!genome-build x
chr1	a	gene	11	90	.	+	.	gene_id "g1"; gene_name "G<1>"; gene_biotype "protein_coding";
chr1	a	transcript	11	90	.	+	.	gene_id "g1"; transcript_id "t1";
chr1	a	exon	11	40	.	+	.	gene_id "g1"; transcript_id "t1"; exon_number "1";
chr1	a	CDS	20	40	.	+	0	gene_id "g1"; transcript_id "t1";
chr1	a	exon	60	90	.	+	.	gene_id "g1"; transcript_id "t1"; exon_number "2";
"""  # noqa: E501
GFF = b"""##gff-version 3
chr1	a	gene	11	90	.	-	.	ID=g1;Name=G%201
chr1	a	mRNA	11	90	.	-	.	ID=t1;Parent=g1
chr1	a	exon	11	90	.	-	.	ID=e1;Parent=t1
chr1	a	CDS	20	40	.	-	0	ID=c1;Parent=t1
"""


def readers(folder: Path) -> Mapping[str, tuple[Read, list[bytes], str]]:
    """Return, by name: what reads, files that it can read, and the name they get."""
    model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    save_pretrained(model, folder / "model")
    config = (folder / "model" / "config.json").read_bytes()
    weights = (folder / "model" / "model.safetensors").read_bytes()
    pickled = io.BytesIO()
    torch.save({"state_dict": dict(model.state_dict())}, pickled)

    def checkpoint(path: Path) -> None:
        (path.parent / "config.json").write_bytes(config)
        load_pretrained(path)

    return {
        "vcf": (_all(read_variants), [VCF, gzip.compress(VCF)], "x.vcf"),
        "vcf-bgzip": (_all(read_variants), [_bgzip(folder, VCF)], "x.vcf.gz"),
        "variant-table": (_all(read_variants), [TABLE], "x.csv"),
        "fasta": (_fetch_all, [FASTA], "x.fa"),
        "fasta-bgzip": (_fetch_all, [_bgzip(folder, LONG)], "x.fa.gz"),
        "bed": (read_bed, [BED, gzip.compress(BED)], "x.bed"),
        "bed-places": (read_bed_places, [BED], "x.bed"),
        "gtf": (_all(read_genes), [GTF, gzip.compress(GTF)], "x.gtf"),
        "gff": (_all(read_genes), [GFF], "x.gff3"),
        "config": (read_config, [config], "config.json"),
        "safetensors": (checkpoint, [weights], "model.safetensors"),
        "pickle": (checkpoint, [pickled.getvalue()], "weights.ckpt"),
    }


NAMES = (
    *("vcf", "vcf-bgzip", "variant-table", "fasta", "fasta-bgzip", "bed"),
    *("bed-places", "gtf", "gff", "config", "safetensors", "pickle"),
)


def main() -> None:
    """Fuzz one reader and print what came of it as JSON."""
    name, count = sys.argv[1], int(sys.argv[2])
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp())
    try:
        read, seeds, file = readers(folder)[name]
        for seed in seeds:  # what is to be changed can be read
            (folder / file).write_bytes(seed)
            read(folder / file)
        inputs = folder / "inputs"
        inputs.mkdir()
        found = fuzz(read, seeds, inputs / file, count)
    finally:
        shutil.rmtree(folder)
    told = {
        "inputs": found.inputs,
        "read": found.read,
        "refused": sum(found.refused.values()),
        "broken": [(data.hex(), why) for data, why in found.broken[:20]],
    }
    sys.stdout.write(json.dumps(told) + "\n")


def _all(read: Callable[[Path], object]) -> Read:
    return lambda path: list(read(path))  # type: ignore[call-overload]


def _fetch_all(path: Path) -> None:
    with FastaReader(path) as genome:
        for name, size in genome.contigs.items():
            genome.fetch_region(name, 0, size)


def _bgzip(folder: Path, data: bytes) -> bytes:
    plain, packed = folder / "plain", folder / "packed.gz"
    plain.write_bytes(data)
    pysam.tabix_compress(str(plain), str(packed), force=True)
    return packed.read_bytes()


if __name__ == "__main__":
    main()
