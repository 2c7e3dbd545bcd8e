"""`python -m tubewarren.health [live]`: `svc health` for those who ask often.

It reads nothing but TUBEWARREN_HEALTH__LISTEN.
"""

import os
import sys

from tubewarren.health.address import read_address
from tubewarren.health.asking import ask

_USED_WRONGLY = 2


def main(arguments: list[str], listen: str) -> int:
    """Ask, print, and return the exit code."""
    question = arguments[0] if arguments else "ready"
    if question not in {"live", "ready"} or len(arguments) > 1:
        sys.stderr.write("Ask `ready` (the default) or `live`.\n")
        return _USED_WRONGLY
    try:
        address = read_address(listen)
    except ValueError as error:
        sys.stderr.write(f"TUBEWARREN_HEALTH__LISTEN: {error}\n")
        return _USED_WRONGLY
    told = ask(address, question)
    sys.stdout.write("".join(f"{line}\n" for line in told.words))
    return int(not told.is_good)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ.get("TUBEWARREN_HEALTH__LISTEN", "")))
