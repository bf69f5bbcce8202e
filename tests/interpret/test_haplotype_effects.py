"""Haplotypes of a locus against full passes over both sequences."""

import threading

import numpy as np
import pytest
import torch

from hyenascope.data.interval import Interval
from hyenascope.interpret import haplotype_effects
from hyenascope.interpret.dependency import dependency_map
from hyenascope.interpret.edits import Edit
from hyenascope.interpret.haplotype_effects import HaplotypeEffects
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.interpret.ism import conditional_map, saturation_mutagenesis
from hyenascope.models.heads import SequenceClassifier
from hyenascope.models.predict import mean_known
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import tokenize
from tests.interpret.test_edits import table
from tests.interpret.test_ism import random_text, write
from tests.models.test_incremental import random_model
from tests.toy_models import first_order, step

TEXT = random_text(120)
PLACE = Interval("I", 30, 90)
TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-4}


def other(position: int, text: str = TEXT) -> str:
    return "ACGT"[("ACGT".index(text[position]) + 1) % 4]


def snv(position: int) -> Edit:
    return Edit(position, position + 1, other(position))


HAPLOTYPES = {
    "one SNV": [snv(50)],
    "first and last base": [snv(30), snv(89)],
    "a deletion": [Edit(50, 53, "")],
    "an insertion": [Edit(50, 50, "ACGT")],
    "insertions at both ends": [Edit(30, 30, "GA"), Edit(90, 90, "TTC")],
    "a replacement": [Edit(50, 54, "AC")],
    "all kinds": [snv(35), Edit(41, 44, ""), snv(47), Edit(60, 60, "CC"), snv(60)],
    "all but one base deleted": [Edit(31, 90, "")],
}


def by_definition(
    model: torch.nn.Module, text: str, edits: list[Edit], *, reverse: bool
) -> tuple[np.ndarray, np.ndarray, dict[int, np.ndarray]]:
    """log p of four bases per reference base, before and after; and of inserted ones.

    Either text is read whole: ``text`` must fit the context with its insertions.
    """
    chars: list[tuple[str, int]] = [(base, i) for i, base in enumerate(text)]
    for edit in sorted(edits, reverse=True):
        new = [(base, -1) for base in edit.text]
        if len(new) == edit.end - edit.start:
            new = [(b, edit.start + i) for i, (b, _) in enumerate(new)]
        chars[edit.start : edit.end] = new
    changed = "".join(base for base, _ in chars)
    before, after = full(model, text, reverse), full(model, changed, reverse)
    alternate = np.full_like(before, np.nan)
    inserted = {}
    for i, (_, source) in enumerate(chars):
        if source >= 0:
            alternate[source] = after[i]
        else:
            inserted[i] = after[i]
    return before, alternate, inserted


def full(model: torch.nn.Module, text: str, reverse: bool) -> np.ndarray:
    if not reverse:
        return table(model, tokenize(text))
    return table(model, tokenize(reverse_complement(text)))[::-1, ::-1]


def letters(text: str) -> np.ndarray:
    return np.array(["ACGT".index(base) for base in text])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", HAPLOTYPES)
def test_changes_are_those_of_full_passes(tmp_path, name, dtype):
    model, edits = random_model(dtype=dtype), HAPLOTYPES[name]
    effects = HaplotypeEffects(model, write(tmp_path, TEXT), PLACE)
    assert effects.window == Interval("I", 0, 120)
    assert effects.engine == "incremental"
    found = effects.read(edits)
    kept = np.ones(120, dtype=bool)
    for edit in edits:
        kept[edit.start : edit.end] = False
    columns = []
    for strand in ("forward", "reverse"):
        before, after, _ = by_definition(
            model, TEXT, edits, reverse=strand == "reverse"
        )
        np.testing.assert_allclose(
            found.log_probs[strand].values, after[30:90], atol=TOLERANCE[dtype]
        )
        np.testing.assert_allclose(
            effects.log_probs[strand].values, before[30:90], atol=TOLERANCE[dtype]
        )
        change = (after - before)[np.arange(120), letters(TEXT)]
        change[~kept] = np.nan
        np.testing.assert_allclose(
            found.change.track(strand), change[30:90], atol=TOLERANCE[dtype]
        )
        columns.append(found.change.track(strand))
    np.testing.assert_array_equal(
        found.change.track("both"), mean_known(np.stack(columns))
    )
    assert found.change.interval == PLACE


