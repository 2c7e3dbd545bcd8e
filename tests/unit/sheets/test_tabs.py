import pytest

from tubewarren.sheets.errors import TabUnreadableError
from tubewarren.sheets.table import Table
from tubewarren.sheets.tabs import (
    DEAD_LETTER_SOURCES,
    DEAD_LETTER_TASKS,
    SOURCES,
    TABS,
    VIDEO_TASKS,
    WORKERS,
    Tab,
    ensure_readable,
    problems,
)

_OLDER_SOURCES = (
    "ID URL Status ClaimedBy ClaimedAt Name Gender Accent ContentType Type MultispeakerPercentage RetryCount LastError"
)
_OUR_SOURCES = "Priority Preset Filter Refresh Pause Action Videos Done Failed Progress ETA"
_OLDER_TASKS = "ID SourceID URL Status Duration ClaimedBy ClaimedAt RetryCount LastError"


@pytest.mark.parametrize(
    ("tab", "name", "older", "ours"),
    [
        (
            SOURCES,
            "Sources",
            _OLDER_SOURCES,
            "Priority Preset Filter Refresh Pause Action Videos Done Failed Progress ETA",
        ),
        (VIDEO_TASKS, "Video Tasks", _OLDER_TASKS, "Title Progress"),
        (DEAD_LETTER_SOURCES, "Dead-Letter Sources", _OLDER_SOURCES, ""),
        (DEAD_LETTER_TASKS, "Dead-Letter Tasks", _OLDER_TASKS, ""),
        (WORKERS, "Workers", "Hostname LastSeen Status", "Service Doing"),
    ],
)
def test_our_columns_come_after_those_of_the_older_coordinator(tab: Tab, name: str, older: str, ours: str) -> None:
    assert tab.name == name
    assert tab.columns == (*older.split(), *ours.split())


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.name)
def test_every_column_has_exactly_one_owner(tab: Tab) -> None:
    assert sorted((*tab.key, *tab.human, *tab.system)) == sorted(tab.columns)


def test_what_a_person_says_of_a_source_is_theirs() -> None:
    assert set(SOURCES.human) == {
        *("URL", "Name", "Gender", "Accent", "ContentType", "Type", "MultispeakerPercentage"),
        *("Priority", "Preset", "Filter", "Refresh", "Pause", "Action"),
    }


@pytest.mark.parametrize("tab", TABS, ids=lambda tab: tab.name)
def test_a_new_tab_is_readable_and_in_any_order_of_columns(tab: Tab) -> None:
    ensure_readable(tab, Table(header=tab.columns))
    ensure_readable(tab, Table(header=("Mine", "", "", *reversed(tab.columns))))


def test_a_missing_and_a_doubled_column_are_named_with_what_to_do() -> None:
    table = Table.of([["ID", "Name", "Name"]])

    with pytest.raises(TabUnreadableError) as caught:
        ensure_readable(SOURCES, table)

    assert caught.value.tab == "Sources"
    assert caught.value.problems == problems(SOURCES, table)
    text = str(caught.value)
    assert 'The tab "Sources" cannot be read' in text
    assert '"URL" is missing: write URL into the first row' in text
    assert 'called "Name": rename or remove' in text


def test_a_missing_system_column_is_no_problem() -> None:
    assert problems(SOURCES, Table.of([["URL", "ID"]])) == ()
