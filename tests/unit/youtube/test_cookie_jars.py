"""Cookie jars: lent to one worker at a time, renewed, and retired when their account is out."""

import stat
from datetime import date
from pathlib import Path

import pytest

from tubewarren.youtube.cookie_jars import SIGNED_OUT, UNREADABLE, CookieJarsError, Jar, JarPool, LentJar

HEAD = "# Netscape HTTP Cookie File\n"
TODAY = date(2026, 11, 22)


def line(name: str, value: str, domain: str = ".youtube.com", expires: int = 4102444800) -> str:
    return f"{domain}\tTRUE\t/\tTRUE\t{expires}\t{name}\t{value}\n"


ACCOUNT = line("SAPISID", "secret-sapisid")
ALICE = HEAD + line("LOGIN_INFO", "secret-login") + ACCOUNT
SIGNED_OUT_ALICE = HEAD + ACCOUNT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("alice", "bob"):
        (tmp_path / f"{name}.txt").write_text(ALICE)
    return tmp_path


def taken(folder: Path, use: str = "downloader", **more: int) -> LentJar:
    lent = JarPool(folder).take(use, TODAY, **more)
    assert lent is not None
    return lent


def worn(lent: LentJar, then: str) -> bool:
    """One piece of work, after which this stands in its copy."""
    copy = lent.copy()
    assert copy is not None
    copy.file.write_text(then)
    return lent.take_back(copy)


def test_each_worker_gets_a_jar_for_itself_until_there_is_none(folder: Path) -> None:
    one, other = taken(folder), taken(folder)

    assert [one.jar.name, other.jar.name] == ["alice", "bob"]
    assert JarPool(folder).take("downloader", TODAY) is None


def test_a_jar_that_was_given_back_is_lent_again(folder: Path) -> None:
    taken(folder).give_back()

    assert taken(folder).jar.name == "alice"


def test_listing_and_downloading_may_have_the_same_jar(folder: Path) -> None:
    assert {taken(folder, use).jar.name for use in ("downloader", "source-expander")} == {"alice"}


def test_one_file_is_a_pool_of_one(folder: Path) -> None:
    assert taken(folder / "bob.txt").jar.name == "bob"


def test_a_copy_is_nobody_elses_to_read_and_gone_when_the_work_is(folder: Path) -> None:
    lent = taken(folder)
    copy = lent.copy()

    assert copy is not None
    assert (stat.S_IMODE(copy.file.stat().st_mode), stat.S_IMODE(lent.folder.stat().st_mode)) == (0o600, 0o700)
    lent.take_back(copy)
    assert not copy.file.exists()


def test_what_a_killed_worker_left_is_swept_away(folder: Path) -> None:
    left = folder / ".alice.downloader.work" / "copy.txt"
    left.parent.mkdir()
    left.write_text(ALICE)

    taken(folder)

    assert not left.exists()


def test_a_line_that_cannot_be_read_does_not_reach_yt_dlp_which_would_tell_the_log(folder: Path) -> None:
    broken = ".youtube.com\tbroken\tline\n" + line("BAD", "x").replace("4102444800", "soon")
    (folder / "alice.txt").write_text(ALICE + "#HttpOnly_" + line("HSID", "kept") + broken)

    copy = taken(folder).copy()

    assert copy is not None
    text = copy.file.read_text()
    assert "#HttpOnly_.youtube.com" in text
    assert "broken" not in text
    assert "soon" not in text


def test_a_renewed_session_goes_back_into_its_jar(folder: Path) -> None:
    lent = taken(folder)

    assert worn(lent, HEAD + line("LOGIN_INFO", "renewed") + ACCOUNT)

    assert "renewed" in (folder / "alice.txt").read_text()
    assert "secret-sapisid" in (folder / "alice.txt").read_text()
    assert stat.S_IMODE((folder / "alice.txt").stat().st_mode) == 0o600


def test_what_two_works_at_a_time_renew_is_put_together(folder: Path) -> None:
    lent = taken(folder)
    first, second = lent.copy(), lent.copy()
    assert first is not None
    assert second is not None
    first.file.write_text(ALICE + line("SIDCC", "of the first"))
    second.file.write_text(ALICE + line("PREF", "of the second"))

    lent.take_back(first)
    lent.take_back(second)

    text = (folder / "alice.txt").read_text()
    assert "of the first" in text
    assert "of the second" in text