@pytest.mark.parametrize("name", HAPLOTYPES)
def test_totals_are_the_change_in_likelihood_of_the_interval(tmp_path, name):
    model, edits = random_model(dtype=torch.float64), HAPLOTYPES[name]
    found = HaplotypeEffects(model, write(tmp_path, TEXT), PLACE).read(edits)
    changed = TEXT[:30] + found.sequence + TEXT[90:]
    for strand in ("forward", "reverse"):
        after, before = (
            full(model, text, strand == "reverse")[np.arange(len(text)), letters(text)]
            for text in (changed, TEXT)
        )
        expected = after[30 : 30 + len(found.sequence)].sum() - before[30:90].sum()
        assert found.totals.loc[strand, "total"] == pytest.approx(expected, abs=1e-8)
        parts = found.totals.loc[strand, ["substituted", "inserted", "deleted"]].sum()
        assert found.edited[strand].sum() == pytest.approx(parts)
    mean = found.totals.loc[["forward", "reverse"]].mean()
    np.testing.assert_allclose(found.totals.loc["both"], mean)


def test_sequence_is_the_edits_applied(tmp_path):
    effects = HaplotypeEffects(random_model(), write(tmp_path, TEXT), PLACE)
    for edits in HAPLOTYPES.values():
        text = TEXT
        for edit in sorted(edits, reverse=True):
            text = edit.apply(text)
        assert effects.read(edits).sequence == text[30 : len(text) - 30]


def test_every_edited_base_has_a_row(tmp_path):
    text = "A" * 40 + "CGT" + "A" * 77
    effects = HaplotypeEffects(random_model(), write(tmp_path, text), PLACE)
    edits = [Edit(40, 41, "T"), Edit(42, 43, ""), Edit(50, 50, "GC")]
    found = effects.read(edits).edited
    assert found[["pos", "kind", "ref", "alt"]].to_numpy().tolist() == [
        [41, "substituted", "C", "T"],
        [43, "deleted", "T", ""],
        [50, "inserted", "", "G"],
        [50, "inserted", "", "C"],
    ]
    np.testing.assert_allclose(
        found["both"], found[["forward", "reverse"]].mean(axis=1)
    )


def test_a_substitution_agrees_with_saturation_mutagenesis(tmp_path):
    """On a contig that is one window, numbers of one SNV are those of the maps."""
    model, genome = random_model(dtype=torch.float64), write(tmp_path, TEXT)
    found = HaplotypeEffects(model, genome, Interval("I", 0, 120)).read([snv(50)])
    column = "ACGT".index(other(50))
    for score, value in (
        ("conditional", found.edited["forward"].iloc[0]),
        ("full", found.totals.loc["forward", "total"]),
    ):
        ism = saturation_mutagenesis(
            model, genome, Interval("I", 50, 51), score=score, strands="forward"
        )
        assert value == pytest.approx(ism.values[0, column], abs=1e-8)


def test_the_reference_agrees_with_the_conditional_map(tmp_path):
    model, genome = random_model(dtype=torch.float64), write(tmp_path, TEXT)
    effects = HaplotypeEffects(model, genome, Interval("I", 0, 120))
    for strand in ("forward", "reverse", "both"):
        expected = conditional_map(
            model, genome, Interval("I", 0, 120), strands=strand
        ).values
        np.testing.assert_allclose(
            effects.log_probs[strand].values, expected, atol=1e-8
        )


def test_arcs_are_the_definition_of_the_dependency_map(tmp_path):
    """The map's entry is the largest arc over the three substitutions."""
    model, genome = random_model(dtype=torch.float64), write(tmp_path, TEXT)
    square = dependency_map(model, genome, PLACE).X
    effects = HaplotypeEffects(model, genome, PLACE)
    largest = np.full(60, np.nan)
    for base in "ACGT".replace(TEXT[50], ""):
        arcs = effects.read([Edit(50, 51, base)], arcs=1000).arcs
        assert (arcs["pos_a"] == 51).all()
        assert (np.diff(arcs["value"]) <= 0).all()
        assert sorted(arcs["pos_b"]) == [p for p in range(31, 91) if p != 51]
        row = np.full(60, np.nan)
        row[arcs["pos_b"] - 31] = arcs["value"]
        largest = np.fmax(largest, row)
        np.testing.assert_allclose(arcs["value"], arcs["change"].abs())
    np.testing.assert_allclose(largest, square[20], atol=1e-8)


