"""Files that nobody would write: small changes to good ones, and what readers say.

A reader may read what it is given, or refuse it with an error that our own code raised
in words. Anything else is a finding: another kind of error, one that fell out of a
library or of Python itself, more than five seconds, or a gibibyte of memory.
"""

import random
import resource
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import hyenascope

OURS = str(Path(hyenascope.__file__).parent)
SECONDS, BYTES = 5, 2**30

Read = Callable[[Path], object]

_ODD = (
    *(b"\x00", b"\xff", b"\t", b"\n", b"\r\n", b" ", b"-1", b"0", b"1e309", b"nan"),
    *(b"99999999999999999999", b"2147483648", b"9223372036854775808", b"<", b">"),
    *(b"\xef\xbb\xbf", b"\xe2\x80\xae", b"'", b'"', b"\\", b"=", b";", b",", b"{"),
    *(b"<script>alert(1)</script>", b"../../../etc/passwd", b"%s%n", b"\x1f\x8b"),
)


@dataclass
class Findings:
    """What came of it."""

    inputs: int = 0
    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[bytes, str]] = field(default_factory=list)


def mutated(seeds: Sequence[bytes], rng: random.Random) -> Iterator[bytes]:
    """Yield changed files without end: cut, flipped, doubled, spliced, swapped."""
    while True:
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
            _change(data, seeds, rng)
        yield bytes(data)


def _change(data: bytearray, seeds: Sequence[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    to = min(len(data), at + rng.choice((1, 2, 4, 16, 64)))
    match rng.randrange(8):
        case 0:
            del data[at:]
        case 1:
            del data[at:to]
        case 2:
            data[at:at] = data[at:to]
        case 3:
            data[at:at] = rng.choice(_ODD)
        case 4:
            data[at:to] = rng.choice(_ODD)
        case 5 if at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        case 6:
            other = rng.choice(seeds)
            data[at:] = other[rng.randrange(len(other) + 1) :]
        case _:
            lines = data.split(b"\n")
            i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
            lines[i], lines[j] = lines[j], lines[i]
            data[:] = b"\n".join(lines)


def fuzz(
    read: Read, seeds: Sequence[bytes], path: Path, count: int, seed: int = 0
) -> Findings:
    """Let a reader read ``count`` changed files, one after the other, at ``path``."""
    found = Findings()
    inputs = mutated(seeds, random.Random(seed))
    with bounded_memory():
        for data in (next(inputs) for _ in range(count)):
            for old in path.parent.glob(f"{path.name}*"):
                old.unlink()  # an index of the one before
            path.write_bytes(data)
            found.inputs += 1
            try:
                with time_limit():
                    read(path)
                found.read += 1
            except Exception as err:
                if is_refusal(err):
                    found.refused[type(err).__name__] += 1
                else:
                    found.broken.append((data, _short(err)))
    return found


def is_refusal(err: BaseException) -> bool:
    """Whether our code raised it: a kind of ValueError or OSError, in words."""
    frames = traceback.extract_tb(err.__traceback__)
    ours = bool(frames) and frames[-1].filename.startswith(OURS)
    raised = ours and (frames[-1].line or "").lstrip().startswith("raise")
    return raised and isinstance(err, ValueError | OSError) and bool(str(err))


@contextmanager
def time_limit() -> Iterator[None]:
    """Interrupt what takes more than five seconds."""

    def late(*_: object) -> None:
        raise TimeoutError(f"took more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Let this process have one gibibyte more than it has."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _short(err: BaseException) -> str:
    frames = traceback.extract_tb(err.__traceback__)
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in frames[-1:-5:-1])
    return f"{type(err).__name__}: {err} [{where}]"[:300]
