"""What is ready at once knows just what yt-dlp itself would, and nothing of the video before."""

from http.cookiejar import Cookie
from pathlib import Path
from typing import Any

import pytest
import yt_dlp

from tubewarren.youtube.kept import Kept
from tubewarren.youtube.ready import ReadyYoutubeDL
from tubewarren.youtube.ytdlp_log import CapturingLogger

GIVEN = {"proxy": "http://127.0.0.1:1"}


def options(**more: Any) -> dict[str, Any]:
    return {"quiet": True, "logger": CapturingLogger(), **GIVEN, **more}


def cookie(name: str) -> Cookie:
    where: dict[str, Any] = {"domain": "site", "domain_specified": True, "domain_initial_dot": False, "path": "/"}
    when: dict[str, Any] = {"expires": 4_000_000_000, "discard": False, "secure": False, "version": 0}
    rest: dict[str, Any] = {"port": None, "port_specified": False, "path_specified": True, "comment": None}
    return Cookie(name=name, value="1", comment_url=None, rest={}, **where, **when, **rest)


def names(ydl: Any) -> list[str]:
    return [cookie.name for cookie in ydl.cookiejar]


@pytest.mark.parametrize("options", [{}, {"allowed_extractors": ["youtube.*", "generic"]}])
def test_the_extractors_are_yt_dlps_own_in_its_order(options: dict[str, object]) -> None:
    quiet = {"quiet": True, **options}

    with ReadyYoutubeDL(quiet) as ready, yt_dlp.YoutubeDL(quiet) as usual:
        assert [*ready._ies] == [*usual._ies]
        assert ready._ies["Generic"] is usual._ies["Generic"]


def test_the_network_goes_on_and_nothing_else_does() -> None:
    kept, seen = Kept(), options()
    with ReadyYoutubeDL(options(http_headers={"X": "1"}), GIVEN, kept) as first:
        director = first._request_director
        first.cookiejar.set_cookie(cookie("of-the-first"))
        first._num_downloads = first._num_videos = 7
        first.archive.add("youtube first")
        first.get_info_extractor("Youtube")

    with ReadyYoutubeDL(seen, GIVEN, kept) as second:
        director.logger.warning("said of the second")

        assert second._request_director is director
        assert {handler.cookiejar for handler in director.handlers.values()} == {second.cookiejar}
        assert names(second) == []
        assert (second._num_downloads, second._num_videos, second.archive) == (0, 0, set())
        assert second._ies_instances == {}
        assert seen["logger"].warnings == ("said of the second",)
        assert first.params["logger"].warnings == ()


def test_cookies_of_a_file_come_from_it_and_go_into_it_each_time(tmp_path: Path) -> None:
    file, kept = tmp_path / "jar.txt", Kept()
    given = {"cookiefile": str(file)}
    for number in range(2):
        with ReadyYoutubeDL(options(**given), given, kept) as ydl:
            _ = ydl._request_director
            before = names(ydl)
            ydl.cookiejar.set_cookie(cookie(f"c{number}"))

    assert before == ["c0"]
    assert [line.split("\t")[5] for line in file.read_text().splitlines() if "\t" in line] == ["c0", "c1"]


@pytest.mark.parametrize(("given", "fails"), [({"proxy": "http://127.0.0.1:2"}, False), (GIVEN, True)])
def test_others_and_those_after_a_failure_begin_anew(given: dict[str, str], fails: bool) -> None:  # noqa: FBT001
    kept = Kept()
    first = ReadyYoutubeDL(options(), GIVEN, kept)
    director = first._request_director
    first.__exit__(*((ValueError, ValueError(), None) if fails else (None, None, None)))

    with ReadyYoutubeDL(options(**given), given, kept) as second:
        assert second._request_director is not director
        assert director.handlers == {}


def test_a_runtime_is_asked_for_its_version_once_and_a_missing_one_each_time(tmp_path: Path) -> None:
    program, kept = tmp_path / "deno", Kept()
    wanted = {"js_runtimes": {"deno": {"path": str(program)}}}
    script = f'#!/bin/sh\necho asked >> {tmp_path / "log"}\necho "deno 2.5.0"\n'
    found = []
    for number in range(3):
        if number == 1:
            program.write_text(script)
            program.chmod(0o755)
        with ReadyYoutubeDL(options(**wanted), GIVEN, kept) as ydl:
            found.append(ydl._js_runtimes["deno"].info is not None)

    assert found == [False, True, True]
    assert (tmp_path / "log").read_text().splitlines() == ["asked"]