def test_arcs_of_a_deletion_compare_the_same_base(tmp_path):
    model, genome = random_model(dtype=torch.float64), write(tmp_path, TEXT)
    edits = [Edit(50, 53, ""), snv(70)]
    arcs = HaplotypeEffects(model, genome, PLACE).read(edits, arcs=1000).arcs
    own = arcs[(arcs["pos_a"] == 51) & (arcs["pos_b"] == 60)].iloc[0]
    before, after, _ = by_definition(model, TEXT, edits[:1], reverse=False)
    odds = [np.log2(np.exp(t) / -np.expm1(t)) for t in (before[59], after[59])]
    change = odds[1] - odds[0]
    assert own["value"] == pytest.approx(np.abs(change).max(), abs=1e-8)
    assert own["base"] == "ACGT"[np.abs(change).argmax()]
    assert not arcs["pos_b"][arcs["pos_a"] == 51].isin([51, 52, 53]).any()
    assert 71 in arcs["pos_b"][arcs["pos_a"] == 51].tolist()


def test_the_strongest_arcs_come_first_and_no_more_than_asked(tmp_path):
    effects = HaplotypeEffects(random_model(), write(tmp_path, TEXT), PLACE)
    every = effects.read([snv(50), snv(70)], arcs=1000).arcs
    five = effects.read([snv(50), snv(70)], arcs=5).arcs
    assert five.equals(every.head(5))
    assert effects.read([snv(50)], arcs=0).arcs.empty
    assert list(effects.read().arcs) == ["pos_a", "pos_b", "value", "base", "change"]


def test_a_first_order_model_changes_its_neighbour_alone(tmp_path):
    text = "".join("ACGT"[i % 4] for i in range(60))
    with pytest.warns(UserWarning, match="FirstOrderLM"):
        effects = HaplotypeEffects(
            first_order(), write(tmp_path, text), Interval("I", 20, 40)
        )
    assert effects.engine == "full passes"
    found = effects.read([Edit(30, 31, "A")])  # …CGT A… was G at 30
    assert text[29:32] == "CGT"
    change = found.change.track("forward")
    assert change[11] == pytest.approx(step("A", "T") - step("G", "T"))
    np.testing.assert_allclose(np.delete(change, [10, 11]), 0, atol=1e-12)
    assert np.isnan(change[10])
    assert found.edited["forward"].iloc[0] == pytest.approx(
        step("C", "A") - step("C", "G")
    )


def test_no_edit_and_an_identity_change_nothing(tmp_path):
    effects = HaplotypeEffects(random_model(), write(tmp_path, TEXT), PLACE)
    for edits in ([], [Edit(40, 44, TEXT[40:44])]):
        found = effects.read(edits)
        assert found.edits == ()
        assert found.sequence == effects.reference == TEXT[30:90]
        np.testing.assert_array_equal(found.change.values, 0)
        assert (found.totals == 0).all(axis=None)
        assert found.log_probs["both"] == effects.log_probs["both"]


def test_a_strand_does_not_see_past_an_edit(tmp_path):
    effects = HaplotypeEffects(random_model(), write(tmp_path, TEXT), PLACE)
    found = effects.read([Edit(50, 53, ""), Edit(70, 70, "G")]).change
    np.testing.assert_array_equal(found.track("forward")[:20], 0)
    np.testing.assert_array_equal(found.track("reverse")[40:], 0)
    assert (found.track("reverse")[:20] != 0).all()


def test_a_padded_edit_is_the_edit(tmp_path):
    effects = HaplotypeEffects(random_model(), write(tmp_path, TEXT), PLACE)
    anchored = Edit(49, 53, TEXT[49])
    flanked = Edit(60, 63, TEXT[60] + other(61).lower() + TEXT[62])
    found = effects.read([flanked, anchored])
    assert found.edits == effects.read([snv(61), Edit(50, 53, "")]).edits


def test_n_has_no_number_and_may_be_replaced(tmp_path):
    text = TEXT[:50] + "N" + TEXT[51:]
    effects = HaplotypeEffects(random_model(), write(tmp_path, text), PLACE)
    assert np.isnan(effects.read([snv(40)]).change.values[20]).all()
    found = effects.read([Edit(50, 51, "A")])
    assert found.edited["forward"].isna().all()
    assert found.change.track("forward")[21] != 0
    assert 51 not in effects.read([snv(40)], arcs=1000).arcs["pos_b"].tolist()


