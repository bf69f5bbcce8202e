"""The table of speed and memory of the network, on this machine.

Run it with ``hyenascope bench`` or ``python -m tests.benchmarks.speed``; it takes some
twenty minutes, and ``--quick`` leaves the megabase out. ``--published`` runs the
published forward pass over a million bases too, which takes 20 GB. ``--save`` writes
the rows and the machine as JSON. Without a GPU its rows say "not measured". Nothing
here passes or fails.
"""

import argparse
from pathlib import Path

from tests.benchmarks import forward, gpu, long_context
from tests.benchmarks.report import machine, publish, save_rows, speed_table


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="no million of bases")
    parser.add_argument("--published", action="store_true", help="over it too")
    parser.add_argument("--save", type=Path, help="a JSON file to write")
    given = parser.parse_args()
    if given.save is not None and not given.save.parent.is_dir():
        parser.error(f"--save must be in a folder that exists; got {given.save}")
    rows = forward.measured(forward.CASES, given.threads)
    if not given.quick:
        rows += long_context.measured(given.threads, published=given.published)
    rows += gpu.measured()
    about = "; ".join(f"{name} {value}" for name, value in machine().items())
    publish(f"{speed_table(rows)}\n\n{given.threads} threads; {about}\n", None)
    if given.save is not None:
        save_rows(rows, given.save)


if __name__ == "__main__":
    main()
