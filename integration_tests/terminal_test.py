"""gitopsctl at a terminal: questions, the live tree, and what Ctrl-C leaves behind. A real pseudo-terminal,
with real agents that stand still where a test says so."""

import re
import shlex

import pytest

from fleet import Fleet
from harness import BIN, wait_for
from marked_hosts import MarkedHosts
from terminal import Terminal

HELD = ["deploy", "run-secret-triggers", "--canary", "1", "--max-parallel", "2", "--all", "-y"]


class AtTerminal:
    def __init__(self, base):
        self.hosts = MarkedHosts(base, 4)
        self.fleet = Fleet(base, hosts=self.hosts.keys(), planner_flags=["--connect-timeout", "1s"])

    def command(self, *arguments):
        return [str(BIN / "ctl/gitopsctl"), *arguments, "--planner", f"unix:{self.fleet.sockets}/planner"]

    def run(self, *arguments, **options):
        return Terminal(self.command(*arguments), **options)

    def begin_held(self, *arguments, **options):
        """A deployment whose canary is done and that stands in the triggers of web2 and web3."""
        for name in ("web2", "web3"):
            self.hosts.mark("hold", name)
        return self.run(*HELD, *arguments, **options)

    def let_go(self):
        for name in ("web2", "web3"):
            self.hosts.unmark("hold", name)


@pytest.fixture(scope="module")
def module_at(tmp_path_factory):
    at = AtTerminal(tmp_path_factory.mktemp("terminal"))
    with at.fleet:
        yield at


@pytest.fixture
def at(module_at):
    yield module_at
    module_at.hosts.reset()

    def all_ended():
        listed = module_at.fleet.ctl("list", "deployments", "-o", "json").json()["deployments"]
        return all(deployment["endTime"] for deployment in listed)

    wait_for(all_ended, what="the end of all deployments")


UNDER_WAY = """\
deployment ID  RUNNING  wave 2 of 2, 1 of 4 hosts
├─ wave 1
│  └─ web1  SUCCEEDED
└─ wave 2
   ├─ web2  RUNNING  deploy: pre-deploy-checks done, then run-secret-triggers
   ├─ web3  RUNNING  deploy: pre-deploy-checks done, then run-secret-triggers
   └─ web4  PENDING"""
DONE = """\
deployment ID  SUCCEEDED  wave 2 of 2, 4 of 4 hosts
├─ wave 1
│  └─ web1  SUCCEEDED
└─ wave 2: 3 SUCCEEDED"""


def without_id(shown):
    """Without what differs from run to run: ids, and how long it takes."""
    shown = re.sub(r"(hosts), (\d+h)?(\d+m)?\d+s$", r"\1", shown, flags=re.M)
    return re.sub(r"\d{8}-\d{6}-[a-z0-9]{6}", "ID", shown)


def await_tree(terminal, tree=UNDER_WAY):
    """The tree, and nothing besides it."""
    return terminal.wait_for(lambda shown: without_id(shown) == tree)


# The tree.

def test_the_tree_is_redrawn_in_place_and_then_comes_the_result(at):
    with at.begin_held() as terminal:
        await_tree(terminal)
        at.let_go()
        assert terminal.exit_status() == 0
        tree, result = without_id(terminal.shown()).split("\ndeployment ID: ")
        assert tree == DONE
        assert result.startswith("SUCCEEDED, 4 of 4 hosts done\nHOST") and result.count("web4") == 1
        assert "\x1b[32mSUCCEEDED\x1b[0m" in terminal.written


def test_the_tree_is_no_part_of_the_result(at, tmp_path):
    command = shlex.join(at.command("deploy", "unfreeze", "--all", "-y", "-o", "name"))
    with Terminal(["sh", "-c", f"{command} > {tmp_path}/out"]) as terminal:
        assert terminal.exit_status() == 0
        assert "└─ wave 1" in terminal.shown()
    assert without_id((tmp_path / "out").read_text()) == "ID\n"


