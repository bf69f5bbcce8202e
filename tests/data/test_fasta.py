import gzip
import hashlib
import multiprocessing
import os
import pickle
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pysam
import pytest
from Bio import bgzf

from hyenascope.data import _fasta_index
from hyenascope.data.fasta import FastaError, FastaReader, UnknownContigError
from hyenascope.data.interval import Interval
from hyenascope.data.vcf import read_vcf

TINY = ">chr1 first\nACGTNacg\nttgRY\n>2\nGGGCCC\n>chrM\nA\n"
CHR1 = "ACGTNacgttgRY"


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture(params=["plain", "bgzip", "crlf"])
def tiny(request, tmp_path):
    path = tmp_path / ("tiny.fa.gz" if request.param == "bgzip" else "tiny.fa")
    if request.param == "bgzip":
        write_bgzip(path, TINY)
    else:
        newline = "\r\n" if request.param == "crlf" else "\n"
        path.write_text(TINY, newline=newline)
    return path


def write_bgzip(path, text):
    with pysam.BGZFile(str(path), "w") as file:
        file.write(text.encode())


def whole(genome):
    return {
        name: genome.fetch_region(name, 0, length)
        for name, length in genome.contigs.items()
    }


def unwritable(monkeypatch, *folders):
    """Make index writing fail in these folders, as a read-only disk does."""
    publish = _fasta_index._publish

    def refuse(built, place, fasta):
        if place.parent in folders or any(f in place.parents for f in folders):
            raise OSError(30, "Read-only file system", str(place))
        publish(built, place, fasta)

    monkeypatch.setattr(_fasta_index, "_publish", refuse)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (Interval("chr1", 0, 13), "ACGTNACGTTGRY"),
        (Interval("chr1", 6, 10), "CGTT"),
        (Interval("chr1", 8, 9), "T"),
        (Interval("chr1", -3, 2), "NNNAC"),
        (Interval("chr1", 11, 16), "RYNNN"),
        (Interval("2", -2, 8), "NNGGGCCCNN"),
        (Interval("2", 40, 43), "NNN"),
        (Interval("2", -5, -3), "NN"),
        (Interval("2", 3, 3), ""),
        (Interval("chr1", 9, 13, "-"), "RYCA"),
        (Interval("chr1", 11, 15, "-"), "NNRY"),
        (Interval("chr1", -1, 4, "-"), "ACGTN"),
        (Interval("chrM", 0, 1, "+"), "A"),
    ],
    ids=str,
)
def test_fetch(tiny, interval, expected):
    with FastaReader(tiny) as genome:
        assert genome.fetch(interval) == expected


def test_case_is_kept_on_request(tiny):
    with FastaReader(tiny, keep_case=True) as genome:
        assert genome.fetch(Interval("chr1", 0, 13)) == CHR1
        assert genome.fetch(Interval("chr1", 3, 7, "-")) == "gtNA"


def test_contigs_and_fingerprint(tiny):
    with FastaReader(tiny) as genome:
        assert genome.contigs == {"chr1": 13, "2": 6, "chrM": 1}
        text = "chr1\t13\n2\t6\nchrM\t1\n"
        assert genome.fingerprint == hashlib.sha256(text.encode()).hexdigest()[:16]
        assert genome.path == tiny


@pytest.mark.parametrize("width", [1, 59, 60, 61, 65_280, 65_536])
def test_any_window_of_long_contigs_equals_the_text(tmp_path, width):
    # Biopython's blocks hold 65,536 bytes, where pyfaidx cannot start a fetch.
    rng = np.random.default_rng(5)
    bases = "".join(rng.choice(list("ACGTacgt"), size=200_000))
    lines = "\n".join(bases[i : i + 60] for i in range(0, len(bases), 60))
    with bgzf.BgzfWriter(str(tmp_path / "long.fa.gz")) as file:
        file.write(f">a\n{lines}\n")
    with FastaReader(tmp_path / "long.fa.gz", keep_case=True) as genome:
        for start in (0, 1, 59, 60, *range(64_450, 64_470), 128_919, 134_000):
            assert (
                genome.fetch_region("a", start, start + width)
                == (bases[start : start + width])
            )


def test_start_must_not_exceed_end(tiny):
    with FastaReader(tiny) as genome, pytest.raises(ValueError, match="start=5, end=2"):
        genome.fetch_region("chr1", 5, 2)


