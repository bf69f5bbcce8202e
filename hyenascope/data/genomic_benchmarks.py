"""Data sets of Genomic Benchmarks, as intervals or as folders of text files.

The published folder holds ``train`` and ``test``, in each a file ``<class>.csv.gz``
with columns ``id,region,start,end,strand`` (0-based half-open), and
``metadata.yaml``. What its own downloader makes holds a folder per class with one
file of DNA per sequence.
(https://github.com/ML-Bioinfo-CEITEC/genomic_benchmarks)
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from hyenascope._typing import StrPath
from hyenascope.data._label_rows import LabelRows, file_record
from hyenascope.data._split_files import split_name
from hyenascope.data._tables import read_table
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.labelled_intervals import dna_reader
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences

_SPLITS = ("train", "dev", "valid", "validation", "val", "test")
_VERSION = re.compile(r"^version:\s*(\S+)", re.MULTILINE)
_TABLE = re.compile(r"(.+)\.csv(\.gz)?")

Genomes = FastaReader | StrPath | Mapping[str, FastaReader | StrPath]
"""One genome, or one for each class."""


def read_genomic_benchmark(
    folder: StrPath, *, genome: Genomes | None = None, name: str | None = None
) -> LabelledSequences:
    r"""Read one data set of Genomic Benchmarks.

    Classes are sorted by name, so that train and test number them alike on any disk.
    The published splits are kept; there is no dev split.

    Parameters
    ----------
    folder
        The folder of the data set.
    genome
        Where intervals are read from, of the assembly that ``metadata.yaml`` names;
        of ``demo_human_or_worm`` and ``demo_coding_vs_intergenomic_seqs``, whose
        classes have different references, a mapping from class to genome. Text files
        need none.
    name
        By default the name of the folder.

    Raises
    ------
    LabelError
        If there are no splits, splits have different classes, intervals come without
        a genome or leave it, or a sequence is empty or no DNA; with file and line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for place, dna in {
    ...         "train/b/1": "ACG",
    ...         "train/a/1": "TTT",
    ...         "test/b/1": "CCC",
    ...         "test/a/1": "GGG",
    ...     }.items():
    ...         path = Path(folder, f"{place}.txt")
    ...         path.parent.mkdir(parents=True)
    ...         _ = path.write_text(dna)
    ...     data = read_genomic_benchmark(folder)
    >>> data.label_names, data.splits, data.labels.tolist()
    (('a', 'b'), ('train', 'train', 'test', 'test'), [0, 1, 0, 1])
    """
    root = Path(folder)
    classes = _classes(root)
    rows = LabelRows(None, None)
    files: list[dict[str, object]] = []
    with ExitStack() as stack:
        readers = _readers(genome, list(next(iter(classes.values()))), stack)
        for split, sources in classes.items():
            for label, path in sources.items():
                rows.came_from(split, str(path.parent))
                if path.is_dir():
                    files.append(_add_texts(rows, path, split, label, root))
                else:
                    _add_intervals(rows, path, split, label, readers)
                    files.append(file_record(path, root))
    record: dict[str, object] = {"format": "Genomic Benchmarks", "files": files}
    record["version"] = _version(root)
    return rows.finish(name or root.resolve().name, record)


def _classes(root: Path) -> dict[str, dict[str, Path]]:
    """Return the file or folder of each class of each split, classes sorted."""
    folders = [root / split for split in _SPLITS if (root / split).is_dir()]
    found = {
        split_name(folder.name): dict(sorted(_sources(folder).items()))
        for folder in folders
    }
    if not {"train", "test"} <= set(found):
        raise LabelError(
            f"folder must hold the folders train and test; {root} has "
            f"{', '.join(found) or 'neither'}."
        )
    names = sorted({label for sources in found.values() for label in sources})
    for split, sources in found.items():
        if list(sources) != names:
            raise LabelError(
                f"{root}: every split must have the classes {', '.join(names)}; "
                f"{split} has {', '.join(sources) or 'none'}."
            )
    return found


def _sources(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = _TABLE.fullmatch(path.name)
        if path.name.startswith(".") or not (path.is_dir() or match):
            continue
        label = path.name if match is None or path.is_dir() else match[1]
        if label in found:
            raise LabelError(
                f"{folder} must hold each class once; got {found[label].name} and "
                f"{path.name}."
            )
        found[label] = path
    return found


def _readers(
    genome: Genomes | None, labels: Sequence[str], stack: ExitStack
) -> dict[str, FastaReader]:
    if genome is None:
        return {}
    if not isinstance(genome, Mapping):
        reader = stack.enter_context(opened(genome))
        return dict.fromkeys(labels, reader)
    if set(genome) != set(labels):
        raise LabelError(
            f"genome must be one, or one for each class {', '.join(labels)}; got "
            f"{', '.join(genome)}."
        )
    return {label: stack.enter_context(opened(genome[label])) for label in labels}


def _add_intervals(
    rows: LabelRows,
    path: Path,
    split: str,
    label: str,
    readers: Mapping[str, FastaReader],
) -> None:
    if label not in readers:
        raise LabelError(
            f"genome must be given, since {path} holds intervals and no DNA; got None."
        )
    table = read_table(path)
    identifier = table.column("folder", "id")
    contig = _transcripts(readers[label])
    read = dna_reader(
        table, genome=readers[label], names=("region", "start", "end"), chrom=contig
    )

    def take(cells: Sequence[str]) -> None:
        sequence, interval = read(cells)
        rows.add(
            split, sequence, [label], identifier=cells[identifier], interval=interval
        )

    table.each(take)


def _add_texts(
    rows: LabelRows, folder: Path, split: str, label: str, root: Path
) -> dict[str, object]:
    """Add a folder of text files; its record has one sha256 over names and contents."""
    digest, size = hashlib.sha256(), 0
    paths = sorted(folder.glob("*.txt"), key=lambda path: (len(path.name), path.name))
    for path in paths:
        raw = path.read_bytes()
        digest.update(f"{path.name}\0{len(raw)}\0".encode() + raw)
        size += len(raw)
        try:
            rows.add(
                split, raw.decode("ascii", "replace"), [label], identifier=path.stem
            )
        except LabelError as err:
            raise LabelError(f"{path}, line 1: {err}") from None
    name = folder.relative_to(root).as_posix()
    return {"file": f"{name}/*.txt", "bytes": size, "sha256": digest.hexdigest()}


def _transcripts(genome: FastaReader) -> Callable[[str], str]:
    """Find contigs also without the version of Ensembl's names: ENST… of ENST….2."""
    stems = {name.partition(".")[0]: name for name in genome.contigs if "." in name}

    def contig(text: str) -> str:
        name = text.strip()
        return name if name in genome.contigs else stems.get(name, name)

    return contig


def _version(root: Path) -> str | None:
    path = root / "metadata.yaml"
    if not path.is_file():
        return None
    match = _VERSION.search(path.read_text(encoding="utf-8"))
    return None if match is None else match[1]
