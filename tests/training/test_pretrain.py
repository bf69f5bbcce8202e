"""Training as a user calls it: small models on text whose answer is known."""

import errno
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hyenascope.models.checkpoint import checkpoint_hash, load_pretrained
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.hyena_block import Block
from hyenascope.training.hardware import Hardware
from hyenascope.training.open_genomes import open_genomes
from hyenascope.training.perplexity import evaluate
from hyenascope.training.pretrain import PretrainOptions, pretrain
from hyenascope.training.progress import StepReport
from hyenascope.training.run_folder import RunFolder
from hyenascope.training.trainer import Trainer
from hyenascope.training.warmup import length_stages
from hyenascope.training.windows import WindowRules, Windows

CONFIG = HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=66)
STILL = replace(CONFIG, embed_dropout=0.0)
QUICK = PretrainOptions(steps=3, batch_size=4, length=64, micro_batch=2)


def text(length, seed=0, letters="ACGT"):
    return "".join(np.random.default_rng(seed).choice(list(letters), length))


def train(genomes, config=CONFIG, *, options=None, **how):
    recipe = replace(QUICK, **(options or {}))
    how = {"hardware": Hardware(device="cpu"), "progress": False, **how}
    return pretrain(config, genomes, options=recipe, **how)


def same_weights(one, other):
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_learns_a_repeat():
    """Uniform is 1.386 nats; on the one strand of a repeat nothing is left to guess."""
    result = train({"I": "ACGT" * 200}, options={"steps": 120, "learning_rate": 1e-2})
    assert result.losses[0] > 2.0  # log 16: nothing known, not even the alphabet
    assert result.losses[-1] < 0.2
    assert evaluate(result.model, ["ACGT" * 60], length=64, device="cpu") < 0.1
    assert not result.model.training
    assert result.finished
    assert result.tokens == 120 * 4 * 64
    assert len(result.losses) == 120


def test_fills_in_what_is_hidden():
    two_sided = replace(CONFIG, bidirectional=True)
    options = {"steps": 150, "learning_rate": 1e-2, "objective": "masked"}
    result = train({"I": "ACGT" * 200}, two_sided, options=options)
    assert result.losses[0] > 2.0
    assert np.mean(result.losses[-10:]) < 0.6


def test_seed_decides_everything_and_leaves_the_global_state():
    runs = []
    for callers_own in (1, 2):
        torch.manual_seed(callers_own)
        before = torch.random.get_rng_state()
        runs.append(train({"I": text(500)}, options={"seed": 7}))
        assert torch.equal(torch.random.get_rng_state(), before)
    assert runs[0].losses == runs[1].losses
    assert same_weights(runs[0].model, runs[1].model)
    assert train({"I": text(500)}, options={"seed": 8}).losses != runs[0].losses


def test_gradients_add_up_over_micro_batches():
    whole, split = (
        train({"I": text(500)}, STILL, options={"micro_batch": rows}) for rows in (4, 1)
    )
    np.testing.assert_allclose(whole.losses, split.losses, rtol=1e-5)


def test_the_mean_is_over_targets_however_n_is_spread():
    """One window with hardly a target must not weigh as much as a full one."""
    genome = {"I": text(300) + "N" * 40 + text(24, 1) + text(300, 2)}
    rules = {"windows": WindowRules(max_unknown=0.9)}
    whole, split = (
        train(genome, STILL, options={"micro_batch": rows, "steps": 6, **rules})
        for rows in (4, 1)
    )
    np.testing.assert_allclose(whole.losses, split.losses, rtol=1e-5)


def test_recomputing_changes_no_number_and_no_file(tmp_path):
    kept, again = (
        train(
            {"I": text(500)},
            STILL,
            hardware=Hardware(device="cpu", gradient_checkpointing=recompute),
            out=tmp_path / str(recompute),
        )
        for recompute in (False, True)
    )
    assert kept.losses == again.losses
    assert same_weights(kept.model, again.model)
    for name in ("config.json", "model.safetensors"):
        one, other = (tmp_path / str(flag) / name for flag in (False, True))
        # The name of a model is that of its folder.
        same = one.read_bytes().replace(b'"False"', b'"True"') == other.read_bytes()
        assert same, name