def test_names_are_matched_with_one_notice(tiny, caplog):
    with FastaReader(tiny) as genome:
        assert genome.fetch(Interval("chr2", 0, 3)) == "GGG"
        assert genome.fetch(Interval("MT", 0, 1)) == "A"
        assert genome.resolve("1") == "chr1"
    notices = [r for r in caplog.records if "usual spellings" in r.getMessage()]
    assert len(notices) == 1


def test_unknown_contig_names_close_ones(tiny):
    expected = r"tiny\.fa.* has no contig 'chr11'; close names: chr1"
    with FastaReader(tiny) as genome, pytest.raises(UnknownContigError, match=expected):
        genome.fetch(Interval("chr11", 0, 1))


def test_reader_closes_itself(tiny):
    genome = FastaReader(tiny)
    file = genome._faidx.file
    file = getattr(file, "_handle", file)  # what Biopython's bgzip reader reads from
    assert not file.closed
    del genome
    assert file.closed


def test_closed_reader_says_so(tiny):
    genome = FastaReader(tiny)
    genome.close()
    genome.close()
    with pytest.raises(FastaError, match="is closed"):
        genome.fetch(Interval("chr1", 0, 1))


def test_pickle_reopens_by_path(tiny):
    with FastaReader(tiny, keep_case=True) as genome:
        stored = pickle.dumps(genome)
    with pickle.loads(stored) as twin:
        assert twin.fetch(Interval("chr1", 3, 7)) == "TNac"


def _checksums(genome, starts):
    return [genome.fetch_region("a", start, start + 500) for start in starts]


def _fork_target(genome, starts, queue):
    queue.put(_checksums(genome, starts))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_threads_and_forks_do_not_mix_reads(tmp_path):
    rng = np.random.default_rng(9)
    bases = "".join(rng.choice(list("ACGT"), size=100_000))
    (tmp_path / "a.fa").write_text(f">a\n{bases}\n")
    starts = [int(start) for start in rng.integers(0, 99_000, size=300)]
    expected = [bases[start : start + 500] for start in starts]
    context = multiprocessing.get_context("fork")
    with FastaReader(tmp_path / "a.fa") as genome:
        with ThreadPoolExecutor(4) as pool:
            futures = [pool.submit(_checksums, genome, starts) for _ in range(4)]
            assert all(future.result() == expected for future in futures)
        queue = context.Queue()
        child = context.Process(target=_fork_target, args=(genome, starts, queue))
        child.start()
        assert _checksums(genome, starts) == expected
        assert queue.get(timeout=20) == expected
        child.join()


def test_missing_index_is_built_beside_the_file(tiny, cache):
    FastaReader(tiny).close()
    assert tiny.with_name(f"{tiny.name}.fai").exists()
    assert tiny.with_name(f"{tiny.name}.gzi").exists() == (tiny.suffix == ".gz")
    assert not list(cache.iterdir())


def test_good_index_is_left_alone(tiny):
    FastaReader(tiny).close()
    index = tiny.with_name(f"{tiny.name}.fai")
    before = index.stat().st_mtime_ns
    FastaReader(tiny).close()
    assert index.stat().st_mtime_ns == before


def test_index_of_samtools_is_taken(tiny):
    pysam.faidx(str(tiny))
    index = tiny.with_name(f"{tiny.name}.fai")
    before = index.stat().st_mtime_ns
    with FastaReader(tiny) as genome:
        assert genome.fetch(Interval("2", 1, 5)) == "GGCC"
    assert index.stat().st_mtime_ns == before


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "bgzip"])
@pytest.mark.parametrize("dated", ["newer", "older"])
@pytest.mark.parametrize(
    "changed",
    [
        ">chr1\nTTTTTTTTTT\n>2\nGGGCCC\n",
        ">chr1\nACGTNACG\nTTGRY\n>2\nGGGCCC\n",
        ">chr1 first\nACGTN\nacgtt\ngRY\n>2\nGGGCCC\n>chrM\nA\n",
        TINY + ">chr3\nAC\n",
        TINY.replace(">2", ">3"),
    ],
    ids=["other", "header", "wrapping", "longer", "renamed"],
)
def test_stale_index_never_gives_wrong_sequence(
    tmp_path, caplog, compress, dated, changed
):
    path = tmp_path / ("a.fa.gz" if compress else "a.fa")
    write = write_bgzip if compress else lambda path, text: path.write_text(text)
    write(path, TINY)
    FastaReader(path).close()
    write(path, changed)
    shift = 100 if dated == "newer" else -100
    os.utime(path, (time.time() + shift, time.time() + shift))
    with FastaReader(path) as genome:
        found = {
            name: genome.fetch(Interval(name, 0, n))
            for name, n in genome.contigs.items()
        }
    records = [record.split("\n", 1) for record in changed.split(">")[1:]]
    assert found == {
        header.split()[0]: text.replace("\n", "").upper() for header, text in records
    }
    assert "is older than the file or does not fit it; built" in caplog.text


