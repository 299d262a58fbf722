"""docs/tutorial.md: every command is run, and prints what the page shows."""

from doc_host import DocHost

from doc_pages import Page
from host import WORKSPACE

PAGE = Page(WORKSPACE / "docs/tutorial.md")


def test_every_command_of_the_tutorial_prints_what_it_shows():
    with DocHost("debian") as host, host.session() as session:
        PAGE.run(session)


def test_only_builds_are_left_out():
    assert PAGE.not_understood == []
    assert [block.not_run for block in PAGE.not_run] == [
        "a build takes minutes; the tests run what was built"] * 2
