"""From a FASTA to a trained model.

`pretrain` opens genomes, cuts them into windows, trains, looks at held-out text now and
then, keeps checkpoints, and goes on where an earlier process was stopped or killed.
"""

import shlex
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from hyenascope._typing import StrPath
from hyenascope.data.markdown_text import escape_markdown
from hyenascope.models.checkpoint import checkpoint_hash, save_pretrained
from hyenascope.models.gradient_memory import GradientPlan
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.run_checkpoint import read_checkpoint
from hyenascope.training.genome_data import GenomeData
from hyenascope.training.hardware import Hardware, LoggerName
from hyenascope.training.judgement import check_genes, judge, write_judgement
from hyenascope.training.memory import plan_passes
from hyenascope.training.open_genomes import GenomeSource, open_genomes
from hyenascope.training.pretrain_options import PretrainOptions
from hyenascope.training.progress import Monitor, RunPlan, StepReport, report_table
from hyenascope.training.run import Run
from hyenascope.training.run_folder import RunFolder
from hyenascope.training.step_batches import StepBatches
from hyenascope.training.trainer import Trainer

__all__ = ["PretrainOptions", "PretrainResult", "pretrain"]

_VALIDATION_TOKENS = 200_000


@dataclass(frozen=True)
class PretrainResult:
    """A trained model and how it went.

    Parameters
    ----------
    model
        In eval mode on the CPU; the moving average of the weights if one was asked for.
    reports
        One per step, those of earlier processes of the run included.
    finished
        False if the run was stopped before its last step.
    message
        How it ended, in a sentence.
    """

    model: HyenaLM
    reports: tuple[StepReport, ...]
    finished: bool
    message: str

    @property
    def losses(self) -> list[float]:
        """Mean training loss of each step, in nats per target."""
        return [report.loss for report in self.reports]

    @property
    def tokens(self) -> int:
        """Bases that the model has read."""
        return self.reports[-1].tokens if self.reports else 0

    @property
    def history(self) -> pd.DataFrame:
        """One row per step, the columns of `StepReport`."""
        return report_table(self.reports)


def pretrain(
    model: HyenaConfig | HyenaLM,
    genomes: GenomeSource | Sequence[GenomeSource] | GenomeData,
    *,
    options: PretrainOptions | None = None,
    hardware: Hardware | None = None,
    validation: float | Sequence[str] | None = None,
    test: Sequence[str] = (),
    leave_out: Sequence[str] = (),
    intervals: StrPath | None = None,
    genes: StrPath | None = None,
    out: StrPath | None = None,
    save_every: int = 500,
    validate_every: int = 500,
    keep: int = 2,
    loggers: Sequence[LoggerName] = (),
    monitor: Monitor | None = None,
    progress: bool = True,
) -> PretrainResult:
    """Train a model to read DNA.

    Parameters
    ----------
    model
        The network's numbers, or a model to go on from; a copy is trained.
    genomes
        Paths of FASTA files, plain or bgzip, contigs in memory (name to text), many of
        either, or what `hyenascope.training.open_genomes.open_genomes` returns.
    options
        All that decides the weights.
    hardware
        Devices, precision and memory.
    validation, test, leave_out, intervals
        Which stretches are for what, as in `open_genomes`: contig names or a share to
        judge on, contigs that nothing looks at, contigs to pass over, a BED file. By
        default a twentieth of every contig is held out.
    genes
        GTF or GFF3, if there is one genome: the card tells coding bases from others.
        Causal models alone are judged base by base.
    out
        Folder of the run: checkpoints, ``steps.tsv``, and in the end the model and its
        card, which holds a causal one against Markov models on the held-out text. If
        it holds a run with the same options and data, that run goes on. None keeps
        nothing on disk.
    save_every, validate_every
        Steps between checkpoints, and between looks at held-out windows (200,000
        tokens of them at most); both also happen at the end.
    keep
        How many of the latest checkpoints stay; the best stays as well.
    loggers
        ``"csv"``, ``"tensorboard"`` or ``"wandb"``, written into ``out``.
    monitor
        Hears of every step and can stop the run, as a `TrainingMonitor` does.
    progress
        Show a bar.

    Returns
    -------
    PretrainResult
        Also after an interrupt (Ctrl-C, the stop button): what was reached is saved
        and returned, and the same call goes on from there.

    Raises
    ------
    ValueError
        If no window can be drawn, windows exceed the model's context, the objective
        does not fit the model, ``genes`` have nothing to tell of these genomes, or
        ``out`` holds another run; the message lists what differs.
    FloatingPointError
        If three steps in a row had no finite loss; the last checkpoint is kept.
    ImportError
        If the extra ``train`` is not installed.

    Examples
    --------
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> options = PretrainOptions(steps=2, batch_size=2, length=32)
    >>> pretrain(config, {"I": "ACGT" * 50}, options=options, progress=False).tokens
    128
    """
    options = options or PretrainOptions()
    hardware = hardware or Hardware()
    for name, value in (
        ("save_every", save_every),
        ("validate_every", validate_every),
        ("keep", keep),
    ):
        if value < 1:
            raise ValueError(f"{name} must be at least 1; got {value}.")
    if hardware.strategy == "fsdp" and (out is None or options.ema is not None):
        raise ValueError(
            "strategy 'fsdp' needs out, where the whole model is put together, and has "
            f"no moving average; got out={out} and ema={options.ema}."
        )
    config = model if isinstance(model, HyenaConfig) else model.config
    _check_model(config, options)
    folder = None if out is None else RunFolder(Path(out), keep)
    if folder is not None:
        folder.claim()
    data = _data(genomes, validation, test, leave_out, intervals, progress=progress)
    check_genes(genes, data)  # what is wrong must not come up after the training
    checkpoint = None if folder is None else folder.latest()
    fabric = hardware.launch(loggers=loggers, out=out)
    plan = plan_passes(
        config,
        options.length + options.append_sep,
        hardware,
        batch_size=options.batch_size,
        micro_batch=options.micro_batch or _micro_batch_of(checkpoint),
    )
    plan = fabric.broadcast(plan)  # devices may have unlike amounts of free memory
    options = replace(options, micro_batch=plan.batch)  # sums of floats depend on it
    batches = StepBatches(
        data, options, rank=fabric.global_rank, world_size=fabric.world_size
    )
    fresh = _fresh(model, _recomputing(config, plan, hardware), options.seed)
    if folder is not None:
        fresh.name = folder.path.resolve().name
    record = _record(model, config, options, hardware, data)
    run = Run(
        trainer=Trainer(fabric, fresh, options, batches, hardware.workers),
        record=record,
        held_out=_held_out(data, options),
        folder=folder,
        save_every=save_every,
        validate_every=validate_every,
        monitor=monitor,
        progress=progress,
    )
    if checkpoint is not None:
        run.go_on_from(checkpoint)
    finished, message = run.go(_plan(fresh, options, out))
    result = _result(run, config, finished=finished, message=message)
    if folder is not None and finished and fabric.is_global_zero:
        begun = {name: record[name] for name in ("begun from", "precision")}
        _write_card(
            folder.path,
            result,
            data,
            options,
            genes,
            hardware,
            begun,
            progress=progress,
        )
    return result


