"""The tool that runs the pages of docs/: what it runs, what it takes for equal, and what it finds."""

import pytest

from doc_pages import Comparison, Page, Session, blocks, steps

HASH, OTHER = "1234abcd" * 5, "feed0123" * 5


@pytest.fixture(name="run")
def run_fixture(tmp_path):
    def run(text):
        page = tmp_path / "page.md"
        page.write_text(text)
        with Session(directory=str(tmp_path)) as session:
            Page(page).run(session)
        return page.read_text()

    return run


def console(*lines):
    return "\n".join(["```console", *lines, "```", ""])


def test_a_page_that_shows_what_its_commands_print_passes(run):
    run("Text.\n" + console("$ greeting='hello, you'", "$ echo $greeting", "hello, you", "$ cat <<'END'", "> a", "> END",
                            "a") + "```sh\ncd /\ntrue\n```\n" + console("$ pwd", "/", "$ false", "$ echo $?", "1"))


@pytest.mark.parametrize("lines", [["$ echo one", "two"], ["$ echo one"], ["$ true", "one"], ["$ false"],
                                   ["$ echo one >&2", "one", "two"], ["$ echo one; echo two", "one"],
                                   ["$ false", "$ echo $?", "0"]])
def test_a_page_fails_whose_command_fails_or_prints_something_else(run, lines):
    with pytest.raises(AssertionError):
        run(console(*lines))


def test_commands_without_a_prompt_print_nothing(run):
    with pytest.raises(AssertionError, match="it prints\nsomething"):
        run("```sh\ntrue\necho something\n```\n")


def test_a_file_of_a_page_is_written_with_its_mode(run):
    run("```toml\n# conf/a.toml, mode 0600\nkey = '$x'\n```\n" + console(
        "$ stat -c %a conf/a.toml", "600", "$ tail -n 1 conf/a.toml", "key = '$x'"))


def test_what_is_not_run_needs_a_reason_and_other_blocks_are_not_understood(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: it would end the world -->\n```sh\nexit 1\n```\n```\nfalse\n```\n```toml\na = 1\n```\n")
    read = Page(page)
    assert [block.not_run for block in read.not_run] == ["it would end the world"]
    assert [block.text for block in read.not_understood] == [["false"], ["a = 1"]]


def test_a_command_may_have_several_lines():
    block = blocks("```console\n$ deploy sync \\\n    --all\ndone\n$ for i in 1; do\n>   true\n> done\n```")[0]
    assert [(step.command, step.shown) for step in steps(block)] == [
        ("deploy sync \\\n    --all", ["done"]), ("for i in 1; do\n  true\ndone", [])]


@pytest.mark.parametrize("shown, printed", [
    ("web1  OK  3s", "web1     OK  12m"), ("at 2026-11-22T22:15:30Z", "at 2027-01-02T03:04:05.678Z"),
    ("is at … now", "is at last there now"), ("aaaaaaaa and aaaaaaaa", "1234abcd and 1234abcd"),
    ("aaaaaaaa bbbbbbbb", "1234abcd feed0123"), ("20261122-221530-k7q2mx", "20270101-000000-aaaaaa")])
def test_what_differs_from_run_to_run_is_equal(shown, printed):
    assert Comparison().equal([shown], [printed])


@pytest.mark.parametrize("shown, printed", [
    ("web1  OK", "web1  DIFF"), ("aaaaaaaa bbbbbbbb", "1234abcd 1234abcd"),
    ("aaaaaaaa aaaaaaaa", "1234abcd feed0123"), ("aaaaaaaa", "1234abcd1234"), ("3s", "3")])
def test_other_text_is_not_equal(shown, printed):
    assert not Comparison().equal([shown], [printed])


def test_a_line_of_an_ellipsis_stands_for_any_lines():
    for printed in ([], ["b"], ["b", "c"]):
        assert Comparison().equal(["a", "…", "d"], ["a", *printed, "d"])
    assert not Comparison().equal(["a", "…", "d"], ["a", "d", "e"])


def test_a_name_that_was_shown_stands_for_the_real_one_in_later_commands():
    comparison = Comparison()
    assert comparison.equal(["app  aaaaaaaa", "a" * 40], ["app  1234abcd", HASH])
    assert comparison.in_command("rollback app aaaaaaaa @web1") == "rollback app 1234abcd @web1"
    assert comparison.in_command("rollback app " + "a" * 40) == "rollback app " + HASH
    assert not comparison.equal(["aaaaaaaa"], [OTHER[:8]])


def test_pages_are_updated_with_what_is_printed(run, monkeypatch):
    monkeypatch.setenv("GITOPS_UPDATE_PAGES", "1")
    page = console("$ echo web1 3s", "web1 1m", "$ echo a; echo b", "c", "$ true", "d")
    assert run(page) == console("$ echo web1 3s", "web1 1m", "$ echo a; echo b", "a", "b", "$ true")


def test_a_name_keeps_its_form_in_an_updated_page(run, monkeypatch):
    monkeypatch.setenv("GITOPS_UPDATE_PAGES", "1")
    page = console("$ h=1234abcd; echo $h", "aaaaaaaa", "$ echo now $h", "was aaaaaaaa")
    assert run(page).splitlines()[4] == "now aaaaaaaa"


def test_a_line_that_is_cut_at_the_terminals_width_is_shown_with_some_words_less(run, monkeypatch):
    monkeypatch.setenv("GITOPS_UPDATE_PAGES", "1")
    line = "web1  3s  " + "word " * 12 + "and the la…"
    assert run(console(f"$ echo '{line}'", "nothing")).splitlines()[2] == "web1  3s  " + "word " * 12 + "and …"
