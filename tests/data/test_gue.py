import gzip

import pandas as pd
import pytest

from hyenascope.data.gue import read_gue
from hyenascope.data.labelled_sequences import LabelError


def _folder(root, *names, text="sequence,label\nACGT,1\nTTTT,0\n"):
    root.mkdir(parents=True, exist_ok=True)
    for name in names:
        raw = text.encode()
        (root / name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    return root


def test_splits_are_the_published_ones(tmp_path):
    folder = _folder(tmp_path / "mouse" / "0", "test.csv", "train.csv.gz", "dev.csv")
    data = read_gue(folder)
    assert data.name == "mouse/0"
    assert data.counts().to_dict("index") == {
        split: {"0": 1, "1": 1} for split in ("train", "dev", "test")
    }
    assert [file["file"] for file in data.provenance["files"]] == [
        "train.csv.gz",
        "dev.csv",
        "test.csv",
    ]
    assert data.provenance["format"] == "GUE"


def test_a_missing_dev_split_stays_missing(tmp_path):
    data = read_gue(_folder(tmp_path, "train.csv", "test.csv"))
    assert data.split_names == ("train", "test")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["dev.csv", "test.csv"], "has no train file"),
        (["dev.csv", "train.csv"], r"train and test .* has train\.csv, dev\.csv"),
        (
            ["train.csv", "test.csv", "test.csv.gz"],
            r"test\.csv twice, with and without",
        ),
    ],
)
def test_refuses_a_folder(tmp_path, names, message):
    with pytest.raises(LabelError, match=message):
        read_gue(_folder(tmp_path, *names))


def test_refuses_a_missing_folder(tmp_path):
    with pytest.raises(LabelError, match=r"folder must exist; got .*nowhere"):
        read_gue(tmp_path / "nowhere")


def test_names_the_file_and_line(tmp_path):
    folder = _folder(tmp_path, "train.csv", "test.csv")
    (folder / "test.csv").write_text("sequence,label\nACGT,1\nTT-T,0\n")
    with pytest.raises(LabelError, match=r"test\.csv, line 3: .* got '-' at index 2"):
        read_gue(folder)


def test_published_sizes(shared):
    root = shared / "data" / "gue"
    sizes = {
        "prom_core_tata": (4904, 613, 613),
        "mouse_3": (1904, 239, 239),
    }
    for task, expected in sizes.items():
        data = read_gue(root / task)
        assert tuple(data.counts().sum(axis=1)) == expected
        train = pd.read_csv(root / task / "train.csv.gz")
        assert data.split("train").sequences == tuple(train["sequence"])
        assert data.split("train").labels.tolist() == train["label"].tolist()
