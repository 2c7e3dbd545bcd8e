"""`svc failures`: what an error means, and the rules that say so."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tubewarren.failures import Failure, FailureKind
from tubewarren.outcomes import Bury, Park, Refund, Retry
from tubewarren.youtube.failures import Evidence, explain
from tubewarren.youtube.filters import filtered
from tubewarren.youtube.rules import OUR_FILE, our_rules, rulebook
from tubewarren_services.cli.failures_view import action_words, explanation_page, rules_table
from tubewarren_services.cli.main import app
from unit.cli.drawing import drawn

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LADDER = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=2))
FAILURE = Failure(kind=FailureKind.UNKNOWN, reason="So it is.")
OWN = '[[rule]]\nname = "ask-ada"\nkind = "gated"\nreason = "Ask Ada."\ntext = ["password"]\n'


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No settings but those that a test gives."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def svc(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def answer(*arguments: str) -> Any:
    result = svc("failures", *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Retry(FAILURE), "tried again after 30 s, 5 min and 2 h, then buried"),
        (Refund(FAILURE), "given back uncharged, and tried again after 30 s, here or elsewhere"),
        (Refund(FAILURE, at_once=True), "given back uncharged, for another worker at once; this one rests"),
        (
            Refund(FAILURE.model_copy(update={"kind": FailureKind.BLOCKED}), at_once=True),
            "given back uncharged, for another worker at once; the egress sleeps, is probed, and goes on",
        ),
        (
            Retry(FAILURE.model_copy(update={"kind": FailureKind.SUSPECT})),
            "looked at again, uncharged, by another egress where there is one; then buried as gone",
        ),
        (
            Park(FAILURE, NOON + timedelta(hours=3, minutes=2)),
            "parked uncharged, and tried again in 3 h (2026-03-01 15:02 UTC)",
        ),
        (Bury(filtered("so")), "left out: it counts as filtered, and is not tried again"),
        (Bury(FAILURE), "buried at once: it goes to the dead queue, from which `svc dead redrive` takes it"),
    ],
)
def test_the_action_is_told_in_words(outcome: Retry | Refund | Park | Bury, words: str) -> None:
    assert action_words(outcome, LADDER, NOON) == words


def test_a_ladder_of_one_rung_is_told_too() -> None:
    assert action_words(Retry(FAILURE), LADDER[:1], NOON) == "tried again after 30 s, then buried"


def test_a_page_tells_the_class_the_rule_and_what_matched() -> None:
    found = explain(Evidence("Video unavailable. This content isn\u2019t available, try again later."))

    page = drawn(explanation_page(found, "something happens"), 100)

    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in page.splitlines()}
    assert lines["Class"] == "blocked"
    assert lines["Action"] == "something happens"
    assert lines["Rule"] == f"rate-limited ({OUR_FILE})"
    assert lines["Matched"] == "text: content isn't available, try again later"
    assert lines["Reason"].startswith("YouTube limits the rate of this address")


def test_a_page_about_the_unknown_says_how_to_make_it_known() -> None:
    page = drawn(explanation_page(explain(Evidence("never seen [this] before")), "x"), 200)

    assert "TUBEWARREN_YOUTUBE__FAILURE_RULES" in page
    assert "unknown: never seen [this] before" in page


def test_a_person_reads_a_page() -> None:
    result = svc("failures", "explain", "ERROR: Private video. Sign in if you've been granted access to this video")

    assert result.exit_code == 0
    assert "gone" in result.stdout
    assert f"private ({OUR_FILE})" in result.stdout


def test_a_machine_reads_json() -> None:
    found = answer("explain", "ERROR: Failed to extract any player response", "--warning", "HTTP Error 429: x")

    assert (found["class"], found["rule"], found["file"]) == ("blocked", "http-429-in-warning", OUR_FILE)
    assert found["matched"] == ["warning: http error 429"]


def test_what_is_announced_is_parked_until_its_time() -> None:
    found = answer("explain", "Premieres in 3 hours")

    assert found["action"].startswith("parked uncharged, and tried again in 3 h (")
    assert found["release_at"] is not None


def test_the_ladder_in_the_settings_is_told(empty_folder: Path) -> None:
    (empty_folder / "tubewarren.toml").write_text('[retry]\nladder = ["1m", "7m"]\n')

    assert answer("explain", "timed out")["action"] == "tried again after 1 min and 7 min, then buried"


def test_a_persons_own_rules_count_and_are_listed_first(empty_folder: Path) -> None:
    (empty_folder / "own.toml").write_text(OWN)
    (empty_folder / "tubewarren.toml").write_text('[youtube]\nfailure_rules = "own.toml"\n')

    found = answer("explain", "Wrong password")
    listed = answer("list")

    assert (found["class"], found["rule"], found["file"]) == ("gated", "ask-ada", "own.toml")
    assert listed[0] == {
        "name": "ask-ada",
        "kind": "gated",
        "reason": "Ask Ada.",
        "text": ["password"],
        "file": "own.toml",
    }
    assert [row["name"] for row in listed[1:]] == [rule.name for rule in our_rules()]


def test_a_file_that_cannot_be_used_is_named_and_nothing_runs(empty_folder: Path) -> None:
    (empty_folder / "own.toml").write_text(OWN.replace("gated", "gaited"))
    (empty_folder / "tubewarren.toml").write_text('[youtube]\nfailure_rules = "own.toml"\n')

    result = svc("failures", "list")

    assert result.exit_code == 2
    assert "own.toml: rule 'ask-ada': kind: there is no such class" in result.stderr


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_rules_fit_into_a_terminal(width: int) -> None:
    lines = drawn(rules_table(rulebook(), width), width).splitlines()

    assert max(map(len, lines)) <= width
    assert any(line.startswith("disk-full") and "unfit" in line for line in lines)
    assert (OUR_FILE in "".join(lines)) is (width >= 120)
