"""Lines that fit: facts side by side, and lists that say how much of them is left out."""

from collections.abc import Iterable, Sequence

from rich.text import Text

Words = tuple[str, str]
"""Words and their style."""

_GAP = "  "


def in_a_row(parts: Iterable[Words], width: int) -> list[Text]:
    """The parts side by side, in as many lines as they need; none of them is broken."""
    lines: list[Text] = []
    for words, style in parts:
        part = Text(words, style=style, no_wrap=True, overflow="ellipsis")
        if lines and lines[-1].cell_len + len(_GAP) + part.cell_len <= width:
            lines[-1] = Text.assemble(lines[-1], _GAP, part, no_wrap=True, overflow="ellipsis")
        else:
            lines.append(part)
    return lines


def one_line(width: int, *parts: Words) -> Text:
    """The parts one after another, cut at the end of the line."""
    line = Text.assemble(*((words.replace("\n", " "), style) for words, style in parts), no_wrap=True)
    line.truncate(width, overflow="ellipsis")
    return line


def at_most(most: int, lines: Sequence[Text]) -> list[Text]:
    """So many lines; when there are more, the last says how many are left out."""
    if len(lines) <= most:
        return list(lines)
    shown = max(0, most - 1)
    return [*lines[:shown], more(len(lines) - shown)]


def more(number: int) -> Text:
    """What stands for the rest."""
    return Text(f"… and {number:,} more", style="dim")
