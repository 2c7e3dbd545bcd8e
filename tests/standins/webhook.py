"""A stand-in for whoever takes messages by HTTP: keeps what comes, refuses some, and lets some hang."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """One message."""

    path: str
    body: dict[str, Any]


@dataclass
class Webhook:
    """Takes what is sent to any path, but refuses `/refused`, and lets `/hangs` hang until `let_go` is set."""

    port: int
    calls: list[Call] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        """As Apprise wants it, with a key."""
        return f"json://me:secret-word@127.0.0.1:{self.port}/{path}?rto=60&cto=60"


@contextmanager
def open_webhook() -> Iterator[Webhook]:
    """One on a free port of loopback."""

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.startswith("/hangs"):
                webhook.let_go.wait(60)
            webhook.calls.append(Call(self.path.partition("?")[0], body))
            self.send_response(403 if self.path.startswith("/refused") else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    webhook = Webhook(server.server_port)
    thread = threading.Thread(target=server.serve_forever, name="the webhook")
    thread.start()
    try:
        yield webhook
    finally:
        webhook.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()
