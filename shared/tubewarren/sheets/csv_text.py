"""A tab as the bytes of a CSV file, in the layout that a person's editor gave it, and back."""

import csv
import io
import re
from collections.abc import Collection
from dataclasses import dataclass

from tubewarren.sheets.errors import TabUnreadableError
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import Tab

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_DELIMITERS = (",", ";", "\t")
_LINE_END = re.compile("\r\n|\n|\r")
# Far more than any header; sniffing must not depend on how long the file is.
_SNIFFED = 20_000


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file spells its cells; kept as found, so that the editor that wrote it reads it again."""

    delimiter: str = ","
    line_end: str = "\n"
    marked: bool = False


def parse(content: bytes, tab: Tab) -> tuple[Table, Layout]:
    """Return what is in a file of this tab, and its layout.

    Raises:
        TabUnreadableError: not UTF-8, or not CSV.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TabUnreadableError(tab.name, (f'Line {line} is not UTF-8: save it again as "CSV UTF-8".',)) from error
    layout = Layout(
        delimiter=_delimiter(text[:_SNIFFED], tab.columns),
        line_end=found[0] if (found := _LINE_END.search(text)) else "\n",
        marked=content.startswith(_BYTE_ORDER_MARK),
    )
    # Not splitlines(): a cell may hold characters that Python, but not CSV, takes for the end of a line.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=layout.delimiter, strict=True)
    try:
        return Table.of(reader), layout
    except csv.Error as error:
        reason = f"Line {reader.line_num} is not CSV ({error}): mend its quotation marks and save it again."
        raise TabUnreadableError(tab.name, (reason,)) from error


def render(table: Table, layout: Layout) -> bytes:
    """Return the file that `parse` reads as this table."""
    lines: list[str] = []
    # The writer quotes a lone CR or LF in a cell for sure only if its own lines end with both.
    writer = csv.writer(_Lines(lines), delimiter=layout.delimiter, lineterminator="\r\n")
    writer.writerow(table.header)
    writer.writerows(table.rows)
    text = "".join([line[:-2] + layout.line_end for line in lines])
    return (_BYTE_ORDER_MARK if layout.marked else b"") + text.encode("utf-8", errors="replace")


class _Lines:
    """A file for csv.writer that keeps its lines apart."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


def _delimiter(beginning: str, known: Collection[str]) -> str:
    def names_found(delimiter: str) -> int:
        header = next(csv.reader(io.StringIO(beginning, newline=""), delimiter=delimiter), [])
        return len({name.strip() for name in header} & set(known))

    return max(_DELIMITERS, key=names_found)
