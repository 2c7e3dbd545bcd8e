"""Field masks."""

import pytest

from standins.google_errors import RefusedError
from standins.google_masks import SHEET_PROPERTIES, SPREADSHEET, masked, names, parse_mask

ANSWER = {
    "spreadsheetId": "x",
    "sheets": [{"properties": {"title": "T", "gridProperties": {"rowCount": 3}}, "protectedRanges": [{"a": 1}]}],
}


@pytest.mark.parametrize(
    ("mask", "kept"),
    [
        ("*", ANSWER),
        ("spreadsheetId", {"spreadsheetId": "x"}),
        ("sheets.properties.title", {"sheets": [{"properties": {"title": "T"}}]}),
        ("sheets/properties/title", {"sheets": [{"properties": {"title": "T"}}]}),
        (
            "sheets(properties(title),protectedRanges)",
            {"sheets": [{"properties": {"title": "T"}, "protectedRanges": [{"a": 1}]}]},
        ),
        ("sheets.properties,sheets.properties.title", {"sheets": [{"properties": ANSWER["sheets"][0]["properties"]}]}),  # type: ignore[index]
    ],
)
def test_a_mask_keeps_what_it_names(mask: str, kept: object) -> None:
    assert masked(ANSWER, parse_mask(mask, SPREADSHEET)) == kept


@pytest.mark.parametrize("mask", ["", "sheets.propertis", "sheets(properties", "sheets)", "sheets.,", "a b"])
def test_a_mask_that_names_what_is_not_there_is_refused(mask: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        parse_mask(mask, SPREADSHEET)

    assert refusal.value.body["error"]["status"] == "INVALID_ARGUMENT"


def test_what_lies_inside_of_a_named_field_is_named() -> None:
    mask = parse_mask("title,gridProperties.rowCount", SHEET_PROPERTIES)

    assert names(mask, "title")
    assert names(mask, "gridProperties")
    assert not names(mask, "gridProperties", "columnCount")
    assert not names(mask, "index")