def _check_model(config: HyenaConfig, options: PretrainOptions) -> None:
    tokens = options.length + options.append_sep
    if tokens > config.l_max:
        raise ValueError(
            f"length must fit l_max={config.l_max:,} tokens; got {options.length:,}"
            f"{' and [SEP]' if options.append_sep else ''}."
        )
    if options.append_sep and options.objective == "masked":
        raise ValueError("append_sep must be False with the objective 'masked'.")
    if config.bidirectional != (options.objective == "masked"):
        sides = "two-sided" if config.bidirectional else "causal"
        raise ValueError(
            "objective must be 'next_token' for a causal model and 'masked' for a "
            "two-sided one (bidirectional=True); got "
            f"{options.objective!r} and a {sides} model."
        )


def _data(
    genomes: GenomeSource | Sequence[GenomeSource] | GenomeData,
    validation: float | Sequence[str] | None,
    test: Sequence[str],
    leave_out: Sequence[str],
    intervals: StrPath | None,
    *,
    progress: bool,
) -> GenomeData:
    if not isinstance(genomes, GenomeData):
        return open_genomes(
            genomes,
            validation=validation,
            test=test,
            leave_out=leave_out,
            intervals=intervals,
            progress=progress,
        )
    if validation is not None or test or leave_out or intervals is not None:
        raise ValueError(
            "validation, test, leave_out and intervals must not be given with genomes "
            "that are split already."
        )
    return genomes


def _micro_batch_of(checkpoint: Path | None) -> int | None:
    """Return what a run has begun with: it may go on in less or more memory."""
    if checkpoint is None:
        return None
    found: int = read_checkpoint(checkpoint)["record"]["options"]["micro_batch"]
    return found


def _recomputing(
    config: HyenaConfig, plan: GradientPlan, hardware: Hardware
) -> HyenaConfig:
    """Return the configuration for the run: what it asks for itself stays asked for."""
    left = hardware.gradient_checkpointing is None
    return replace(
        config,
        checkpoint_mixer=plan.recompute or (left and config.checkpoint_mixer),
        checkpoint_mlp=plan.recompute or (left and config.checkpoint_mlp),
    )


