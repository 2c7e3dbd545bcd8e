"""The stand-in for Google's Sheets API, seen through the real gspread and google-auth."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import gspread
import pytest
import requests
from google.auth.exceptions import RefreshError

from standins.google import GoogleStandin, google_standin
from standins.google_quota import Kind, Limits
from standins.google_spreadsheet import Spreadsheet

HEADER = ["ID", "URL", "Status"]


class Clock:
    """Time that goes on only when it is told to."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def google(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleStandin]:
    with google_standin(clock) as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def file(google: GoogleStandin) -> Spreadsheet:
    file = google.spreadsheet("Sources of ours", ("Sources", "Video Tasks"))
    google.person(file).paste_rows("Sources", [HEADER, ["1", "https://a.test", "pending"]])
    return file


def a_client(google: GoogleStandin, scopes: list[str] | None = None) -> gspread.Client:
    client = gspread.service_account_from_dict(google.account.key_file, scopes or gspread.auth.DEFAULT_SCOPES)
    client.http_client.set_timeout((5, 20))
    return client


@pytest.fixture
def book(google: GoogleStandin, file: Spreadsheet) -> gspread.Spreadsheet:
    return a_client(google).open_by_key(file.spreadsheet_id)


def test_gspread_opens_a_spreadsheet_and_sees_its_tabs(book: gspread.Spreadsheet, google: GoogleStandin) -> None:
    tabs = [(tab.title, tab.row_count, tab.col_count) for tab in book.worksheets()]

    assert book.title == "Sources of ours"
    assert tabs == [("Sources", 1000, 26), ("Video Tasks", 1000, 26)]
    assert google.refused_hosts == []


def test_values_are_read_in_one_request_however_many_ranges(book: gspread.Spreadsheet, google: GoogleStandin) -> None:
    before = google.count(Kind.READ)

    answer = book.values_batch_get(["Sources", "'Video Tasks'!A:C", "Sources!C2"])

    assert [found.get("values") for found in answer["valueRanges"]] == [
        [HEADER, ["1", "https://a.test", "pending"]],
        None,
        [["pending"]],
    ]
    assert google.count(Kind.READ) == before + 1


def test_values_are_written_raw_in_one_request(
    book: gspread.Spreadsheet, google: GoogleStandin, file: Spreadsheet
) -> None:
    data = [{"range": "Sources!C2", "values": [["=done"]]}, {"range": "'Video Tasks'!A1", "values": [["0042", True]]}]

    answer = book.values_batch_update({"valueInputOption": "RAW", "data": data})

    assert (answer["totalUpdatedCells"], answer["totalUpdatedSheets"]) == (3, 2)
    assert google.person(file).cells("Sources")[1][2] == "=done"
    assert google.person(file).cells("Video Tasks") == [["0042", True]]
    assert google.count(Kind.WRITE) == 1


def test_what_gspread_enters_for_a_user_is_parsed(book: gspread.Spreadsheet) -> None:
    tab = book.worksheet("Video Tasks")
    tab.update_acell("A1", "0042")
    tab.append_rows([["3/4", "x"], ["TRUE"]], value_input_option="USER_ENTERED")  # type: ignore[arg-type]

    assert tab.get_all_values() == [["42", ""], ["3/4", "x"], ["TRUE", ""]]
    assert tab.get("A2:B3", value_render_option="UNFORMATTED_VALUE") != [["3/4", "x"], ["TRUE"]]  # type: ignore[arg-type]


def test_gspreads_own_ways_of_changing_a_tab_work(book: gspread.Spreadsheet) -> None:
    tab = book.add_worksheet("New", rows=5, cols=3)
    tab.update([["H"], ["b"], ["a"]])
    tab.freeze(rows=1)
    tab.sort((1, "asc"))
    tab.insert_row(["first"], 2)
    tab.delete_rows(4)
    tab.resize(rows=8)
    tab.batch_clear(["A3"])
    tab.update_title("Newer")

    (seen,) = [sheet for sheet in book.worksheets() if sheet.title == "Newer"]
    assert seen.get_all_values() == [["H"], ["first"]]
    assert (seen.row_count, seen.col_count, seen.frozen_row_count) == (8, 3, 1)


