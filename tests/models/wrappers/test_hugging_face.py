"""Language models of transformers: odds of bases against odds of tokens by hand."""

import numpy as np
import pytest
import torch

from hyenascope.models.wrappers import HuggingFaceModel, check_model
from tests.hugging_face_models import (
    bert,
    bpe_tokenizer,
    doubled_tokenizer,
    gpt,
    kmer_tokenizer,
    overlapping_tokenizer,
    spaced,
)

TEXT = "ACGTTGCATTACAGGCATGA"  # 20 bases: six 3-mers and two letters


def token_logits(model, ids):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0].double()


def masked(tokenizer, ids, *places):
    return [tokenizer.mask_token_id if i in places else x for i, x in enumerate(ids)]


def substituted(text, at, base):
    return text[:at] + base + text[at + 1 :]


@pytest.mark.parametrize("at", [0, 7, 13, 17, 19])
def test_a_masked_3_mer_gives_odds_of_the_base_given_its_neighbours(at):
    tokenizer = kmer_tokenizer(3)
    network = bert(tokenizer)
    model = HuggingFaceModel(network, tokenizer, kind="masked")
    ids = tokenizer(TEXT)["input_ids"]
    start, token = (at // 3 * 3, at // 3 + 1) if at < 18 else (at, at - 18 + 7)
    stop = min(start + 3, 20) if at < 18 else at + 1
    words = [substituted(TEXT, at, base)[start:stop] for base in "ACGT"]
    odds = token_logits(network, masked(tokenizer, ids, token))[token]
    expected = odds[tokenizer.convert_tokens_to_ids(words)].log_softmax(0)
    (table,) = model.log_probs(TEXT, places=[(at, at + 1)])
    np.testing.assert_allclose(table[at], expected.numpy(), atol=1e-5)
    assert np.isnan(np.delete(table, at, axis=0)).all()


def test_overlapping_3_mers_are_hidden_together():
    tokenizer = overlapping_tokenizer(3)
    network = bert(tokenizer)
    model = HuggingFaceModel(
        network, tokenizer, kind="masked", prepare=spaced(3), alphabet="ACGT"
    )
    at, ids = 9, tokenizer(spaced(3)(TEXT))["input_ids"]
    # Tokens 7, 8 and 9 hold it, the [CLS] before them moves all by one.
    odds = token_logits(network, masked(tokenizer, ids, 8, 9, 10))[9]
    words = [substituted(TEXT, at, base)[8:11] for base in "ACGT"]
    expected = odds[tokenizer.convert_tokens_to_ids(words)].log_softmax(0)
    (table,) = model.log_probs(TEXT, places=[(at, at + 1)])
    np.testing.assert_allclose(table[at], expected.numpy(), atol=1e-5)


def test_a_masked_model_does_not_see_the_base_it_is_asked_for():
    tokenizer = overlapping_tokenizer(3)
    model = HuggingFaceModel(
        bert(tokenizer), tokenizer, kind="masked", prepare=spaced(3), alphabet="ACGT"
    )
    tables = model.log_probs(
        [substituted(TEXT, 9, base) for base in "ACGT"], places=[(9, 10)] * 4
    )
    for table in tables[1:]:
        np.testing.assert_allclose(table[9], tables[0][9], atol=1e-5)


def test_read_without_masks_it_sees_the_answer_in_one_pass():
    tokenizer = kmer_tokenizer(1)
    network = bert(tokenizer)
    model = HuggingFaceModel(network, tokenizer, kind="masked", masking="none")
    odds = token_logits(network, tokenizer(TEXT)["input_ids"])[1:-1]
    expected = odds[:, tokenizer.convert_tokens_to_ids(list("ACGT"))].log_softmax(-1)
    np.testing.assert_allclose(model.log_probs(TEXT)[0], expected.numpy(), atol=1e-5)


def test_causal_letters_are_read_from_the_token_before():
    tokenizer = kmer_tokenizer(1, ends=False)
    network = gpt(tokenizer)
    model = HuggingFaceModel(network, tokenizer, kind="causal")
    odds = token_logits(network, tokenizer(TEXT)["input_ids"])[:-1]
    expected = odds[:, tokenizer.convert_tokens_to_ids(list("ACGT"))].log_softmax(-1)
    (table,) = model.log_probs(TEXT)
    assert np.isnan(table[0]).all()
    np.testing.assert_allclose(table[1:], expected.numpy(), atol=1e-5)


def test_bases_of_a_causal_3_mer_add_up_to_the_token():
    tokenizer = kmer_tokenizer(3, letters=False, ends=False)
    network = gpt(tokenizer)
    text = TEXT[:18]
    model = HuggingFaceModel(network, tokenizer, kind="causal", alphabet="ACGT")
    ids = tokenizer(text)["input_ids"]
    dna = torch.tensor(tokenizer.convert_tokens_to_ids(model.tokens.spelled_words))
    odds = token_logits(network, ids)[:, dna].log_softmax(-1)
    (table,) = model.log_probs(text)
    picked = np.array([table[i, "ACGT".index(base)] for i, base in enumerate(text)])
    assert np.isnan(picked[:3]).all()
    for token in range(1, 6):
        column = int((dna == ids[token]).nonzero())
        expected = float(odds[token - 1, column])
        assert picked[3 * token : 3 * token + 3].sum() == pytest.approx(expected, 1e-5)


def test_byte_pairs_weigh_all_tokens_that_could_stand_there():
    tokenizer = bpe_tokenizer()
    network = bert(tokenizer)
    model = HuggingFaceModel(network, tokenizer, kind="masked")
    text = "GGCTATAAACCGATTACG"
    found = model.tokenize(text)
    spans = [(int(a), int(b)) for a, b in zip(found.start, found.stop, strict=True)]
    assert "".join(text[a:b] for a, b in spans) == text
    assert max(b - a for a, b in spans) > 1
    (table,) = model.log_probs(text)
    vocabulary = {
        w: i for w, i in tokenizer.get_vocab().items() if set(w) <= set("ACGT")
    }
    for token, (start, stop) in enumerate(spans):
        if start == stop:
            continue
        odds = token_logits(network, masked(tokenizer, found.ids.tolist(), token))[
            token
        ]
        for at in range(start, stop):
            edited = [substituted(text, at, base) for base in "ACGT"]
            same = [vocabulary.get(each[start:stop]) for each in edited]
            if None not in same:
                expected = odds[same].log_softmax(0).numpy()
            else:
                fits = [
                    [
                        i
                        for w, i in vocabulary.items()
                        if len(w) > at - start and each[start:].startswith(w)
                    ]
                    for each in edited
                ]
                sums = np.array(
                    [float(odds[ids].logsumexp(0)) if ids else np.nan for ids in fits]
                )
                known = ~np.isnan(sums)
                expected = sums - np.logaddexp.reduce(sums[known])
                if known.sum() < 2:
                    expected[:] = np.nan
            np.testing.assert_allclose(table[at], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "kind", "options"),
    [
        (lambda: kmer_tokenizer(1), "masked", {}),
        (lambda: kmer_tokenizer(6), "masked", {}),
        (bpe_tokenizer, "masked", {}),
        (lambda: overlapping_tokenizer(3), "masked", {"prepare": spaced(3)}),
        (lambda: kmer_tokenizer(1, ends=False), "causal", {}),
        (lambda: kmer_tokenizer(3), "causal", {}),
    ],
    ids=["letters", "6-mers", "BPE", "overlapping", "causal letters", "causal 3-mers"],
)
def test_every_kind_keeps_its_word(make, kind, options):
    tokenizer = make()
    network = (bert if kind == "masked" else gpt)(tokenizer)
    model = HuggingFaceModel(network, tokenizer, kind=kind, **options)
    report = check_model(model, length=24)
    assert report.ok, report