@pytest.mark.parametrize("flags, env", [
    pytest.param(["--color", "never"], {}, id="color never"),
    pytest.param([], {"NO_COLOR": "1"}, id="NO_COLOR"),
    pytest.param([], {"GITOPS_COLOR": "never"}, id="GITOPS_COLOR"),
])
def test_the_tree_has_no_colours_where_none_are_wanted(at, flags, env):
    with at.run("deploy", "unfreeze", "--all", "-y", *flags, env=env) as terminal:
        assert terminal.exit_status() == 0
        assert "└─ wave 1" in terminal.shown()
        assert not re.search(r"\x1b\[[\d;]*m", terminal.written)


def test_color_always_beats_no_color(at):
    with at.run("deploy", "unfreeze", "--all", "-y", "--color", "always",
                env={"NO_COLOR": "1"}) as terminal:
        assert terminal.exit_status() == 0
        assert "\x1b[32mSUCCEEDED\x1b[0m" in terminal.written


def test_a_dumb_terminal_gets_plain_lines(at):
    with at.run("deploy", "unfreeze", "--all", "-y", env={"TERM": "dumb"}) as terminal:
        assert terminal.exit_status() == 0
        assert "\x1b" not in terminal.written and "web4: SUCCEEDED" in terminal.shown()


def test_on_a_dumb_terminal_a_change_of_a_watched_table_is_one_more_line(at):
    with at.run("list", "services", "-w", env={"TERM": "dumb"}, columns=200) as terminal:
        terminal.wait_for(lambda shown: len(shown.split("\n")) == 5)
        at.fleet.ctl("freeze", "app", "--on", "web1")
        terminal.wait_for(lambda shown: re.search("web1 +app .* FREEZE", shown))
        assert len(terminal.shown().split("\n")) == 6 and "\x1b" not in terminal.written
        terminal.type("\x03")
        assert terminal.exit_status() == 130
    at.fleet.ctl("unfreeze", "app", "--on", "web1")


def test_what_does_not_fit_the_height_is_counted(at):
    with at.begin_held(rows=6) as terminal:
        await_tree(terminal, "deployment ID  RUNNING  wave 2 of 2, 1 of 4 hosts\n"
                             "├─ wave 1: 1 SUCCEEDED\n"
                             "└─ wave 2\n"
                             "   ├─ web2  RUNNING  deploy: pre-deploy-checks done, then run-secret-triggers\n"
                             "… 2 more lines")


def cut(shown, columns):
    return "\n".join(line if len(line) <= columns else line[:columns - 1] + "…" for line in shown.split("\n"))


@pytest.mark.parametrize("columns", [60, 35, 20])
def test_a_terminal_that_is_made_narrower_and_wider_shows_the_tree_cut_and_whole_and_no_remains(
        at, columns):
    with at.begin_held(rows=30, columns=100) as terminal:
        await_tree(terminal)
        whole = terminal.shown()
        terminal.resize(30, columns)
        terminal.wait_for(cut(whole, columns).__eq__)
        terminal.resize(30, 100)
        await_tree(terminal)
        at.let_go()
        assert terminal.exit_status() == 0
        assert without_id(terminal.shown()).startswith(DONE)


def test_a_planner_that_goes_away_is_said_below_the_tree_until_it_is_back(at):
    with at.begin_held() as terminal:
        await_tree(terminal)
        at.fleet.planner.kill()
        shown = terminal.wait_for("the planner does not answer").split("\n")
        assert "the planner does not answer" in shown[-1] and len(shown) == 8
        at.fleet.planner.start()
        at.let_go()
        assert terminal.exit_status() == 0
        assert without_id(terminal.shown()).startswith(DONE + "\ndeployment ID: SUCCEEDED")


# Ctrl-C.

