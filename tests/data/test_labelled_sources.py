"""One data set, handed over in every way there is."""

import gzip

import anndata
import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.labelled_sequences import LabelError
from hyenascope.data.labelled_sources import collect_labelled

TEXTS = ["ACGTACGT", "GGGTTTAA", "TTTTACCC"]
LABELS = ["weak", "strong", "weak"]


def table():
    return pd.DataFrame({"sequence": TEXTS, "label": LABELS})


def genome(folder):
    path = folder / "genome.fa"
    path.write_text(">chr1\n" + "".join(TEXTS) + "\n")
    return path


def sources(folder):
    table().to_csv(folder / "t.csv", index=False)
    table().to_csv(folder / "t.tsv", index=False, sep="\t")
    pairs = zip(TEXTS, LABELS, strict=True)
    (folder / "t.fa").write_text(
        "".join(f">a{n}|{y}\n{x}\n" for n, (x, y) in enumerate(pairs))
    )
    rows = [("chr1", 8 * n, 8 * n + 8, y) for n, y in enumerate(LABELS)]
    bed = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    (folder / "t.bed").write_text(bed)
    gue = folder / "gue"
    gue.mkdir()
    for split in ("train", "test"):
        coded = table().assign(label=[1, 0, 1])
        coded.to_csv(gue / f"{split}.csv", index=False)
    frame = pd.DataFrame(rows, columns=["chrom", "start", "end", "label"])
    where = {"genome": genome(folder)}
    return {
        "texts": ((TEXTS, LABELS), {}),
        "array of labels": ((tuple(TEXTS), np.array(LABELS)), {}),
        "one column": ((TEXTS, np.array(LABELS)[:, None]), {}),
        "table": ((table(),), {}),
        "other columns": (
            (table().rename(columns={"label": "kind"}), "kind"),
            {},
        ),
        "anndata": (
            (anndata.AnnData(obs=table().set_index(pd.Index(list("abc")))),),
            {},
        ),
        "csv": ((folder / "t.csv",), {}),
        "tsv": ((str(folder / "t.tsv"),), {}),
        "fasta": ((folder / "t.fa",), {}),
        "bed": ((folder / "t.bed",), where),
        "intervals": ((frame,), where),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("texts", "array of labels", "one column", "table", "other columns"),
        *("anndata", "csv", "tsv", "fasta", "bed", "intervals"),
    ],
)
def test_all_are_one(tmp_path, name):
    given, how = sources(tmp_path)[name]
    data = collect_labelled(*given, **how)
    assert data.sequences == tuple(TEXTS)
    assert data.label_names == ("strong", "weak")
    assert data.labels.tolist() == [1, 0, 1]
    assert data.task == "binary"
    assert collect_labelled(data) is data


def test_folders_keep_their_splits(tmp_path):
    sources(tmp_path)
    data = collect_labelled(tmp_path / "gue")
    assert data.split_names == ("train", "test")
    for split in ("train", "test"):
        for name, text in (("a", "ACGT"), ("b", "GGGG")):
            folder = tmp_path / "gb" / split / name
            folder.mkdir(parents=True)
            (folder / "0.txt").write_text(text)
    assert collect_labelled(tmp_path / "gb").label_names == ("a", "b")


@pytest.mark.parametrize("kind", [".fna", ".fa.gz", ".parquet", "data/.parquet"])
def test_a_folder_of_the_nucleotide_transformer(tmp_path, kind):
    folder = tmp_path / "H3"
    (folder / "data").mkdir(parents=True)
    for split in ("train", "test"):
        path = folder / kind.replace(".", f"{split}.", 1)
        if kind.endswith("parquet"):
            table().to_parquet(path)
            continue
        pairs = zip(TEXTS, LABELS, strict=True)
        text = "".join(f">a|{y}\n{x}\n" for x, y in pairs).encode()
        path.write_bytes(gzip.compress(text) if kind.endswith("gz") else text)
    data = collect_labelled(folder)
    assert data.sequences == tuple(TEXTS) * 2
    assert data.counts().to_dict("list") == {"strong": [1, 1], "weak": [2, 2]}
    assert (data.name, data.split_names) == ("H3", ("train", "test"))


@pytest.mark.parametrize("form", ["table", "csv", "anndata"])
def test_a_column_of_splits_is_kept(tmp_path, form):
    splits = table().assign(split=["train", "test", "train"])
    splits = pd.concat([splits, splits.assign(label="strong").tail(1)])
    splits = pd.concat([splits, splits.assign(split="test").head(1)], ignore_index=True)
    if form == "csv":
        splits.to_csv(tmp_path / "s.csv", index=False)
    given = {
        "table": splits,
        "csv": tmp_path / "s.csv",
        "anndata": anndata.AnnData(obs=splits.set_index(splits.index.astype(str))),
    }[form]
    data = collect_labelled(given)
    assert data.splits == ("train", "test", "train", "train", "test")
    assert collect_labelled(data.to_frame()).splits == data.splits


