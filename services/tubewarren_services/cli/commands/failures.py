"""`svc failures`: what a failure means, and the rules that say so."""
# ruff: noqa: PLC0415 - each command imports what it needs

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated

import typer

from tubewarren_services.cli import output
from tubewarren_services.cli.options import AsJson
from tubewarren_services.cli.session import settings_for

app = typer.Typer(no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands."""
    root.add_typer(app, name="failures", help="Look at what failures mean, and why.")


@app.command()
def explain(
    context: typer.Context,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The words of an error, as they were logged.")],
    *,
    warning: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A warning beside it; may be given several times.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how an error is classified, why, and what happens then."""
    from tubewarren.outcomes import outcome_of
    from tubewarren.youtube import failures
    from tubewarren.youtube.release import dated
    from tubewarren_services.cli.failures_view import action_words, explanation_json, explanation_page

    settings, now = settings_for(context), datetime.now(UTC)
    found = failures.explain(failures.Evidence(text, tuple(warning or ())), settings.youtube.rules)
    found = replace(found, failure=dated(found.failure, now))
    action = action_words(outcome_of(found.failure, now), settings.retry.ladder, now)
    if as_json:
        output.show_json(explanation_json(found, action))
    else:
        output.show(explanation_page(found, action))


@app.command("list")
def list_(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the rules in the order in which they are asked."""
    from tubewarren.youtube.rules import rulebook
    from tubewarren_services.cli.failures_view import rules_json, rules_table

    rules = rulebook(settings_for(context).youtube.rules)
    if as_json:
        output.show_json(rules_json(rules))
        return
    console = output.person()
    console.print(rules_table(rules, console.width))
