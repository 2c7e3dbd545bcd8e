from pathlib import Path

import pytest

from tubewarren.broker import Installation, NodeStartError, PrivateNode


async def test_a_folder_that_cannot_be_used_is_said_to_be_unusable(tmp_path: Path) -> None:
    (tmp_path / "broker").write_text("a file where the folder should be")
    node = PrivateNode(tmp_path, Installation(scripts=tmp_path, path=()))

    with pytest.raises(NodeStartError, match="make it writable, or use another --data-dir"):
        await node.start()

    await node.stop()


async def test_a_failed_start_gives_the_folder_back(tmp_path: Path) -> None:
    program = tmp_path / "rabbitmq-server"
    program.write_text("#!/bin/sh\necho what went wrong\nexit 3\n")
    program.chmod(0o755)
    installation = Installation(scripts=tmp_path, path=(Path("/bin"),))

    for _ in range(2):
        with pytest.raises(NodeStartError, match=r"exit code 3(.|\n)*console\.log:\n  what went wrong"):
            await PrivateNode(tmp_path, installation).start()


async def test_a_node_that_never_started_is_not_alive_and_cannot_be_started_again(tmp_path: Path) -> None:
    node = PrivateNode(tmp_path, Installation(scripts=tmp_path, path=()))

    assert not node.is_alive
    with pytest.raises(NodeStartError, match="start it"):
        await node.restart()
