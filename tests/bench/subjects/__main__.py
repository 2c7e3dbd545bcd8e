"""`python -m bench.subjects NAME TASK JOB`: one subject at work in this process; prints what it took."""

import asyncio
import inspect
import sys
from importlib import import_module

from bench.subjects.job import Job, say
from tubewarren.telemetry.logs import configure


def main() -> int:
    """Run the task of a subject."""
    name, task, job = sys.argv[1:]
    # Only what goes wrong, on the output that is for it.
    configure("bench", "warning", "auto", sys.stderr)
    found = getattr(import_module(f"bench.subjects.{name}"), task)(Job.from_json(job))
    if inspect.iscoroutine(found):
        found = asyncio.run(found)
    if found is not None:
        say(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