def test_a_batch_of_requests_answers_with_the_cells_that_were_asked_for(book: gspread.Spreadsheet) -> None:
    status = {"userEnteredValue": {"stringValue": "done"}}
    start = {"sheetId": 0, "rowIndex": 1, "columnIndex": 2}

    answer = book.batch_update(
        {
            "requests": [
                {"updateCells": {"start": start, "rows": [{"values": [status]}], "fields": "userEnteredValue"}},
                {"addProtectedRange": {"protectedRange": {"range": {"sheetId": 0}, "warningOnly": True}}},
            ],
            "includeSpreadsheetInResponse": True,
            "responseRanges": ["Sources!A2:C2"],
            "responseIncludeGridData": True,
        }
    )

    assert answer["replies"][0] == {}
    assert answer["replies"][1]["addProtectedRange"]["protectedRange"]["protectedRangeId"]
    (sheet,) = answer["updatedSpreadsheet"]["sheets"]
    assert sheet["properties"]["gridProperties"] == {"rowCount": 1000, "columnCount": 26}
    (row,) = sheet["data"][0]["rowData"]
    assert [cell["formattedValue"] for cell in row["values"]] == ["1", "https://a.test", "done"]
    assert row["values"][2] == {
        "userEnteredValue": {"stringValue": "done"},
        "effectiveValue": {"stringValue": "done"},
        "formattedValue": "done",
    }


def test_a_mask_leaves_out_of_an_answer_what_it_does_not_name(book: gspread.Spreadsheet, file: Spreadsheet) -> None:
    client = book.client
    mask = "sheets(properties(sheetId,title,gridProperties),conditionalFormats,protectedRanges)"

    metadata = client.fetch_sheet_metadata(file.spreadsheet_id, {"fields": mask})
    reply = client.request(
        "post",
        f"https://sheets.googleapis.com/v4/spreadsheets/{file.spreadsheet_id}:batchUpdate",
        params={"fields": "replies.addSheet.properties.title"},
        json={"requests": [{"addSheet": {"properties": {"title": "X"}}}]},
    ).json()

    assert set(metadata) == {"sheets"}
    assert set(metadata["sheets"][0]["properties"]) == {"sheetId", "title", "gridProperties"}
    assert reply == {"replies": [{"addSheet": {"properties": {"title": "X"}}}]}


def test_a_mask_asks_a_batch_for_cells_without_any_other_word(book: gspread.Spreadsheet, file: Spreadsheet) -> None:
    answer = book.client.request(
        "post",
        f"https://sheets.googleapis.com/v4/spreadsheets/{file.spreadsheet_id}:batchUpdate",
        params={"fields": "updatedSpreadsheet.sheets.data.rowData.values.formattedValue"},
        json={
            "requests": [{"deleteDimension": {"range": {"sheetId": 0, "dimension": "ROWS", "endIndex": 1}}}],
            "includeSpreadsheetInResponse": True,
            "responseRanges": ["Sources!A:A"],
        },
    ).json()

    assert answer == {
        "updatedSpreadsheet": {"sheets": [{"data": [{"rowData": [{"values": [{"formattedValue": "1"}]}]}]}]}
    }


@pytest.mark.parametrize(
    ("asks", "words"),
    [
        (lambda book: book.values_batch_get(["Gone"]), "Unable to parse range: Gone"),
        (
            lambda book: book.values_update("Sources!A2000", {"valueInputOption": "RAW"}, {"values": [["x"]]}),
            "Range (Sources!A2000) exceeds grid limits. Max rows: 1000, max columns: 26",
        ),
        (
            lambda book: book.batch_update({"requests": [{"deleteSheet": {"sheetId": 99}}]}),
            "Invalid requests[0].deleteSheet: No grid with id: 99",
        ),
        (lambda book: book.fetch_sheet_metadata({"fields": "sheet"}), "Request contains an invalid argument."),
        (lambda book: book.fetch_sheet_metadata({"field": "sheets"}), "Invalid JSON payload received."),
    ],
)
def test_what_is_asked_wrongly_is_a_400_with_googles_words(
    book: gspread.Spreadsheet, asks: Callable[[gspread.Spreadsheet], object], words: str
) -> None:
    error = the_error_of(lambda: asks(book))

    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert words in error["message"]


