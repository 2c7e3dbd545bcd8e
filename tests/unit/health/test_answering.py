"""What a probe is answered, and what `svc health` makes of it."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from tubewarren.health import __main__ as light
from tubewarren.health.address import Address
from tubewarren.health.asking import ask
from tubewarren.health.endpoint import HealthAddressError, answering
from tubewarren.health.findings import ABSENT, CONSUMING, RESTING, Finding, Findings, Standing, readiness
from tubewarren.health.pulse import PATIENCE, Watch
from tubewarren_services.cli.main import app

ANYWHERE = Address("127.0.0.1", 0)
FINE = (Finding("broker", ok=True, words="It is connected."),)
BAD = (*FINE, Finding("machine", ok=False, words="No room ünder the roof."))


class Service:
    """An event loop in a thread of its own, with something to say."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.watch = Watch()
        self.address = ANYWHERE
        self.goes_on = threading.Event()

    def hang(self) -> None:
        """Let the loop do nothing until `goes_on`."""
        hangs = threading.Event()

        def stop() -> None:
            hangs.set()
            self.goes_on.wait(30)

        self.loop.call_soon_threadsafe(stop)
        assert hangs.wait(10)

    def get(self, request: str) -> tuple[int, Any]:
        """Status and JSON, as a stranger sees them."""
        with socket.create_connection(self.address, timeout=10) as line:
            line.sendall(f"{request} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            with line.makefile("rb") as stream:
                head, _, body = stream.read().partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head or request.startswith("HEAD")
        return int(head.split()[1]), json.loads(body) if body else None


@contextmanager
def running(patience: timedelta = PATIENCE) -> Iterator[Service]:
    service = Service()
    is_up, over = threading.Event(), asyncio.Event()

    async def run() -> None:
        with answering(ANYWHERE, service.watch, patience=patience) as address:
            assert address is not None
            service.address = address
            is_up.set()
            await over.wait()

    thread = threading.Thread(target=lambda: service.loop.run_until_complete(run()))
    thread.start()
    assert is_up.wait(10)
    try:
        yield service
    finally:
        service.goes_on.set()
        service.loop.call_soon_threadsafe(over.set)
        thread.join()
        service.loop.close()


@pytest.fixture
def service() -> Iterator[Service]:
    with running() as found:
        yield found


def says(service: Service, findings: Findings) -> None:
    service.watch.look = lambda: findings


def test_a_service_that_is_still_starting_lives_and_is_not_ready(service: Service) -> None:
    assert service.get("GET /live")[0] == 200

    status, answer = service.get("GET /ready")

    assert status == 503
    assert "starting" in answer["findings"][0]["words"]


def test_a_service_is_ready_when_all_that_it_finds_is_good(service: Service) -> None:
    says(service, FINE)

    assert service.get("GET /ready?verbose") == (
        200,
        {"ok": True, "findings": [{"what": "broker", "ok": True, "words": "It is connected."}]},
    )


def test_one_bad_finding_makes_it_unready_and_is_told_in_words(service: Service) -> None:
    says(service, BAD)

    status, answer = service.get("GET /ready")

    assert (status, answer["ok"]) == (503, False)
    assert answer["findings"][1]["words"] == "No room ünder the roof."
    assert service.get("GET /live")[0] == 200


def test_an_event_loop_that_hangs_is_neither_alive_nor_ready_until_it_turns_again() -> None:
    with running(patience=timedelta(milliseconds=50)) as service:
        says(service, FINE)
        service.hang()
        live, ready = service.get("GET /live"), service.get("GET /ready")
        service.goes_on.set()
        # The patience is too short for a loaded machine, but asking again helps.
        while service.get("GET /live")[0] != 200:
            pass

    assert live[0] == ready[0] == 503
    assert "has not turned" in live[1]["findings"][0]["words"]


def test_a_defect_in_what_is_looked_at_is_told_and_ends_nothing(service: Service) -> None:
    def fail() -> Findings:
        raise ValueError("s3cret")

    service.watch.look = fail

    status, answer = service.get("GET /ready")

    assert status == 503
    assert "ValueError" in answer["findings"][0]["words"]
    assert "s3cret" not in answer["findings"][0]["words"]


@pytest.mark.parametrize(
    ("request_line", "status"), [("GET /", 404), ("POST /ready", 405), ("HEAD /live", 200), ("HEAD /ready", 503)]
)
def test_other_requests_are_answered_as_http_wants_it(service: Service, request_line: str, status: int) -> None:
    assert service.get(request_line) == (status, None)


def test_whoever_says_nothing_keeps_nobody_from_asking(service: Service) -> None:
    with socket.create_connection(service.address):
        assert service.get("GET /live")[0] == 200


async def test_two_processes_cannot_answer_at_one_port(service: Service) -> None:
    words = f"127.0.0.1:{service.address.port}.*port of its own"

    with pytest.raises(HealthAddressError, match=words), answering(service.address, Watch()):
        pass


async def test_without_an_address_nothing_listens() -> None:
    with answering(None, Watch()) as address:
        assert address is None


@pytest.mark.parametrize(
    ("findings", "code", "first"), [(FINE, 0, "ready"), (BAD, 1, "not ready")], ids=["ready", "not ready"]
)
def test_the_command_says_what_was_found_and_ends_accordingly(
    service: Service, findings: Findings, code: int, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    says(service, findings)

    done = CliRunner().invoke(app, ["health", "--at", str(service.address)])
    quick = light.main([], str(service.address))

    assert (done.exit_code, quick) == (code, code)
    assert done.stdout.splitlines()[0] == first
    assert done.stdout.splitlines()[1:][-1] == "ok  broker: It is connected."
    assert capsys.readouterr().out == done.stdout


def test_a_health_check_loads_next_to_nothing(service: Service) -> None:
    says(service, FINE)
    program = (
        "import sys\n"
        "from tubewarren_services.cli.entry import run\n"
        "sys.argv = ['svc', 'health']\n"
        "try:\n"
        "    run()\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0, end.code\n"
        "print('loaded:', [name for name in ('asyncio', 'pydantic', 'rich', 'ssl', 'typer') if name in sys.modules])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TUBEWARREN_HEALTH__LISTEN": str(service.address)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "ready\nok  broker: It is connected.\nloaded: []\n"


def test_the_command_can_ask_for_life_only_and_for_json(service: Service) -> None:
    says(service, BAD)
    at = ["--at", str(service.address)]

    assert CliRunner().invoke(app, ["health", "--live", *at]).stdout.startswith("live\n")
    assert json.loads(CliRunner().invoke(app, ["health", "--json", *at]).stdout)["ok"] is False


def test_a_service_that_listens_everywhere_is_asked_near_by(service: Service) -> None:
    assert ask(Address("0.0.0.0", service.address.port), "live").is_good


def test_a_service_that_is_not_there_is_not_ready() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        at = Address(*closed.getsockname())

    done = CliRunner().invoke(app, ["health", "--at", str(at)])

    assert done.exit_code == 1
    assert f"No service tells its health at {at}" in done.stderr


def test_without_an_address_the_command_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUBEWARREN_HEALTH__LISTEN", raising=False)

    done = CliRunner().invoke(app, ["health"])

    assert done.exit_code == 2
    assert "TUBEWARREN_HEALTH__LISTEN" in done.stderr


def words_of(
    standing: Standing = CONSUMING, *, is_connected: bool = True, unfit: str = "", is_draining: bool = False
) -> str:
    """What is bad about a service."""
    found = readiness(
        is_connected=is_connected, standings={"downloader": standing}, unfit=unfit, is_draining=is_draining
    )
    return " ".join(each.words for each in found if not each.ok)


def test_a_service_that_consumes_or_rests_as_it_should_is_ready() -> None:
    assert words_of(CONSUMING) == words_of(RESTING) == ""


def test_a_service_is_not_ready_while_anything_keeps_it_from_its_work() -> None:
    assert "connection is lost" in words_of(is_connected=False)
    assert "not consumed" in words_of(ABSENT)
    assert words_of(unfit="ffmpeg is missing.") == "ffmpeg is missing."
    assert "draining" in words_of(is_draining=True)
