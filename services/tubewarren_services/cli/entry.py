"""`svc` as it is installed: what runs all day, or is asked all day, is answered before anything else is loaded."""
# ruff: noqa: PLC0415 - that is the point

import os
import sys

_LISTEN = "TUBEWARREN_HEALTH__LISTEN"
_STOP_AT_EOF = "--stop-at-eof"


def run() -> None:
    """Run `svc` with this process's arguments.

    `svc health` without any more words, as a container's health check asks it, takes a sixth of the time that it would
    take to load every command. A service that is started without flags, as fleets do, spares itself the command line.
    """
    match sys.argv[1:]:
        case ["health"] if listen := os.environ.get(_LISTEN):
            from tubewarren.health.__main__ import main

            sys.exit(main([], listen))
        case ["run", service, *rest] if rest in ([], [_STOP_AT_EOF]) and not service.startswith("-"):
            from tubewarren_services.cli.starting import start

            if (code := start(service, stops_at_eof=bool(rest))) is not None:
                sys.exit(code)
    from tubewarren_services.cli.main import run as run_any

    run_any()


if __name__ == "__main__":
    run()
