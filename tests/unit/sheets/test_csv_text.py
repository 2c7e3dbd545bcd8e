import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubewarren.sheets.csv_text import Layout, parse, render
from tubewarren.sheets.errors import TabUnreadableError
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import SOURCES

_LAYOUTS = st.builds(
    Layout, delimiter=st.sampled_from([",", ";", "\t"]), line_end=st.sampled_from(["\n", "\r\n"]), marked=st.booleans()
)
_CELLS = st.text(st.one_of(st.sampled_from(",;\t\"'\r\n =\x00\u2028\x0b"), st.characters(codec="utf-8")), max_size=6)


@given(_LAYOUTS, st.lists(st.tuples(_CELLS, _CELLS, _CELLS)))
def test_what_is_written_is_read_again_cell_for_cell(layout: Layout, rows: list[tuple[str, str, str]]) -> None:
    table = Table(header=("ID", "URL", "Mine"), rows=tuple(rows))

    content = render(table, layout)

    assert parse(content, SOURCES) == (table, layout)


def test_a_file_that_nobody_changed_is_rendered_byte_for_byte() -> None:
    content = b'ID;URL;Note\r\n00000000042;=A1;"a;b\nc ""d"""\r\n;;\r\n'

    assert render(*parse(content, SOURCES)) == content


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_delimiter_is_the_one_that_yields_our_columns(delimiter: str, mark: bytes) -> None:
    # The person's own column holds the other delimiters.
    line = delimiter.join(["ID", '"my , ; \t column"', "URL"])

    table, layout = parse(mark + line.encode(), SOURCES)

    assert table.header == ("ID", "my , ; \t column", "URL")
    assert layout == Layout(delimiter, "\n", marked=bool(mark))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("ID,URL\n1,Zoë".encode("latin-1"), "Line 2 is not UTF-8"),
        ("ID,URL\n1,u".encode("utf-16"), "Line 1 is not UTF-8"),
        (b'ID,URL\n1,"never closed\n', "not CSV"),
        (b'ID,URL\n1,"a"b\n', "Line 2 is not CSV"),
    ],
)
def test_what_is_no_csv_is_told_with_its_line(content: bytes, problem: str) -> None:
    with pytest.raises(TabUnreadableError, match=problem) as caught:
        parse(content, SOURCES)

    assert caught.value.tab == "Sources"


def test_half_a_character_from_elsewhere_does_not_stop_the_writing() -> None:
    assert render(Table(header=("ID",), rows=(("\ud800",),)), Layout()) == b"ID\n?\n"