@pytest.mark.parametrize(
    ("asked", "given", "expected"),
    [
        (None, {}, [False, False]),
        (None, {"checkpoint_mixer": True}, [True, False]),
        (None, {"checkpoint_mixer": True, "checkpoint_mlp": True}, [True, True]),
        (False, {"checkpoint_mixer": True}, [False, False]),
        (True, {}, [True, True]),
    ],
)
def test_blocks_are_recomputed_where_config_or_hardware_asks(
    monkeypatch, asked, given, expected
):
    seen = []
    real = Block._recompute

    def watched(self, again, fn, *args):
        seen.append(again)
        return real(self, again, fn, *args)

    monkeypatch.setattr(Block, "_recompute", watched)
    hardware = Hardware(device="cpu", gradient_checkpointing=asked)
    options = {"steps": 1, "micro_batch": 4}
    genome = {"I": text(500)}
    config = replace(CONFIG, **given)
    found = train(genome, config, options=options, hardware=hardware, validation=0.0)
    assert seen == expected
    assert found.model.config == config


def test_dropout_is_the_same_when_blocks_are_recomputed():
    losses = [
        train(
            {"I": text(500)},
            hardware=Hardware(device="cpu", gradient_checkpointing=recompute),
        ).losses
        for recompute in (False, True)
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(("precision", "off"), [("bf16", 0.02), ("64", 1e-4)])
def test_precisions_agree(precision, off):
    options = {"steps": 10, "learning_rate": 1e-3}
    wide = train({"I": text(500)}, STILL, options=options)
    hardware = Hardware(device="cpu", precision=precision)
    other = train({"I": text(500)}, STILL, options=options, hardware=hardware)
    np.testing.assert_allclose(other.losses, wide.losses, rtol=off)
    assert other.losses != wide.losses
    assert {p.dtype for p in other.model.parameters()} == {torch.float32}


def test_length_warmup_trains_at_every_length(tmp_path):
    options = {"steps": 8, "stages": length_stages(64, 8, start=16)}
    result = train({"I": text(2000)}, options=options)
    lengths = [report.length for report in result.reports]
    assert lengths == [16, 16, 32, 32, 32, 64, 64, 64]
    assert result.tokens == 8 * 4 * 64
    assert all(math.isfinite(loss) for loss in result.losses)


def test_a_model_goes_on_from_its_weights():
    first = train({"I": "ACGT" * 200}, options={"steps": 60, "learning_rate": 1e-2})
    before = {k: v.clone() for k, v in first.model.state_dict().items()}
    further = train({"I": "ACGT" * 200}, first.model)
    assert further.losses[0] < 1.0
    for name, weight in first.model.state_dict().items():
        assert torch.equal(weight, before[name])


def test_the_average_is_what_comes_back():
    """With decay 0 the average is the last weights; with more it lags."""
    plain = train({"I": text(500)})
    none = train({"I": text(500)}, options={"ema": 0.0})
    lagging = train({"I": text(500)}, options={"ema": 0.9})
    assert same_weights(plain.model, none.model)
    assert not same_weights(plain.model, lagging.model)
    assert plain.losses == lagging.losses


def test_held_out_text_is_judged_and_the_best_kept(tmp_path):
    result = train(
        {"I": text(2000), "II": text(400, 1)},
        options={"steps": 6},
        validation=["II"],
        validate_every=2,
        out=tmp_path,
    )
    looks = [r.step for r in result.reports if r.validation is not None]
    assert looks == [2, 4, 6]
    assert (tmp_path / "checkpoints" / "best.pt").exists()
    config = json.loads((tmp_path / "config.json").read_text())
    seen = [r.validation for r in result.reports if r.validation is not None]
    told = json.dumps(config)
    assert f'"validation_nats": {seen[-1]}' in told
    assert f'"best_validation_nats": {min(seen)}' in told


def card(folder):
    return (folder / "README.md").read_text(encoding="utf-8")


def test_a_two_sided_model_has_a_card_too(tmp_path):
    options = {"objective": "masked"}
    two_sided = replace(CONFIG, bidirectional=True)
    found = train({"I": text(900)}, two_sided, options=options, out=tmp_path)
    said = card(tmp_path)
    assert "A two-sided HyenaDNA language model" in said
    assert f"{found.reports[-1].validation:.4f}" in said
    assert "Held-out nats" not in said
    assert "hyenascope evaluate" not in said


def test_the_card_says_what_a_run_began_from_and_how_to_judge_again(
    tmp_path, monkeypatch
):
    fasta = tmp_path / "a genome.fa"
    fasta.write_text(f">I\n{text(900)}\n")
    first = train(fasta, STILL, out=tmp_path / "first")
    said = card(tmp_path / "first")
    assert "| begun from | random weights |" in said
    assert "hyenascope evaluate --model first 'a genome.fa'" in said
    (tmp_path / "my run").mkdir()
    monkeypatch.chdir(tmp_path / "my run")
    train(fasta, first.model, out=".")
    said = card(tmp_path / "my run")
    assert f"| begun from | {checkpoint_hash(first.model)} |" in said
    assert "| precision | 32 |" in said
    assert "hyenascope evaluate --model 'my run' 'a genome.fa'" in said


def test_genes_are_looked_at_before_the_training(tmp_path):
    gtf = tmp_path / "none.gtf"
    gtf.write_text("#!no genes\n")
    monitor = Stopping(1)
    with pytest.raises(ValueError, match="genes must hold genes; got none"):
        train({"I": text(900)}, genes=gtf, out=tmp_path / "run", monitor=monitor)
    assert not monitor.heard


def test_the_folder_holds_the_model(tmp_path):
    result = train({"I": text(500)}, out=tmp_path)
    again = load_pretrained(tmp_path)
    assert same_weights(again, result.model)
    history = result.history
    assert history["step"].tolist() == [1, 2, 3]
    assert history["loss"].tolist() == result.losses


class Stopping:
    """A monitor that stops a run after some steps."""

    def __init__(self, after):
        self.after, self.heard, self.stop_requested = after, [], False

    def begin(self, plan, past):
        self.plan, self.past = plan, past

    def step(self, report):
        self.heard.append(report)
        self.stop_requested = report.step >= self.after

    def end(self, message):
        self.message = message


@pytest.mark.parametrize("ema", [None, 0.5])
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(tmp_path, ema):
    genome = {"I": text(900)}
    options = {"steps": 12, "ema": ema, "stages": length_stages(64, 12, start=16)}
    whole = train(genome, options=options)
    for after in (1, 5, 6, 11):
        monitor = Stopping(after)
        part = train(genome, options=options, out=tmp_path, monitor=monitor)
        assert not part.finished
        assert len(part.reports) == after
        assert f"Stopped after {after} of 12 steps" in monitor.message
    result = train(genome, options=options, out=tmp_path)
    assert result.finished
    assert result.losses == whole.losses
    assert same_weights(result.model, whole.model)
    rates = [report.learning_rate for report in result.reports]
    assert rates == [report.learning_rate for report in whole.reports]


class CutOff(Stopping):
    """A monitor in which a run ends with no time to save anything."""

    def step(self, report):
        if report.step == self.after:
            raise ConnectionAbortedError


@pytest.mark.parametrize(
    ("config", "options", "workers"),
    [
        (replace(CONFIG, bidirectional=True), {"objective": "masked"}, 0),
        (CONFIG, {"ema": 0.5}, 2),
    ],
    ids=["masked", "workers"],
)
def test_a_run_that_was_cut_off_goes_on_from_its_last_checkpoint(
    tmp_path, config, options, workers
):
    """What was hidden, and windows that workers had read ahead, come again."""
    options = {"steps": 12, "stages": length_stages(64, 12, start=16), **options}
    whole = train({"I": text(900)}, config, options=options)
    how = {
        "options": options,
        "hardware": Hardware(device="cpu", workers=workers),
        "out": tmp_path,
        "save_every": 2,
    }
    for after, kept in ((1, 0), (3, 0), (5, 2), (6, 4)):  # stages end at 2 and 7
        monitor = CutOff(after)
        with pytest.raises(ConnectionAbortedError):
            train({"I": text(900)}, config, monitor=monitor, **how)
        assert [report.step for report in monitor.past] == list(range(1, kept + 1))
    monitor = Stopping(99)
    result = train({"I": text(900)}, config, monitor=monitor, **how)
    assert len(monitor.past) == 4
    assert result.losses == whole.losses
    assert same_weights(result.model, whole.model)


def test_a_finished_run_is_only_read(tmp_path):
    first = train({"I": text(500)}, out=tmp_path)
    monitor = Stopping(99)
    again = train({"I": text(500)}, out=tmp_path, monitor=monitor)
    assert monitor.heard == []
    assert again.losses == first.losses
    assert same_weights(again.model, first.model)


def test_a_run_goes_on_in_less_memory_with_the_same_sums(tmp_path):
    whole = train({"I": text(500)}, STILL, options={"micro_batch": None})
    how = {"options": {"micro_batch": None}, "out": tmp_path}
    train({"I": text(500)}, STILL, monitor=Stopping(1), **how)
    small = Hardware(device="cpu", max_memory=60_000)
    result = train({"I": text(500)}, STILL, hardware=small, **how)
    assert result.losses == whole.losses


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": {"seed": 9}}, "options.seed: 0 there, 9 here"),
        ({"config": replace(CONFIG, d_model=8)}, "config.d_model: 16 there, 8 here"),
        (
            {"genomes": {"I": text(500, 5)}},
            r"data\.genome 1\.I: 500 bp, SHA-256 \w{12} there, 500 bp, SHA-256 \w{12}",
        ),
        ({"genomes": {"I": text(500), "II": "ACGT"}}, r"genome 1\.II: absent there, 4"),
        (
            {"validation": 0.2},
            r"these differ:\n  data.train: 2 stretches of 475 bp.* 2 stretches of 400 "
            r"bp.*\n  data.valid: .*\nGive",
        ),
    ],
)
def test_another_run_in_the_same_folder_is_refused_with_what_differs(
    tmp_path, change, message
):
    how = {"genomes": {"I": text(500)}, "out": tmp_path}
    train(**how)
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(ValueError, match=message):
        train(**{**how, **change})
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_lower_case_is_part_of_the_data_where_a_rule_reads_it(tmp_path):
    genome = {"I": text(500)}
    masked = {"I": genome["I"][:300] + genome["I"][300:].lower()}
    train(genome, out=tmp_path / "keep")
    assert train(masked, out=tmp_path / "keep").finished
    rules = {"windows": WindowRules(lower_case="mask")}
    train(genome, options=rules, out=tmp_path / "mask")
    with pytest.raises(ValueError, match="lower case: "):
        train(masked, options=rules, out=tmp_path / "mask")


