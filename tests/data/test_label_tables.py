import gzip
import hashlib

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.label_tables import read_label_table
from hyenascope.data.labelled_sequences import LabelError


def _write(path, text):
    path.write_bytes(text.encode())
    return path


def test_classes_are_sorted_whatever_the_order_of_rows(tmp_path):
    path = _write(tmp_path / "x.csv", "sequence,label\nACG,weak\nTT,none_\nGG,strong\n")
    data = read_label_table(path)
    assert data.label_names == ("none_", "strong", "weak")
    assert data.labels.tolist() == [2, 0, 1]
    assert (data.task, data.splits, data.name) == ("multiclass", ("all",) * 3, "x")
    assert data.provenance["label_names"] == data.label_names


def test_whole_numbers_sort_as_numbers_and_keep_their_value():
    labels = [str(i) for i in range(11)][::-1]
    frame = pd.DataFrame({"sequence": ["ACGT"] * 11, "label": labels})
    data = read_label_table(frame)
    assert data.labels.tolist() == list(range(11))[::-1]
    as_floats = frame.assign(label=frame["label"].astype(float))
    assert read_label_table(as_floats).labels.tolist() == data.labels.tolist()


@pytest.mark.parametrize("ending", ["csv", "tsv", "csv.gz", "parquet"])
def test_every_format_gives_the_same(tmp_path, ending):
    frame = pd.DataFrame(
        {"id": ["a", "b"], "seq": ["acgt", "GGN"], "kind": ["no", "yes"]}
    )
    path = tmp_path / f"train.{ending}"
    if ending == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if ending == "tsv" else ",")
    data = read_label_table(path, sequence="seq", labels="kind", identifier="id")
    assert (data.sequences, data.ids) == (("ACGT", "GGN"), ("a", "b"))
    assert (data.splits, data.labels.tolist()) == (("train", "train"), [0, 1])
    assert data.provenance["files"][0] == {
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def test_splits_by_column_mapping_and_shards(tmp_path):
    frame = pd.DataFrame(
        {
            "sequence": ["A", "C", "G", "T"],
            "label": [0, 1, 0, 1],
            "part": ["train", "train", "valid", "valid"],
        }
    )
    by_column = read_label_table(frame, split="part")
    assert by_column.splits == ("train", "train", "dev", "dev")
    by_mapping = read_label_table({"train": frame[:2], "validation": frame[2:]})
    assert by_mapping.splits == by_column.splits
    path = tmp_path / "test-00000-of-00001-ab12.parquet"
    frame.to_parquet(path)
    assert read_label_table(path).split_names == ("test",)


def test_many_labels_by_list_and_pattern(tmp_path):
    path = _write(
        tmp_path / "x.csv", "sequence,y_a,y_b,note\nAC,0,1,x\nGT,True,0.0,y\n"
    )
    data = read_label_table(path, labels="y_*")
    assert (data.task, data.label_names) == ("multilabel", ("y_a", "y_b"))
    assert data.labels.tolist() == [[0, 1], [1, 0]]
    chosen = read_label_table(path, labels=["y_b", "y_a"])
    assert chosen.labels.tolist() == [[1, 0], [0, 1]]


def test_regression_keeps_every_digit():
    values = [0.1, -2.5e-7, 3.0]
    frame = pd.DataFrame({"sequence": ["A", "C", "G"], "x": values})
    data = read_label_table(frame, labels="x", task="regression")
    np.testing.assert_array_equal(data.labels[:, 0], values)
    assert data.label_names == ("x",)


def test_quoted_cells_windows_lines_and_blank_lines(tmp_path):
    text = '\ufeffsequence,label\r\n"ACGT","a,b"\r\n\r\nGG,c\r\n'
    data = read_label_table(_write(tmp_path / "x.csv", text))
    assert data.label_names == ("a,b", "c")


def test_sequences_longer_than_the_csv_module_takes(tmp_path):
    long = "ACGT" * 50_000
    path = _write(tmp_path / "x.csv", f"sequence,label\n{long},0\nAC,1\n")
    assert read_label_table(path).sequences[0] == long


HEADER = "sequence,label\nACGT,0\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{HEADER}GG,\n", r"x\.csv, line 3: label must be a class; got ''"),
        (f"{HEADER}GG,NaN\n", r"line 3: label must be a class; got 'NaN'"),
        (f"{HEADER}GG,0.5\n", r"line 3: .* or task 'regression'; got '0\.5'"),
        (f"{HEADER},1\n", r"line 3: sequence must hold bases; got ''"),
        (f"{HEADER}NaN,1\n", r"line 3: sequence must hold bases; got 'NaN'"),
        (
            f"{HEADER}\nAXG,1\n",
            r"line 4: sequence must hold only .* got 'X' at index 1",
        ),
        (f"{HEADER}GG,1,2\n", r"line 3: must have 2 cells, .* got 3"),
        (f"{HEADER}GG\n", r"line 3: must have 2 cells, .* got 1"),
        (f'{HEADER}"GG,1\n', "line 3: a quoted cell must end on its line"),
        (f"{HEADER}GG,0\n", r"two classes or more; got \['0'\]"),
        ("sequence,label,label\nA,0,1\n", "line 1: columns must .* 'label' twice"),
        ("seq,label\nA,0\n", "sequence must be a column of .*has seq, label"),
        ("sequence,y\nA,0\n", "labels must be a column of .*has sequence, y"),
        ("sequence,label\n", "x must hold rows; got none"),
        ("", "is empty"),
    ],
)
def test_refuses_a_file(tmp_path, text, message):
    path = _write(tmp_path / "x.csv", text)
    with pytest.raises(LabelError, match=message):
        read_label_table(path)


