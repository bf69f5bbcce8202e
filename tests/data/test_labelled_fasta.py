import gzip

import pytest

from hyenascope.data.labelled_fasta import read_labelled_fasta
from hyenascope.data.labelled_sequences import LabelError


def _write(path, text):
    raw = text.encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


@pytest.mark.parametrize("name", ["x.fna", "x.fa.gz"])
def test_label_is_what_follows_the_last_bar(tmp_path, name):
    text = ">chr1|100|weak\nACG\nTTT\n\n>b|none_\r\nacg\r\n>chr1|100|weak\nGG\n"
    data = read_labelled_fasta(_write(tmp_path / name, text))
    assert data.ids == ("chr1|100", "b", "chr1|100")
    assert data.sequences == ("ACGTTT", "ACG", "GG")
    assert (data.label_names, data.labels.tolist()) == (("none_", "weak"), [1, 0, 1])
    assert (data.name, data.splits[0]) == ("x", "all")


def test_splits_separators_many_labels_and_numbers(tmp_path):
    path = _write(tmp_path / "x.fa", ">a_1_0\nAC\n>b_0_0\nGG\n")
    data = read_labelled_fasta(
        {"train": path, "val": path}, separator="_", labels=["one", "two"]
    )
    assert data.split_names == ("train", "dev")
    assert data.split("dev").labels.tolist() == [[1, 0], [0, 0]]
    assert data.ids[:2] == ("a", "b")
    path = _write(tmp_path / "test.fa", ">a|-0.25\nAC\n")
    effect = read_labelled_fasta(path, task="regression")
    assert (effect.labels.tolist(), effect.splits) == ([[-0.25]], ("test",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">a|0\nAC\n>b\nGG\n", r"line 3: header must end in '\|' and 1 label; got 'b'"),
        (">a|0\nAC\n>b|\nGG\n", "line 3: label must be a class; got ''"),
        (">a|0\n>b|1\nGG\n", "line 1: sequence must hold bases; got ''"),
        (">a|0\nAC\n>b|1\nGG!\n", "line 3: .* got '!' at index 2"),
        ("AC\n>b|1\nGG\n", "line 1: FASTA must begin with '>'; got 'AC'"),
        (">a|1\nAC\n", r"two classes or more; got \['1'\]"),
    ],
)
def test_refuses(tmp_path, text, message):
    with pytest.raises(LabelError, match=message):
        read_labelled_fasta(_write(tmp_path / "x.fa", text))
