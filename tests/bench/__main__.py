"""`make bench`: ours, and what people would use instead, on the same broker in the same run."""

# ruff: noqa: T201 - it is a command

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from bench import results
from bench.lab import lab_in
from bench.measures import MEASURES
from bench.plot import plot
from bench.rows import table
from tubewarren.telemetry.logs import configure


def main(arguments: list[str] | None = None) -> int:
    """Measure what was asked for, print it, and keep it when asked to."""
    options = _options(arguments)
    configure("bench", "critical", "auto", sys.stderr)
    # Nothing that was started may stay, whoever ends us.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with (
        tempfile.TemporaryDirectory(prefix="tubewarren-bench-") as folder,
        lab_in(Path(folder), tuple(filter(None, options.subjects.split(","))), options.prefetch) as lab,
    ):
        for name in options.measures or MEASURES:
            measure = MEASURES[name]
            size, rounds = options.size or measure.size, options.rounds or measure.rounds
            began = time.monotonic()
            rows = measure.run(lab, size, rounds)
            if options.write:
                results.write({name: rows}, lab.version, list(MEASURES))
                results.PLOT.write_text(plot(results.read()))
            print(*table(rows), f"  ({name}: {time.monotonic() - began:.0f} s)", sep="\n", flush=True)
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    listed = "\n".join(
        f"  {name:<12}{f'{each.size:,} {each.of}, ' if each.of else ''}{each.rounds} rounds"
        for name, each in MEASURES.items()
    )
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=f"{__doc__} It takes a machine that does nothing else.",
        epilog=f"measures, with their size and rounds by default:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help="which (default: all)")
    parser.add_argument("--size", type=int, help="how many of what the measure counts")
    parser.add_argument("--rounds", type=int, help="of all subjects, in turn")
    parser.add_argument("--subjects", default="", help="only these, such as ours,bare, where several are compared")
    parser.add_argument("--prefetch", type=int, default=100, help="claims of a subject at a time (default: 100)")
    parser.add_argument("--write", action="store_true", help="keep what is found in results.json and results.svg")
    options = parser.parse_args(arguments)
    if unknown := set(options.measures) - MEASURES.keys():
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    return options


if __name__ == "__main__":
    sys.exit(main())