def poison(monkeypatch, steps):
    """Make the loss of some steps infinite."""
    real = Trainer._accumulate

    def wrong(self, number, inputs, targets):
        loss = real(self, number, inputs, targets)
        return math.inf if self.step in steps else loss

    monkeypatch.setattr(Trainer, "_accumulate", wrong)


def test_a_step_without_a_finite_loss_is_skipped_and_said(monkeypatch, caplog):
    poison(monkeypatch, {1, 2, 4})
    result = train({"I": text(500)}, options={"steps": 6})
    skipped = [report.step for report in result.reports if report.skipped]
    assert skipped == [2, 3, 5]
    assert "weights were left as they were" in caplog.text
    assert "first window I:" in caplog.text
    assert all(torch.isfinite(p).all() for p in result.model.parameters())


def test_a_skipped_step_leaves_the_weights(monkeypatch):
    poison(monkeypatch, {0, 1})
    result = train({"I": text(500)}, options={"steps": 2})
    untouched = HyenaLM(CONFIG, generator=torch.Generator().manual_seed(0))
    assert same_weights(result.model, untouched)


def test_three_in_a_row_stop_the_run_and_keep_the_last_checkpoint(
    monkeypatch, tmp_path
):
    poison(monkeypatch, {4, 5, 6})
    monitor = Stopping(99)
    with pytest.raises(FloatingPointError, match="not in 3 steps in a row"):
        train(
            {"I": text(500)},
            options={"steps": 9},
            out=tmp_path,
            save_every=2,
            monitor=monitor,
        )
    kept = sorted(path.name for path in (tmp_path / "checkpoints").glob("step-*"))
    assert kept == ["step-00000002.pt", "step-00000004.pt"]
    assert "The run failed" in monitor.message


