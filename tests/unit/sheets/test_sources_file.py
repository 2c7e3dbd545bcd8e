import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubewarren.sheets.sources_file import BadLine, SourceLine, parse_sources


def test_a_full_line_names_every_column() -> None:
    sources, bad = parse_sources(b"https://y/1|Ann|f|scots|talk|channel|20\n")

    details = {"Name": "Ann", "Gender": "f", "Accent": "scots", "ContentType": "talk", "Type": "channel"}
    assert sources == (SourceLine(1, "https://y/1", {**details, "MultispeakerPercentage": "20"}),)
    assert bad == ()


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        ("https://y/1", {}),
        ("  https://y/1 | Ann ", {"Name": "Ann"}),
        ("https://y/1||f", {"Gender": "f"}),
        ("https://y/1|Ann||||||", {"Name": "Ann"}),
        ("https://y/1|Ann|||||||||", {"Name": "Ann"}),
        ("https://y/1|=A1|+1|007", {"Name": "=A1", "Gender": "+1", "Accent": "007"}),
        ("https://y/1|Zoë\u00a0\u200dB", {"Name": "Zoë\u00a0\u200dB"}),
    ],
)
def test_trailing_fields_may_be_missing_or_empty(line: str, columns: dict[str, str]) -> None:
    assert parse_sources(line.encode()) == ((SourceLine(1, "https://y/1", columns),), ())


def test_comments_blank_lines_and_the_format_itself_are_skipped_and_counted() -> None:
    text = "# mine\n\n  # indented | too\nURL|Name|Gender|Accent|ContentType|Type|MultispeakerPercentage\nhttps://y/#a|N#1\n"

    assert parse_sources(text.encode()) == ((SourceLine(5, "https://y/#a", {"Name": "N#1"}),), ())


def test_a_byte_order_mark_and_windows_line_ends_are_fine() -> None:
    sources, bad = parse_sources("\ufeffhttps://y/1|a\r\n\r\nhttps://y/2|b\r\n".encode())

    assert [(line.number, line.url, line.columns) for line in sources] == [
        (1, "https://y/1", {"Name": "a"}),
        (3, "https://y/2", {"Name": "b"}),
    ]
    assert bad == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"|Ann|f", "no URL"),
        (b"https://y|1|2|3|4|5|6|7", "There are 8 fields, at most 7"),
        (b"https://y|Zo\xeb", "not UTF-8"),
        (b"https://y|a\x00b", "control characters"),
    ],
)
def test_a_bad_line_is_told_with_its_number_and_stops_nothing(line: bytes, reason: str) -> None:
    sources, bad = parse_sources(b"https://y/1\n" + line + b"\nhttps://y/3")

    assert [source.number for source in sources] == [1, 3]
    assert [wrong.number for wrong in bad] == [2]
    assert reason in bad[0].reason


def test_a_long_bad_line_is_cut() -> None:
    (bad,) = parse_sources(b"|" + b"x" * 1_000_000)[1]

    assert isinstance(bad, BadLine)
    assert len(bad.text) == 200


def test_a_file_in_utf_16_is_bad_in_every_line_and_no_source() -> None:
    sources, bad = parse_sources("https://y/1\nhttps://y/2".encode("utf-16"))

    assert sources == ()
    assert len(bad) == 2


@given(st.binary())
def test_no_bytes_are_too_strange(content: bytes) -> None:
    sources, bad = parse_sources(content)

    assert all(source.url for source in sources)
    assert all(line.number >= 1 and line.reason for line in bad)
