"""What holds work back, for people."""

from tubewarren.messages.events import Gate
from tubewarren.messages.permits import PAUSED_IN_THE_LIST
from tubewarren_services.heartbeat_monitor.permits.books import Books, Pause


def gates(books: Books) -> tuple[Gate, ...]:
    """Every pause, cancelled source, sleeping egress and open breaker."""
    paused = (
        Gate(
            kind="pause",
            name=each.name or each.scope.value,
            reason=each.reason or "A person paused it.",
            advice=_how_to_end(each),
            since=each.since,
        )
        for each in books.pauses
    )
    cancelled = (
        Gate(
            kind="cancelled",
            name=source_id,
            reason="A person wants it no more; what waited is dead.",
            advice="Write retry into its Action to take it up again.",
            since=since,
        )
        for source_id, since in books.cancelled.items()
    )
    asleep = (
        Gate(
            kind="egress",
            name=each.name,
            reason=each.reason,
            advice="It is probed with one video then, and goes on by itself. Slow down, or add another egress.",
            since=each.since,
            until=each.asleep_until,
        )
        for each in books.egresses.values()
        if each.since is not None
    )
    broken = (
        Gate(
            kind="breaker",
            name=stage,
            reason=f"The same failure everywhere: {each.signature}",
            advice="Update yt-dlp on every worker. One try at growing intervals finds out when it works again.",
            since=each.since,
            until=each.next_canary,
        )
        for stage, each in books.breakers.items()
        if each.since is not None
    )
    return (*paused, *cancelled, *asleep, *broken)


def _how_to_end(pause: Pause) -> str:
    if pause.reason == PAUSED_IN_THE_LIST:
        return "Empty its Pause in the list."
    return f"svc resume {pause.scope.value} {pause.name}".strip()
