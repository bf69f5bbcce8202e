"""Stop between steps, not in the middle of one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Whether somebody has asked this process to stop."""

    def __init__(self) -> None:
        self.asked = False

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """Take note; at the second time, give up at once."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def held_back() -> Iterator[Interrupts]:
    """Keep Ctrl-C, the notebook's stop button and SIGTERM waiting till one looks.

    An optimiser that is interrupted half-way leaves weights that belong to no step. A
    second interrupt does not wait. Outside the main thread, which alone hears signals,
    nothing is held back.

    Examples
    --------
    >>> with held_back() as interrupts:
    ...     signal.raise_signal(signal.SIGINT)
    ...     interrupts.asked
    True
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, interrupts.hear) for number in signals}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
