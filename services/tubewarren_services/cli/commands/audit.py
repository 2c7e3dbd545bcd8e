"""`svc audit`: whether sheet, ledger, files and queues tell the same."""
# ruff: noqa: PLC0415 - each command imports what it needs

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson
from tubewarren_services.cli.plain_errors import FOUND_PROBLEMS
from tubewarren_services.cli.session import Session, talk

if TYPE_CHECKING:
    from tubewarren_services.cli.auditing import Scope


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("audit")(audit)


def audit(
    context: typer.Context,
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Compare the sizes of files, not their checksums.")] = False,
    without_sheet: Annotated[bool, typer.Option("--without-sheet", help="The workbook is on another machine.")] = False,
    without_files: Annotated[bool, typer.Option("--without-files", help="The store is on another machine.")] = False,
    patience: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Look again after so long at what seems wrong.")
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """Check that sheet, ledger, files and queues agree, and say what would mend them; change nothing."""
    from tubewarren_services.cli.auditing import Scope

    scope = Scope(sheet=not without_sheet, files=not without_files, quick=quick, patience=timedelta(seconds=patience))
    talk(context, lambda session: _audit(session, scope, as_json=as_json))


async def _audit(session: Session, scope: "Scope", *, as_json: bool) -> int:
    from tubewarren_services.cli.audit_view import audit_json, audit_page, calm_line
    from tubewarren_services.cli.auditing import audited

    books, found = await audited(session, scope)
    if as_json:
        output.show_json(audit_json(books, found))
    elif found:
        output.show(audit_page(found))
    else:
        output.say(calm_line(books))
    return FOUND_PROBLEMS if found else 0
