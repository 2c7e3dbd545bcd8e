"""What is ready at once knows just what yt-dlp itself would."""

import pytest
import yt_dlp

from tubewarren.youtube.ready import ReadyYoutubeDL


@pytest.mark.parametrize("options", [{}, {"allowed_extractors": ["youtube.*", "generic"]}])
def test_the_extractors_are_yt_dlps_own_in_its_order(options: dict[str, object]) -> None:
    quiet = {"quiet": True, **options}

    with ReadyYoutubeDL(quiet) as ready, yt_dlp.YoutubeDL(quiet) as usual:
        assert [*ready._ies] == [*usual._ies]
        assert ready._ies["Generic"] is usual._ies["Generic"]
