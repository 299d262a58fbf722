"""Every table and live view of gitopsctl on a pseudo-terminal of 80x24 and of 200x50: no line is wider than
the terminal, and the screens are those of docs/reference/screens.md. To write that page anew:

    GITOPS_WRITE_SCREENS=1 python3 -m pytest integration_tests/screens_test.py

Names have 20 characters, the most for which tables promise to fit 80 columns.
"""

import os
import re
import unicodedata

import pytest

from fleet import Fleet, HookEndpoint
from harness import BIN, ROOT, ctl, wait_for
from marked_hosts import MarkedHosts
from promotion_suite import PromotionSuite
from terminal import Terminal

PAGE = ROOT / "docs/reference/screens.md"
SIZES = {"80x24": (24, 80), "200x50": (50, 200)}
HOSTS = [f"frontend-europe-{i:04}" for i in range(1, 6)]
SERVICE = "checkout-backend-eu1"
INTRO = """\
# Screens of gitopsctl

What tables and live views look like on terminals of two sizes. A test makes these screens with real programs and compares them with
this page; it makes hashes, ids and times stable. To write the page anew:
`GITOPS_WRITE_SCREENS=1 python3 -m pytest integration_tests/screens_test.py`.
"""


class Hosts(MarkedHosts):
    def __init__(self, base):
        super().__init__(base, len(HOSTS))
        self.names = list(HOSTS)


class Promotions(PromotionSuite):
    """Two pipelines, one of which has a promotion that waits for an approval after one that was rejected."""

    def prepare(self):
        for name in (SERVICE, "search"):
            self.pipeline(name, "notification: {}")
            file = self.pipelines / f"{name}.yaml"
            file.write_text(file.read_text().replace("manual: false", "manual: true"))
        self.__enter__()

    def promote(self):
        for revision, state in (("1.2.3", "REJECTED"), ("1.3.0", "WAITING_APPROVAL")):
            promotion = self.event(SERVICE, revision)
            wait_for(lambda: self.get(promotion)["state"] == "WAITING_APPROVAL", what="a promotion that waits")
            if state == "REJECTED":
                ctl("promotions", "reject", f"shopping/{SERVICE}", "prod", revision, "--reason", "not before Monday",
                    "--promotion-receiver", self.address)


class Screens:
    """A fleet in which something of everything happens, and what its screens were."""

    def __init__(self, base):
        (base / "promotions").mkdir()
        self.promotions = Promotions(base / "promotions")
        self.hosts = Hosts(base)
        self.hook = HookEndpoint()
        self.fleet = Fleet(base, hosts=self.hosts.keys(), service={"service": SERVICE}, hooks=[
            {"name": "load-balancer-drain1", "points": ["pre-deploy", "pre-reboot"], "url": self.hook}],
            planner_flags=["--heartbeat", "500ms", "--stale-after", "2s", "--connect-timeout", "1s"])

    def prepare(self):
        """One host is frozen, the last one silent, and there is a commit that nobody has yet."""
        self.promotions.prepare()
        self.promotions.promote()
        assert self.fleet.deploy("sync").status == 0
        self.fleet.ctl("freeze", SERVICE, "--on", HOSTS[1], "--reason", "a release day of the shop")
        self.hosts.mark("sick", HOSTS[0])
        self.fleet.deploy("sync", "--on", HOSTS[0], "--health-timeout", "500ms")
        self.hosts.unmark("sick", HOSTS[0])
        self.fleet.agents[HOSTS[4]].process.kill()
        self.fleet.commit("2")

        def reported():
            hosts = self.fleet.ctl("list", "hosts", "-o", "json").json()["hosts"]
            services = self.fleet.ctl("list", "services", "-o", "json").json()["services"]
            return (any(host["state"] == "STALE" for host in hosts) and
                    [service["sync"] for service in services] == ["BEHIND"] * 4 + ["UNKNOWN"])

        wait_for(reported, what="a silent host, and four that are behind")

    def close(self):
        self.promotions.__exit__()
        self.hook.close()

    def run(self, arguments, size):
        rows, columns = SIZES[size]
        of_receiver = arguments[-1] in ("pipelines", "promotions") or arguments[:2] == ["list", "promotions"]
        server = (["--promotion-receiver", self.promotions.address] if of_receiver else
                  ["--planner", f"unix:{self.fleet.sockets}/planner"])
        return Terminal([str(BIN / "ctl/gitopsctl"), *arguments, *server], rows=rows, columns=columns)


def width_of(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in line)


def assert_fits(terminal, size):
    """All that was ever written, also what was drawn over later. Messages are sentences, which wrap."""
    columns = SIZES[size][1]
    text = re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", terminal.written).replace("\r", "")
    wide = [line for line in text.split("\n") if width_of(line) > columns and not line.startswith("gitopsctl: ")]
    assert not wide, f"wider than {columns} columns:\n" + "\n".join(wide)


