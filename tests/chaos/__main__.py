"""`make chaos`: torment a whole fleet on a real broker, and find out whether anything was lost, doubled or wrong."""

# ruff: noqa: T201 - it is a command

import argparse
import random
import shutil
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from brokers import BrokerUnderTest
from chaos.plan import plan
from chaos.run import run
from tubewarren.telemetry.logs import configure

_TASKS_A_SECOND = 12
_SHORTEST_SECONDS = 20.0
_PATIENCE_SECONDS = 120.0


def main(arguments: list[str] | None = None) -> int:
    """Run once; 0 when all is well, 1 when something is not, whose folder is kept then."""
    options = _options(arguments)
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    seconds = options.seconds or max(_SHORTEST_SECONDS, options.tasks / _TASKS_A_SECOND)
    made = plan(seed, options.tasks, seconds, with_broker=not options.broker, longest_freeze=options.longest_freeze)
    configure("chaos", "critical", "auto", sys.stderr)
    print(f"seed {seed}: {made.tasks} tasks of {len(made.sources)} sources, disturbed for {seconds:g} s", flush=True)
    if options.verbose:
        for blow in made.blows:
            print(f"  planned {blow.at:7.2f} s  {blow.deed} {blow.target} {blow.lasts or ''}".rstrip())
    folder = Path(tempfile.mkdtemp(prefix=f"tubewarren-chaos-{seed}-")).resolve()
    report = run(
        made,
        folder,
        (lambda words: print(f"  {words}", flush=True)) if options.verbose else (lambda _: None),
        timedelta(seconds=options.patience or _PATIENCE_SECONDS + options.tasks / _TASKS_A_SECOND),
        BrokerUnderTest(options.broker, options.management) if options.broker else None,
    )
    for name, value in report.lines:
        print(f"{name:<22} {value}")
    print(f"{'seed':<22} {seed}")
    for problem in report.problems:
        print(f"NOT AS IT MUST BE: {problem}")
    if report.problems:
        print(f"{len(report.problems)} problems; everything of this run is in {folder}")
        return 1
    if options.keep:
        print(f"everything of this run is in {folder}")
    else:
        shutil.rmtree(folder)
    print("Every task is in the one state that it must be in; sheet, ledger, files and queues agree.")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="repeats a plan; by chance when it is left out")
    parser.add_argument("--tasks", type=int, default=2000, help="videos of sources, at least (default: 2000)")
    parser.add_argument("--seconds", type=float, help="how long the fleet is disturbed (default: by the tasks)")
    parser.add_argument("--patience", type=float, help="seconds that it may then take to its end")
    parser.add_argument("--longest-freeze", type=float, default=5, help="of a process, in seconds (default: 5)")
    parser.add_argument("--broker", help="amqp://user:password@host:port/ instead of a private one; is not killed")
    parser.add_argument("--management", help="its management API; by default on the same host, port 15672")
    parser.add_argument("--keep", action="store_true", help="keep the folder when all is well, too")
    parser.add_argument("--verbose", action="store_true", help="tell the schedule, and what happens")
    options = parser.parse_args(arguments)
    if options.broker and not options.management:
        options.management = f"http://{urlsplit(options.broker).hostname}:15672/"
    return options


if __name__ == "__main__":
    sys.exit(main())
