"""Two sides of a benchmark, in processes of their own that take turns."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

import torch


@contextmanager
def side(
    make: Callable[..., Callable[[], float]], *rest: object
) -> Iterator[Connection]:
    """Run what ``make`` returns in a process of its own, each time it is asked."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, make, *rest))
    process.start()
    try:
        yield here
    finally:
        here.close()
        process.join()


def _serve(
    pipe: Connection,
    make: Callable[..., Callable[[], float]],
    threads: int,
    *rest: object,
) -> None:
    torch.set_num_threads(threads)
    act = make(*rest)
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        pipe.send(act())


def ask(one: Connection) -> float:
    """Let a side act once; return what it measured."""
    one.send(None)
    answer: float = one.recv()
    return answer


def say(line: str) -> None:
    """Print a line now."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