def test_index_that_is_no_index_is_rebuilt(tiny):
    FastaReader(tiny).close()
    tiny.with_name(f"{tiny.name}.fai").write_text("what\n")
    with FastaReader(tiny) as genome:
        assert genome.contigs["2"] == 6


def test_damaged_gzi_is_rebuilt(tmp_path):
    path = tmp_path / "tiny.fa.gz"
    write_bgzip(path, TINY * 1 + ">big\n" + "ACGTACGTAC\n" * 20_000)
    FastaReader(path).close()
    gzi = tmp_path / "tiny.fa.gz.gzi"
    numbers = np.fromfile(gzi, dtype="<u8")
    numbers[2] += 60
    numbers.tofile(gzi)
    with FastaReader(path) as genome:
        assert genome.fetch(Interval("big", 150_001, 150_006)) == "CGTAC"


def test_future_dated_file_is_indexed_once(tiny):
    later = time.time() + 1e6
    os.utime(tiny, (later, later))
    FastaReader(tiny).close()
    index = tiny.with_name(f"{tiny.name}.fai")
    before = index.stat().st_ino
    FastaReader(tiny).close()
    assert index.stat().st_ino == before


def test_read_only_folder_uses_the_cache(tiny, cache, monkeypatch, caplog):
    unwritable(monkeypatch, tiny.parent)
    for _ in range(2):
        with FastaReader(tiny) as genome:
            assert genome.fetch(Interval("2", 0, 8)) == "GGGCCCNN"
    assert not tiny.with_name(f"{tiny.name}.fai").exists()
    assert len(list(cache.rglob("*.fai"))) == 1
    assert caplog.text.count("it had no index; built") == 1


def test_stale_index_in_a_read_only_folder(tiny, monkeypatch, caplog):
    tiny.with_name(f"{tiny.name}.fai").write_text("chr1\t99\t0\t10\t11\n")
    unwritable(monkeypatch, tiny.parent)
    with FastaReader(tiny) as genome:
        assert genome.fetch(Interval("2", 0, 6)) == "GGGCCC"
    assert "does not fit it; built" in caplog.text


def test_nowhere_to_write(tiny, cache, monkeypatch):
    unwritable(monkeypatch, tiny.parent, cache)
    with pytest.raises(FastaError, match=r"needs an index, and neither its folder nor"):
        FastaReader(tiny)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", r"bad\.fa is empty"),
        ("\n\n", r"no FASTA: a '>' must come first; got b''"),
        ("hello\n", r"no FASTA: a '>' must come first; got b'hello'"),
        ("@read\nACGT\n+\nIIII\n", "no FASTA: a '>' must come first"),
        (">a\n>b\n", "holds no bases, only headers"),
        (">a\nACGT\n>a\nGG\n", r"cannot be indexed: Duplicate key .a"),
        (">a\nACGT\nAC\nACGT\n", r"not consistent! Inconsistent line found in >a"),
        (">\nACGT\n", r"cannot be indexed: Bad sequence name"),
        (">a\nACGT\n>b\nAC\n\n\n", r"cannot be indexed: .* at entry b"),
        (">a\n\xff\xfe\n", "cannot be indexed"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, expected):
    path = tmp_path / "bad.fa"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(FastaError, match=expected):
        FastaReader(path)
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file(tmp_path):
    with pytest.raises(FastaError, match="does not exist"):
        FastaReader(tmp_path / "no.fa")