def test_a_full_disk_costs_a_checkpoint_and_not_the_run(monkeypatch, tmp_path, caplog):
    whole = train({"I": text(500)}, options={"steps": 6})
    real, full = RunFolder.save, [True]

    def save(self, step, write, *, main=True, best=False):
        if step == 2 and full.pop():
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, step, write, main=main, best=best)

    monkeypatch.setattr(RunFolder, "save", save)
    result = train({"I": text(500)}, options={"steps": 6}, out=tmp_path, save_every=2)
    assert "no checkpoint at step 2: " in caplog.text
    assert "No space left" in caplog.text
    assert result.losses == whole.losses
    steps = (tmp_path / "steps.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in steps[1:]] == list("123456")


def test_a_model_that_cannot_be_saved_still_comes_back(monkeypatch, tmp_path):
    def refuse(*_args, **_how):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("hyenascope.training.pretrain.save_pretrained", refuse)
    with pytest.warns(RuntimeWarning, match="could not be saved: .* No space left"):
        result = train({"I": text(500)}, out=tmp_path)
    assert same_weights(result.model, train({"I": text(500)}).model)


def test_a_pass_that_does_not_fit_is_explained(monkeypatch):
    def full(*_args):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Trainer, "_accumulate", full)
    with pytest.raises(MemoryError, match="pass of 2 windows of 64 bp must fit"):
        train({"I": text(500)})


