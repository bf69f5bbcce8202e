import re

import pandas as pd
import pytest

from hyenascope.data import benchmarks
from hyenascope.data.benchmarks import (
    benchmark_files,
    benchmark_names,
    download_benchmark,
)


def test_every_name_has_files_of_its_own():
    urls = [file.url for name in benchmark_names() for file in benchmark_files(name)]
    assert len(set(urls)) == len(urls)
    assert all(re.fullmatch(r"https://[\w./-]+", url) for url in urls)


@pytest.mark.parametrize(
    ("family", "count", "files"),
    [
        ("nucleotide_transformer", 18, ["train.fna", "test.fna"]),
        ("nucleotide_transformer_revised", 18, ["train.fna", "test.fna"]),
        ("gue", 28, ["train.csv", "dev.csv", "test.csv"]),
    ],
)
def test_families_have_the_published_number_of_tasks(family, count, files):
    names = [name for name in benchmark_names() if name.startswith(f"{family}/")]
    assert len(names) == count
    for name in names:
        assert [file.path for file in benchmark_files(name)] == files


def test_genomic_benchmarks_have_the_published_classes(shared):
    folder = shared / "data" / "genomic_benchmarks"
    table = pd.read_csv(folder / "all_datasets_counts.tsv", sep="\t")
    for dataset, rows in table.groupby("dataset"):
        paths = {f"{row['split']}/{row['class']}.csv.gz" for _, row in rows.iterrows()}
        files = benchmark_files(f"genomic_benchmarks/{dataset}")
        assert {file.path for file in files} == {*paths, "metadata.yaml"}


def test_download_makes_a_folder_of_the_name(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        benchmarks,
        "fetch_files",
        lambda files, folder, **_: asked.append((files, folder)),
    )
    folder = download_benchmark("gue/tf0", tmp_path)
    assert folder == tmp_path / "gue" / "tf0"
    assert asked == [(benchmark_files("gue/tf0"), folder)]


def test_refuses_an_unknown_name():
    with pytest.raises(ValueError, match=r"such as gue/tf0, .*; got 'TF'"):
        benchmark_files("TF")
