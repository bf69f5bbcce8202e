"""The page that says how each number of a reproduction was made."""

from dataclasses import replace

import pandas as pd
import pytest

from hyenascope.training.benchmark_facts import LEAKS_FILE
from hyenascope.training.benchmark_page import benchmark_page, own_metrics
from hyenascope.training.benchmark_recipes import find_recipes


@pytest.fixture
def recipes(tmp_path):
    """A task of each metric, with counts of leaks."""
    found = [
        find_recipes(f"nucleotide_transformer/{task}")[0]
        for task in ("H3", "promoter_all")
    ]
    for number, recipe in enumerate(found):
        folder = tmp_path / recipe.name
        folder.mkdir(parents=True)
        leaks = {"source_split": "train", "split": "test", "leaked": 5 + number}
        pd.DataFrame([leaks]).to_csv(folder / LEAKS_FILE, sep="\t", index=False)
    return found


@pytest.fixture
def table(recipes):
    """Two seeds of two metrics, of which one is the published one, and the others."""
    ours = pd.DataFrame(
        [
            {
                "task": recipe.task,
                "model": "small",
                "seed": seed,
                "metric": metric,
                "value": 0.5 + seed / 10,
                "low": 0.4,
                "high": 0.7,
                "rows": 30,
                "split": "test",
                "source": "measured",
            }
            for recipe in recipes
            for seed in (0, 1)
            for metric in ("mcc", "f1_macro")
        ]
    )
    table = pd.concat([*(recipe.others() for recipe in recipes), ours])
    return table.astype({"seed": "Int64", "rows": "Int64"})


def test_each_task_is_shown_in_the_metric_that_was_published(recipes, table):
    found = own_metrics(recipes, table)
    assert found[["task", "metric"]].drop_duplicates().values.tolist() == [
        ["H3", "mcc"],
        ["promoter_all", "f1_macro"],
    ]
    assert found["model"].tolist()[:3] == ["small", "small", "HyenaDNA as published"]
    ours = found[found["model"] == "small"]
    assert ours["value"].tolist() == pytest.approx([0.55, 0.55])


def test_numbers_target_options_and_leaks_are_told(recipes, table, tmp_path):
    options = [replace(recipe.options, epochs=20) for recipe in recipes]
    page = benchmark_page(recipes, options, table, tmp_path)
    mcc, f1 = page.split("## How")[0].split("## f1_macro")
    head = "| task | small | HyenaDNA as published | HyenaDNA, re-run |"
    assert f"{head}\n| --- | --- | --- | --- |\n" in mcc
    assert "| H3 | 0.550 (0.400–0.700) | 0.817 | 0.779 |" in mcc
    assert "| promoter_all | 0.550 (0.400–0.700) | 0.965 | 0.960 |" in f1
    assert "(Nguyen et al. 2023, Table 4.2): test, which chose the epoch" in page
    assert "10-fold cross-validation; 20 epochs" in page
    assert "This is the honest target." in page
    assert "seeds 0, 1; epochs 20 (the recipe: 100), " in page
    assert "batch size 128, learning rate 0.0006, " in page
    assert f"- **Not known**: {recipes[0].table.unknown}." in page
    lines = page.splitlines()
    assert "| task | in | of | leaked | judged |" in lines
    assert "| H3 | train | test | 5 | 30 |" in lines
    assert "| promoter_all | train | test | 6 | 30 |" in lines


def test_options_that_differ_are_told_task_by_task(recipes, table, tmp_path):
    options = [
        replace(recipes[0].options, batch_size=64),
        replace(recipes[1].options, batch_size=64, epochs=7),
    ]
    page = benchmark_page(recipes, options, table, tmp_path)
    assert "epochs 100 of H3, 7 of promoter_all (the recipe: 100), " in page
    assert "batch size 64 (the recipe: 128), learning rate 0.0006, " in page


def test_a_table_without_doubts_says_none(table, recipes, tmp_path):
    sure = replace(recipes[0].table, unknown="")
    known = [replace(recipe, table=sure) for recipe in recipes]
    page = benchmark_page(known, [it.options for it in known], table, tmp_path)
    assert "Not known" not in page
