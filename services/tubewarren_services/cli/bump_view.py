"""Bump: what was moved, and what was left alone, in sentences."""

from collections.abc import Iterator
from typing import Final

from tubewarren.messages.bumps import BumpAnswered, Listing
from tubewarren_services.cli.units import count

_WORDS: Final = {
    "done": "done",
    "filtered": "left out by a filter",
    "in-progress": "under way",
    "waiting": "waiting for the next attempt",
    "later": "waiting for a set time",
    "dead": "dead",
}


def bump_lines(answer: BumpAnswered, priority: int) -> tuple[str, ...]:
    """What became of one source, or of one video of it."""
    if answer.video_id:
        return tuple(_of_a_video(answer, priority))
    lines = [f"Source {answer.source_id}: {_moved(answer, priority)}"]
    if left := [f"{number:,} {_WORDS.get(state, state)}" for state, number in _in_order(answer.left)]:
        lines.append(f"  Left as they are: {', '.join(left)}.")
    if answer.left.get("dead"):
        lines.append(f"  What is dead goes back to work with `svc dead redrive --source {answer.source_id}`.")
    if words := _of_listing(answer, priority):
        lines.append(f"  {words}")
    return tuple(lines)


def _of_a_video(answer: BumpAnswered, priority: int) -> Iterator[str]:
    name = f"{answer.source_id}/{answer.video_id}"
    if answer.bumped:
        yield f"{name}: {'would be moved' if answer.dry_run else 'moved'} to priority {priority}."
        return
    is_so = " and ".join(_WORDS.get(state, state) for state in answer.left)
    yield f"{name}: left as it is, for it is {is_so}." if is_so else f"{name}: nothing is known of it any more."
    if answer.left.get("dead"):
        yield f"  How it goes back to work: `svc why {answer.video_id}`."


def _moved(answer: BumpAnswered, priority: int) -> str:
    if not answer.bumped:
        return "no video of it waits for a worker."
    moved = "would be moved" if answer.dry_run else "moved"
    return f"{count(answer.bumped, 'video')} {moved} to priority {priority}."


def _of_listing(answer: BumpAnswered, priority: int) -> str:
    is_now, found = ("would be", "would have") if answer.dry_run else ("is", "has")
    found += f" priority {priority}"
    match answer.listing:
        case Listing.NONE:
            return ""
        case Listing.BUMPED:
            return f"It {is_now} listed sooner, and what is found {found}."
        case Listing.UNDER_WAY:
            return f"It is being listed: what is found from now on {found}, too."
        case Listing.WAITING:
            return f"Its listing failed and is tried again by itself; what is found then {found}."
        case Listing.DEAD:
            return f"It could not be listed; try again with `svc dead redrive --source {answer.source_id}`."


def _in_order(left: dict[str, int]) -> list[tuple[str, int]]:
    places = {state: place for place, state in enumerate(_WORDS)}
    return sorted(left.items(), key=lambda pair: (places.get(pair[0], len(places)), pair[0]))