def test_plain_gzip_says_how_to_recompress(tmp_path):
    path = tmp_path / "a.fa.gz"
    path.write_bytes(gzip.compress(TINY.encode()))
    with pytest.raises(FastaError, match=r"gunzip a\.fa\.gz && bgzip a\.fa"):
        FastaReader(path)


def test_truncated_bgzip(tmp_path):
    path = tmp_path / "a.fa.gz"
    write_bgzip(path, TINY)
    path.write_bytes(path.read_bytes()[:-28])
    with pytest.raises(FastaError, match="truncated"):
        FastaReader(path)


@pytest.mark.parametrize(
    ("name", "holds"), [("a.fa", "bgzip data"), ("b.fa.gz", "plain text")]
)
def test_suffix_that_lies(tmp_path, name, holds):
    path = tmp_path / name
    if holds == "plain text":
        path.write_text(TINY)
    else:
        write_bgzip(path, TINY)
    with pytest.raises(FastaError, match=f"holds {holds}; a FASTA name must end in"):
        FastaReader(path)


def test_white_space_inside_the_sequence(tmp_path):
    path = tmp_path / "a.fa"
    path.write_text(">a\nAC GT\nACGTA\n")
    with FastaReader(path) as genome, pytest.raises(FastaError, match="white space"):
        genome.fetch(Interval("a", 0, 10))


def test_real_files_are_read_without_building_anything(shared, cache, caplog):
    paths = sorted((shared / "data").glob("*/*.fa.gz"))
    assert paths
    for path in paths:
        with FastaReader(path) as genome:
            assert genome.contigs
    assert not list(cache.iterdir())
    assert not caplog.records


def test_padded_chromosome_is_fetched_at_random_in_no_time(shared):
    path = shared / "data/human_hg19_chr20/hg19.chr20.fa.gz"
    starts = np.random.default_rng(0).integers(1_000_000, 63_000_000, size=200)
    with FastaReader(path) as genome:
        assert genome.contigs == {"chr20": 63_025_520}
        genome.fetch(Interval("chr20", 63_025_000, 63_025_520))
        before = time.perf_counter()
        for start in starts:
            genome.fetch(Interval("chr20", int(start), int(start) + 1024))
        assert time.perf_counter() - before < 5  # 0.05 s; without an index, minutes


@pytest.mark.parametrize(
    ("folder", "fasta", "vcf", "every", "agreeing", "total"),
    [
        ("human_hg19_chr20", "hg19.chr20", "1000G_phase3.chr20_*", 8, 3_643, 3_643),
        ("human_hg38_1Mb", "hg38.chr9_chr20*", "3samples*", 1, 3_513, 3_513),
        ("celegans_1pct", "C.elegans_1pct", "C.elegans_1pct*", 1, 8_703, 8_713),
        ("human_chrM", "hg38.chrM", "mutect2*", 1, 8, 8),
    ],
    ids=["chr20", "hg38", "celegans", "chrM"],
)
def test_ref_of_real_variants_is_what_the_genome_holds(
    shared, folder, fasta, vcf, every, agreeing, total
):
    [vcf_path] = (shared / "data" / folder).glob(f"{vcf}.vcf.gz")
    [fasta_path] = (shared / "data" / folder).glob(f"{fasta}.fa.gz")
    variants = list(read_vcf(vcf_path))[::every]
    with FastaReader(fasta_path) as genome:
        same = sum(genome.fetch(v.interval) == v.ref for v in variants)
    assert (same, len(variants)) == (agreeing, total)


def test_copy_without_indexes_reads_the_same(shared, tmp_path):
    source = shared / "data/celegans_1pct/C.elegans_1pct.fa.gz"
    copy = tmp_path / source.name
    shutil.copy(source, copy)
    with FastaReader(source) as one, FastaReader(copy) as other:
        assert one.fingerprint == other.fingerprint
        assert whole(one) == whole(other)


@pytest.mark.parametrize("at", [18, 40])
def test_a_damaged_block_is_said(tmp_path, at):
    plain, path = tmp_path / "x.fa", tmp_path / "x.fa.gz"
    plain.write_text(">chr1\n" + "ACGTTGCAAC\n" * 400)
    pysam.tabix_compress(str(plain), str(path))
    data = bytearray(path.read_bytes())
    data[at : at + 8] = b"\xff" * 8
    path.write_bytes(data)
    with pytest.raises(FastaError, match=r"damaged|cannot be indexed"):
        FastaReader(path)
