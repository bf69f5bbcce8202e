"""Our model in transformers: the same numbers, saved, trained, generated from."""

import numpy as np
import pytest
import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.predict import log_likelihood, log_probs
from hyenascope.models.wrappers import HuggingFaceModel

transformers = pytest.importorskip("transformers")

from hyenascope.models.transformers_model import (  # noqa: E402
    HyenascopeConfig,
    HyenascopeForCausalLM,
    save_for_transformers,
    to_transformers,
    transformers_tokenizer,
)

TEXTS = ["ACGTTGCATTACAGGC", "ACGTNACG"]


@pytest.fixture
def model():
    generator = torch.Generator().manual_seed(0)
    config = HyenaConfig(d_model=8, n_layer=2, d_inner=16, l_max=66)
    return HyenaLM(config, generator=generator).eval()


@pytest.fixture
def folder(model, tmp_path):
    save_for_transformers(model, tmp_path / "saved")
    return tmp_path / "saved"


def test_a_folder_opens_by_auto_classes(model, folder):
    found = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert isinstance(found, HyenascopeForCausalLM)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    assert batch["attention_mask"].sum(1).tolist() == [16, 8]
    with torch.no_grad():
        logits = found(**batch).logits
        for row, text in zip(logits, TEXTS, strict=True):
            alone = model(torch.tensor([tokenizer(text)["input_ids"]]))[0]
            np.testing.assert_allclose(row[: len(text)], alone, atol=1e-5)


def test_what_is_inside_is_taken_by_every_verb(model, folder):
    found = transformers.AutoModelForCausalLM.from_pretrained(folder)
    np.testing.assert_allclose(
        log_likelihood(found.hyena, TEXTS), log_likelihood(model, TEXTS), rtol=1e-6
    )
    assert found.hyena.name == model.name
    assert found.hyena.config == model.config
    head, table = found.hyena.lm_head, found.get_input_embeddings()
    assert head.weight is table.weight


def test_saving_again_changes_nothing(folder, tmp_path):
    first = HyenascopeForCausalLM.from_pretrained(folder)
    first.save_pretrained(tmp_path / "again")
    again = HyenascopeForCausalLM.from_pretrained(tmp_path / "again")
    for (name, one), other in zip(
        first.state_dict().items(), again.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), name


def test_the_loss_is_the_mean_over_labelled_tokens(model):
    found = to_transformers(model)
    tokens = torch.tensor([[7, 8, 9, 10, 7, 8]])
    labels = tokens.clone()
    labels[0, 4:] = -100
    loss = found(tokens, labels=labels).loss
    log_p = model(tokens).log_softmax(-1)[0]
    by_hand = -(log_p[0, 8] + log_p[1, 9] + log_p[2, 10]) / 3
    assert loss.item() == pytest.approx(by_hand.item(), rel=1e-6)


def test_a_trainer_learns_and_its_folder_opens(model, tmp_path):
    pytest.importorskip("accelerate")
    tokenizer = transformers_tokenizer(66)
    rows = [tokenizer("ACGT" * 8) for _ in range(8)]
    collate = transformers.DataCollatorForLanguageModeling(tokenizer, mlm=False)
    options = transformers.TrainingArguments(
        str(tmp_path / "run"),
        max_steps=200,
        learning_rate=1e-2,
        per_device_train_batch_size=4,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
        seed=0,
        data_seed=0,
    )
    trainer = transformers.Trainer(
        to_transformers(model), options, train_dataset=rows, data_collator=collate
    )
    before = -log_likelihood(model, ["ACGT" * 8])[0]
    trainer.train()
    trainer.save_model(str(tmp_path / "trained"))
    found = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "trained")
    after = -log_likelihood(found.hyena, ["ACGT" * 8])[0]
    assert after < before / 4


