"""One process's part of a run: steps, looks at held-out text, checkpoints, news."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm.auto import tqdm

from hyenascope._device import freed_memory_kept
from hyenascope.models.run_checkpoint import FORMAT, read_checkpoint
from hyenascope.training.interrupts import held_back
from hyenascope.training.progress import Monitor, RunPlan, StepReport
from hyenascope.training.run_folder import RunFolder, is_better, refuse_other
from hyenascope.training.trainer import Trainer, sum_over_devices

_LOGGER = logging.getLogger("hyenascope")


@dataclass
class Run:
    """A trainer, and everybody who hears from it.

    Parameters
    ----------
    trainer
        Not yet begun.
    record
        Plain values that say what the run is made from; a checkpoint with another
        record is refused.
    held_out
        Batches to judge on, perhaps none.
    folder
        Where to keep checkpoints and the log; None keeps nothing.
    save_every, validate_every
        In steps.
    monitor
        Told of every step.
    progress
        Show a bar.
    """

    trainer: Trainer
    record: dict[str, Any]
    held_out: Sequence[tuple[Tensor, Tensor]]
    folder: RunFolder | None
    save_every: int
    validate_every: int
    monitor: Monitor | None
    progress: bool

    def __post_init__(self) -> None:
        self.reports: list[StepReport] = []
        self.best: float | None = None
        self._unlogged: list[StepReport] = []
        self._saved = -1
        self._looked = ""
        self._main = self.trainer.fabric.is_global_zero

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.trainer.options.steps

    def go_on_from(self, checkpoint: Path) -> None:
        """Take up a run where a checkpoint left it.

        Raises
        ------
        ValueError
            If the checkpoint is damaged or of another run.
        """
        assert self.folder is not None
        state = read_checkpoint(checkpoint)
        refuse_other(state["record"], self.record, self.folder.path)
        if state["model"].keys() != self.trainer.model.state_dict().keys():
            raise ValueError(
                f"{checkpoint} must hold the weights of this model; their names differ."
            )
        self.best = state["best"]
        self.trainer.restore(checkpoint)
        self._saved = self.trainer.step
        if self._main:
            self.reports = self.folder.past(self.trainer.step)

    def go(self, plan: RunPlan) -> tuple[bool, str]:
        """Train to the end, or until somebody stops it.

        Returns
        -------
        tuple
            Whether the run is finished, and a sentence on how it ended.
        """
        if self._main and self.folder is not None and not self.reports:
            self.folder.past(0)  # of a process that was killed before a checkpoint
        if self.monitor is not None:
            self.monitor.begin(plan, tuple(self.reports))
        finished, message = False, "The run failed."
        try:
            finished = self._all_steps()
            done = f"{self.trainer.step:,} of {self.steps:,} steps"
            message = f"Finished after {self.trainer.step:,} steps."
            if not finished:
                message = f"Stopped after {done}; {self._way_on()}."
            return finished, message
        except Exception as error:
            message = f"The run failed: {error}"
            raise
        finally:
            for logger in self.trainer.fabric.loggers:
                logger.finalize("success" if finished else "aborted")
            if self.monitor is not None:
                self.monitor.end(message)

    def _way_on(self) -> str:
        if self.folder is None:
            return "nothing is kept on disk"
        if self._saved == self.trainer.step:
            return "the same call goes on from there"
        return f"no checkpoint could be written after step {max(self._saved, 0):,}"

    def weights(self) -> dict[str, Tensor]:
        """Return the trained weights on the CPU, averaged if an average is kept."""
        trainer = self.trainer
        if trainer.shared_out:  # each device holds a part; the checkpoint is whole
            assert self.folder is not None
            checkpoint = self.folder.latest()
            assert checkpoint is not None
            whole: dict[str, Tensor] = read_checkpoint(checkpoint)["model"]
            return whole
        if trainer.average is not None:
            trainer.average.give_to(trainer.model)
        return {name: w.cpu() for name, w in trainer.model.state_dict().items()}

    def _all_steps(self) -> bool:
        bar = tqdm(
            total=self.steps,
            initial=self.trainer.step,
            disable=not (self.progress and self._main),
            unit="step",
        )
        with bar, freed_memory_kept(), held_back() as interrupts:
            for report in self.trainer.steps():
                self._after(report, bar)
                if self._stopping(interrupts.asked):
                    break
            self._checkpoint()
        return self.trainer.step >= self.steps

    def _after(self, report: StepReport, bar: Any) -> None:  # noqa: ANN401
        last = report.step == self.steps
        looks = last or report.step % self.validate_every == 0
        if looks and self.held_out:
            report = replace(report, validation=self.trainer.validate(self.held_out))
        self.reports.append(report)
        self._unlogged.append(report)
        self._tell(report, bar)
        if self.trainer.gave_up or (self.trainer.bad_in_a_row and not last):
            return  # the last good checkpoint stays the last
        if report.validation is not None and is_better(report.validation, self.best):
            before, self.best = self.best, report.validation
            if not self._checkpoint(best=True):
                self.best = before
        elif last or report.step % self.save_every == 0:
            self._checkpoint()

    def _tell(self, report: StepReport, bar: Any) -> None:  # noqa: ANN401
        bar.update()
        bar.set_postfix(self._shown(report), refresh=False)
        if report.skipped and self._main:
            _LOGGER.warning("step %d was skipped: %s", report.step, report.skipped)
        values = {"loss": report.loss, "learning_rate": report.learning_rate}
        if report.validation is not None:
            values["validation"] = report.validation
        self.trainer.fabric.log_dict(values, step=report.step)
        if self.monitor is not None:
            self.monitor.step(report)

    def _stopping(self, interrupted: bool) -> bool:
        """Whether to stop; all devices do so after the same step."""
        stopped = self.monitor is not None and self.monitor.stop_requested
        asked = interrupted or stopped
        return sum_over_devices(self.trainer.fabric, float(asked)) > 0

    def _checkpoint(self, *, best: bool = False) -> bool:
        """Keep what there is; a full disk is said, and the run goes on.

        Returns whether what is there is now kept.
        """
        if self.folder is None or (self._saved == self.trainer.step and not best):
            return True
        try:
            if self._main:
                self.folder.append(self._unlogged)
                self._unlogged.clear()
            self.folder.save(self.trainer.step, self._write, main=self._main, best=best)
            self._saved = self.trainer.step
            return True
        except OSError as error:
            _LOGGER.warning(
                "no checkpoint at step %d: %s. Training goes on; the next attempt is "
                "after at most %d steps.",
                self.trainer.step,
                error,
                self.save_every,
            )
            return False

    def _write(self, path: Path) -> None:
        if self._main or self.trainer.shared_out:
            more = {"format": FORMAT, "record": self.record, "best": self.best}
            self.trainer.save(path, more)

    def _shown(self, report: StepReport) -> dict[str, str]:
        shown = {"nats": f"{report.loss:.4f}"}
        if report.validation is not None:
            self._looked = f"{report.validation:.4f}"
        if self._looked:
            shown["held out"] = self._looked
        if report.seconds > 0:
            pace = self.trainer.options.tokens_per_step / report.seconds
            shown["bases/s"] = f"{pace:,.0f}"
        return shown
