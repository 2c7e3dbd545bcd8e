"""Secrets: everything goes wrong with a telling one in every setting that takes any, and none is ever repeated."""

import json
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from fleets import Machine, MachineFor, wait_until
from tubewarren.messages.commands import DownloadVideo

pytestmark = [pytest.mark.broker, pytest.mark.fleet]

COOKIES = """# Netscape HTTP Cookie File
.youtube.com\tTRUE\t/\tTRUE\t4102444800\tSAPISID\t{secret}
.youtube.com\tTRUE\t/\tTRUE\t4102444800\tLOGIN_INFO\t{secret}
"""
OF_BROKER, OF_LEDGER, OF_PROXY, OF_COOKIES, OF_OPTION, OF_ALARM, OF_TRACES = (
    f"s3cret-{name}" for name in ("broker", "ledger", "proxy", "cookies", "option", "alarm", "traces")
)


class Spans(ThreadingHTTPServer):
    """Keeps what is exported, byte by byte."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.received = b""


class Receiver(BaseHTTPRequestHandler):
    server: Spans

    def do_POST(self) -> None:
        self.server.received += self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def receiver() -> Iterator[Spans]:
    with Spans() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()


@pytest.fixture
def nowhere() -> Iterator[int]:
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def google_key(folder: Path, nowhere: int) -> tuple[Path, tuple[str, ...]]:
    """A service account's key whose owner cannot be asked, and the lines of it that are secret."""
    key = trustme.CA(key_type=trustme.KeyType.RSA).private_key_pem.bytes().decode()
    path = folder / "google.json"
    path.write_text(
        json.dumps(
            {
                "type": "service_account",
                "client_email": "writer@project.test",
                "private_key": key,
                "token_uri": f"http://127.0.0.1:{nowhere}/token",
            }
        )
    )
    return path, tuple(line for line in key.splitlines() if "-----" not in line)


def test_no_secret_is_in_logs_spans_answers_or_errors(machine_for: MachineFor, nowhere: int, tmp_path: Path) -> None:
    (tmp_path / "jar.txt").write_text(COOKIES.format(secret=OF_COOKIES))
    key_file, key = google_key(tmp_path, nowhere)
    machine = machine_for(
        LOG__LEVEL="debug",
        SHEET__SPREADSHEET_ID="a-sheet",
        SHEET__CREDENTIALS_FILE=str(key_file),
        STORE__LEDGER=f"postgresql://me:{OF_LEDGER}@127.0.0.1:{nowhere}/ledger",
        IDENTITY__PROXY=f"http://me:{OF_PROXY}@127.0.0.1:{nowhere}",
        IDENTITY__COOKIES=str(tmp_path / "jar.txt"),
        YOUTUBE__ALLOWED_HOSTS="videos.example",
        YOUTUBE__OPTIONS=json.dumps({"videopassword": OF_OPTION}),
        ALARMS__URLS=f"json://me:{OF_ALARM}@127.0.0.1:{nowhere}/{OF_ALARM}",
        HEALTH__LISTEN="127.0.0.1:0",
    )
    own = urlsplit(machine.settings["BROKER_URL"])
    secrets = (OF_BROKER, OF_LEDGER, OF_PROXY, OF_COOKIES, OF_OPTION, OF_ALARM, OF_TRACES, *key)
    secrets = (*secrets, own.password) if own.password and own.password != own.username else secrets
    wrong = own._replace(netloc=f"{own.username}:{OF_BROKER}@{own.hostname}:{own.port}").geturl()
    silent = own._replace(netloc=f"me:{OF_BROKER}@127.0.0.1:{nowhere}").geturl()

    with receiver() as spans:
        machine.environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{spans.server_port}",
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer {OF_TRACES}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        downloader = machine.run("downloader").until_ready()
        machine.publish(DownloadVideo(video_id="v1", url="https://videos.example/v1", source_id="s1"))
        downloader.until_logged(lambda line: line.get("verdict") == "retry")
        ingestor = machine.run("sheet-ingestor")
        ingestor.until_logged(lambda line: "Google" in str(line))
        human = machine.run("status-writer", settings={"LOG__FORMAT": "human"})
        wait_until(lambda: "Google" in human.text, otherwise=lambda: human.text)
        said = commands(machine, wrong, silent)
        refused = [
            machine.start("run", "downloader", settings={"BROKER_URL": url, "LOG__FORMAT": form})
            for url, form in ((wrong, "json"), (silent.replace("amqp", "amqps"), "human"))
        ]
        wait_until(lambda: all("waiting for the broker" in running.text for running in refused))
        wait_until(lambda: b"process downloader" in spans.received)
        for running in machine.started:
            running.signal(signal.SIGTERM)
        for running in machine.started:
            running.wait(timedelta(seconds=60))

    logs = {running.output.name: running.text for running in machine.started}
    told = {**said, **logs, "spans": spans.received.decode(errors="replace")}
    assert f"127.0.0.1:{nowhere}" in said["status of nobody"], "the errors are those of these addresses"
    assert "***" in said["config"]
    assert [(place, secret) for place, text in told.items() for secret in secrets if secret in text] == []


def commands(machine: Machine, wrong: str, silent: str) -> dict[str, str]:
    """What commands say when asked about settings, and when they fail."""
    asked = {
        "config": ("config", "show"),
        "config as JSON": ("config", "show", "--json"),
        "doctor": ("doctor",),
        "status of nobody": ("--broker", silent, "status"),
        "status with a wrong password": ("--broker", wrong, "status"),
        "status, not encrypted": ("--broker", wrong.replace("amqp", "amqps"), "--log-level", "debug", "status"),
        "no results-manager": ("run", "results-manager"),
        "alarms": ("alarms", "test"),
        "no broker's address": ("--broker", silent.replace("amqp://", "http://"), "status"),
    }
    answers = {name: machine.svc(*words, timeout=timedelta(seconds=60)) for name, words in asked.items()}
    return {name: answer.stdout + answer.stderr for name, answer in answers.items()}