def test_a_folder_is_loaded_by_name(tmp_path):
    tokenizer = kmer_tokenizer(6)
    network = bert(tokenizer)
    tokenizer.save_pretrained(tmp_path)
    network.save_pretrained(tmp_path)
    model = HuggingFaceModel.from_pretrained(tmp_path, kind="masked")
    same = HuggingFaceModel(network, tokenizer, kind="masked")
    # 62 tokens besides [CLS] and [SEP]; up to five letters may be left over
    assert model.context_length == same.context_length == 57 * 6
    np.testing.assert_allclose(
        model.log_probs(TEXT)[0], same.log_probs(TEXT)[0], atol=1e-6
    )
    assert model.weights_hash == same.weights_hash


def test_the_longest_text_fits_whatever_is_left_over():
    tokenizer = kmer_tokenizer(6)
    model = HuggingFaceModel(bert(tokenizer), tokenizer, kind="masked")
    for length in range(model.context_length - 6, model.context_length + 1):
        assert len(model.tokenize(("ACGTTGA" * 60)[:length]).ids) <= 64


def test_embeddings_are_those_of_the_covering_token():
    tokenizer = kmer_tokenizer(3)
    network = bert(tokenizer)
    model = HuggingFaceModel(network, tokenizer, kind="masked")
    with torch.no_grad():
        states = network(
            input_ids=torch.tensor([tokenizer(TEXT)["input_ids"]]),
            output_hidden_states=True,
        ).hidden_states[-1][0]
    (found,) = model.embed(TEXT)
    tokens = [*np.repeat(np.arange(1, 7), 3), 7, 8]
    np.testing.assert_allclose(found, states.numpy()[tokens], atol=1e-5)