def stable(shown):
    """With the same hashes, ids, times and places in every run; of the same width where it can be."""
    hashes = {}
    shown = re.sub(r"\d{8}-\d{6}-[a-z0-9]{6}", "20261201-120000-k7q2mx", shown)
    shown = re.sub(r"/tmp/gitops-\w+", "/run/gitops", shown)
    shown = re.sub(r" >> [^\n]*…$", " …", shown, flags=re.M)  # where a check of a test keeps its files
    shown = re.sub(r"file:///\S*", "https://git.example/ops.git", shown)
    shown = re.sub(r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:9000", shown)
    shown = re.sub(r"(token: |--plan )\S+", r"\1TOKEN", shown)
    shown = re.sub(r"\b[0-9a-f]{8}\b(?!-)",
                   lambda m: hashes.setdefault(m.group(), f"{len(hashes) + 1:x}" * 8), shown)
    shown = re.sub(r"-> [0-9a-f]{1,7}…", "-> 2…", shown)
    shown = re.sub(r"((?:frozen|rejected)\s+by)(\s+)\S+@\S+", r"\1\2root@ops", shown)
    # The next column stays where it is.
    shown = re.sub(r"(?<![\w.])(?:\d+(?:\.\d+)?(?:ms|[smh]))+\b( ?)",
                   lambda m: "9s".ljust(len(m.group().rstrip())) + m.group(1) if m.group(1) else "9s", shown)
    return re.sub(r"answered in \d+ ms", "answered in 9 ms", shown)


def same_but_for_spaces(text):
    """Where a sentence wraps depends on the names in it; its further lines are indented by 4."""
    return re.sub(r" {2,}", "  ", re.sub(r"\n {4}(?=\w)", " ", text))


@pytest.fixture(scope="module")
def screens(tmp_path_factory):
    base = tmp_path_factory.mktemp("screens")
    made = Screens(base)
    with made.fleet:
        made.prepare()
        yield made
    made.close()


TABLES = [
    ["list", "hosts"], ["list", "services"], ["list", "machines"], ["list", "deployments"], ["list", "hooks"],
    ["list", "locks"], ["get", "service", SERVICE], ["check"], ["plan", "sync", "--all"],
    ["list", "services", "--columns", "host,state,sync,age", "--sort", "-host"],
    ["list", "services", "--state", "FREEZE", "--no-headers"],
    ["list", "pipelines"], ["list", "promotions"],
]


def name_of(arguments):
    return " ".join(["gitopsctl", *arguments])


def table(screens, arguments, size):
    with screens.run(arguments, size) as terminal:
        terminal.exit_status()
        assert_fits(terminal, size)
        return stable(terminal.shown())


def live(screens, arguments, size, seen):
    """What a view that goes on shows when `seen` is shown; then Ctrl-C."""
    with screens.run(arguments, size) as terminal:
        shown = terminal.wait_for(seen)
        terminal.type("\x03")
        assert terminal.exit_status() == 130
        assert_fits(terminal, size)
        return stable(shown)


def live_tree(screens, size):
    """A deployment whose second host stands still in its trigger."""
    screens.hosts.mark("hold", HOSTS[1])
    arguments = ["deploy", "run-secret-triggers", "--on", "frontend-europe-000[123]", "--canary", "1", "-y"]
    with screens.run(arguments, size) as terminal:
        shown = terminal.wait_for(lambda text: re.search(
            f"wave 2 of 2(?s:.*){HOSTS[1]} +RUNNING +deploy: pre-deploy-checks done", text))
        screens.hosts.unmark("hold", HOSTS[1])
        assert terminal.exit_status() == 0
        assert_fits(terminal, size)
        return stable(shown), stable(terminal.shown())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("arguments", TABLES, ids=name_of)
def test_no_line_of_a_table_is_wider_than_the_terminal(screens, arguments, size):
    assert table(screens, arguments, size)


@pytest.mark.parametrize("size", SIZES)
def test_no_line_of_a_live_view_is_wider_than_the_terminal(screens, size):
    for what in ("services", "hosts", "deployments", "promotions"):
        assert live(screens, ["list", what, "-w"], size, "STATE")
    under_way, ended = live_tree(screens, size)
    assert "wave 2 of 2" in under_way and "3 of 3 hosts done" in ended


def test_of_more_rows_than_the_terminal_has_the_degraded_ones_are_shown_first(screens):
    SIZES["80x6"] = (6, 80)
    shown = live(screens, ["list", "hosts", "-w"], "80x6", "not shown").split("\n")
    del SIZES["80x6"]
    assert re.match(r"5 rows, \d degraded; 2 not shown", shown[0]) and HOSTS[4] in "\n".join(shown)


def test_a_watch_waits_for_a_planner_that_restarts(screens):
    with screens.run(["list", "hosts", "-w"], "80x24") as terminal:
        terminal.wait_for(HOSTS[4])
        screens.fleet.planner.kill()
        terminal.wait_for("the planner does not answer")
        screens.fleet.planner.start()
        terminal.wait_for(lambda shown: "ONLINE" in shown.split("retrying")[-1])
        terminal.type("\x03")
        assert terminal.exit_status() == 130


def page_of(screens):
    text = INTRO
    # All tables first: a deployment that succeeds changes what they show.
    tables = {size: [(name_of(arguments), table(screens, arguments, size)) for arguments in TABLES] for size in SIZES}
    for size in SIZES:
        text += f"\n## {size}\n"
        for name, shown in tables[size]:
            text += f"\n### `{name}`\n\n```text\n{shown}\n```\n"
        under_way, ended = live_tree(screens, size)
        text += f"\n### A deployment under way\n\n```text\n{under_way}\n```\n"
        text += f"\n### A deployment that has ended\n\n```text\n{ended}\n```\n"
    return text


def test_the_screens_are_those_of_the_reference(tmp_path):
    """On a fleet of its own, so that the deployments of other tests are not listed."""
    screens = Screens(tmp_path)
    with screens.fleet:
        screens.prepare()
        page = page_of(screens)
    screens.close()
    if os.environ.get("GITOPS_WRITE_SCREENS"):
        PAGE.write_text(page)
    assert same_but_for_spaces(PAGE.read_text()) == same_but_for_spaces(page)
