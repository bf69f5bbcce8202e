"""Substitution maps against brute force, closed forms and invariances."""

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.interpret.ism import (
    center_map,
    conditional_map,
    saturation_mutagenesis,
)
from hyenascope.models.predict import base_log_probs, log_probs
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import tokenize
from tests.models.test_incremental import random_model
from tests.toy_models import first_order, step


def write(folder: Path, text: str, name: str = "I") -> FastaReader:
    path = folder / f"{name}.fa"
    path.write_text(f">{name}\n{text}\n")
    return FastaReader(path)


def random_text(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def likelihood(model, text: str, start: int, end: int) -> float:
    """Σ log p of the bases of [start, end), by one full pass."""
    tokens = torch.from_numpy(tokenize(text))
    with torch.inference_mode():
        table = base_log_probs(model(tokens[None]))[0]
    picked = table[torch.arange(start, end), tokens[start:end] - 7]
    return float(picked.sum())


def brute_force(model, text: str, position: int, base: str, window: int) -> float:
    new = text[:position] + base + text[position + 1 :]
    end = position + window
    return likelihood(model, new, position, end) - likelihood(
        model, text, position, end
    )


def test_downstream_is_the_change_in_likelihood_of_the_next_bases(tmp_path):
    model, text = random_model(dtype=torch.float64), random_text(120)
    genome = write(tmp_path, text)
    track = saturation_mutagenesis(
        model, genome, Interval("I", 30, 36), window=20, strands="forward"
    )
    for i, position in enumerate(range(30, 36)):
        for j, base in enumerate("ACGT"):
            expected = brute_force(model, text, position, base, 20)
            assert track.values[i, j] == pytest.approx(expected, abs=1e-10)
    assert track.units == "Δ log p (nats)"
    assert track.provenance["engine"] == "incremental"
    assert track.provenance["window"] == 20


def test_the_reverse_strand_reads_the_reverse_complement(tmp_path):
    model, text = random_model(dtype=torch.float64), random_text(120, 1)
    genome = write(tmp_path, text)
    flipped = write(tmp_path, reverse_complement(text), "flipped")
    kwargs = {"window": 20}
    reverse = saturation_mutagenesis(
        model, genome, Interval("I", 40, 50), strands="reverse", **kwargs
    )
    forward = saturation_mutagenesis(
        model, flipped, Interval("flipped", 70, 80), strands="forward", **kwargs
    )
    np.testing.assert_allclose(reverse.values, forward.values[::-1, ::-1], atol=1e-12)


def test_both_is_the_mean_of_the_strands(tmp_path):
    model, genome = random_model(), write(tmp_path, random_text(130))
    maps = {
        strands: saturation_mutagenesis(
            model, genome, Interval("I", 60, 66), window=16, strands=strands
        ).values
        for strands in ("forward", "reverse", "both")
    }
    np.testing.assert_allclose(
        maps["both"], (maps["forward"] + maps["reverse"]) / 2, atol=1e-12
    )


@pytest.mark.parametrize("score", ["conditional", "downstream", "full"])
def test_scores_of_a_first_order_model_have_a_closed_form(tmp_path, score):
    text = random_text(60, 2)
    genome = write(tmp_path, text)
    slow = pytest.warns(UserWarning, match="FirstOrderLM")
    with slow if score != "conditional" else nullcontext():
        track = saturation_mutagenesis(
            first_order(), genome, Interval("I", 20, 23), score=score, strands="forward"
        )
    for i, p in enumerate(range(20, 23)):
        for j, base in enumerate("ACGT"):
            expected = step(text[p - 1], base) - step(text[p - 1], text[p])
            if score != "conditional":
                expected += step(base, text[p + 1]) - step(text[p], text[p + 1])
            assert track.values[i, j] == pytest.approx(expected)


def test_full_reaches_the_end_of_the_window(tmp_path):
    model, text = random_model(dtype=torch.float64), random_text(100, 3)
    genome = write(tmp_path, text)  # shorter than the context: the contig is the window
    track = saturation_mutagenesis(
        model, genome, Interval("I", 50, 52), score="full", strands="forward"
    )
    for i, position in enumerate((50, 51)):
        expected = brute_force(model, text, position, "A", 100 - position)
        assert track.values[i, 0] == pytest.approx(expected, abs=1e-10)


def test_conditional_needs_one_pass_per_strand(tmp_path, monkeypatch):
    model, genome = random_model(), write(tmp_path, random_text(100, 4))
    passes = []
    plain = type(model).hidden
    monkeypatch.setattr(
        type(model),
        "hidden",
        lambda self, tokens, **kw: passes.append(tokens) or plain(self, tokens, **kw),
    )
    track = saturation_mutagenesis(
        model, genome, Interval("I", 0, 100), score="conditional"
    )
    assert len(passes) == 2
    tables = log_probs(model, genome.fetch(Interval("I", 0, 100)))[0]
    middle = tables[50] - tables[50, "ACGT".index(genome.fetch_region("I", 50, 51))]
    forward = saturation_mutagenesis(
        model, genome, Interval("I", 50, 51), score="conditional", strands="forward"
    )
    np.testing.assert_allclose(forward.values[0], middle, atol=1e-5)
    assert track.provenance["engine"] == "one pass per strand"


def test_four_conditional_probabilities_sum_to_one(tmp_path):
    model, genome = random_model(), write(tmp_path, random_text(300, 5))
    for strands in ("forward", "reverse"):
        track = conditional_map(model, genome, Interval("I", 1, 299), strands=strands)
        np.testing.assert_allclose(np.exp(track.values).sum(axis=1), 1.0, atol=1e-12)


def test_a_score_does_not_depend_on_the_interval_asked_for(tmp_path):
    model, genome = random_model(), write(tmp_path, random_text(900, 6))
    wide = saturation_mutagenesis(model, genome, Interval("I", 300, 420), window=30)
    narrow = saturation_mutagenesis(model, genome, Interval("I", 371, 377), window=30)
    np.testing.assert_allclose(wide.values[71:77], narrow.values, atol=2e-5)


def test_less_memory_takes_more_passes_and_gives_the_same(tmp_path):
    model, genome = random_model(), write(tmp_path, random_text(130, 7))
    place = Interval("I", 40, 60)
    kwargs = {"window": 20, "strands": "forward"}
    plain = saturation_mutagenesis(model, genome, place, **kwargs)
    tight = saturation_mutagenesis(model, genome, place, max_memory=30_000, **kwargs)
    np.testing.assert_allclose(plain.values, tight.values, atol=1e-6)
    with pytest.raises(ValueError, match=r"max_memory must be at least .* got 10"):
        saturation_mutagenesis(model, genome, place, max_memory=10, **kwargs)


def test_n_gives_nan_with_a_reason_and_leaves_its_neighbours_right(tmp_path):
    model = random_model(dtype=torch.float64)
    text = random_text(120, 8)
    text = text[:50] + "N" + text[51:]
    genome = write(tmp_path, text)
    track = saturation_mutagenesis(
        model, genome, Interval("I", 48, 53), window=10, strands="forward"
    )
    assert np.isnan(track.values[2]).all()
    assert not np.isnan(np.delete(track.values, 2, axis=0)).any()
    assert dict(track.provenance["unscored"][0]) == {
        "strand": "forward",
        "start": 50,
        "end": 51,
        "reason": "the reference is not A, C, G or T",
    }
    tokens = torch.from_numpy(tokenize(text))
    changed = tokens.clone()
    changed[48] = 7
    with torch.inference_mode():
        before, after = (base_log_probs(model(t[None]))[0] for t in (tokens, changed))
    others = [p for p in range(48, 58) if p != 50]
    expected = sum(
        float(after[p, changed[p] - 7] - before[p, tokens[p] - 7]) for p in others
    )
    assert track.values[0, 0] == pytest.approx(expected, abs=1e-10)


def test_contig_ends_are_judged_by_the_strand_that_can(tmp_path):
    model, genome = random_model(), write(tmp_path, random_text(100, 9))
    track = saturation_mutagenesis(model, genome, Interval("I", 0, 100), window=30)
    missing = np.flatnonzero(np.isnan(track.values).any(axis=1))
    assert list(missing) == [
        0,
        99,
    ]  # too near an end for one strand, at it for the other
    runs = {(r["strand"], r["start"], r["end"]) for r in track.provenance["unscored"]}
    assert runs == {
        ("forward", 0, 1),
        ("forward", 71, 100),
        ("reverse", 0, 29),
        ("reverse", 99, 100),
    }
    with pytest.raises(ValueError, match="the contig ends less than 30 bp further on"):
        saturation_mutagenesis(
            model, genome, Interval("I", 90, 100), window=30, strands="forward"
        )


def test_the_share_of_the_last_tenth_is_reported(tmp_path):
    genome = write(tmp_path, random_text(100, 10))
    with pytest.warns(UserWarning, match="FirstOrderLM"):
        track = saturation_mutagenesis(
            first_order(), genome, Interval("I", 40, 50), window=30, strands="forward"
        )
    assert track.provenance["last_tenth"] == 0  # only the next base is touched
    model = random_model()
    share = saturation_mutagenesis(
        model, genome, Interval("I", 40, 50), window=30
    ).provenance["last_tenth"]
    assert 0 < share < 1


def test_a_head_is_scored_over_its_whole_window(tmp_path):
    model, text = random_model(dtype=torch.float64), random_text(80, 11)
    genome = write(tmp_path, text)
    weight = torch.linspace(-1, 1, 12, dtype=torch.float64)
    score = HeadOutput(lambda hidden: torch.stack([hidden.mean(1) @ weight] * 2, 1), 1)
    track = saturation_mutagenesis(
        model, genome, Interval("I", 20, 60), score=score, strands="forward"
    )
    part = text[20:60]

    def answer(sequence: str) -> float:
        with torch.inference_mode():
            hidden = model.hidden(torch.from_numpy(tokenize(sequence))[None])
        return float(hidden.mean(1)[0] @ weight)

    for i in (0, 17, 39):
        for j, base in enumerate("ACGT"):
            expected = answer(part[:i] + base + part[i + 1 :]) - answer(part)
            assert track.values[i, j] == pytest.approx(expected, abs=1e-10)
    assert track.units == "head output"


def test_any_function_of_the_hidden_states_is_a_score(tmp_path):
    model, genome = random_model(), write(tmp_path, random_text(60, 15))

    def last_state(hidden: torch.Tensor) -> torch.Tensor:
        return hidden[:, -1, 0]

    place = Interval("I", 20, 40)
    track = saturation_mutagenesis(
        model, genome, place, score=last_state, strands="forward"
    )
    same = saturation_mutagenesis(
        model, genome, place, score=HeadOutput(last_state), strands="forward"
    )
    np.testing.assert_array_equal(track.values, same.values)
    assert track.units == "last_state"


def test_a_two_sided_model_with_a_head_falls_back_to_full_passes(tmp_path):
    model = random_model(bidirectional=True, dtype=torch.float64)
    genome = write(tmp_path, random_text(40, 12))
    score = HeadOutput(lambda hidden: hidden[:, 0, 0], name="first")
    place = Interval("I", 10, 20)
    with pytest.warns(UserWarning, match="read by full passes.*two-sided"):
        track = saturation_mutagenesis(
            model, genome, place, score=score, strands="forward"
        )
    assert track.provenance["engine"] == "full passes"
    assert np.abs(track.values[5]).max() > 1e-9  # position 0 sees a later change
    with pytest.raises(ValueError, match="model must be causal"):
        saturation_mutagenesis(model, genome, place)


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_tiny_contigs(tmp_path, length):
    model = random_model(dtype=torch.float64)
    text = random_text(length, length)
    genome = write(tmp_path, text)
    place = Interval("I", 0, length)
    if length == 1:
        with pytest.raises(ValueError, match="no base is read before it"):
            saturation_mutagenesis(model, genome, place, score="full")
        return
    track = saturation_mutagenesis(
        model, genome, place, score="full", strands="forward"
    )
    for position in range(1, length):
        expected = brute_force(model, text, position, "G", length - position)
        assert track.values[position, 2] == pytest.approx(expected, abs=1e-10)


def test_a_model_that_gives_nan_gives_no_zeros(tmp_path):
    model, genome = random_model(), write(tmp_path, random_text(60, 16))
    with torch.no_grad():
        model.backbone.ln_f.weight[0] = torch.nan
    for score in ("conditional", "full"):
        slow = pytest.warns(UserWarning, match="the two differ by inf")
        with (
            slow if score == "full" else nullcontext(),
            pytest.raises(ValueError, match="the model gives no finite number"),
        ):
            saturation_mutagenesis(model, genome, Interval("I", 20, 25), score=score)


def test_centring_is_named_and_happens_once():
    raw = TrackData([[0.0, -1, -2, -3]], tuple("ACGT"), Interval("I", 0, 1))
    four, three = center_map(raw, "mean4"), center_map(raw, "alt3")
    np.testing.assert_allclose(four.values, [[1.5, 0.5, -0.5, -1.5]])
    np.testing.assert_allclose(three.values, [[2.0, 1.0, 0.0, -1.0]])
    assert four.provenance["center"] == "mean4"
    with pytest.raises(ValueError, match="track must be a raw map, 0 at every"):
        center_map(four, "alt3")
    with pytest.raises(ValueError, match="track must have A, C, G and T; got"):
        center_map(TrackData([0.0], ("a",), Interval("I", 0, 1)), "mean4")


@pytest.mark.parametrize(
    ("interval", "options", "message"),
    [
        (Interval("I", 90, 130), {}, "interval must hold bases of I, which has 120 bp"),
        (Interval("I", 5, 5), {}, "interval must hold bases"),
        (Interval("I", 5, 9), {"window": 0}, "window must be 1 to 137, less than the"),
        (Interval("I", 5, 9), {"window": 200}, "got 200"),
        (Interval("I", 5, 9), {"context": 2}, "context must be 4 to 140 bp"),
        (
            Interval("I", 5, 9),
            {"score": "full", "window": 8},
            "window must come with score='downstream'; got 'full'",
        ),
        (
            Interval("I", 5, 99),
            {"score": HeadOutput(len), "context": 50},
            "interval must fit the context of 50 bp; got 94 bp",
        ),
    ],
)
def test_refusals(tmp_path, interval, options, message):
    genome = write(tmp_path, random_text(120))
    with pytest.raises(ValueError, match=message):
        saturation_mutagenesis(random_model(), genome, interval, **options)


def test_a_result_comes_back_from_disk_unchanged(tmp_path):
    genome = write(tmp_path, random_text(100, 13))
    track = saturation_mutagenesis(
        random_model(), genome, Interval("I", 40, 50), window=10
    )
    track.to_parquet(tmp_path / "map.parquet")
    assert TrackData.from_parquet(tmp_path / "map.parquet") == track


def test_a_caller_s_model_is_put_back(tmp_path):
    genome = write(tmp_path, random_text(100, 14))
    model = random_model().train()
    saturation_mutagenesis(model, genome, Interval("I", 40, 42), window=10)
    assert model.training