def test_a_61st_read_in_a_minute_is_a_429_and_the_next_minute_is_fine(
    book: gspread.Spreadsheet, google: GoogleStandin, clock: Clock
) -> None:
    for _ in range(59):  # opening the book was the first
        book.values_batch_get(["Sources"])

    error = the_error_of(lambda: book.values_batch_get(["Sources"]))
    book.values_batch_update({"valueInputOption": "RAW", "data": []})
    clock.now += timedelta(minutes=1)
    book.values_batch_get(["Sources"])

    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert error["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    assert google.count(Kind.READ, status=HTTPStatus.TOO_MANY_REQUESTS) == 1
    assert google.most_within() == 62


def test_a_spreadsheet_that_is_not_shared_or_not_there_is_refused(
    book: gspread.Spreadsheet, google: GoogleStandin, file: Spreadsheet
) -> None:
    google.unshare(file)
    unshared = the_error_of(lambda: book.values_batch_get(["Sources"]))
    google.share(file, "reader")
    book.values_batch_get(["Sources"])
    only_read = the_error_of(lambda: book.values_batch_update({"valueInputOption": "RAW", "data": []}))
    google.remove(file)
    gone = the_error_of(lambda: book.values_batch_get(["Sources"]))

    no_permission = {"code": 403, "message": "The caller does not have permission", "status": "PERMISSION_DENIED"}
    assert unshared == only_read == no_permission
    assert gone == {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND"}


def test_gspread_names_a_spreadsheet_that_it_may_not_or_cannot_open(google: GoogleStandin, file: Spreadsheet) -> None:
    google.unshare(file)

    with pytest.raises(PermissionError):
        a_client(google).open_by_key(file.spreadsheet_id)
    with pytest.raises(gspread.SpreadsheetNotFound):
        a_client(google).open_by_key("nothing")


def test_an_api_that_is_not_enabled_says_where_to_enable_it(book: gspread.Spreadsheet, google: GoogleStandin) -> None:
    google.api_enabled = False

    error = the_error_of(lambda: book.values_batch_get(["Sources"]))

    info = next(detail for detail in error["details"] if detail.get("reason"))
    assert (error["code"], info["reason"]) == (403, "SERVICE_DISABLED")
    assert info["metadata"]["activationUrl"] in error["message"]


def test_a_token_that_has_expired_is_replaced_by_google_auth_unseen(
    book: gspread.Spreadsheet, google: GoogleStandin, clock: Clock
) -> None:
    clock.now += timedelta(hours=1)
    book.values_batch_get(["Sources"])
    google.account.forget_tokens()
    book.values_batch_get(["Sources"])

    assert google.count(Kind.READ, status=HTTPStatus.UNAUTHORIZED) == 2
    assert google.count(Kind.TOKEN) == 3


def test_a_token_that_is_never_accepted_is_a_401(book: gspread.Spreadsheet, google: GoogleStandin) -> None:
    google.troubles.refuse(HTTPStatus.UNAUTHORIZED, times=None)

    error = the_error_of(lambda: book.values_batch_get(["Sources"]))

    assert (error["code"], error["status"]) == (401, "UNAUTHENTICATED")


def test_a_rotated_key_gets_no_token(book: gspread.Spreadsheet, google: GoogleStandin, tmp_path: Path) -> None:
    old = gspread.service_account(google.write_key(tmp_path / "key.json"))
    google.rotate_key()

    with pytest.raises(RefreshError, match=r"invalid_grant: Invalid JWT Signature\."):
        old.open_by_key(book.id)
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        book.values_batch_get(["Sources"])
    renewed = gspread.service_account(google.write_key(tmp_path / "key.json"))
    assert renewed.open_by_key(book.id).title == "Sources of ours"


def test_an_account_that_google_does_not_know_gets_no_token(google: GoogleStandin) -> None:
    stranger = {**google.account.key_file, "client_email": "stranger@standin-project.iam.gserviceaccount.com"}

    with pytest.raises(RefreshError, match="account not found"):
        gspread.service_account_from_dict(stranger).open_by_key("any")


def test_a_scope_for_reading_does_not_write(google: GoogleStandin, file: Spreadsheet) -> None:
    book = a_client(google, gspread.auth.READONLY_SCOPES).open_by_key(file.spreadsheet_id)

    error = the_error_of(lambda: book.values_batch_update({"valueInputOption": "RAW", "data": []}))

    assert error["message"] == "Request had insufficient authentication scopes."


@pytest.mark.usefixtures("google")
def test_a_request_without_a_token_is_nobodys(file: Spreadsheet) -> None:
    answer = requests.get(f"https://sheets.googleapis.com/v4/spreadsheets/{file.spreadsheet_id}", timeout=10)

    assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "status",
    [
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.GATEWAY_TIMEOUT,
    ],
)
def test_a_write_that_is_refused_on_request_is_not_applied(
    book: gspread.Spreadsheet, google: GoogleStandin, file: Spreadsheet, status: HTTPStatus
) -> None:
    google.troubles.refuse(status, times=2, kind=Kind.WRITE)

    codes = [the_error_of(lambda: write_status(book, "done"))["code"] for _ in range(2)]
    after_errors = google.person(file).records("Sources")[0]["Status"]
    write_status(book, "done")

    assert codes == [status, status]
    assert (after_errors, google.person(file).records("Sources")[0]["Status"]) == ("pending", "done")


def test_a_bad_gateway_answers_with_a_web_page(book: gspread.Spreadsheet, google: GoogleStandin) -> None:
    google.troubles.refuse(HTTPStatus.BAD_GATEWAY)

    error = the_error_of(lambda: book.values_batch_get(["Sources"]))

    assert error["code"] == -1
    assert error["message"].startswith("<!DOCTYPE html>")


def test_a_line_that_drops_before_the_write_leaves_nothing_written(
    book: gspread.Spreadsheet, google: GoogleStandin, file: Spreadsheet
) -> None:
    google.troubles.drop()

    with pytest.raises(requests.ConnectionError):
        write_status(book, "done")

    assert google.person(file).records("Sources")[0]["Status"] == "pending"
    assert [request.status for request in google.requests if request.kind is Kind.WRITE] == [None]


def test_a_write_whose_answer_is_lost_is_written_all_the_same(
    book: gspread.Spreadsheet, google: GoogleStandin, file: Spreadsheet
) -> None:
    google.troubles.lose_answer(kind=Kind.WRITE)

    with pytest.raises(requests.ConnectionError):
        write_status(book, "done")

    assert google.person(file).records("Sources")[0]["Status"] == "done"


def test_a_truncated_answer_is_noticed(book: gspread.Spreadsheet, google: GoogleStandin) -> None:
    google.troubles.truncate()

    with pytest.raises(requests.exceptions.RequestException):
        book.values_batch_get(["Sources"])

    book.values_batch_get(["Sources"])


def test_a_held_request_times_out_and_is_applied_when_it_is_released(
    book: gspread.Spreadsheet, google: GoogleStandin, file: Spreadsheet
) -> None:
    book.client.set_timeout(2)
    google.troubles.hold(kind=Kind.WRITE)

    with pytest.raises(requests.ReadTimeout):
        write_status(book, "done")
    assert google.troubles.wait_until_held()
    while_held = google.person(file).records("Sources")[0]["Status"]
    google.troubles.release()

    assert while_held == "pending"
    eventually(lambda: google.person(file).records("Sources")[0]["Status"] == "done")


def test_a_stand_in_closes_while_a_request_is_held() -> None:
    with google_standin() as google:
        google.troubles.hold(kind=Kind.OTHER)
        asking = threading.Thread(target=ask_of, args=(google,))
        asking.start()
        assert google.troubles.wait_until_held()

    asking.join(10)
    assert not asking.is_alive()


def test_tokens_can_fail_too(google: GoogleStandin, file: Spreadsheet) -> None:
    google.troubles.drop(times=None, kind=Kind.TOKEN)
    with pytest.raises(Exception, match="Connection"):
        a_client(google).open_by_key(file.spreadsheet_id)

    google.troubles.clear()

    assert a_client(google).open_by_key(file.spreadsheet_id).title == file.title


def test_an_answer_takes_as_long_as_it_is_told_to(book: gspread.Spreadsheet, google: GoogleStandin) -> None:
    google.troubles.latency = timedelta(seconds=0.2)
    started = time.monotonic()

    book.values_batch_get(["Sources"])

    assert time.monotonic() - started >= 0.2


def test_a_connection_is_kept_for_the_next_request(book: gspread.Spreadsheet, google: GoogleStandin) -> None:
    for _ in range(3):
        book.values_batch_get(["Sources"])

    assert google.connections.count("sheets.googleapis.com") == 1


@pytest.mark.usefixtures("google")
def test_an_answer_is_packed_where_that_is_accepted() -> None:
    url = "https://www.googleapis.com/drive/v3/files/x"

    packed = requests.get(url, timeout=10)
    plain = requests.get(url, headers={"Accept-Encoding": "identity"}, timeout=10)

    assert (packed.headers.get("Content-Encoding"), plain.headers.get("Content-Encoding")) == ("gzip", None)
    assert packed.json() == plain.json()


def test_requests_are_remembered_with_their_kind_size_and_time(
    book: gspread.Spreadsheet, google: GoogleStandin, file: Spreadsheet, clock: Clock
) -> None:
    write_status(book, "done")

    (request,) = [request for request in google.requests if request.kind is Kind.WRITE]
    assert (request.method, request.kind, request.status) == ("POST", Kind.WRITE, HTTPStatus.OK)
    assert request.path == f"/v4/spreadsheets/{file.spreadsheet_id}/values:batchUpdate"
    assert request.at == clock.now
    assert request.bytes_in > 50
    assert request.bytes_out > 50


@pytest.mark.usefixtures("google")
@pytest.mark.parametrize(
    "url", ["https://www.googleapis.com/drive/v3/files/x", "https://iamcredentials.googleapis.com/v1/x"]
)
def test_drive_and_the_other_hosts_of_google_have_nothing_for_us(url: str) -> None:
    assert requests.get(url, timeout=10).status_code == HTTPStatus.NOT_FOUND


def test_hosts_that_are_not_googles_are_refused_and_remembered(google: GoogleStandin) -> None:
    connection = http.client.HTTPConnection(google.proxy_url.removeprefix("http://"), timeout=10)
    connection.set_tunnel("elsewhere.invalid", 443)

    with contextlib.closing(connection), pytest.raises(OSError, match="403"):
        connection.connect()

    assert google.refused_hosts == ["elsewhere.invalid"]


def test_another_process_needs_the_environment_and_the_key_file_alone(
    google: GoogleStandin, file: Spreadsheet, tmp_path: Path
) -> None:
    code = (
        "import gspread, json, sys\n"
        "book = gspread.service_account(sys.argv[1]).open_by_key(sys.argv[2])\n"
        "print(json.dumps(book.worksheet('Sources').get_all_records()))\n"
    )
    key = google.write_key(tmp_path / "key.json")

    done = subprocess.run(
        [sys.executable, "-c", code, key, file.spreadsheet_id],
        env={**os.environ, **google.environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert json.loads(done.stdout) == [{"ID": 1, "URL": "https://a.test", "Status": "pending"}]


def test_a_quota_can_be_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    with google_standin(limits=Limits(per_user=1)) as google:
        for name, value in google.environment.items():
            monkeypatch.setenv(name, value)
        book = a_client(google).open_by_key(google.spreadsheet().spreadsheet_id)

        assert the_error_of(lambda: book.values_batch_get(["Sheet1"]))["code"] == 429


def test_concurrent_appends_do_not_overwrite_each_other(google: GoogleStandin, file: Spreadsheet) -> None:
    def append(who: str) -> None:
        tab = a_client(google).open_by_key(file.spreadsheet_id).worksheet("Video Tasks")
        for number in range(5):
            tab.append_row([f"{who}{number}"])

    writers = [threading.Thread(target=append, args=(who,)) for who in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert len(google.person(file).rows("Video Tasks")) == 15


def write_status(book: gspread.Spreadsheet, status: str) -> None:
    data = [{"range": "Sources!C2", "values": [[status]]}]
    book.values_batch_update({"valueInputOption": "RAW", "data": data})


def the_error_of(asking: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(gspread.exceptions.APIError) as failure:
        asking()
    return dict(failure.value.error)


def ask_of(google: GoogleStandin) -> None:
    with contextlib.suppress(requests.RequestException):
        requests.get(
            "https://www.googleapis.com/drive/v3/files/x",
            proxies={"https": google.proxy_url},
            verify=str(google.ca_file),
            timeout=20,
        )


def eventually(is_so: Callable[[], bool], timeout_seconds: float = 60) -> None:
    ends = time.monotonic() + timeout_seconds
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)
