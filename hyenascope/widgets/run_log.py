"""What a training run has told so far, and what follows from it in words."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from time import monotonic

import pandas as pd

from hyenascope.training.progress import RunPlan, StepReport, report_table
from hyenascope.viz.text import shorten

_RECENT = 50  # steps that say how long the next ones take


@dataclass(eq=False)
class RunLog:
    """The steps of a run, those of an earlier process included.

    Parameters
    ----------
    plan
        What the run is going to do, None before it says so.
    message
        How it ended, empty while it goes on.
    clock
        Tells the time in seconds.

    Examples
    --------
    >>> log = RunLog(RunPlan("tiny", 100, 64, 1000))
    >>> log.add(StepReport(1, 64, 32, 1.4, 6e-4, 1.0, 0.5, 10**9))
    >>> log.seconds_left, log.tokens_per_second
    (49.5, 128.0)
    >>> " · ".join(log.facts())
    'step 1 / 100 · 32 bp · 1.400 nats · 128 tokens/s · 50 s left · 1.0 GB'
    """

    plan: RunPlan | None = None
    message: str = ""
    clock: Callable[[], float] = monotonic
    reports: list[StepReport] = field(default_factory=list)
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    _looked: StepReport | None = None
    _skipped: int = 0
    _came: tuple[float, ...] = ()  # when the first and the last step of this process
    _worked: float = 0.0  # seconds of the steps after the first
    _followed: int = 0  # how many those are

    def add(self, report: StepReport, *, earlier: bool = False) -> None:
        """Take down a step; ``earlier`` ones do not say how fast this process is."""
        self.reports.append(report)
        if not earlier:
            self._take_time(report.seconds)
        if report.validation is not None:
            self._looked = report
        self._skipped += bool(report.skipped)

    def _take_time(self, seconds: float) -> None:
        self._recent.append(seconds)
        if self._came:
            self._worked += seconds
            self._followed += 1
        self._came = (*self._came[:1], self.clock())

    @property
    def step(self) -> int:
        """The last step done, 0 if there is none."""
        return self.reports[-1].step if self.reports else 0

    @property
    def seconds_left(self) -> float | None:
        """The usual time of a recent step, and of what follows it, times those left."""
        if self.plan is None or not self._recent:
            return None
        each = median(self._recent) + self._between
        return each * max(0, self.plan.steps - self.step)

    @property
    def _between(self) -> float:
        """Seconds from a step to the next: looks at held-out text, checkpoints."""
        if not self._followed:
            return 0.0
        passed = self._came[-1] - self._came[0]
        return max(0.0, passed - self._worked) / self._followed

    @property
    def tokens_per_second(self) -> float | None:
        """Bases that one step reads, over the usual time of a recent step."""
        usual = median(self._recent) if self._recent else 0.0
        return self.plan.tokens_per_step / usual if self.plan and usual > 0 else None

    def table(self) -> pd.DataFrame:
        """Return a row per step."""
        return report_table(list(self.reports))

    def facts(self) -> list[str]:
        """Say where the run is; not escaped."""
        return list(self._facts())

    def _facts(self) -> Iterator[str]:
        if self.plan is not None:
            yield f"step {self.step:,} / {self.plan.steps:,}"
        if not self.reports:
            return
        last = self.reports[-1]
        yield f"{last.length:,} bp"
        why = shorten(last.skipped, 80)
        unit = self.plan.unit.split()[0] if self.plan else ""
        yield f"skipped: {why}" if why else f"{last.loss:.3f} {unit}".strip()
        if self._looked is not None:
            looked = self._looked
            yield f"validation {looked.validation:.3f} at step {looked.step:,}"
        if self._skipped > 1 or (self._skipped and not why):
            yield f"{self._skipped:,} skipped"
        if self.tokens_per_second is not None:
            yield f"{float(f'{self.tokens_per_second:.3g}'):,.0f} tokens/s"
        if self.seconds_left and not self.message:
            yield f"{in_time(self.seconds_left)} left"
        yield in_bytes(last.memory)


def in_time(seconds: float) -> str:
    """Write a time in its two largest units.

    Examples
    --------
    >>> in_time(42.4), in_time(59.7), in_time(4320.0), in_time(180e3)
    ('42 s', '1 min', '1 h 12 min', '2 d 2 h')
    """
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if hours else f"{minutes} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h"


def in_bytes(count: int) -> str:
    """Write a size in memory.

    Examples
    --------
    >>> in_bytes(850_000_000), in_bytes(1_234_000_000)
    ('850 MB', '1.2 GB')
    """
    return f"{count / 1e6:.0f} MB" if count < 999.5e6 else f"{count / 1e9:.1f} GB"