def test_of_two_works_that_renew_the_same_the_first_is_kept(folder: Path) -> None:
    lent = taken(folder)
    first, second = lent.copy(), lent.copy()
    assert first is not None
    assert second is not None
    first.file.write_text(ALICE.replace("secret-sapisid", "of the first"))
    second.file.write_text(ALICE.replace("secret-sapisid", "of the second"))

    lent.take_back(first)
    lent.take_back(second)

    assert "of the first" in (folder / "alice.txt").read_text()


def test_a_jar_that_did_not_change_is_not_written(folder: Path) -> None:
    lent = taken(folder)
    before = (folder / "alice.txt").stat()

    worn(lent, ALICE)

    assert (folder / "alice.txt").stat().st_ino == before.st_ino


def test_a_session_that_has_ended_retires_its_jar_and_the_next_is_taken(folder: Path) -> None:
    lent = taken(folder)

    assert not worn(lent, SIGNED_OUT_ALICE)
    lent.give_back()

    assert "secret-login" in (folder / "alice.txt").read_text()
    assert SIGNED_OUT in (folder / "alice.txt.retired").read_text()
    assert JarPool(folder).seen()[0].retired == SIGNED_OUT
    assert taken(folder).jar.name == "bob"


def test_a_retired_jar_is_neither_used_nor_renewed_by_works_that_still_run(folder: Path) -> None:
    lent = taken(folder)
    late = lent.copy()
    assert late is not None
    worn(lent, SIGNED_OUT_ALICE)

    late.file.write_text(HEAD + line("LOGIN_INFO", "renewed") + ACCOUNT)

    assert not lent.take_back(late)
    assert lent.copy() is None
    assert JarPool(folder).seen()[0].retired == SIGNED_OUT


def test_a_new_file_of_the_same_name_ends_the_retirement(folder: Path) -> None:
    lent = taken(folder)
    worn(lent, SIGNED_OUT_ALICE)
    lent.give_back()

    (folder / "alice.txt").write_text(HEAD + line("LOGIN_INFO", "new") + ACCOUNT)

    again = taken(folder)
    assert again.jar.name == "alice"
    assert again.copy() is not None
    assert not (folder / "alice.txt.retired").exists()


def test_the_end_of_an_old_session_does_not_touch_a_jar_that_a_person_has_filled_anew(folder: Path) -> None:
    lent = taken(folder)
    copy = lent.copy()
    assert copy is not None
    fresh = HEAD + line("LOGIN_INFO", "new") + ACCOUNT
    (folder / "alice.txt").write_text(fresh)

    copy.file.write_text(SIGNED_OUT_ALICE)

    assert lent.take_back(copy)
    assert (folder / "alice.txt").read_text() == fresh


def test_cookies_without_an_account_are_not_taken_for_one_that_was_signed_out(folder: Path) -> None:
    (folder / "alice.txt").write_text(HEAD + line("PREF", "x"))
    lent = taken(folder)

    assert worn(lent, HEAD)
    assert "PREF" not in (folder / "alice.txt").read_text()


@pytest.mark.parametrize("text", ["", "nonsense", '[{"name": "x"}]'])
def test_what_is_no_cookie_file_is_passed_over_and_named(folder: Path, text: str) -> None:
    (folder / "alice.txt").write_text(text)

    assert taken(folder).jar.name == "bob"
    assert JarPool(folder).seen()[0].retired == UNREADABLE


def test_a_jar_that_has_had_its_videos_of_today_is_passed_over_until_tomorrow(folder: Path) -> None:
    jar = Jar(folder / "alice.txt")
    assert [jar.count(TODAY), jar.count(TODAY)] == [1, 2]

    assert taken(folder, videos_per_day=2).jar.name == "bob"
    assert taken(folder, videos_per_day=3).jar.name == "alice"
    assert jar.videos_on(date(2026, 11, 23)) == 0


def test_a_place_that_is_not_there_is_an_error_without_its_name(tmp_path: Path) -> None:
    with pytest.raises(CookieJarsError, match="No such file") as raised:
        JarPool(tmp_path / "elsewhere").take("downloader", TODAY)

    assert "elsewhere" not in str(raised.value)
