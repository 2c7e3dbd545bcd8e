import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import aio_pika
import pytest

from brokers import PROJECT_DATA_DIR, RestartableNode, run_apart
from freezing import freeze
from tubewarren.broker import (
    NodeInUseError,
    NodeStartError,
    PrivateNode,
    find_installation,
)
from tubewarren.broker.config import NodeFolder
from tubewarren.broker.epmd import registered_nodes
from tubewarren.broker.errors import LoginRefusedError
from tubewarren.broker.identity import NodeIdentity, remembered_identity
from tubewarren.broker.login import log_in
from tubewarren.broker.processes import processes_marked

pytestmark = pytest.mark.broker

PATIENCE = timedelta(seconds=30)
LOOPBACK = "0100007F"
"""127.0.0.1 as the kernel's table of sockets spells it."""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data of #1")


@pytest.fixture(scope="module")
def shared_node(data_dir: Path) -> Iterator[RestartableNode]:
    """One node for the tests that leave it running or startable; each start takes seconds."""
    node = RestartableNode(data_dir)
    yield node
    node.kill()
    run_apart(node.stop())


async def put(url: str, queue: str, body: bytes) -> None:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, routing_key=queue)


async def put_on_disk(url: str, queue: str, body: bytes, data_dir: Path) -> None:
    """As `put`, and safe against a kill from the first moment.

    RabbitMQ 3.10 writes a new quorum queue's name to its directory half a second late; killed before that, the
    queue is there after a restart but never elects a leader.
    """
    await put(url, queue, body)
    (names,) = (data_dir / "broker").glob("mnesia/*/quorum/*/names.dets")
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while queue.encode() not in names.read_bytes():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)