@pytest.mark.parametrize(
    ("cell", "task", "message"),
    [
        ("2", None, r"line 2: label 'b' must be 0 or 1, or task .*; got '2'"),
        ("nan", None, "line 2: label 'b' must be 0 or 1"),
        ("", None, "line 2: label 'b' must be a number; got ''"),
        ("nan", "regression", "line 2: label 'b' must be a finite number; got 'nan'"),
        ("inf", "regression", "line 2: label 'b' must be a finite number; got 'inf'"),
        ("high", "regression", "line 2: label 'b' must be a number; got 'high'"),
        ("0,1", None, "line 2: must have 3 cells, .*; got 4"),
    ],
)
def test_refuses_many_labels(tmp_path, cell, task, message):
    path = _write(tmp_path / "x.csv", f"sequence,a,b\nACGT,0,{cell}\n")
    with pytest.raises(LabelError, match=message):
        read_label_table(path, labels=["a", "b"], task=task)


def test_refuses_a_class_that_a_split_lacks():
    frame = pd.DataFrame(
        {
            "sequence": ["A", "C", "G"],
            "label": ["x", "y", "x"],
            "split": ["train", "train", "test"],
        }
    )
    with pytest.raises(LabelError, match=r"every split .*x, y; test has none of y"):
        read_label_table(frame, split="split")


def test_refuses_a_frame_by_row():
    frame = pd.DataFrame({"sequence": ["A", None], "label": [0, 1]})
    with pytest.raises(LabelError, match="table, row 2: sequence must hold bases"):
        read_label_table(frame)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "multilabel"}, "labels must be a list of columns .* got one"),
        ({"task": "binary", "labels": ["a"]}, "labels must be one column .* got 1"),
        ({"labels": ["a", "a"]}, "labels must be different columns"),
        ({"labels": "z_*"}, r"labels must fit columns of table; 'z_\*' fits none"),
        ({"split": "part"}, "split must be a column of table"),
    ],
)
def test_refuses_options(options, message):
    frame = pd.DataFrame({"sequence": ["A"], "label": [0], "a": [1]})
    with pytest.raises(LabelError, match=message):
        read_label_table(frame, **options)


def test_refuses_tables_with_other_labels():
    one = pd.DataFrame({"sequence": ["A"], "y_a": [0], "y_b": [1]})
    with pytest.raises(LabelError, match="label columns of the tables before it, 2"):
        read_label_table({"train": one, "test": one[["sequence", "y_a"]]}, labels="y_*")


def test_a_damaged_gzip_is_refused(tmp_path):
    whole = gzip.compress(("sequence,label\n" + "ACGT,0\n" * 5000).encode())
    path = tmp_path / "x.csv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LabelError, match=r"x\.csv\.gz is truncated or damaged"):
        read_label_table(path)


def test_ienhancer_has_the_published_sizes(shared):
    folder = shared / "data" / "ienhancer"
    data = read_label_table(
        {split: folder / f"{split}.tsv.gz" for split in ("train", "test")},
        labels="strength",
        identifier="source_header",
    )
    assert data.counts().to_dict("index") == {
        "train": {"non": 1484, "strong": 742, "weak": 742},
        "test": {"non": 200, "strong": 100, "weak": 100},
    }
    assert {len(text) for text in data.sequences} == {200}
    assert data.name == "ienhancer"