def test_an_insertion_pushes_bases_out_of_a_full_window():
    model = random_model(dtype=torch.float64, l_max=60)
    text = TEXT[:60]
    effects = HaplotypeEffects(model, text, Interval("I", 0, 60), context=60)
    found = effects.read([Edit(20, 20, "ACGT")])
    forward, reverse = (found.change.track(name) for name in ("forward", "reverse"))
    assert np.isnan(forward[56:]).all()
    assert np.isnan(reverse[:4]).all()
    assert not np.isnan(forward[1:56]).any()
    assert not np.isnan(reverse[4:59]).any()
    changed = text[:20] + "ACGT" + text[20:56]
    after = full(model, changed, False)[24:, :]
    before = full(model, text, False)[20:56]
    expected = (after - before)[np.arange(36), letters(text[20:56])]
    np.testing.assert_allclose(forward[20:56], expected, atol=1e-8)
    long = effects.read([Edit(20, 20, "ACGT" * 30)])
    assert np.isnan(long.change.track("forward")[20:]).all()
    assert long.edited["forward"].isna().sum() == 80


def test_an_insertion_longer_than_there_was_room_for(tmp_path):
    model = random_model(dtype=torch.float64, l_max=900)
    text, long = random_text(900, 2), random_text(300, 3)
    place = Interval("I", 300, 400)
    effects = HaplotypeEffects(model, write(tmp_path, text), place, context=900)
    effects.read([Edit(350, 351, other(350, text))])
    found = effects.read([Edit(350, 350, long)]).change.track("forward")
    changed = text[:350] + long + text[350:]
    after = full(model, changed[:900], False)[650:700]
    before = full(model, text, False)[350:400]
    expected = (after - before)[np.arange(50), letters(text[350:400])]
    np.testing.assert_allclose(found[50:], expected, atol=1e-8)


def test_text_and_genome_agree_on_one_window(tmp_path):
    model, whole = random_model(), Interval("I", 0, 120)
    from_genome = HaplotypeEffects(model, write(tmp_path, TEXT), whole)
    from_text = HaplotypeEffects(model, TEXT.lower(), whole)
    edits = HAPLOTYPES["all kinds"]
    expected = from_genome.read(edits).change
    np.testing.assert_array_equal(from_text.read(edits).change.values, expected.values)
    assert expected.provenance["genome"] == "I.fa"
    assert "genome" not in from_text.read(edits).change.provenance


def test_one_strand_has_one_track(tmp_path):
    genome = write(tmp_path, TEXT)
    both = HaplotypeEffects(random_model(), genome, PLACE).read([snv(50)])
    for strand in ("forward", "reverse"):
        found = HaplotypeEffects(random_model(), genome, PLACE, strands=strand).read(
            [snv(50)]
        )
        assert found.change.names == (strand,)
        assert list(found.log_probs) == list(found.totals.index) == [strand]
        np.testing.assert_array_equal(
            found.change.track(strand), both.change.track(strand)
        )


def test_heads_predict_from_whole_windows(tmp_path):
    """A deletion pulls bases in at the far end of the window, so its length stays."""
    model = random_model(dtype=torch.float64)
    text = random_text(300, 4)
    place = Interval("I", 120, 170)
    head = HeadOutput(lambda hidden: hidden.mean(1), 3, "mean of channel 3")
    effects = HaplotypeEffects(
        model, write(tmp_path, text), place, context=80, outputs=[head, last_channel]
    )
    window = effects.window
    assert window == Interval("I", 105, 185)
    found = effects.read([Edit(130, 134, ""), snv_of(text, 150)]).predictions
    changed = text[:130] + text[134:150] + snv_of(text, 150).text + text[151:]
    rows = {
        "ref": [text[105:185], reverse_complement(text[105:185])],
        # The contig is now 4 bp shorter: base 185 lies at 181.
        "alt": [changed[105:185], reverse_complement(changed[101:181])],
    }
    for column, texts in rows.items():
        with torch.inference_mode():
            hidden = model.hidden(torch.from_numpy(np.stack([*map(tokenize, texts)])))
        expected = [float(hidden.mean(1)[:, 3].mean()), float(hidden[:, -1, 0].mean())]
        np.testing.assert_allclose(found[column], expected, atol=1e-8)
    np.testing.assert_allclose(found["difference"], found["alt"] - found["ref"])
    assert found["name"].tolist() == ["mean of channel 3", "last_channel"]
    assert effects.read().predictions["difference"].tolist() == [0, 0]
    found["alt"] = 0.0  # the caller's own
    again = effects.read([Edit(130, 134, ""), snv_of(text, 150)]).predictions
    np.testing.assert_allclose(again["alt"] - again["ref"], found["difference"])