def test_ctrl_c_ends_the_waiting_alone_and_says_how_to_go_on_watching(at):
    with at.begin_held(columns=200) as terminal:
        begun = re.match(r"deployment (\S+)", await_tree(terminal)).group(1)
        terminal.type("\x03")
        assert terminal.exit_status() == 130
        # The tree stays; what is said stands on a line of its own, and so will the shell's prompt.
        assert without_id(terminal.shown()) == UNDER_WAY + (
            "\n^C\ngitopsctl: deployment ID continues; gitopsctl watch deployment ID shows it, "
            "gitopsctl cancel deployment ID ends it")
        assert terminal.written.endswith("\n")
        assert terminal.modes_after == terminal.modes
    assert at.fleet.deployment(begun)["state"] == "RUNNING"
    with at.run("watch", "deployment", begun) as again:
        await_tree(again)
        at.let_go()
        assert again.exit_status() == 0
        assert without_id(again.shown()).startswith(DONE)


# Questions.

def test_deploy_shows_the_plan_and_deploys_what_it_showed_when_that_is_confirmed(at):
    commit = at.fleet.commit("confirmed")
    with at.run("deploy", "sync", "--on", "web[12]", "--canary", "1", "--on-failure", "rollback",
                columns=160, rows=40) as terminal:
        shown = terminal.wait_for(f'Deploy sync to 2 hosts in 2 waves, on failure roll back, newest commit {commit[:8]} '
                                  '"version confirmed"? [y/N]')
        assert "web2" in shown and "web3" not in shown
        terminal.type("y\n")
        assert terminal.exit_status() == 0
        assert "SUCCEEDED, 2 of 2 hosts done" in terminal.shown()
    assert [at.fleet.version(host) for host in ("web1", "web2")] == ["confirmed"] * 2


def test_nothing_is_asked_where_nothing_would_change(at):
    at.fleet.deploy("sync", check=True)
    with at.run("deploy", "sync", "--all", columns=120, rows=40) as terminal:
        assert terminal.exit_status() == 0
        assert "SUCCEEDED, 4 of 4 hosts done" in terminal.shown() and "[y/N]" not in terminal.written


QUESTION = "Deploy unfreeze to 4 hosts in 1 wave, on failure stop? [y/N]"


@pytest.mark.parametrize("answer", ["n\n", "\n", "yesterday\n", "\x04"], ids=["no", "none", "other", "Ctrl-D"])
def test_nothing_is_done_unless_it_is_confirmed(at, answer):
    before = at.fleet.ctl("list", "deployments", "-o", "name").out
    with at.run("deploy", "unfreeze", "--all", columns=120, rows=40) as terminal:
        terminal.wait_for(QUESTION)
        terminal.type(answer)
        assert terminal.exit_status() == 1
        assert terminal.shown().split("\n")[-1].startswith("gitopsctl: deploy through")
        assert "not confirmed; nothing was done" in terminal.shown()
    assert at.fleet.ctl("list", "deployments", "-o", "name").out == before


def test_ctrl_c_at_the_question_does_nothing(at):
    before = at.fleet.ctl("list", "deployments", "-o", "name").out
    with at.run("deploy", "unfreeze", "--all", columns=120, rows=40) as terminal:
        terminal.wait_for(QUESTION)
        terminal.type("\x03")
        assert terminal.exit_status() == 130
        assert terminal.modes_after == terminal.modes
    assert at.fleet.ctl("list", "deployments", "-o", "name").out == before


# Tables that are watched.

def test_a_watched_list_of_deployments_has_a_row_for_each_and_changes_it_in_place(at):
    with at.begin_held() as deploying:
        begun = re.match(r"deployment (\S+)", await_tree(deploying)).group(1)
        with at.run("list", "deployments", "-w", columns=100, rows=50) as terminal:
            terminal.wait_for(lambda shown: re.search(f"{begun} +RUNNING +1/4", shown))
            at.let_go()
            shown = terminal.wait_for(lambda shown: re.search(f"{begun} +SUCCEEDED +4/4", shown))
            assert shown.count(begun) == 1 and shown.count("ACTIONS") == 1
            terminal.type("\x03")
            assert terminal.exit_status() == 130
