"""Epochs of labelled sequences: steps, a look at the validation rows, the best kept.

Works on any module from tokens and mask to logits, of sequences or of their bases, so
that a baseline is trained by the same loop as the model it stands beside.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from hyenascope._device import freed_memory_kept
from hyenascope.models.hyena import Backbone
from hyenascope.training.interrupts import held_back
from hyenascope.training.label_batches import LabelBatch
from hyenascope.training.label_metrics import METRICS_OF
from hyenascope.training.label_validation import Lesson, TrainingRows, Validation
from hyenascope.training.layer_rates import ParameterGroups
from hyenascope.training.learning_options import LearningOptions
from hyenascope.training.memory import peak_memory
from hyenascope.training.optimizers import Recipe, rate_factor
from hyenascope.training.progress import Monitor, RunPlan, StepReport
from hyenascope.training.step_seed import step_seed

_BETAS = (0.9, 0.98)
_LAST_RATE = 0.01
_BAD_IN_A_ROW = 3
_CPU_TOKENS = 8_192  # of a pass; larger ones fall out of the cache


@dataclass(frozen=True)
class EpochReport:
    """One pass over the training rows.

    Parameters
    ----------
    epoch
        1 for the first.
    train_loss
        Weighted mean over the epoch, with dropout, while the weights moved.
    loss
        Weighted mean of the validation rows, after the epoch.
    scores
        Metrics of the validation rows.
    seconds
        Wall time of the epoch, the look at the validation rows included.
    """

    epoch: int
    train_loss: float
    loss: float
    scores: dict[str, float]
    seconds: float


def epoch_table(reports: Sequence[EpochReport]) -> pd.DataFrame:
    """Return one row per epoch: losses, seconds, and a column per metric."""
    return pd.DataFrame(
        [
            {
                "epoch": report.epoch,
                "train_loss": report.train_loss,
                "validation_loss": report.loss,
                **report.scores,
                "seconds": report.seconds,
            }
            for report in reports
        ]
    )


@dataclass
class LabelLoop:
    """A module, its rows, and how far it has come.

    Parameters
    ----------
    module
        From tokens and mask to logits; trained in place, on its device.
    task
        Its loss.
    train, valid
        Rows to learn from, and rows to choose the epoch by.
    options
        All that decides the numbers.
    groups
        Of parameters, each with its rate and decay.
    better
        Called when an epoch was better than all before.
    monitor
        Told of every step.
    progress
        Show a bar.

    Raises
    ------
    ValueError
        If ``options.select_by`` is no metric of the task.
    """

    module: nn.Module
    task: Lesson
    train: TrainingRows
    valid: Validation
    options: LearningOptions
    groups: ParameterGroups
    better: Callable[[], None] | None = None
    monitor: Monitor | None = None
    progress: bool = True
    step: int = field(default=0, init=False)
    best_epoch: int = field(default=0, init=False)
    stopped: bool = field(default=False, init=False)
    reports: list[EpochReport] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        known = ("loss", *METRICS_OF[self.task.kind])
        if self.options.select_by not in known:
            raise ValueError(
                f"select_by must be one of {', '.join(known)} for {self.task.kind!r}; "
                f"got {self.options.select_by!r}."
            )
        self.optimizer = torch.optim.AdamW(self.groups, betas=_BETAS)
        self._peaks = [group["lr"] for group in self.optimizer.param_groups]
        self._device = next(self.module.parameters()).device
        self._best: dict[str, Tensor] = {}
        self._best_score = -math.inf
        self._tokens = 0
        self._bad_in_a_row = 0
        self._asked: Callable[[], bool] = lambda: False

    @property
    def per_epoch(self) -> int:
        """Steps of an epoch."""
        return math.ceil(len(self.train) / self.options.batch_size)

    @property
    def steps(self) -> int:
        """Steps of all epochs, if none is left out."""
        return self.per_epoch * self.options.epochs

    def run(self, *, name: str = "untitled") -> str:
        """Train, leave the best weights in the module, and say how it ended.

        Raises
        ------
        FloatingPointError
            If three steps in a row had no finite loss and gradient; the module holds
            the best weights so far.
        """
        message = "The run failed."
        if self.monitor is not None:
            self.monitor.begin(self._plan(name), ())
        try:
            with freed_memory_kept(), held_back() as interrupts:
                self._asked = lambda: interrupts.asked or self._told_to_stop()
                message = f"{self._all_epochs()}; {self._kept()}."
            return message
        except Exception as error:
            message = f"The run failed: {error}"
            raise
        finally:
            if self._best:
                self.module.load_state_dict(self._best)
            if self.monitor is not None:
                self.monitor.end(message)

    def _all_epochs(self) -> str:
        bar = tqdm(total=self.steps, unit="step", disable=not self.progress)
        with bar:
            for epoch in range(1, self.options.epochs + 1):
                if not self._epoch(epoch, bar):
                    self.stopped = True
                    whole = len(self.reports) == epoch
                    return f"Stopped {'after' if whole else 'in'} epoch {epoch}"
                waited = epoch - self.best_epoch
                patience = self.options.patience
                if patience is not None and waited >= patience:
                    return f"No better in {waited} epochs, stopped after {epoch}"
        epochs = self.options.epochs
        return f"Finished after {epochs} epoch{'s' * (epochs > 1)}"

    def _kept(self) -> str:
        if self.best_epoch:
            return f"the weights are those of epoch {self.best_epoch}"
        return "no epoch was finished"

    def _epoch(self, epoch: int, bar: "tqdm[object]") -> bool:
        """Train for an epoch; False if somebody stopped it before its end."""
        began, losses = time.perf_counter(), []
        batches = self.train.batches(self.options, epoch)
        for number, batch in enumerate(batches, start=1):
            report = self._step(batch)
            losses.append((report.loss, float(batch.weights.sum())))
            if number == self.per_epoch:
                self._look(epoch, _mean(losses), began)
                report = replace(report, validation=self.reports[-1].loss)
            self._tell(report, bar)
            if self._asked() and number < self.per_epoch:
                return False
        return not self._asked() or epoch == self.options.epochs

    def _step(self, batch: LabelBatch) -> StepReport:
        began = time.perf_counter()
        rate = self._set_rates()
        _train_what_learns(self.module)
        self.optimizer.zero_grad(set_to_none=True)
        with step_seed([self.options.seed, 5, self.step], self._device):
            loss = self._gradients(batch)
        norm = float(
            nn.utils.clip_grad_norm_(self.module.parameters(), self.options.clip)
        )
        self.step += 1
        self._tokens += int(batch.mask.sum())
        return StepReport(
            step=self.step,
            tokens=self._tokens,
            length=batch.tokens.shape[1],
            loss=loss,
            learning_rate=rate,
            gradient_norm=norm,
            skipped=self._move(loss, norm),
            seconds=time.perf_counter() - began,
            memory=peak_memory(self._device),
        )

    def _set_rates(self) -> float:
        recipe = Recipe(1.0, _LAST_RATE, self.options.warmup, 0.0, _BETAS)
        factor = rate_factor(self.step, self.steps, recipe)
        for group, peak in zip(self.optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * factor
        return float(self._peaks[0] * factor)

    def _gradients(self, batch: LabelBatch) -> float:
        """Add up the gradients of the weighted mean loss; return the loss."""
        count, length = batch.tokens.shape
        rows = max(1, _CPU_TOKENS // length) if self._device.type == "cpu" else count
        mass, total = float(batch.weights.sum()), 0.0
        for start in range(0, count, rows):
            part = slice(start, start + rows)
            logits = self.module(
                self._here(batch.tokens[part]), mask=self._here(batch.mask[part])
            )
            losses = self.task.losses(logits, self._here(batch.targets[part]))
            loss = (losses * self._here(batch.weights[part])).sum() / mass
            loss.backward()
            total += float(loss.detach())
        return total

    def _here(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._device)

    def _move(self, loss: float, norm: float) -> str:
        """Take the step if it is finite, else say why not."""
        if math.isfinite(loss) and math.isfinite(norm):
            self.optimizer.step()
            self._bad_in_a_row = 0
            return ""
        self._bad_in_a_row += 1
        reason = (
            f"a loss of {loss:g} and a gradient norm of {norm:g}: the weights were "
            "left as they were. If it comes again, lower learning_rate."
        )
        if self._bad_in_a_row >= _BAD_IN_A_ROW:
            raise FloatingPointError(
                f"the loss must be finite; it was not in {_BAD_IN_A_ROW} steps in a "
                f"row: {reason}"
            )
        return reason

    def _look(self, epoch: int, train_loss: float, began: float) -> None:
        """Judge the validation rows, and keep the weights if they are the best."""
        found = self.valid.look(self.module, self.options)
        seconds = time.perf_counter() - began
        self.reports.append(
            EpochReport(epoch, train_loss, found.loss, found.scores, seconds)
        )
        by = self.options.select_by
        score = -found.loss if by == "loss" else found.scores[by]
        if math.isnan(score):
            raise ValueError(
                f"select_by must be something that the validation rows have; {by} is "
                f"NaN: {found.notes.get(by, '')}"
            )
        score = -score if by == "mse" else score
        if score > self._best_score:
            self._best_score, self.best_epoch = score, epoch
            state = self.module.state_dict()
            self._best = {name: value.clone() for name, value in state.items()}
            if self.better is not None:
                self.better()

    def _tell(self, report: StepReport, bar: "tqdm[object]") -> None:
        shown = {"loss": f"{report.loss:.4f}"}
        if self.reports:
            shown["validation"] = f"{self.reports[-1].loss:.4f}"
        bar.update()
        bar.set_postfix(shown, refresh=False)
        if self.monitor is not None:
            self.monitor.step(report)

    def _told_to_stop(self) -> bool:
        return self.monitor is not None and self.monitor.stop_requested

    def _plan(self, name: str) -> RunPlan:
        return RunPlan(
            name="a new model" if name == "untitled" else name,
            steps=self.steps,
            tokens_per_step=self.train.bases // self.per_epoch,
            parameters=sum(
                p.numel() for p in self.module.parameters() if p.requires_grad
            ),
            unit=self.task.loss_unit,
            guess=None,
        )


def _mean(losses: list[tuple[float, float]]) -> float:
    """Mean of losses by weight, without those that are not finite."""
    finite = [(loss, mass) for loss, mass in losses if math.isfinite(loss)]
    mass = sum(weight for _, weight in finite)
    return sum(loss * weight for loss, weight in finite) / mass if mass else math.nan


def _train_what_learns(module: nn.Module) -> None:
    """Set training mode, but for parts that are frozen: they get no dropout."""
    module.train()
    for part in module.modules():
        own = list(part.parameters())
        if own and not any(weight.requires_grad for weight in own):
            part.eval()
    for part in module.modules():
        if isinstance(part, Backbone) and not part.embeddings.training:
            part.dropout.eval()  # without weights of its own, it is the embedding's
