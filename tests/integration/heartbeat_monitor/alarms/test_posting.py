"""Letters on their way, by the real Apprise over loopback."""

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from standins.webhook import Webhook, open_webhook
from tubewarren_services.heartbeat_monitor.alarms.letter import Letter
from tubewarren_services.heartbeat_monitor.alarms.posting import Posted, Receipt, post

LETTER = Letter("Tubewarren: worker lost", "Worker lost:\n- a & <b>: silent", "bad")


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with open_webhook() as found:
        yield found


async def test_what_is_sent_arrives_and_each_address_is_told_of(webhook: Webhook) -> None:
    urls = (webhook.url("taken"), webhook.url("refused"), "nosuch://secret", "json://127.0.0.1:1/")

    receipts = await post([Posted(SecretStr(url), LETTER) for url in urls])

    assert receipts == (Receipt.DELIVERED, Receipt.FAILED, Receipt.UNKNOWN, Receipt.FAILED)
    taken = next(call for call in webhook.calls if call.path == "/taken")
    assert (taken.body["title"], taken.body["message"]) == (LETTER.title, LETTER.body)
    assert taken.body["type"] == "warning"


async def test_an_address_that_hangs_is_given_up_and_leaves_no_process(webhook: Webhook) -> None:
    before = _children()

    receipts = await post([Posted(SecretStr(webhook.url("hangs")), LETTER)], timedelta(seconds=3))

    assert receipts == (Receipt.FAILED,)
    assert not webhook.calls
    assert _children() == before


def _children() -> set[str]:
    return set(Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children").read_text().split())