def _fresh(model: HyenaConfig | HyenaLM, config: HyenaConfig, seed: int) -> HyenaLM:
    """Return a model of its own for this run."""
    fresh = HyenaLM(config, generator=torch.Generator().manual_seed(seed))
    if isinstance(model, HyenaLM):
        fresh.load_state_dict(model.state_dict())
        fresh.name = model.name
    return fresh


def _record(
    model: HyenaConfig | HyenaLM,
    config: HyenaConfig,
    options: PretrainOptions,
    hardware: Hardware,
    data: GenomeData,
) -> dict[str, Any]:
    """Say what the weights depend on, in plain values."""
    read = options.windows.lower_case != "keep"
    soft = [genome.survey.soft_digest for genome in data.genomes] if read else []
    begun = checkpoint_hash(model) if isinstance(model, HyenaLM) else "random weights"
    return {
        "config": asdict(config),
        "options": options.settings(),
        "precision": hardware.precision,
        "data": data.contents(),
        "lower case": soft,
        "begun from": begun,
    }


def _held_out(
    data: GenomeData, options: PretrainOptions
) -> list[tuple[Tensor, Tensor]]:
    """Return windows to judge on: the same at every look and in every stage.

    Never widened beyond what is held out: where no stretch is as long as a window of
    training, windows are as long as the longest stretch.
    """
    if not data.valid:
        return []
    longest = max(region.length for region in data.valid)
    length = min(options.length, longest)
    whole = tuple(region for region in data.valid if region.length >= length)
    assert options.micro_batch is not None
    rows = options.micro_batch
    rules = replace(options.windows, reverse_complement=False, balance="bases")
    held = GenomeData(data.genomes, train=whole)
    judged = replace(
        options, stages=(), windows=rules, batch_size=rows, length=length, steps=10**9
    )
    try:
        batches = StepBatches(held, judged)
    except ValueError as error:
        raise ValueError(
            f"validation must hold a window to judge on: {error}"
        ) from None
    tokens = min(_VALIDATION_TOKENS, batches.per_epoch * length)
    return [batches[step] for step in range(max(1, tokens // (rows * length)))]


def _plan(model: HyenaLM, options: PretrainOptions, out: StrPath | None) -> RunPlan:
    return RunPlan(
        name=model.name,
        steps=options.steps,
        tokens_per_step=options.tokens_per_step,
        parameters=model.num_parameters(),
        out="" if out is None else str(out),
    )


def _result(
    run: Run, config: HyenaConfig, *, finished: bool, message: str
) -> PretrainResult:
    model = HyenaLM(config, generator=torch.Generator())
    model.load_state_dict(run.weights())
    model.name = run.trainer.model.name
    if run.folder is not None and run.trainer.fabric.is_global_zero:
        try:
            save_pretrained(model, run.folder.path, metadata=_metadata(run))
        except OSError as error:
            message = f"{message} The model could not be saved: {error}"
            warnings.warn(message, RuntimeWarning, stacklevel=3)
    return PretrainResult(model.eval(), tuple(run.reports), finished, message)


def _write_card(
    folder: Path,
    result: PretrainResult,
    data: GenomeData,
    options: PretrainOptions,
    genes: StrPath | None,
    hardware: Hardware,
    begun: Mapping[str, str],
    *,
    progress: bool,
) -> None:
    """Write a card, with a judgement where there is something to judge and a way to."""
    judged = bool(data.valid) and not result.model.config.bidirectional
    place, names = hardware.place, [genome.name for genome in data.genomes]
    try:
        write_judgement(
            folder,
            result.model,
            data,
            judge(result.model, data, genes=genes, device=place, progress=progress)
            if judged
            else None,
            options=options,
            history=result.history,
            about=f"Trained on {escape_markdown(', '.join(names))}.",
            command=_command(folder, data, genes) if judged else "",
            more=begun,
        )
    except OSError as error:
        warnings.warn(
            f"The card could not be written: {error}", RuntimeWarning, stacklevel=3
        )


def _command(folder: Path, data: GenomeData, genes: StrPath | None) -> str:
    """Return what gives the numbers of the card again; "" for genomes in memory."""
    if not data.typed:
        return ""
    words = ["hyenascope", "evaluate", "--model", folder.resolve().name]
    annotation = [] if genes is None else ["--genes", Path(genes).name]
    return f"{shlex.join(words)} {data.typed} {shlex.join(annotation)}".strip()


def _metadata(run: Run) -> dict[str, object]:
    return {
        "steps": run.trainer.step,
        "tokens": run.trainer.step * run.trainer.options.tokens_per_step,
        "validation_nats": run.reports[-1].validation if run.reports else None,
        "best_validation_nats": run.best,
        "data": run.trainer.batches.data.fingerprint,
    }
