"""Bump: what was moved, and what was left alone, in sentences."""

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
    name = f"{answer.source_id}/{answer.video_id}" if answer.video_id else f"Source {answer.source_id}"
    lines = [f"{name}: {_moved(answer, priority)}"]
    if left := [f"{number:,} {_WORDS.get(state, state)}" for state, number in _in_order(answer.left)]:
        lines.append(f"  Left as they are: {', '.join(left)}.")
    if answer.left.get("dead"):
        lines.append(f"  What is dead goes back to work with `svc dead redrive --source {answer.source_id}`.")
    if words := _of_listing(answer, priority):
        lines.append(f"  {words}")
    return tuple(lines)


def _moved(answer: BumpAnswered, priority: int) -> str:
    if not answer.bumped:
        return "no video of it waits for a worker."
    moved = "would be moved" if answer.dry_run else "moved"
    return f"{count(answer.bumped, 'video')} {moved} to priority {priority}."


def _of_listing(answer: BumpAnswered, priority: int) -> str:
    match answer.listing:
        case Listing.NONE:
            return ""
        case Listing.BUMPED:
            would = "would be" if answer.dry_run else "is"
            return f"It {would} listed sooner, and what is found has priority {priority}."
        case Listing.UNDER_WAY:
            return (
                "It is being listed: what is found from now on has its old priority; bump it again when it is listed."
            )
        case Listing.WAITING:
            return "Its listing failed and is tried again by itself: bump it when it is listed."
        case Listing.DEAD:
            return f"It could not be listed; try again with `svc dead redrive --source {answer.source_id}`."


def _in_order(left: dict[str, int]) -> list[tuple[str, int]]:
    places = {state: place for place, state in enumerate(_WORDS)}
    return sorted(left.items(), key=lambda pair: (places.get(pair[0], len(places)), pair[0]))