def test_n_is_read_and_has_no_odds_of_its_own():
    tokenizer = kmer_tokenizer(3)
    model = HuggingFaceModel(bert(tokenizer), tokenizer, kind="masked")
    found = model.tokenize("ACGNACG")
    assert found.start.tolist()[1:-1] == [0, 3, 4]
    assert np.isfinite(model.log_probs("ACGNACG")[0][0]).all()


class Riddle:
    """A tokenizer that hashes its text: nobody finds a base in it."""

    all_special_ids = (0,)
    unk_token_id, mask_token_id, is_fast = None, 0, False

    def __len__(self):
        return 100

    def __call__(self, text, **_):
        return {"input_ids": [1 + sum(map(ord, text)) % 99]}

    def convert_ids_to_tokens(self, ids):
        return [f"<{i}>" for i in ids]


def test_n_is_no_letter_of_a_tokenizer_that_loses_its_place_there():
    tokenizer, prepare = overlapping_tokenizer(3), spaced(3)
    model = HuggingFaceModel(bert(tokenizer), tokenizer, kind="masked", prepare=prepare)
    assert model.alphabet == "ACGT"
    with pytest.raises(ValueError, match="must be written in ACGT, the alphabet of"):
        model.log_probs("ACGTNACGT")
    letters = kmer_tokenizer(3)
    assert HuggingFaceModel(bert(letters), letters, kind="masked").alphabet == "ACGTN"


def test_a_tokenizer_that_knows_no_token_is_refused():
    tokenizer = overlapping_tokenizer(3)  # without blanks all is [UNK]
    with pytest.raises(ValueError, match=r"tokenizer must map to bases.*UNK"):
        HuggingFaceModel(bert(tokenizer), tokenizer, kind="masked")


