"""What the commands of the sheet say."""

from tubewarren.sheets.adoption import Found, Kind
from tubewarren.sheets.errors import SheetUnavailableError
from tubewarren.sheets.inspection import Problem
from tubewarren_services.cli.checkup import Finding, Health
from tubewarren_services.cli.sheet_look import Look
from tubewarren_services.cli.sheet_making import Made, MadeReady
from tubewarren_services.cli.sheet_view import (
    adoption_json,
    adoption_lines,
    finding_line,
    findings_of,
    made_json,
    made_lines,
    unreachable,
)
from unit.cli.drawing import drawn

GRAVE = Problem("Sources", "something is wrong", "Mend it.")
MINOR = Problem("Workers", "it could be better", "Better it.", is_grave=False)


def test_a_look_begins_with_the_sheet_and_what_is_in_order() -> None:
    findings = findings_of(Look("the folder w", {"Summary": 1}, (GRAVE, MINOR)))

    assert findings == (
        Finding("sheet", Health.OK, "the folder w"),
        Finding("Summary", Health.OK, "1 row, in order"),
        Finding("Sources", Health.BAD, "something is wrong", "Mend it."),
        Finding("Workers", Health.WARN, "it could be better", "Better it."),
    )


def test_a_sheet_that_is_not_there_is_not_called_fine() -> None:
    assert [each.health for each in findings_of(Look("", {}, (GRAVE,)))] == [Health.BAD]


def test_a_finding_is_one_line_with_its_remedy() -> None:
    text = drawn(finding_line(Finding("Sources", Health.BAD, "something is wrong", "Mend it.")), 200)

    assert text == "bad  Sources: something is wrong. Mend it.\n"


def test_an_unreachable_sheet_is_bad_in_its_own_words() -> None:
    finding = unreachable(SheetUnavailableError("It is away. Bring it back."))

    assert finding.health is Health.BAD
    assert drawn(finding_line(finding), 200) == "bad  sheet: It is away. Bring it back. Then look again.\n"


def test_what_was_made_is_told_a_tab_a_line() -> None:
    ready = MadeReady((Made("Sources", "the tab"), Made("Workers", "colours"), Made("Sources", "colours")), ())

    assert list(made_lines(ready)) == ["Sources: made the tab; colours.", "Workers: made colours."]
    assert made_json(ready, ())["made"][0] == {"tab": "Sources", "what": "the tab"}


def test_nothing_made_is_only_fine_without_problems() -> None:
    assert list(made_lines(MadeReady((), ()))) == ["Everything is there; nothing was changed."]
    assert list(made_lines(MadeReady((), (GRAVE,)))) == []


def test_each_kind_has_its_words() -> None:
    for kind in Kind:
        heading, row = adoption_lines([Found(kind, "the row", "its detail")])

        assert ": 1. They " in heading
        assert row == "    the row (its detail)"


def test_of_many_rows_a_person_sees_the_first_and_a_machine_all() -> None:
    found = [Found(Kind.VIDEO_LEFT, f"video {number}") for number in range(1_200)]

    lines = list(adoption_lines(found))

    assert len(lines) == 7
    assert ": 1,200. " in lines[0]
    assert "1,195 more" in lines[-1]
    assert len(adoption_json(found, repaired=True)["found"]) == 1_200
