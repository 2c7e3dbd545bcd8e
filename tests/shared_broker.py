"""One broker for all processes of a test run, which ends with the last of them, however that ends.

Whoever needs it first starts a keeper: `python -m shared_broker FOLDER`, a process that starts the node and waits for
the lock that all who use it share. The kernel gives that lock back for the killed, too.
"""

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from brokers import BrokerUnderTest, RestartableNode, run_apart
from tubewarren.broker.config import NodeFolder
from tubewarren.broker.errors import NodeInUseError
from tubewarren.broker.identity import remembered_identity
from tubewarren.broker.lock import FolderLock

_USERS = "users"
_DOOR = "door"
_READY = "ready\n"


@contextmanager
def shared_broker(folder: Path) -> Iterator[BrokerUnderTest]:
    """The broker in a folder that all processes of the run know."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _USERS).open("w") as users:
        with (folder / _DOOR).open("w") as door:
            fcntl.flock(door, fcntl.LOCK_EX)
            # Waits for a keeper that is about to end its node, as nobody used it for a moment.
            fcntl.flock(users, fcntl.LOCK_SH)
            if not _is_kept(folder):
                _start_keeper(folder)
        yield _address(folder)


def _is_kept(folder: Path) -> bool:
    lock = _node_folder(folder).lock
    if not lock.exists():
        return False
    try:
        FolderLock.take(lock, data_dir=folder).release()
    except NodeInUseError:
        return True
    return False


def _start_keeper(folder: Path) -> None:
    with (folder / "keeper.log").open("w") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "shared_broker", str(folder)],
            cwd=Path(__file__).parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            # Ctrl-C is for those who use it; then they end, and it does.
            start_new_session=True,
        )
    assert keeper.stdout is not None
    with keeper.stdout:
        said = keeper.stdout.readline()
    assert said == _READY, f"no broker for the tests: {(folder / 'keeper.log').read_text()}"
    # It ends after this process, which therefore cannot wait for it; Popen would warn of that.
    keeper.returncode = 0


def _address(folder: Path) -> BrokerUnderTest:
    identity = remembered_identity(_node_folder(folder).identity)
    assert identity is not None
    assert identity.management_url is not None, "the tests need RabbitMQ's management plugin"
    return BrokerUnderTest(identity.url, identity.management_url)


def _node_folder(folder: Path) -> NodeFolder:
    return NodeFolder(folder.resolve() / "broker")


def _keep(folder: Path) -> None:
    node = RestartableNode(folder)
    with (folder / _USERS).open() as users:
        try:
            run_apart(node.start())
            sys.stdout.write(_READY)
            sys.stdout.flush()
            fcntl.flock(users, fcntl.LOCK_EX)
        finally:
            # Nobody will miss its data, and a clean stop takes six seconds.
            node.kill()
            run_apart(node.stop())


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
