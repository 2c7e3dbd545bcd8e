"""Asking yt-dlp something in a process of its own: it is large, and loading it in a thread disturbs the others."""

import asyncio
import json
import sys
from datetime import timedelta
from typing import Any, Final

_PATIENCE: Final = timedelta(seconds=60)


async def answer_of(module: str, question: Any) -> str | None:  # noqa: ANN401 - whatever JSON can say
    """What a module says on stdout, run as a program with a question as JSON on stdin; None when it says nothing."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            said, _ = await process.communicate(json.dumps(question).encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    return said.decode() if process.returncode == 0 else None
