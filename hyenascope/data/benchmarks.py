"""Public benchmarks by name: where their files are, and fetching them once.

None of the publishers lists checksums, so none are made up here. The first time that a
file is fetched its size and sha256 are written to a lock file beside it, which is yours
to keep; from then on the same name must give the same bytes, or nothing. Where an
address has a commit in it, its publisher cannot change what is behind it, and where a
server states the sha256 of a large file, as the Hugging Face hub does, it is checked
the first time too.

The GUE folders come from a copy on the hub that is not by its authors, who hand out one
archive on Google Drive. Genomic Benchmarks come as intervals: the genome that their
``metadata.yaml`` names is a download of its own.
"""

from collections.abc import Sequence
from pathlib import Path

from hyenascope._typing import StrPath
from hyenascope.data.locked_files import RemoteFile, fetch_files

_GITHUB = "https://raw.githubusercontent.com/"
_HUB = "https://huggingface.co/datasets/"

_POSITIVE = ("negative", "positive")
_GENOMIC_BENCHMARKS = {
    "demo_coding_vs_intergenomic_seqs": ("coding_seqs", "intergenomic_seqs"),
    "demo_human_or_worm": ("human", "worm"),
    "drosophila_enhancers_stark": _POSITIVE,
    "dummy_mouse_enhancers_ensembl": _POSITIVE,
    "human_enhancers_cohn": _POSITIVE,
    "human_enhancers_ensembl": _POSITIVE,
    "human_ensembl_regulatory": ("enhancer", "ocr", "promoter"),
    "human_nontata_promoters": _POSITIVE,
    "human_ocr_ensembl": _POSITIVE,
}
_SHARED_TASKS = (
    "enhancers enhancers_types promoter_all promoter_no_tata promoter_tata "
    "splice_sites_acceptors splice_sites_all splice_sites_donors"
)
_MARKS = "H3 H3K14ac H3K36me3 H3K4me1 H3K4me2 H3K4me3 H3K79me3 H3K9ac H4 H4ac"
_TASKS = f"{_MARKS} {_SHARED_TASKS}"
_REVISED_TASKS = (
    "H2AFZ H3K27ac H3K27me3 H3K36me3 H3K4me1 H3K4me2 H3K4me3 H3K9ac H3K9me3 H4K20me1 "
    f"{_SHARED_TASKS}"
)
_GUE_TASKS = (
    f"{_MARKS} covid mouse0 mouse1 mouse2 mouse3 mouse4 prom_300_all prom_300_notata "
    "prom_300_tata prom_core_all prom_core_notata prom_core_tata splice_reconstructed "
    "tf0 tf1 tf2 tf3 tf4"
)


def benchmark_names() -> tuple[str, ...]:
    """Return the names that `download_benchmark` knows, sorted.

    Examples
    --------
    >>> [name for name in benchmark_names() if "tata" in name][:2]
    ['genomic_benchmarks/human_nontata_promoters', 'gue/prom_300_notata']
    """
    return tuple(sorted(_registry()))


def benchmark_files(name: str) -> tuple[RemoteFile, ...]:
    """Return the files of one benchmark.

    Raises
    ------
    ValueError
        If there is no such benchmark.

    Examples
    --------
    >>> [file.path for file in benchmark_files("nucleotide_transformer/H3")]
    ['train.fna', 'test.fna']
    """
    registry = _registry()
    if name not in registry:
        alike = [known for known in sorted(registry) if name.lower() in known.lower()]
        raise ValueError(
            f"name must be one of benchmark_names(), such as "
            f"{', '.join((alike or sorted(registry))[:5])}; got {name!r}."
        )
    return registry[name]


def download_benchmark(name: str, folder: StrPath, *, progress: bool = False) -> Path:
    """Fetch a benchmark, or check what is there, and return the folder to read.

    What has arrived when a connection breaks off is kept for the next call.

    Parameters
    ----------
    name
        One of `benchmark_names`.
    folder
        Where the benchmark gets a folder of its own, called as the benchmark is.
    progress
        Show a bar per file.

    Returns
    -------
    Path
        For `read_genomic_benchmark`, `read_gue` or `read_nucleotide_transformer`; of
        ``mpra_satmut`` it holds ``elements.tsv.gz`` for `read_saturation_mpra`.

    Raises
    ------
    ValueError
        If there is no such benchmark.
    DownloadError
        As `fetch_files`.
    """
    target = Path(folder) / name
    fetch_files(benchmark_files(name), target, progress=progress)
    return target


def _registry() -> dict[str, tuple[RemoteFile, ...]]:
    found = {}
    root = f"{_GITHUB}ML-Bioinfo-CEITEC/genomic_benchmarks/main/datasets/"
    for name, classes in _GENOMIC_BENCHMARKS.items():
        tables = [
            f"{split}/{it}.csv.gz" for split in ("train", "test") for it in classes
        ]
        found[f"genomic_benchmarks/{name}"] = _files(
            f"{root}{name}/", ["metadata.yaml", *tables]
        )
    for title, repo, tasks, kinds in (
        (
            "nucleotide_transformer",
            "InstaDeepAI/nucleotide_transformer_downstream_tasks/resolve/"
            "9722b77543efe3c72dc19fa20f4524912aa6bf3b",
            _TASKS,
            ["train.fna", "test.fna"],
        ),
        (
            "nucleotide_transformer_revised",
            "InstaDeepAI/nucleotide_transformer_downstream_tasks_revised/resolve/main",
            _REVISED_TASKS,
            ["train.fna", "test.fna"],
        ),
        (
            "gue",
            "fm4bio-ning/GUE_public/resolve/e5647354b36a9abec8b1d857afc26fedfadd1889",
            _GUE_TASKS,
            ["train.csv", "dev.csv", "test.csv"],
        ),
    ):
        for task in tasks.split():
            found[f"{title}/{task}"] = _files(f"{_HUB}{repo}/{task}/", kinds)
    found["mpra_satmut"] = _files(
        f"{_GITHUB}kircherlab/MPRA_SaturationMutagenesis/"
        "02c522ede208a6b8243f52764705583e074a04bd/data/",
        ["elements.tsv.gz"],
    )
    return found


def _files(base: str, paths: Sequence[str]) -> tuple[RemoteFile, ...]:
    return tuple(RemoteFile(path, base + path) for path in paths)
