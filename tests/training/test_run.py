"""Who hears of a step, what is kept of it, and how a run ends."""

import csv
import errno
import math
import signal
from importlib.util import find_spec

import pytest

from hyenascope.models.run_checkpoint import read_checkpoint
from hyenascope.training.hardware import Hardware
from hyenascope.training.progress import RunPlan
from hyenascope.training.run import Run
from hyenascope.training.run_folder import RunFolder
from hyenascope.training.trainer import Trainer
from tests.training.small_trainer import made

PLAN = RunPlan(name="small", steps=6, tokens_per_step=64, parameters=1)


class Listening:
    """A monitor that writes down what it hears, and acts after some step."""

    stop_requested = False

    def __init__(self, events, **act):
        self.events, self.act = events, act

    def begin(self, plan, past):
        self.events.append(("begin", len(past)))

    def step(self, report):
        self.events.append(("step", report.step, report.validation))
        self.act.get(f"after_{report.step}", lambda _: None)(self)

    def end(self, message):
        self.events.append(("end", message))

    def stop(self):
        self.stop_requested = True


@pytest.fixture
def events(monkeypatch):
    """What happens in a run, in order; looks and checkpoints are added here."""
    happened = []
    real = RunFolder.save

    def save(self, step, write, *, main=True, best=False):
        path = real(self, step, write, main=main, best=best)
        happened.append(("best" if best else "kept", step))
        return path

    monkeypatch.setattr(RunFolder, "save", save)
    return happened


def small_run(folder, events, *, looks=(), act=None, fabric=None, **options):
    """Return a run of six steps whose looks see what they are told to see."""
    save_every = options.pop("save_every", 2)
    validate_every = options.pop("validate_every", 3)
    trainer = made(fabric=fabric, **options)
    seen = iter(looks)

    def look(_examples):
        events.append(("look", trainer.step))
        return next(seen)

    trainer.validate = look
    return Run(
        trainer=trainer,
        record={"made": "so"},
        held_out=[trainer.batches[0]] if looks else [],
        folder=None if folder is None else RunFolder(folder),
        save_every=save_every,
        validate_every=validate_every,
        monitor=Listening(events, **(act or {})),
        progress=False,
    )


def of_kind(events, *kinds):
    return [event for event in events if event[0] in kinds]


def logged(folder):
    return [report.step for report in RunFolder(folder).past(99)]


def test_a_look_is_taken_then_told_then_kept(tmp_path, events):
    run = small_run(tmp_path, events, looks=[1.3, 1.4, 1.2], steps=7)
    assert run.go(PLAN) == (True, "Finished after 7 steps.")
    assert events == [
        ("begin", 0),
        ("step", 1, None),
        ("step", 2, None),
        ("kept", 2),
        ("look", 3),
        ("step", 3, 1.3),
        ("best", 3),
        ("step", 4, None),
        ("kept", 4),
        ("step", 5, None),
        ("look", 6),
        ("step", 6, 1.4),
        ("kept", 6),
        ("look", 7),
        ("step", 7, 1.2),
        ("best", 7),
        ("end", "Finished after 7 steps."),
    ]


def test_a_look_that_sees_no_number_is_never_the_best(tmp_path, events):
    looks = [math.nan, 1.5, -math.inf, 1.4, 1.4, math.nan]
    small_run(tmp_path, events, looks=looks, validate_every=1).go(PLAN)
    assert of_kind(events, "best") == [("best", 2), ("best", 4)]


def test_the_last_step_is_kept_once_wherever_it_falls(tmp_path, events):
    small_run(tmp_path, events, steps=5, save_every=3).go(PLAN)
    assert of_kind(events, "kept") == [("kept", 3), ("kept", 5)]


