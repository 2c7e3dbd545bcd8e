"""`svc sheet`: make a sheet ready, look what is wrong with it, take over the one of the older coordinator."""
# ruff: noqa: PLC0415 - each command imports what it needs

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.flags import sheet_flags
from tubewarren_services.cli.options import AsJson, Credentials, Spreadsheet, Workbook
from tubewarren_services.cli.plain_errors import FOUND_PROBLEMS, CommandError
from tubewarren_services.cli.session import quieten, settings_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tubewarren.settings import Settings
    from tubewarren.sheets.adoption import Found
    from tubewarren_services.cli.checkup import Finding

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="sheet", help="Make the sheet ready, look what is wrong with it, or take one over.")


@app.command()
def init(
    context: typer.Context,
    *,
    spreadsheet: Spreadsheet = None,
    credentials: Credentials = None,
    workbook: Workbook = None,
    as_json: AsJson = False,
) -> None:
    """Make the tabs, columns and helps that the sheet lacks; change nothing that is there."""
    from tubewarren_services.cli.sheet_making import make_ready
    from tubewarren_services.cli.sheet_view import made_json, made_lines, problem_findings

    settings = _settings(context, spreadsheet, credentials, workbook)
    ready = make_ready(settings.sheet)
    findings = problem_findings(ready.problems)
    if as_json:
        output.show_json(made_json(ready, findings))
    else:
        for line in made_lines(ready):
            output.say(line)
        _show(findings)
    raise typer.Exit(FOUND_PROBLEMS if findings else 0)


@app.command()
def check(
    context: typer.Context,
    *,
    spreadsheet: Spreadsheet = None,
    credentials: Credentials = None,
    workbook: Workbook = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with the sheet and how to mend it; change nothing."""
    from tubewarren.sheets.errors import SheetUnavailableError
    from tubewarren_services.cli.checkup import findings_json, is_bad
    from tubewarren_services.cli.sheet_look import look_at
    from tubewarren_services.cli.sheet_view import findings_of, unreachable

    settings = _settings(context, spreadsheet, credentials, workbook)
    try:
        findings = findings_of(look_at(settings.sheet, settings.youtube.allowed_hosts))
    except SheetUnavailableError as error:
        findings = (unreachable(error),)
    if as_json:
        output.show_json(findings_json(findings))
    else:
        _show(findings)
    raise typer.Exit(int(is_bad(findings)))


@app.command("adopt")
def adopt_(
    context: typer.Context,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be put right, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    spreadsheet: Spreadsheet = None,
    credentials: Credentials = None,
    workbook: Workbook = None,
    as_json: AsJson = False,
) -> None:
    """Take over a sheet of the older coordinator: list what its workers left behind, and put it right; asks first."""
    from tubewarren_services.cli.sheet_adopting import repair, survey, terms_of
    from tubewarren_services.cli.sheet_look import impatient_workbook
    from tubewarren_services.cli.sheet_view import at_work_line

    settings = _settings(context, spreadsheet, credentials, workbook)
    if not dry_run:
        _ensure_alone(settings)
    book, terms = impatient_workbook(settings.sheet), terms_of(settings, datetime.now(UTC))
    surveyed = survey(book, terms)
    if not as_json:
        _tell(surveyed.found)
    if surveyed.found and surveyed.at_work:
        typer.echo(at_work_line(surveyed.at_work), err=True)
    if not surveyed.found or dry_run:
        _end(surveyed.found, repaired=False, as_json=as_json)
    if not yes and not typer.confirm("Put all of it right?", err=True):
        raise typer.Exit(FOUND_PROBLEMS)
    _end(repair(book, surveyed, terms), repaired=True, as_json=as_json)


def _settings(
    context: typer.Context, spreadsheet: str | None, credentials: Path | None, workbook: Path | None
) -> "Settings":
    settings = settings_for(context, sheet_flags(workbook, spreadsheet, credentials))
    quieten(context, settings)
    return settings


def _show(findings: "Sequence[Finding]") -> None:
    from tubewarren_services.cli.sheet_view import finding_line

    console = output.person()
    for finding in findings:
        console.print(finding_line(finding), soft_wrap=True)


def _ensure_alone(settings: "Settings") -> None:
    """Refuse to change rows that our own services are keeping: they would be worked on twice."""
    from tubewarren_services.cli.sheet_adopting import services_at_work

    if services := services_at_work(settings.data_dir):
        raise CommandError(
            f"At work in the data folder {settings.data_dir}: {', '.join(services)}. Stop the fleet first: what it has "
            "in hand would be ordered a second time. `--dry-run` only looks."
        )


def _tell(found: "Sequence[Found]") -> None:
    from tubewarren_services.cli.sheet_view import adoption_lines

    for line in adoption_lines(found):
        output.say(line)
    if not found:
        output.say("Nothing is left of an older coordinator that has to be put right.")


def _end(found: "Sequence[Found]", *, repaired: bool, as_json: bool) -> NoReturn:
    from tubewarren_services.cli.sheet_view import adoption_json

    if as_json:
        output.show_json(adoption_json(found, repaired=repaired))
    elif repaired:
        output.say("All of it is put right. `svc up` goes on from here; `svc sheet check` says what is left to you.")
    raise typer.Exit(FOUND_PROBLEMS if found and not repaired else 0)