def trained_by(model, folder, batch, accumulated):
    """One plain step on four windows, taken in one batch or several."""
    rng, tokenizer = np.random.default_rng(0), transformers_tokenizer(66)
    rows = [tokenizer("".join(rng.choice(list("ACGT"), 32))) for _ in range(4)]
    options = transformers.TrainingArguments(
        str(folder),
        max_steps=1,
        optim="sgd",
        learning_rate=0.1,
        lr_scheduler_type="constant",
        max_grad_norm=0.0,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=accumulated,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = transformers.Trainer(
        to_transformers(model),
        options,
        train_dataset=rows,
        data_collator=transformers.DataCollatorForLanguageModeling(
            tokenizer, mlm=False
        ),
    )
    loss = trainer.train().training_loss
    return loss, trainer.model.hyena.lm_head.weight.detach()


def test_batches_that_make_one_step_weigh_as_one(model, tmp_path):
    pytest.importorskip("accelerate")
    loss, weight = trained_by(model, tmp_path, 4, 1)
    found, parts = trained_by(model, tmp_path, 1, 4)
    assert found == pytest.approx(loss, rel=1e-5)
    moved = weight - model.lm_head.weight
    assert moved.norm() > 0.01
    torch.testing.assert_close(parts, weight, atol=1e-6, rtol=1e-4)


def test_filters_stay_wide_in_half_precision(model, folder):
    found = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16
    )
    half = to_transformers(model).to(torch.bfloat16)
    tokens = torch.tensor([[7, 8, 9, 10] * 8])
    for (name, one), other in zip(
        found.state_dict().items(), half.state_dict().values(), strict=True
    ):
        assert one.dtype == other.dtype, name
    assert found.hyena.backbone.layers[0].mixer.filter_fn.bias.dtype == torch.float32
    with torch.no_grad():
        assert torch.equal(found(tokens).logits, half(tokens).logits)


def test_a_pipeline_generates_dna(folder):
    pipeline = transformers.pipeline(
        "text-generation", model=str(folder), tokenizer=str(folder), device="cpu"
    )
    found = pipeline("ACGTTG", max_new_tokens=8, do_sample=False)
    text = found[0]["generated_text"]
    assert text.startswith("ACGTTG")
    assert len(text) > 6


def test_as_somebody_elses_model_it_gives_the_same_odds(model):
    wrapped = HuggingFaceModel(
        to_transformers(model), transformers_tokenizer(66), kind="causal"
    )
    assert wrapped.context_length == 66
    for found, ours in zip(
        wrapped.log_probs(TEXTS), log_probs(model, TEXTS), strict=True
    ):
        np.testing.assert_allclose(found, ours, atol=1e-5)


def test_a_copy_is_exact_and_draws_nothing():
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    model = HyenaLM(config).double()
    with torch.no_grad():
        model.lm_head.weight.add_(1e-12)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    copy = to_transformers(model)
    assert torch.equal(torch.rand(1), expected)
    for name, weight in model.state_dict().items():
        assert torch.equal(copy.hyena.state_dict()[name], weight), name


def test_nothing_but_bases_is_written(folder):
    found = transformers.AutoModelForCausalLM.from_pretrained(folder)
    torch.manual_seed(0)
    made = found.generate(
        torch.tensor([[7, 8, 9, 10]] * 64), max_new_tokens=16, do_sample=True
    )
    padding, end = 4, 1
    assert set(made.unique().tolist()) <= {7, 8, 9, 10, end, padding}
    assert {7, 8, 9, 10} <= set(made[:, 4:].unique().tolist())


def test_a_mask_of_another_shape_is_refused(model, unchecked):
    found = to_transformers(model)
    with pytest.raises(ValueError, match=r"shape of input_ids, \(1, 4\); got \(1, 3\)"):
        found(torch.tensor([[7, 8, 9, 10]]), attention_mask=torch.ones(1, 3).bool())


def test_a_head_of_its_own_is_refused():
    with pytest.raises(ValueError, match="tie_word_embeddings must be True; got False"):
        HyenascopeConfig(tie_word_embeddings=False)


def test_padding_on_the_left_is_refused(model):
    found = to_transformers(model)
    tokens = torch.tensor([[4, 4, 7, 8]])
    with pytest.raises(ValueError, match="attention_mask must have padding on the ri"):
        found(tokens, attention_mask=torch.tensor([[0, 0, 1, 1]]))


def test_a_two_sided_model_is_refused():
    two_sided = HyenaLM(
        HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34, bidirectional=True)
    )
    with pytest.raises(ValueError, match="must be causal for transformers"):
        to_transformers(two_sided)


def test_the_model_itself_stays_as_it_was(model):
    found = to_transformers(model)
    with torch.no_grad():
        found.hyena.lm_head.weight[:] = 0
    assert model.lm_head.weight.abs().sum() > 0
