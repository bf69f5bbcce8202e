import random

import pytest

from hyenascope.data import _shared_kmers
from hyenascope.data._shared_kmers import best_matches
from hyenascope.sequence.dna import reverse_complement


def _kmers(text, k):
    """Read the definition off: canonical, distinct, none with an ambiguous letter."""
    found = set()
    for i in range(len(text) - k + 1):
        kmer = text[i : i + k]
        if set(kmer) <= set("ACGT"):
            found.add(min(kmer, reverse_complement(kmer)))
    return found


def _expected(queries, references, k, least):
    sets = [_kmers(text, k) for text in references]
    rows, shares = [], []
    for query in queries:
        own = _kmers(query, k)
        shared = [len(own & other) / len(own) if own else 0 for other in sets]
        best = max(shared, default=0)
        found = bool(own) and best >= least
        rows.append(shared.index(best) if found else -1)
        shares.append(best if found else 0)
    return rows, shares


def _sequences(seed):
    """Make families of diverged, shifted and turned copies, repeats, N and stubs."""
    rng = random.Random(seed)
    roots = ["".join(rng.choices("ACGT", k=90)) for _ in range(8)]
    texts = ["A" * 60, "ACACACACACACACACACAC" * 3, "ACGT", "", "N" * 40]
    for _ in range(150):
        text = list(rng.choice(roots)[rng.randrange(30) :])
        for i in range(len(text)):
            if rng.random() < rng.choice([0, 0.02, 0.1]):
                text[i] = rng.choice("ACGTN")
        copy = "".join(text) + "A" * rng.randrange(12)
        texts.append(reverse_complement(copy) if rng.random() < 0.5 else copy)
    rng.shuffle(texts)
    return texts[:60], texts[60:]


@pytest.mark.parametrize("least", [0.05, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("k", [4, 9, 16, 20])
def test_finds_what_the_definition_finds(k, least):
    queries, references = _sequences(k)
    found = best_matches(queries, references, k=k, least=least)
    rows, shares = _expected(queries, references, k, least)
    assert found.rows.tolist() == rows
    assert found.shares.tolist() == pytest.approx(shares)


@pytest.mark.parametrize("rare", [0, 3, 10_000])
def test_neither_the_batches_nor_the_candidates_change_the_answer(monkeypatch, rare):
    queries, references = _sequences(5)
    monkeypatch.setattr(_shared_kmers, "_RARE", rare)
    monkeypatch.setattr(_shared_kmers, "_PAIRS", 50)
    monkeypatch.setattr(_shared_kmers, "_LETTERS", 200)
    found = best_matches(queries, references, k=8, least=0.4)
    assert found.rows.tolist() == _expected(queries, references, 8, 0.4)[0]


def test_nothing_to_compare():
    empty = best_matches([], ["ACGTACGT"], k=4, least=0.5)
    assert (empty.rows.tolist(), empty.shares.tolist()) == ([], [])
    alone = best_matches(["ACGTACGT"], [], k=4, least=0.5)
    assert (alone.rows.tolist(), alone.shares.tolist()) == ([-1], [0.0])
