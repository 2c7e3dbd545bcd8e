"""The API without the network: the stand-in's rules, called directly."""

import json
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import Any

import pytest

from standins.google_calls import Call, perform
from standins.google_errors import RefusedError
from standins.google_person import Person
from standins.google_quota import Kind
from standins.google_spreadsheet import Sheet, Spreadsheet
from tubewarren.sheets.errors import Cause, GoogleUnavailableError
from tubewarren.sheets.google.landing import RETURNED_FIELDS
from tubewarren.sheets.google.workbook import GoogleWorkbook
from tubewarren.sheets.tabs import Tab

Asked = list[tuple[str, Any]]


class DirectClient:
    """A `Client` of a spreadsheet in this process.

    Attributes:
        asked: every call, with what it asked for.
        before_writing: what a person does just before a write arrives, one deed a write.
        lost: how many of the next writes are done without an answer.
    """

    def __init__(self, file: Spreadsheet) -> None:
        self.file = file
        self.asked: Asked = []
        self.before_writing: list[Callable[[], object]] = []
        self.lost = 0

    @property
    def calls(self) -> list[str]:
        return [name for name, _ in self.asked]

    def values(self, ranges: Sequence[str]) -> list[list[list[str]]]:
        self.asked.append(("values", list(ranges)))
        answer = self._perform("values.batchGet", {"ranges": list(ranges)})
        return [each.get("values", []) for each in answer["valueRanges"]]

    def metadata(self) -> Mapping[str, Any]:
        self.asked.append(("metadata", None))
        return self._perform("get", {})

    def update(self, requests: Sequence[Mapping[str, Any]], returning: Sequence[str] = ()) -> Mapping[str, Any]:
        self.asked.append(("update", list(requests)))
        if self.before_writing:
            self.before_writing.pop(0)()
        body: dict[str, Any] = {"requests": list(requests)}
        if returning:
            body |= {"includeSpreadsheetInResponse": True, "responseIncludeGridData": True}
            body["responseRanges"] = list(returning)
        fields = f"replies,{RETURNED_FIELDS}" if returning else "replies"
        answer = self._perform("batchUpdate", {"fields": [fields]}, body)
        if self.lost:
            self.lost -= 1
            raise GoogleUnavailableError(Cause.NETWORK, "The answer is lost.")
        return answer

    def _perform(self, method: str, query: dict[str, list[str]], body: Any = None) -> Mapping[str, Any]:
        call = Call(method, Kind.READ, self.file.spreadsheet_id, "", query, json.dumps(body or {}).encode())
        try:
            return perform(call, self.file)
        except RefusedError as refusal:
            raise GoogleUnavailableError(Cause.REFUSED, str(refusal.body)) from refusal


@pytest.fixture
def client() -> DirectClient:
    return DirectClient(Spreadsheet("id", "A list", [Sheet(0, "Sheet1")]))


@pytest.fixture
def person(client: DirectClient) -> Person:
    return Person(client.file, RLock())


@pytest.fixture
def book(client: DirectClient) -> GoogleWorkbook:
    made = GoogleWorkbook(client)
    made.create_missing()
    client.asked.clear()
    return made


@pytest.fixture
def fill(book: GoogleWorkbook, person: Person) -> Callable[..., None]:
    """Empty a tab and type rows into it, from the header on; an apostrophe keeps each cell text."""

    del book  # it makes the tabs

    def fill(tab: Tab, *rows: Sequence[str]) -> None:
        for line, row in enumerate(person.rows(tab.name), start=1):
            for column in range(1, len(row) + 1):
                person.edit_cell(tab.name, line, column, "")
        person.paste_rows(tab.name, [[f"'{text}" if text else "" for text in row] for row in rows], at=1)

    return fill
