"""The broker's management API: what lies in its queues, and the end of every connection."""

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit


@dataclass(frozen=True, slots=True)
class QueueState:
    """One queue, some seconds late, as the broker counts now and then.

    Attributes:
        redelivered: messages that it gave out once more since the broker was started.
    """

    name: str
    ready: int
    unacked: int
    redelivered: int


@dataclass(frozen=True, slots=True)
class Management:
    """The management API for one virtual host.

    Attributes:
        amqp_url: whose credentials and virtual host are used.
        url: where the API is.
    """

    amqp_url: str
    url: str

    def queues(self) -> tuple[QueueState, ...]:
        """All queues; raises `OSError` while the broker is away."""
        return tuple(
            QueueState(
                str(queue["name"]),
                int(queue.get("messages_ready", 0)),
                int(queue.get("messages_unacknowledged", 0)),
                int(queue.get("message_stats", {}).get("redeliver", 0)),
            )
            for queue in self._call("GET", f"/api/queues/{self._vhost}")
        )

    def cut_connections(self) -> int:
        """Hang up on everybody; how many there were. Raises `OSError` while the broker is away."""
        names = [str(each["name"]) for each in self._call("GET", f"/api/vhosts/{self._vhost}/connections")]
        for name in names:
            self._call("DELETE", f"/api/connections/{quote(name, safe='')}")
        return len(names)

    @property
    def _vhost(self) -> str:
        # An address without a path means the virtual host "/".
        return quote(unquote(urlsplit(self.amqp_url).path.removeprefix("/")) or "/", safe="")

    def _call(self, method: str, path: str) -> Any:
        amqp, management = urlsplit(self.amqp_url), urlsplit(self.url)
        credentials = f"{unquote(amqp.username or '')}:{unquote(amqp.password or '')}"
        headers = {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}
        connection = http.client.HTTPConnection(management.hostname or "", management.port, timeout=20)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            body = response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        gone = response.status == http.client.NOT_FOUND and method == "DELETE"
        if response.status >= http.client.BAD_REQUEST and not gone:
            raise ConnectionError(f"{method} {path} was answered with {response.status}: {body.decode()[:200]}")
        return json.loads(body) if body and not gone else None