def test_a_stop_that_is_asked_for_comes_after_the_step_with_a_checkpoint(
    tmp_path, events
):
    run = small_run(tmp_path, events, act={"after_3": Listening.stop})
    stopped = (False, "Stopped after 3 of 6 steps; the same call goes on from there.")
    assert run.go(PLAN) == stopped
    assert events[-3:] == [("step", 3, None), ("kept", 3), ("end", stopped[1])]
    assert logged(tmp_path) == [1, 2, 3]
    again = small_run(tmp_path, events)
    again.go_on_from(again.folder.latest())
    assert again.go(PLAN)[0]
    assert [r.loss for r in again.reports] == [r.loss for r in made().steps()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_end_of_the_step(tmp_path, events, number):
    before = signal.getsignal(number)
    act = {"after_3": lambda _: signal.raise_signal(number)}
    assert not small_run(tmp_path, events, act=act).go(PLAN)[0]
    assert of_kind(events, "step", "kept")[-2:] == [("step", 3, None), ("kept", 3)]
    assert signal.getsignal(number) is before


def test_a_second_signal_ends_the_run_at_once(tmp_path, events):
    def twice(_monitor):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        small_run(tmp_path, events, act={"after_3": twice}).go(PLAN)
    assert events[-2:] == [("step", 3, None), ("end", "The run failed.")]


def test_what_is_stopped_and_not_kept_is_said_to_be_lost(events):
    run = small_run(None, events, act={"after_3": Listening.stop})
    assert run.go(PLAN)[1] == "Stopped after 3 of 6 steps; nothing is kept on disk."


def full(monkeypatch, name, times):
    """Let the disk refuse some calls of a folder, counted from 1."""
    real, calls = getattr(RunFolder, name), []

    def refuse(self, *args, **how):
        calls.append(args)
        if len(calls) in times:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, *args, **how)

    monkeypatch.setattr(RunFolder, name, refuse)


def test_lines_that_found_no_room_are_logged_later(
    monkeypatch, tmp_path, events, caplog
):
    full(monkeypatch, "append", {1, 2})
    assert small_run(tmp_path, events).go(PLAN)[0]
    assert of_kind(events, "kept") == [("kept", 6)]
    assert logged(tmp_path) == [1, 2, 3, 4, 5, 6]
    for step in (2, 4):
        assert f"no checkpoint at step {step}: [Errno 28] No space" in caplog.text


def test_a_best_that_found_no_room_is_not_the_best(monkeypatch, tmp_path, events):
    """The next look need not be better than what was lost."""
    full(monkeypatch, "_save_best", {1})
    run = small_run(tmp_path, events, looks=[1.2, 1.3], save_every=9)
    run.go(PLAN)
    assert of_kind(events, "kept", "best") == [("best", 6)]
    best = read_checkpoint(run.folder.best)
    assert (best["step"], best["best"]) == (6, 1.3)


def test_a_stop_on_a_full_disk_says_what_is_left(monkeypatch, tmp_path, events):
    full(monkeypatch, "save", {2, 3})
    run = small_run(tmp_path, events, act={"after_4": Listening.stop})
    message = "Stopped after 4 of 6 steps; no checkpoint could be written after step 2."
    assert run.go(PLAN) == (False, message)


def poison(monkeypatch, steps):
    """Make the loss of some steps, counted from 1, infinite."""
    real = Trainer._accumulate

    def wrong(self, number, inputs, targets):
        loss = real(self, number, inputs, targets)
        return math.inf if self.step + 1 in steps else loss

    monkeypatch.setattr(Trainer, "_accumulate", wrong)


def test_three_bad_steps_end_the_run_and_none_of_them_is_kept(
    monkeypatch, tmp_path, events
):
    poison(monkeypatch, {3, 4, 5})
    run = small_run(
        tmp_path,
        events,
        looks=[1.4, 1.3, 1.2, 1.1, 1.0],
        save_every=1,
        validate_every=1,
    )
    with pytest.raises(FloatingPointError, match="not in 3 steps in a row"):
        run.go(PLAN)
    assert of_kind(events, "kept", "best") == [("best", 1), ("best", 2)]
    assert [event[1] for event in of_kind(events, "step")] == [1, 2, 3, 4, 5]
    assert events[-1][1].startswith("The run failed: the loss must be finite")


