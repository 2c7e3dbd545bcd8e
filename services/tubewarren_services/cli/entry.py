"""`svc` as it is installed: the one command that runs all day is answered before anything else is loaded."""
# ruff: noqa: PLC0415 - that is the point

import os
import sys

_LISTEN = "TUBEWARREN_HEALTH__LISTEN"


def run() -> None:
    """Run `svc` with this process's arguments.

    `svc health` without any more words, as a container's health check asks it, takes a sixth of the time that it would
    take to load every command.
    """
    if sys.argv[1:] == ["health"] and (listen := os.environ.get(_LISTEN)):
        from tubewarren.health.__main__ import main

        sys.exit(main([], listen))
    from tubewarren_services.cli.main import run as run_any

    run_any()


if __name__ == "__main__":
    run()