def test_numbers():
    data = collect_labelled(TEXTS, [0.5, 1.0, -2.0], task="regression")
    assert data.labels[:, 0].tolist() == [0.5, 1.0, -2.0]
    wide = table().assign(a=[0, 1, 1], b=[1, 1, 0])
    assert collect_labelled(wide, ["a", "b"]).task == "multilabel"


YES_NO = [[0, 1], [1, 1], [1, 0]]
NUMBERS = [[0.25, -1.0], [1.5, 2.0], [0.0, 3.0]]


@pytest.mark.parametrize("form", [list, np.array, torch.tensor, pd.DataFrame])
def test_several_labels_of_each_text(form):
    data = collect_labelled(TEXTS, form(YES_NO))
    assert (data.task, data.label_names) == ("multilabel", ("0", "1"))
    assert data.labels.tolist() == YES_NO
    data = collect_labelled(TEXTS, form(NUMBERS), task="regression")
    assert (data.task, data.label_names) == ("regression", ("0", "1"))
    assert data.labels.tolist() == NUMBERS
    with pytest.raises(LabelError, match=r"row 1: label '0' must be 0 or 1"):
        collect_labelled(TEXTS, form(NUMBERS))


def test_a_table_of_labels_names_them():
    wide = pd.DataFrame(YES_NO, columns=["tss", "enhancer"], index=list("xyz"))
    data = collect_labelled(TEXTS, wide)
    assert (data.label_names, data.labels.tolist()) == (("tss", "enhancer"), YES_NO)


def test_tensors_of_one_label():
    assert collect_labelled(TEXTS, torch.tensor([1, 0, 1])).label_names == ("0", "1")
    column = torch.tensor([[0.5], [1.0], [-2.0]])
    data = collect_labelled(TEXTS, column, task="regression")
    assert (data.label_names, data.labels[:, 0].tolist()) == (
        ("label",),
        [0.5, 1.0, -2.0],
    )
    one = collect_labelled(TEXTS, torch.tensor([[1], [0], [1]]), task="multilabel")
    assert (one.task, one.label_names) == ("multilabel", ("label",))


@pytest.mark.parametrize(
    ("source", "given", "message"),
    [
        ("gue", {"labels": "kind"}, r"labels must be None .* folder .*gue, .*'kind'"),
        ("t.fa", {"labels": ["a"]}, r"labels must be None .* file .*t\.fa, .*\['a'\]"),
        ("gue", {"task": "regression"}, "task must be 'binary' or .* 'regression'"),
        ("gue", {"task": "multiclass"}, "task must be None or 'binary'.*'multiclass'"),
        ("t.csv", {"labels": []}, r"labels must be different columns; got \[\]"),
    ],
)
def test_what_does_not_apply_is_refused(tmp_path, source, given, message):
    sources(tmp_path)
    with pytest.raises(LabelError, match=message):
        collect_labelled(tmp_path / source, **given)
    assert collect_labelled(tmp_path / "gue", task="binary").task == "binary"


def test_finished_data_have_a_task_of_their_own():
    data = collect_labelled(TEXTS, LABELS)
    assert collect_labelled(data, task="binary") is data
    with pytest.raises(LabelError, match=r"task must be None or 'binary'.* 'regr"):
        collect_labelled(data, task="regression")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            (TEXTS, np.zeros((3, 2, 2))),
            r"labels must hold one label or one row of labels per sequence; got an "
            r"array of shape \(3, 2, 2\)",
        ),
        ((TEXTS, np.zeros((3, 0))), r"labels must be different columns; got \[\]"),
        (
            (TEXTS, np.array(["weak", None, "strong"], dtype=object)),
            "row 2: label must be a class; got ''",
        ),
        ((TEXTS, [[0, 1], [1], [1, 0]]), "as many labels for each sequence"),
        ((TEXTS, [[0, 1], [1, 0]]), "labels must hold one label per .* 3; got 2"),
        ((TEXTS,), "labels must hold one label per sequence, 3; got None"),
        ((TEXTS, "label"), "labels must hold one label per sequence, 3; got 'label'"),
        ((TEXTS, ["a"]), "labels must hold one label per sequence, 3; got 1"),
        (
            ("nowhere.csv",),
            "source must be a file or .* got nowhere.csv, which does not exist",
        ),
        ((TEXTS, [1.0, float("nan"), 2.0]), "row 2"),
    ],
)
def test_what_cannot_be_used(given, message):
    with pytest.raises(LabelError, match=message):
        collect_labelled(*given)


def test_intervals_need_a_genome_and_labels_belong_to_no_finished_data(tmp_path):
    sources(tmp_path)
    with pytest.raises(LabelError, match=r"genome must be given .* t\.bed"):
        collect_labelled(tmp_path / "t.bed")
    with pytest.raises(LabelError, match="labels must be None"):
        collect_labelled(collect_labelled(TEXTS, LABELS), LABELS)


def test_numbers_of_intervals_are_the_scores_of_bed(tmp_path):
    where = genome(tmp_path)
    bed = tmp_path / "s.bed"
    bed.write_text("chr1\t0\t8\ta\t0.5\nchr1\t8\t16\tb\t-2\n")
    data = collect_labelled(bed, genome=where, task="regression")
    assert data.labels[:, 0].tolist() == [0.5, -2.0]
