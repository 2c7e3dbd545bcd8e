"""What the expander says that it is doing."""

from tubewarren_services.source_expander.service import _Doing


def test_of_two_sources_at_a_time_the_end_of_one_leaves_the_other() -> None:
    doing = _Doing()

    doing.say("8", "source 8: 5 videos so far")
    doing.say("7", "source 7: 2 videos so far")
    both = doing.words
    doing.say("8", "")
    doing.say("8", "")

    assert both == "source 7: 2 videos so far, source 8: 5 videos so far"
    assert doing.words == "source 7: 2 videos so far"