async def take(url: str, queue_name: str) -> bytes:
    connection = await aio_pika.connect(url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue(queue_name)
        # By consuming, not by asking: a quorum queue first elects its leader after a start.
        async with asyncio.timeout(PATIENCE.total_seconds()), queue.iterator() as messages:
            async for message in messages:
                await message.ack()
                return message.body
    raise AssertionError("unreachable")


async def until_dead(node: PrivateNode) -> None:
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while node.is_alive:  # noqa: ASYNC110 - another process ends
            await asyncio.sleep(0.05)


def listening_addresses(pid: int) -> set[str]:
    """The addresses, in the kernel's hexadecimal, on which a process listens."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            # It closed a file while we looked.
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    ]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes}


async def test_a_confirmed_message_outlives_a_clean_restart_at_the_same_address(
    shared_node: RestartableNode, data_dir: Path
) -> None:
    before = await shared_node.start()
    await put(before.url, "restart", b"survives")

    await shared_node.stop()
    left = processes_marked(NodeFolder(data_dir / "broker").marker)
    epmd = await registered_nodes(identity_in(data_dir).ports.epmd)
    after = await shared_node.start()

    assert left == ()
    assert epmd is None
    assert after.url == before.url
    assert after.pid != before.pid
    assert await take(after.url, "restart") == b"survives"


async def test_a_confirmed_message_outlives_a_kill_9_of_the_server(
    shared_node: RestartableNode, data_dir: Path
) -> None:
    before = await shared_node.start()
    await put_on_disk(before.url, "crash", b"survives", data_dir)

    shared_node.kill()
    after = await shared_node.start()

    assert after.url == before.url
    assert await take(after.url, "crash") == b"survives"


async def test_a_node_that_was_killed_is_seen_to_be_dead_and_started_again_at_the_same_address(
    shared_node: RestartableNode,
) -> None:
    before = await shared_node.start()
    was_alive = shared_node.node.is_alive
    shared_node.kill()
    await until_dead(shared_node.node)

    after = await shared_node.node.restart()

    shared_node.address = after
    assert was_alive
    assert shared_node.node.is_alive
    assert after.url == before.url
    assert after.pid != before.pid


async def test_a_second_start_in_the_same_folder_is_refused_with_the_holders_pid(
    shared_node: RestartableNode, data_dir: Path
) -> None:
    address = await shared_node.start()
    second = PrivateNode(data_dir, find_installation(PROJECT_DATA_DIR))

    with pytest.raises(NodeInUseError, match=f"pid {os.getpid()}; stop it or use another --data-dir"):
        await second.start()
    await second.stop()

    version = await log_in(identity_in(data_dir).ports.amqp, address.user, address.password, timeout=PATIENCE)
    assert version == address.version


async def test_only_the_nodes_own_user_may_log_in_and_only_over_loopback(
    shared_node: RestartableNode, data_dir: Path
) -> None:
    address = await shared_node.start()

    with pytest.raises(LoginRefusedError, match="refuses"):
        await log_in(identity_in(data_dir).ports.amqp, "guest", "guest", timeout=PATIENCE)

    assert listening_addresses(address.pid) == {LOOPBACK}
    assert NodeFolder(data_dir / "broker").identity.stat().st_mode & 0o777 == 0o600
    assert address.password not in repr(address)


async def test_a_lost_password_file_locks_nobody_out(shared_node: RestartableNode, data_dir: Path) -> None:
    before = await shared_node.start()
    await put_on_disk(before.url, "password", b"survives", data_dir)
    shared_node.kill()
    NodeFolder(data_dir / "broker").identity.unlink()

    after = await shared_node.start()

    assert after.password != before.password
    assert await take(after.url, "password") == b"survives"


async def test_another_port_is_chosen_when_a_stranger_took_the_remembered_one(
    shared_node: RestartableNode, data_dir: Path
) -> None:
    before = await shared_node.start()
    await put_on_disk(before.url, "port", b"survives", data_dir)
    taken = identity_in(data_dir).ports.amqp
    shared_node.kill()
    await shared_node.stop()

    with socket.create_server(("127.0.0.1", taken)):
        after = await shared_node.start()

    assert after.url != before.url
    assert await take(after.url, "port") == b"survives"


@pytest.fixture
def orphaned_server(tmp_path: Path) -> Iterator[int]:
    """The pid of a server whose starter was killed with -9."""
    program = (
        "import asyncio, sys, time\n"
        "from pathlib import Path\n"
        "from tubewarren.broker import PrivateNode, find_installation\n"
        "node = PrivateNode(Path(sys.argv[1]), find_installation(Path(sys.argv[2])))\n"
        "print(asyncio.run(node.start()).pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path), str(PROJECT_DATA_DIR)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        starter.kill()
    yield pid
    for process in processes_marked(NodeFolder(tmp_path / "broker").marker):
        os.kill(process.pid, signal.SIGKILL)


async def test_a_node_whose_starter_was_killed_is_taken_over_and_stopped_cleanly(
    orphaned_server: int, tmp_path: Path
) -> None:
    node = PrivateNode(tmp_path, find_installation(PROJECT_DATA_DIR))

    address = await node.start()
    servers = [p.pid for p in processes_marked(NodeFolder(tmp_path / "broker").marker) if p.is_server]
    await put(address.url, "orphan", b"served")
    await node.stop()

    assert address.pid == orphaned_server
    assert servers == [orphaned_server]
    assert processes_marked(NodeFolder(tmp_path / "broker").marker) == ()
    assert await registered_nodes(identity_in(tmp_path).ports.epmd) is None


async def test_an_orphaned_node_that_hangs_is_replaced_and_not_started_twice(
    orphaned_server: int, tmp_path: Path
) -> None:
    freeze(orphaned_server)
    node = PrivateNode(tmp_path, find_installation(PROJECT_DATA_DIR), stop_patience=timedelta(seconds=1))

    epmd_of_the_orphan = identity_in(tmp_path).ports.epmd
    address = await node.start()
    servers = [p.pid for p in processes_marked(NodeFolder(tmp_path / "broker").marker) if p.is_server]
    await node.stop()

    assert address.pid != orphaned_server
    assert servers == [address.pid]
    assert await registered_nodes(epmd_of_the_orphan) is None


async def test_a_server_that_cannot_start_says_why_and_where_its_log_is(tmp_path: Path) -> None:
    folder = NodeFolder(tmp_path / "broker")
    folder.root.mkdir()
    (folder.root / "mnesia").write_text("a file where the data folder should be")
    node = PrivateNode(tmp_path, find_installation(PROJECT_DATA_DIR))

    with pytest.raises(NodeStartError) as caught:
        await node.start()

    assert "ended before it served" in str(caught.value)
    assert str(folder.logs) in str(caught.value)
    assert len(str(caught.value).splitlines()) > 2
    assert processes_marked(folder.marker) == ()


async def test_a_vhost_belongs_to_one_test_and_is_open_to_the_brokers_user(vhost_url: str) -> None:
    await put(vhost_url, "own", b"isolated")

    assert await take(vhost_url, "own") == b"isolated"


def identity_in(data_dir: Path) -> NodeIdentity:
    identity = remembered_identity(NodeFolder(data_dir / "broker").identity)
    assert identity is not None
    return identity