def test_divergence_is_an_error():
    with pytest.raises(FloatingPointError, match="lower learning_rate"):
        train({"I": text(500)}, options={"steps": 20, "learning_rate": 1e30})


@pytest.mark.parametrize(
    ("options", "genomes", "message"),
    [
        ({"length": 67}, {"I": "A" * 99}, r"must fit l_max=66 tokens; got 67\."),
        ({"length": 66, "append_sep": True}, {"I": "A" * 99}, r"got 66 and \[SEP\]"),
        ({}, {"I": "ACGT" * 5}, r"window of 64 bp .* longest of 1. bp"),
        ({}, {"I": "N" * 9999}, "more than 10% N"),
        ({"objective": "masked"}, {"I": "ACGT" * 99}, "two-sided .*'masked'"),
        (
            {"objective": "masked", "append_sep": True, "length": 32},
            {"I": "ACGT" * 99},
            "append_sep must be False",
        ),
    ],
)
def test_refuses(options, genomes, message):
    with pytest.raises(ValueError, match=message):
        train(genomes, options=options)


def test_refuses_a_two_sided_model_for_the_next_base():
    with pytest.raises(ValueError, match=r"objective must be .* a two-sided model\."):
        train({"I": "ACGT" * 99}, replace(CONFIG, bidirectional=True))


def test_split_genomes_are_not_split_again():
    data = open_genomes({"I": text(900)}, validation=0.2)
    assert train(data).reports[-1].validation is not None
    with pytest.raises(ValueError, match="split already"):
        train(data, validation=0.1)


def test_validation_needs_a_window():
    with pytest.raises(ValueError, match="validation must hold a window to judge on"):
        train({"I": text(500), "II": "N" * 99}, validation=["II"])


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_no_look_reads_what_is_trained_on(monkeypatch, share):
    """Where the held-out stretch is shorter than a window, too."""
    held = []
    real = Windows.__getitem__

    def spy(self, index):
        held.append((self.data.train, self.place(index).region))
        return real(self, index)

    monkeypatch.setattr(Windows, "__getitem__", spy)
    data = open_genomes({"I": text(400), "II": text(130, 1)}, validation=share)
    train(data)
    looks = [place for regions, place in held if regions != data.train]
    assert looks
    for place in looks:
        inside = (
            stretch.chrom == place.chrom
            and stretch.start <= place.start
            and place.end <= stretch.end
            for stretch in data.valid
        )
        assert any(inside), place


def test_a_run_that_never_saved_leaves_no_line_behind(tmp_path):
    folder = RunFolder(tmp_path)
    folder.append([report_of(step) for step in (1, 2)])
    result = train({"I": text(500)}, out=tmp_path)
    lines = (tmp_path / "steps.tsv").read_text().splitlines()[1:]
    assert [line.split("\t")[0] for line in lines] == ["1", "2", "3"]
    assert len(result.reports) == 3


def report_of(step):
    return StepReport(step, 9 * step, 9, 1.0, 1e-3, 1.0, 0.1, 99)


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("mine")
    with pytest.raises(ValueError, match=r"new folder or that of a run; .* README\.md"):
        train({"I": text(500)}, out=tmp_path)
    assert readme.read_text() == "mine"
    with pytest.raises(OSError, match="Not a directory"):
        train({"I": text(500)}, out=readme / "run")


def test_bad_steps_are_counted_over_a_resume(monkeypatch, tmp_path):
    poison(monkeypatch, set(range(4, 99)))
    how = {"options": {"steps": 12}, "out": tmp_path, "save_every": 1}
    for _ in range(2):
        with pytest.raises(FloatingPointError, match="not in 3 steps in a row"):
            train({"I": text(500)}, **how)
    kept = sorted(path.name for path in (tmp_path / "checkpoints").glob("step-*"))
    assert kept[-1] == "step-00000004.pt"


def test_every_stage_needs_a_window():
    options = {"steps": 4, "stages": length_stages(64, 4, start=16)}
    with pytest.raises(ValueError, match="window of 64 bp"):
        train({"I": text(50)}, options=options, validation=0.0)


def test_a_shared_out_model_needs_a_folder():
    hardware = Hardware(device="cpu", strategy="fsdp")
    with pytest.raises(ValueError, match="strategy 'fsdp' needs out"):
        train({"I": text(500)}, hardware=hardware)


def test_loggers_need_a_folder_and_write_into_it(tmp_path):
    with pytest.raises(ValueError, match="out must be given for loggers"):
        train({"I": text(500)}, loggers=["csv"])
    train({"I": text(500)}, loggers=["csv"], out=tmp_path)
    assert list((tmp_path / "csv").rglob("metrics.csv"))
