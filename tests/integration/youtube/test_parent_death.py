"""What is left of a download when the process that ordered it is killed: nothing that runs."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tubewarren.youtube.wire import FetchOrder

pytestmark = pytest.mark.fleet

PROGRAM = """
import asyncio, sys
from tubewarren.youtube.pool import ChildPool
from tubewarren.youtube.wire import FetchOrder

async def main():
    async with ChildPool(1) as pool:
        await pool.fetch(FetchOrder.model_validate_json(sys.argv[1]), lambda p: print(p.phase, flush=True))

asyncio.run(main())
"""


class DrippingHandler(BaseHTTPRequestHandler):
    """Always a little more, and never the end."""

    over = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", "1000000000")
        self.end_headers()
        while not self.over.wait(0.05):
            try:
                self.wfile.write(b"x" * 2000)
            except OSError:
                return

    def log_message(self, *args: Any) -> None:
        del args


@pytest.fixture
def drip() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), DrippingHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/drip.mp4"
    DrippingHandler.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


async def test_children_end_with_their_parent_in_the_middle_of_a_download(drip: str, tmp_path: Path) -> None:
    wanted = FetchOrder(id="key", url=drip, folder=tmp_path).model_dump_json()
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, wanted, stdout=-1)
    assert parent.stdout is not None
    while b"downloading" not in await parent.stdout.readline():
        pass
    family = descendants(parent.pid)

    parent.kill()
    await parent.wait()

    assert len(family) == 2
    await eventually(lambda: not any(map(is_running, family)))
    assert len(list((tmp_path / ".partial").glob("*.part"))) == 1


def descendants(process_id: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()]
    return children + [later for child in children for later in descendants(child)]


async def eventually(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not claim():  # noqa: ASYNC110 - what another process did has no event here
            await asyncio.sleep(0.01)


def is_running(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
