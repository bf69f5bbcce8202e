import pandas as pd
import pytest

from hyenascope.data.labelled_sequences import LabelError
from hyenascope.data.nucleotide_transformer import read_nucleotide_transformer

FASTA = ">chr1_0|0\nACGT\n>chr1_4|1\nGGGG\n"


def _frame(*tasks):
    rows = [
        {"sequence": dna, "name": f"{task}_{label}", "label": label, "task": task}
        for task in tasks
        for label, dna in enumerate(["ACGT", "GGGG"])
    ]
    return pd.DataFrame(rows)


def test_fasta_and_parquet_give_the_same(tmp_path):
    for split in ("train", "test"):
        (tmp_path / f"{split}.fna").write_text(FASTA)
    fasta = read_nucleotide_transformer(tmp_path)
    both = _frame("H3").assign(name=["chr1_0", "chr1_4"])
    for split in ("train", "test"):
        both.to_parquet(tmp_path / f"{split}.parquet")
    assert read_nucleotide_transformer(tmp_path).provenance == fasta.provenance
    for split in ("train", "test"):
        (tmp_path / f"{split}.fna").unlink()
    parquet = read_nucleotide_transformer(tmp_path)
    assert parquet.to_frame().equals(fasta.to_frame())
    assert parquet.split_names == ("train", "test")
    assert parquet.provenance["format"] == "Nucleotide Transformer"


def test_shards_of_the_hub_in_their_folder(tmp_path):
    (tmp_path / "data").mkdir()
    for shard in range(2):
        path = tmp_path / "data" / f"train-0000{shard}-of-00002-0a1b.parquet"
        _frame("H3").to_parquet(path)
    _frame("H3").to_parquet(tmp_path / "data" / "test-00000-of-00001.parquet")
    data = read_nucleotide_transformer(tmp_path, name="H3")
    assert data.counts().sum(axis=1).to_dict() == {"train": 4, "test": 2}


def test_one_task_of_several(tmp_path):
    frame = _frame("H3", "H4")
    frame.to_csv(tmp_path / "train.csv", index=False)
    frame.to_parquet(tmp_path / "test.parquet")
    files = {"train": tmp_path / "train.csv", "test": tmp_path / "test.parquet"}
    data = read_nucleotide_transformer(files, subset="H4")
    assert (data.name, set(data.ids)) == ("H4", {"H4_0", "H4_1"})
    assert len(data) == 4
    with pytest.raises(LabelError, match="subset must be one of H3, H4; got None"):
        read_nucleotide_transformer(files)
    with pytest.raises(LabelError, match="subset must be one of H3, H4; got 'H5'"):
        read_nucleotide_transformer(files, subset="H5")


def test_refuses(tmp_path):
    path = tmp_path / "train.fna"
    path.write_text(FASTA)
    with pytest.raises(LabelError, match=r"train and test .*has train\.fna"):
        read_nucleotide_transformer(tmp_path)
    with pytest.raises(
        LabelError, match="subset must be None of FASTA files; got 'H3'"
    ):
        read_nucleotide_transformer({"train": path}, subset="H3")
    with pytest.raises(LabelError, match="source must hold one file or more"):
        read_nucleotide_transformer({})
    plain = tmp_path / "x.csv"
    plain.write_text("sequence,label\nACGT,0\nGG,1\n")
    with pytest.raises(LabelError, match="None of files without a column 'task'"):
        read_nucleotide_transformer({"train": plain}, subset="H3")