def test_where_tokens_overlap_a_causal_model_does_not_see_the_answer():
    tokenizer = overlapping_tokenizer(3)
    network = gpt(tokenizer)
    model = HuggingFaceModel(network, tokenizer, kind="causal", prepare=spaced(3))
    report = check_model(model, length=24)
    assert report.ok, report
    ids = tokenizer(spaced(3)(TEXT))["input_ids"]
    (table,) = model.log_probs(TEXT)
    at = 9  # base 9 ends token 7, after [CLS] the eighth
    words = [TEXT[7:9] + base for base in "ACGT"]
    odds = token_logits(network, ids)[7]
    expected = odds[tokenizer.convert_tokens_to_ids(words)].log_softmax(-1)
    np.testing.assert_allclose(table[at], expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_all_tokens_that_spell_a_base_count(kind):
    tokenizer = doubled_tokenizer()
    network = gpt(tokenizer) if kind == "causal" else bert(tokenizer)
    model = HuggingFaceModel(network, tokenizer, kind=kind)
    ids = tokenizer(TEXT)["input_ids"]
    assert len(ids) == len(TEXT)
    (table,) = model.log_probs(TEXT)
    at = 5
    if kind == "causal":
        odds = token_logits(network, ids)[at - 1].double()
    else:
        hidden = [*ids[:at], tokenizer.mask_token_id, *ids[at + 1 :]]
        odds = token_logits(network, hidden)[at].double()
    pairs = [tokenizer.convert_tokens_to_ids([base, f"▁{base}"]) for base in "ACGT"]
    sums = torch.stack([odds[pair].logsumexp(0) for pair in pairs])
    np.testing.assert_allclose(table[at], sums.log_softmax(0).numpy(), atol=1e-5)


def test_the_most_tokens_can_be_said():
    tokenizer = kmer_tokenizer(1)
    model = HuggingFaceModel(bert(tokenizer), tokenizer, kind="masked", max_tokens=12)
    assert model.context_length == 10
    with pytest.raises(ValueError, match="max_tokens must be at least 1; got 0"):
        HuggingFaceModel(bert(tokenizer), tokenizer, kind="masked", max_tokens=0)


def test_a_tokenizer_that_cannot_be_mapped_is_refused():
    with pytest.raises(ValueError, match=r"tokenizer must map to bases: .*got \['<"):
        HuggingFaceModel(bert(kmer_tokenizer(1)), Riddle(), kind="masked")


def test_too_many_tokens_are_refused():
    tokenizer = kmer_tokenizer(6)
    model = HuggingFaceModel(
        bert(tokenizer), tokenizer, kind="masked", context_length=400
    )
    with pytest.raises(ValueError, match=r"fit the 64 tokens of .*got 66 for 384 bp"):
        model.log_probs("ACGTTG" * 64)


def test_other_letters_are_refused():
    tokenizer = kmer_tokenizer(1)
    model = HuggingFaceModel(bert(tokenizer), tokenizer, kind="masked")
    with pytest.raises(ValueError, match=r"written in ACGTN.*got 'U' at index 2"):
        model.log_probs("ACUG")


def test_nan_of_the_network_is_an_error():
    tokenizer = kmer_tokenizer(1)
    network = bert(tokenizer)
    with torch.no_grad():
        network.bert.embeddings.word_embeddings.weight[:] = float("nan")
    model = HuggingFaceModel(network, tokenizer, kind="masked")
    with pytest.raises(ValueError, match="must be finite; got NaN"):
        model.log_probs("ACGT")


def test_what_it_does_not_give_is_refused():
    tokenizer = kmer_tokenizer(1)
    model = HuggingFaceModel(bert(tokenizer), tokenizer, kind="masked")
    with pytest.raises(ValueError, match=r"model must give predictions for this"):
        model.predict("ACGT")


def test_code_of_a_repository_is_not_run_unasked(tmp_path):
    tokenizer = kmer_tokenizer(1)
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(
        '{"model_type": "unknown-dna", "auto_map": '
        '{"AutoConfig": "code.Config", "AutoModelForMaskedLM": "code.Model"}}'
    )
    ran = tmp_path / "ran"
    (tmp_path / "code.py").write_text(f"open({str(ran)!r}, 'w').close()")
    with pytest.raises(ValueError, match="trust_remote_code"):
        HuggingFaceModel.from_pretrained(tmp_path, kind="masked")
    assert not ran.exists()