def snv_of(text: str, position: int) -> Edit:
    return Edit(position, position + 1, other(position, text))


def last_channel(hidden: torch.Tensor) -> torch.Tensor:
    return hidden[:, -1, 0]


def test_a_model_is_put_back_and_may_be_trained_between(tmp_path):
    model = random_model().train()
    genome = write(tmp_path, TEXT)
    effects = HaplotypeEffects(model, genome, PLACE)
    before = effects.read([snv(50)]).change.values
    assert model.training
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.7)
    after = effects.read([snv(50)]).change.values
    expected = HaplotypeEffects(model, genome, PLACE).read([snv(50)]).change.values
    np.testing.assert_array_equal(after, expected)
    assert np.nanmax(np.abs(after - before)) > 1e-3


def test_what_is_forgotten_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(haplotype_effects, "_REMEMBERED", 3)
    mean = HeadOutput(lambda hidden: hidden.mean(1), 0, "mean")
    effects = HaplotypeEffects(
        random_model(), write(tmp_path, TEXT), PLACE, outputs=[mean]
    )
    edits = [snv(50), Edit(60, 62, "")]
    before = effects.read(edits)
    for p in range(31, 37):
        effects.read([snv(p)])
    after = effects.read(edits)
    np.testing.assert_allclose(before.change.values, after.change.values, atol=1e-5)
    assert after.predictions.round(5).equals(before.predictions.round(5))


def test_threads_wait_for_one_another(tmp_path):
    genome = write(tmp_path, TEXT)
    places = list(range(31, 89, 3))
    alone = HaplotypeEffects(random_model(), genome, PLACE)
    expected = [alone.read([snv(p)]).change.values for p in places]
    shared = HaplotypeEffects(random_model().train(), genome, PLACE)
    found = {}

    def work(half: int) -> None:
        for p in places[half::2]:
            found[p] = shared.read([snv(p)]).change.values

    threads = [threading.Thread(target=work, args=(half,)) for half in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for p, values in zip(places, expected, strict=True):
        np.testing.assert_allclose(found[p], values, atol=1e-5)


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([Edit(20, 21, "A")], r"edits must lie in I:31-90; got 21 replaced by 'A'\."),
        ([Edit(89, 92, "")], r"edits must lie in I:31-90; got 90-92 deleted\."),
        ([Edit(50, 51, "N")], "edits must bring only A, C, G and T; got 51 replaced"),
        ([Edit(50, 50, "AX")], "edits must bring only A, C, G and T; got AX inserted"),
        ([Edit(50, 55, ""), Edit(52, 52, "G")], "edits must not overlap; got 51-55 de"),
        ([Edit(50, 50, "A"), Edit(50, 50, "C")], "edits must not overlap; got A inser"),
    ],
)
def test_refused_edits(tmp_path, edits, message):
    effects = HaplotypeEffects(random_model(), write(tmp_path, TEXT), PLACE)
    with pytest.raises(ValueError, match=message):
        effects.read(edits)


@pytest.mark.parametrize(
    ("interval", "options", "message"),
    [
        (PLACE, {"context": 50}, "interval must fit the context of 50 bp; got 60 bp"),
        (Interval("I", 100, 130), {}, "interval must hold bases of I"),
        (PLACE, {"max_memory": 10**5}, "interval must have at most 0 bp, which fit"),
    ],
)
def test_refused_places(tmp_path, interval, options, message):
    with pytest.raises(ValueError, match=message):
        HaplotypeEffects(random_model(), write(tmp_path, TEXT), interval, **options)


def test_refusals_of_models_heads_and_counts(tmp_path):
    genome = write(tmp_path, TEXT)
    with pytest.raises(ValueError, match="model must be causal"):
        HaplotypeEffects(random_model(bidirectional=True), genome, PLACE)
    with pytest.raises(ValueError, match="arcs must not be negative; got -1"):
        HaplotypeEffects(random_model(), genome, PLACE).read(arcs=-1)
    strange = SequenceClassifier(random_model(1), 2)
    with pytest.raises(ValueError, match="head must sit on the model that is asked"):
        HaplotypeEffects(random_model(), genome, PLACE, outputs=[HeadOutput(strange)])
