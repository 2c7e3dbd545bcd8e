"""One loopback port that is proxy and TLS site in one, for stand-ins of sites that are reached by their real names.

Every CONNECT to one of the named hosts is answered here, with a certificate of a throw-away authority; every other
host is refused and remembered, so that a test sees who tried to leave.
"""

import contextlib
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import trustme

_PATIENCE_SECONDS = 60
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Visit:
    """One request inside a tunnel. `target` is path and query as they were sent; header names are lower-case."""

    host: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back; with `cut_after`, only so many bytes of the promised body, and then the line is dead."""

    status: HTTPStatus
    content_type: str
    body: str | bytes
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    cut_after: int | None = None


# No answer means: the line is closed without a word.
Handler = Callable[[Visit], Answer | None]


def play_nothing(visit: Visit) -> Answer:
    """Answer everything with 404."""
    return Answer(HTTPStatus.NOT_FOUND, "text/plain", f"{visit.host}{visit.target} is not played here\n")


class TlsSite:
    """What a stand-in stands on: its address, its authority's certificate, and who answers. Made by `tls_site`."""

    def __init__(self, hosts: Collection[str], proxy_url: str, ca_file: Path) -> None:
        self.hosts = frozenset(hosts)
        self.proxy_url = proxy_url
        self.ca_file = ca_file
        self.connections: list[str] = []  # the host of each
        self.refused_hosts: list[str] = []
        self.handler: Handler = play_nothing


@contextlib.contextmanager
def tls_site(hosts: Collection[str]) -> Iterator[TlsSite]:
    """Serve on a free loopback port for as long as the context lasts; set `handler` before anyone comes.

    A handler that waits for something must have been released by the end: it is waited for.
    """
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*sorted(hosts)).configure_cert(tls)
    with tempfile.TemporaryDirectory(prefix="tls-site-") as folder:
        ca_file = Path(folder, "ca.pem")
        authority.cert_pem.write_to_path(str(ca_file))
        with _Server(tls, hosts, ca_file) as server:
            serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            serving.start()
            try:
                yield server.site
            finally:
                server.shutdown()
                serving.join()
                server.hang_up()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, tls: ssl.SSLContext, hosts: Collection[str], ca_file: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Proxy)
        self.tls = tls
        self.site = TlsSite(hosts, f"http://127.0.0.1:{self.server_port}", ca_file)
        self._tunnels: set[ssl.SSLSocket] = set()

    @contextlib.contextmanager
    def tunnel(self, connection: socket.socket) -> Iterator[ssl.SSLSocket]:
        with self.tls.wrap_socket(connection, server_side=True) as encrypted:
            self._tunnels.add(encrypted)
            try:
                yield encrypted
            finally:
                self._tunnels.discard(encrypted)

    def hang_up(self) -> None:
        """End kept-alive connections, whose threads would otherwise wait for their visitors."""
        for encrypted in list(self._tunnels):
            with contextlib.suppress(OSError):
                encrypted.shutdown(socket.SHUT_RDWR)


class _Speaker(BaseHTTPRequestHandler):
    server: _Server
    timeout = _PATIENCE_SECONDS
    # Head and body go out in two writes; with Nagle's algorithm the second would wait for the visitor's delayed ack.
    disable_nagle_algorithm = True

    def log_message(self, *arguments: Any) -> None:
        """Be quiet: a test looks at what was asked, not at a log."""

    def reply(self, answer: Answer) -> None:
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: answer.cut_after])
        if answer.cut_after is not None:
            self.close_connection = True


class _Proxy(_Speaker):
    """Takes CONNECT, and answers in the name of whom it was asked to connect to."""

    def do_CONNECT(self) -> None:
        host = self.path.rpartition(":")[0]
        self.close_connection = True
        if host not in self.server.site.hosts:
            self.server.site.refused_hosts.append(host)
            self.reply(Answer(HTTPStatus.FORBIDDEN, "text/plain", f"{host} is not played here\n"))
            return
        self.server.site.connections.append(host)
        self.send_response(HTTPStatus.OK, "Connection established")
        self.end_headers()
        # A visitor who mistrusts the certificate, or leaves, is the visitor's affair.
        with contextlib.suppress(OSError), self.server.tunnel(self.connection) as encrypted:
            _Host(host, encrypted, self.client_address, self.server)


class _Host(_Speaker):
    """Speaks as the host that was asked for, inside the tunnel."""

    protocol_version = "HTTP/1.1"

    def __init__(self, host: str, connection: ssl.SSLSocket, address: Any, server: _Server) -> None:
        self._host = host
        super().__init__(connection, address, server)

    def answer_visit(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        answer = self.server.site.handler(Visit(self._host, self.command, self.path, headers, body))
        if answer is None:
            self.close_connection = True
        else:
            self.reply(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer_visit  # noqa: N815 - http.server finds them by name