def test_three_bad_steps_at_the_very_end_are_no_success(monkeypatch, tmp_path, events):
    poison(monkeypatch, {4, 5, 6})
    for _ in range(2):  # the same call again does not find a finished run
        run = small_run(tmp_path, events, save_every=1)
        if (latest := run.folder.latest()) is not None:
            run.go_on_from(latest)
        with pytest.raises(FloatingPointError, match="not in 3 steps in a row"):
            run.go(PLAN)
        assert run.folder.latest().name == "step-00000003.pt"


def test_two_bad_steps_at_a_time_are_told_and_passed_over(
    monkeypatch, tmp_path, events, caplog
):
    poison(monkeypatch, {1, 2, 4, 5})
    assert small_run(tmp_path, events, save_every=1).go(PLAN)[0]
    assert of_kind(events, "kept") == [("kept", 3), ("kept", 6)]
    skipped = [record.args[0] for record in caplog.records]
    assert skipped == [1, 2, 4, 5]


def test_a_run_that_goes_on_remembers_its_past_and_its_best(tmp_path, events):
    first = small_run(tmp_path, events, looks=[1.2], act={"after_4": Listening.stop})
    first.go(PLAN)
    events.clear()
    second = small_run(tmp_path, events, looks=[1.3])
    second.go_on_from(second.folder.latest())
    second.go(PLAN)
    assert events[0] == ("begin", 4)
    assert of_kind(events, "best") == []
    assert [report.validation for report in second.reports] == [
        *[None, None, 1.2, None, None, 1.3],
    ]


def test_weights_of_other_names_are_refused(tmp_path, events):
    run = small_run(tmp_path, events)
    run.go(PLAN)
    other = small_run(tmp_path, events)
    other.trainer.model.extra = other.trainer.model.lm_head
    with pytest.raises(ValueError, match="weights of this model; their names differ"):
        other.go_on_from(run.folder.latest())


def of_csv(folder):
    (path,) = folder.rglob("metrics.csv")
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return [{k: float(v) for k, v in row.items() if v} for row in rows]


def of_tensorboard(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (path,) = folder.rglob("events.out.tfevents.*")
    events = EventAccumulator(str(path)).Reload()
    rows = {}
    for name in events.Tags()["scalars"]:
        for event in events.Scalars(name):
            row = rows.setdefault(event.step, {"step": event.step})
            row[name] = event.value
    return [rows[step] for step in sorted(rows)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of tensorboard itself
@pytest.mark.parametrize(
    ("logger", "read"),
    [
        ("csv", of_csv),
        pytest.param(
            "tensorboard",
            of_tensorboard,
            marks=pytest.mark.skipif(
                find_spec("tensorboard") is None, reason="tensorboard not installed"
            ),
        ),
    ],
)
@pytest.mark.parametrize("fails", [False, True])
def test_loggers_have_every_step_also_of_a_run_that_fails(
    monkeypatch, tmp_path, events, logger, read, fails
):
    fabric = Hardware(device="cpu").launch(loggers=[logger], out=tmp_path)
    run = small_run(None, events, looks=[1.3, 1.2], fabric=fabric)
    if fails:
        poison(monkeypatch, {4, 5, 6})
        with pytest.raises(FloatingPointError):
            run.go(PLAN)
    else:
        run.go(PLAN)
    rows = read(tmp_path)
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    for row, report in zip(rows, run.reports, strict=True):
        wanted = {"loss": report.loss, "learning_rate": report.learning_rate}
        if report.validation is not None:
            wanted["validation"] = report.validation
        assert row == pytest.approx({"step": report.step, **wanted}, rel=1e-6)
