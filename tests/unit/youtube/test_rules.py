"""The table of rules: sound in itself, and open to what a person adds to it."""

import errno
from itertools import product
from pathlib import Path

import pytest

from tubewarren.failures import FailureKind
from tubewarren.youtube.errors import FailureRulesError
from tubewarren.youtube.failures import Evidence, classify, explain
from tubewarren.youtube.rules import OUR_FILE, SUBSTRINGS, Facts, Rule, UserRules, our_rules, read_rules, rulebook

OLD_SUBSTRINGS = (
    "Sign in to confirm your age",
    "Private video",
    "Video unavailable",
    "This video is not available",
    "This live event has ended",
    "This live stream recording is not available",
    "The uploader has not made this video available in your country",
    "This video has been removed for violating YouTube\u2019s Terms of Service",
    "This video is no longer available",
)

OWN = """
[[rule]]
name = "our-own-gate"
kind = "gated"
reason = "Ask Ada for the password."
text = ["Password Required"]
status = [403, "510-512"]
"""


def least_facts(rule: Rule) -> list[Facts]:
    """Every way to fulfil a rule with nothing to spare."""
    return [
        Facts(
            text=text,
            warnings=(warning,) if warning else (),
            status=int(status.partition("-")[0]) if status else None,
            exceptions=frozenset({exception} if exception else ()),
            errno=getattr(errno, error) if error else None,
            expected=rule.expected,
        )
        for text, warning, status, exception, error in product(
            rule.text or ("",),
            rule.warning or ("",),
            rule.status or ("",),
            rule.exception or ("",),
            rule.errno or ("",),
        )
    ]


@pytest.mark.parametrize("rule", our_rules(), ids=lambda rule: rule.name)
def test_no_part_of_a_rule_is_shadowed_by_an_earlier_rule(rule: Rule) -> None:
    for facts in least_facts(rule):
        first = next(listed.rule for listed in rulebook() if listed.rule.matches(facts))

        assert first is rule


@pytest.mark.parametrize("rule", our_rules(), ids=lambda rule: rule.name)
def test_every_reason_is_a_sentence(rule: Rule) -> None:
    assert rule.reason[0].isupper() or rule.reason.startswith(("yt-dlp", "ffmpeg"))
    assert rule.reason.endswith(".")


def test_every_condition_of_a_rule_must_be_fulfilled() -> None:
    rule = Rule(name="both", kind=FailureKind.GONE, reason="So.", text=("a", "b"), status=("404",))

    assert rule.matches(Facts(text="b", status=404)) == ("text: b", "HTTP status: 404")
    assert rule.matches(Facts(text="b", status=405)) == ()
    assert rule.matches(Facts(text="c", status=404)) == ()


def test_a_persons_own_rules_are_asked_first(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    added = UserRules(file=str(file), rules=read_rules(file))

    found = explain(Evidence("Password required, if you are not a bot", http_status=511), added)

    assert (found.failure.kind, found.failure.reason) == (FailureKind.GATED, "Ask Ada for the password.")
    assert found.listed is not None
    assert (found.listed.rule.name, found.listed.origin) == ("our-own-gate", str(file))
    assert classify(Evidence("Password required for this", http_status=500), added).rule == "server-error"


@pytest.mark.parametrize("substring", OLD_SUBSTRINGS)
def test_each_substring_of_the_older_coordinator_still_means_gone(substring: str) -> None:
    added = UserRules(fatal_error_substrings=OLD_SUBSTRINGS)

    found = explain(Evidence(f"ERROR: {substring}. More words."), added)

    assert found.failure.kind is FailureKind.GONE
    assert found.listed is not None
    assert found.listed.origin == SUBSTRINGS
    assert any(part in found.failure.reason for part in OLD_SUBSTRINGS if part in substring)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Video unavailable. This content isn\u2019t available, try again later.", FailureKind.BLOCKED),
        ("Video unavailable. [Errno 28] No space left on device", FailureKind.UNFIT),
    ],
)
def test_a_substring_does_not_bury_what_is_not_the_videos_fault(words: str, kind: FailureKind) -> None:
    assert classify(Evidence(words), UserRules(fatal_error_substrings=("Video unavailable",))).kind is kind


def test_rules_travel_as_json_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(OWN)
    added = UserRules(file=str(file), rules=read_rules(file), fatal_error_substrings=OLD_SUBSTRINGS)

    assert UserRules.model_validate_json(added.model_dump_json()) == added


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('kind = "gated"', 'kind = "gaited"', "rule 'our-own-gate': kind: there is no such class; choose transient,"),
        ('kind = "gated"', "", "rule 'our-own-gate': kind: it is missing"),
        ('text = ["Password', 'texts = ["Password', "rule 'our-own-gate': texts: there is no such field; choose name"),
        ('["Password Required"]', '"Password Required"', "rule 'our-own-gate': text: write a list"),
        ('["Password Required"]', '["Password Required", " "]', "rule 'our-own-gate': text: "),
        ('403, "510-512"', '"512-510"', "rule 'our-own-gate': status: write a status such as 429"),
        ("403, ", "42, ", "rule 'our-own-gate': status: write a status such as 429"),
        ("status = [403", 'errno = ["ENOTHING"]\nstatus = [403', "rule 'our-own-gate': errno: ENOTHING is no name"),
        ('name = "our-own-gate"', "", "rule 1: name: it is missing"),
        ('name = "our-own-gate"', 'name = "Our own"', "rule 'Our own': name: 'Our own': write small letters"),
        ('text = ["Password Required"]\nstatus = [403, "510-512"]', "", "rule 'our-own-gate': it has no condition"),
        ("[[rule]]", "[[rules]]", "rules means nothing here; each rule begins with [[rule]]"),
        ("[[rule]]", "[rule]", "each rule begins with [[rule]]"),
        ("[[rule]]", "[[rule", "not valid TOML"),
        ("[[rule]]", OWN + "[[rule]]", "rule 'our-own-gate': there are several of this name"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_clear_error(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    file = tmp_path / "own.toml"
    assert OWN.count(old) == 1
    file.write_text(OWN.replace(old, new))

    with pytest.raises(FailureRulesError) as raised:
        read_rules(file)

    assert str(raised.value).startswith(f"{file}: {complaint}")
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_or_no_text_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(FailureRulesError, match=r"nowhere\.toml: cannot be read: No such file"):
        read_rules(tmp_path / "nowhere.toml")
    with pytest.raises(FailureRulesError, match=r"binary\.toml: not valid TOML"):
        read_rules(tmp_path / "binary.toml")


def test_our_rules_say_where_they_are_from() -> None:
    assert {listed.origin for listed in rulebook()} == {OUR_FILE}
