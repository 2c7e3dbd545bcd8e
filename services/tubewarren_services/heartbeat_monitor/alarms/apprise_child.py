"""The process that sends: reads letters as JSON, sends each by Apprise, and prints what became of it as it knows.

The only one that knows Apprise.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed

from apprise import Apprise, NotifyFormat, NotifyType

_MOST_AT_A_TIME = 8
_MOODS = {"bad": NotifyType.WARNING, "good": NotifyType.SUCCESS}


def main() -> None:
    """Send what standard input holds."""
    # When whoever started this is killed, a plugin that hangs must end all the same.
    signal.alarm(max(1, int(sys.argv[1])))
    letters = json.load(sys.stdin)
    # What plugins print must not be taken for an answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with ThreadPoolExecutor(_MOST_AT_A_TIME) as pool:
        sending = {pool.submit(_send, letter): number for number, letter in enumerate(letters)}
        for sent in as_completed(sending):
            answers.write(json.dumps([sending[sent], sent.result()]) + "\n")
            answers.flush()


def _send(letter: Mapping[str, str]) -> str:
    try:
        one = Apprise()
        if not one.add(letter["url"]):
            return "unknown"
        is_sent = one.notify(
            letter["body"], letter["title"], notify_type=_MOODS[letter["mood"]], body_format=NotifyFormat.TEXT
        )
    except Exception:  # noqa: BLE001 - a plugin may raise anything, and its words may hold the address
        return "failed"
    return "delivered" if is_sent else "failed"


if __name__ == "__main__":
    main()
