"""What Google says, and what the network does, in words: through the real gspread and google-auth."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path

import pytest

from standins.google import GoogleStandin, google_standin
from standins.google_quota import Kind as StandinKind
from standins.google_spreadsheet import Spreadsheet as File
from standins.listener import listening
from tubewarren.settings.model import SheetSettings
from tubewarren.sheets.errors import Cause, GoogleUnavailableError
from tubewarren.sheets.google.budget import Budget, Kind
from tubewarren.sheets.google.grid import header_request
from tubewarren.sheets.google.landing import returned_cells
from tubewarren.sheets.google.spreadsheet import Spreadsheet
from tubewarren.sheets.google.tab_sheets import sheets_of
from tubewarren.sheets.opening import open_workbook
from tubewarren.sheets.tabs import SOURCES


class CountingBudget(Budget):
    """A budget that never makes anybody wait."""

    def __init__(self) -> None:
        super().__init__(1, 1, pause=lambda _: None)
        self.taken: list[Kind] = []

    def take(self, kind: Kind) -> None:
        self.taken.append(kind)


@pytest.fixture(scope="module")
def running() -> Iterator[GoogleStandin]:
    with google_standin() as google:
        yield google


@pytest.fixture
def google(running: GoogleStandin, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleStandin]:
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    yield running
    running.troubles.clear()
    running.api_enabled = True


@pytest.fixture
def file(google: GoogleStandin) -> File:
    made = google.spreadsheet("A list", ("Sources", "Other's"))
    google.person(made).paste_rows("Sources", [["ID", "URL"], ["1", "0.5%"], [], ["", "x"]])
    return made


@pytest.fixture
def budget() -> CountingBudget:
    return CountingBudget()


@pytest.fixture
def key_file(google: GoogleStandin, tmp_path: Path) -> Path:
    return google.write_key(tmp_path / "key.json")


@pytest.fixture
def spreadsheet(file: File, key_file: Path, budget: CountingBudget) -> Spreadsheet:
    return Spreadsheet(file.spreadsheet_id, key_file, budget, read=timedelta(seconds=10))


def _failing(spreadsheet: Spreadsheet) -> GoogleUnavailableError:
    with pytest.raises(GoogleUnavailableError) as caught:
        spreadsheet.update([header_request(0, ("ID",))])
    return caught.value


def test_any_number_of_ranges_is_one_read(spreadsheet: Spreadsheet, budget: CountingBudget) -> None:
    assert spreadsheet.values(["'Sources'", "'Other''s'", "'Sources'!1:1"]) == [
        [["ID", "URL"], ["1", "0.5%"], [], ["", "x"]],
        [],
        [["ID", "URL"]],
    ]
    assert budget.taken == [Kind.READ]


def test_the_tabs_are_told_with_their_grids(spreadsheet: Spreadsheet, budget: CountingBudget) -> None:
    sheet = sheets_of(spreadsheet.metadata()).get("SOURCES")

    assert sheet
    assert (sheet.sheet_id, sheet.title, sheet.rows, sheet.columns, sheet.frozen_rows) == (0, "Sources", 1000, 26, 0)
    assert budget.taken == [Kind.READ]


def test_a_write_returns_the_cells_that_were_asked_for(spreadsheet: Spreadsheet, budget: CountingBudget) -> None:
    answer = spreadsheet.update([header_request(0, ("=1+1",))], ["'Sources'!1:1", "'Sources'!B2:B4"])

    assert returned_cells(answer) == {0: {(0, 0): "=1+1", (0, 1): "URL", (1, 1): "0.5%", (3, 1): "x"}}
    assert budget.taken == [Kind.WRITE]


def test_the_account_is_told(spreadsheet: Spreadsheet, google: GoogleStandin) -> None:
    assert spreadsheet.account() == google.account.email


def _refusing(status: HTTPStatus) -> "Deed":
    return lambda google, _: google.troubles.refuse(status)


def _without_api(google: GoogleStandin, file: File) -> None:
    del file
    google.api_enabled = False


Deed = Callable[[GoogleStandin, File], None]
DEEDS: dict[str, tuple[Deed, Cause, str]] = {
    "over the quota": (
        _refusing(HTTPStatus.TOO_MANY_REQUESTS),
        Cause.OVER_QUOTA,
        "WriteRequestsPerMinutePerUser of 60",
    ),
    "not shared": (
        lambda google, file: google.unshare(file),
        Cause.NOT_SHARED,
        'press Share in the spreadsheet, add {account} and choose "Editor"',
    ),
    "to look at": (lambda google, file: google.share(file, "reader"), Cause.NOT_SHARED, 'choose "Editor"'),
    "no api": (_without_api, Cause.API_NOT_ENABLED, "open https://console.developers.google.com/apis/api/sheets"),
    "unknown": (lambda google, file: google.remove(file), Cause.NO_SUCH_SPREADSHEET, "between /d/ and /edit"),
    "500": (_refusing(HTTPStatus.INTERNAL_SERVER_ERROR), Cause.GOOGLE_DOWN, "answered 500"),
    "502, a page": (_refusing(HTTPStatus.BAD_GATEWAY), Cause.GOOGLE_DOWN, "it answered 502. Nothing is lost"),
    "503": (_refusing(HTTPStatus.SERVICE_UNAVAILABLE), Cause.GOOGLE_DOWN, "answered 503"),
    "cut line": (lambda google, _: google.troubles.drop(), Cause.NETWORK, "it broke"),
    "lost answer": (lambda google, _: google.troubles.lose_answer(), Cause.NETWORK, "it broke"),
    "cut answer": (lambda google, _: google.troubles.truncate(), Cause.NETWORK, "Google's answer was cut off"),
    "no token": (lambda google, _: google.troubles.drop(4, StandinKind.TOKEN), Cause.NETWORK, "it broke"),
    "old key": (lambda google, _: google.rotate_key(), Cause.KEY_REFUSED, "Invalid JWT Signature"),
}


@pytest.mark.parametrize(("deed", "cause", "words"), DEEDS.values(), ids=DEEDS)
def test_trouble_is_told_in_words_and_nothing_is_repeated(
    google: GoogleStandin, file: File, spreadsheet: Spreadsheet, deed: Deed, cause: Cause, words: str
) -> None:
    google.account.forget_tokens()
    spreadsheet.account()
    deed(google, file)
    writes = google.count(StandinKind.WRITE)

    error = _failing(spreadsheet)

    assert (error.cause, words.format(account=google.account.email) in str(error)) == (cause, True), str(error)
    assert google.count(StandinKind.WRITE) <= writes + 1


def test_it_works_again_after_trouble(google: GoogleStandin, spreadsheet: Spreadsheet) -> None:
    google.troubles.drop()
    _failing(spreadsheet)

    assert spreadsheet.values(["'Sources'!1:1"])


def test_a_refusal_has_googles_own_words(spreadsheet: Spreadsheet) -> None:
    with pytest.raises(GoogleUnavailableError, match=r'refused the request \(400\) \("Unable to parse range') as caught:
        spreadsheet.values(["'Nowhere'"])

    assert caught.value.cause is Cause.REFUSED


def test_silence_ends(google: GoogleStandin, file: File, key_file: Path) -> None:
    spreadsheet = Spreadsheet(file.spreadsheet_id, key_file, CountingBudget(), read=timedelta(seconds=2))
    spreadsheet.metadata()
    google.troubles.hold()

    error = _failing(spreadsheet)

    assert (error.cause, str(error)[:29]) == (Cause.NETWORK, "Google did not answer in time")


def test_a_replaced_key_works_without_a_restart(
    google: GoogleStandin, spreadsheet: Spreadsheet, key_file: Path
) -> None:
    spreadsheet.metadata()
    google.rotate_key()
    assert _failing(spreadsheet).cause is Cause.KEY_REFUSED

    google.write_key(key_file)

    assert spreadsheet.metadata()


def test_a_token_that_expired_early_is_no_trouble(google: GoogleStandin, spreadsheet: Spreadsheet) -> None:
    spreadsheet.metadata()
    google.account.forget_tokens()

    assert spreadsheet.metadata()


def test_a_missing_key_file_is_told_at_the_first_call_and_mended_by_itself(
    google: GoogleStandin, file: File, tmp_path: Path
) -> None:
    path = tmp_path / "later.json"
    spreadsheet = Spreadsheet(file.spreadsheet_id, path, CountingBudget())
    assert _failing(spreadsheet).cause is Cause.KEY_FILE

    google.write_key(path)

    assert spreadsheet.metadata()


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("HTTPS_PROXY", "http://127.0.0.1:9", "The proxy on the way to Google does not let us through"),
        ("HTTPS_PROXY", "nonsense://127.0.0.1:9", "write HTTPS_PROXY as http://host:port"),
        ("REQUESTS_CA_BUNDLE", "/nowhere.pem", "name an existing file in REQUESTS_CA_BUNDLE"),
        ("REQUESTS_CA_BUNDLE", "", "Google's certificate cannot be trusted"),
    ],
)
def test_trouble_on_the_way_says_which_setting_to_look_at(
    spreadsheet: Spreadsheet, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv(variable.lower(), value)

    error = _failing(spreadsheet)

    assert (error.cause, words in str(error)) == (Cause.NETWORK, True), str(error)


def test_every_request_is_counted_by_how_it_ended(file: File, key_file: Path, google: GoogleStandin) -> None:
    settings = SheetSettings(spreadsheet_id=file.spreadsheet_id, credentials_file=key_file)

    with listening() as listener:
        book = open_workbook(settings, listener.telemetry)
        book.create_missing()
        google.api_enabled = False
        with pytest.raises(GoogleUnavailableError):
            book.read([SOURCES])
        figures = listener.figures("tubewarren.sheet.requests")

    read, write = ("tubewarren.sheet.operation", "read"), ("tubewarren.sheet.operation", "write")
    assert figures[write,] == 1
    assert figures[read,] >= 1
    assert figures[("error.type", "api-not-enabled"), read] == 1
