"""The verbs that people know from kubectl and Nomad, through the real programs: wait, history, describe,
events, rollback previous, diff --to, @HOST by the planner's address, debug bundles, the manual page."""

import json
import re
import subprocess
import tarfile
import threading
import time

import pytest

from fleet import Fleet
from harness import BIN, ctl, wait_for

SECRET = "hunter2-in-the-url"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with Fleet(tmp_path_factory.mktemp("verbs"), hosts=2,
               service={"tracking": "auto", "poll": "200ms"},
               planner_flags=["--heartbeat", "200ms", "--stale-after", "1s"]) as fleet:
        wait_for(lambda: set(fleet.versions().values()) == {"0"}, what="the first revision")
        yield fleet


def test_wait_ends_when_every_host_has_the_revision(fleet):
    head = fleet.commit("wait")
    done = fleet.ctl("wait", "service", "app", "--on", "web*", "--for", "state=OK", "--revision", head[:8],
                     "--timeout", "30s")
    assert set(fleet.versions().values()) == {"wait"}
    assert done.out.count(head[:8]) == 2


def test_wait_tells_what_is_missing_and_waits_for_servers_that_restart(fleet):
    late = fleet.ctl("wait", "service", "app", "--revision", "0000", "--timeout", "500ms", check=False)
    assert late.status == 4 and "web1/app is OK" in late.err
    fleet.planner.kill()
    result = []
    waiter = threading.Thread(target=lambda: result.append(fleet.ctl(
        "wait", "service", "app", "--timeout", "30s", check=False)))
    waiter.start()
    fleet.planner.start()
    waiter.join(40)
    assert result[0].status == 0, result
    gone = ctl("wait", "service", "app", "--planner", "127.0.0.1:1", "--timeout", "500ms", check=False)
    assert gone.status == 3


def test_wait_follows_a_deployment_to_its_end(fleet):
    begun = fleet.begin("freeze", "--service", "app", "--on", "web1")
    assert fleet.ctl("wait", "deployment", begun, "--for", "state=SUCCEEDED", "--timeout", "30s").status == 0
    assert fleet.ctl("wait", "deployment", "last", "--for", "state=FAILED", check=False).status == 1
    assert begun in fleet.ctl("get", "deployment", "last").out
    fleet.ctl("unfreeze", "app", "--on", "web1")


def test_history_and_description_of_a_host_come_through_the_planner(fleet):
    head = fleet.commit("history")
    fleet.ctl("wait", "service", "app", "--revision", head, "--timeout", "30s")
    assert head[:8] in fleet.ctl("history", "app", "--on", "web1").out
    service = fleet.ctl("get", "service", "app", "--on", "web1", "-o", "json").json()["services"][0]
    assert head in service["revisions"] and service["changes"]
    assert "web2" in fleet.ctl("describe", "service", "app").out
    assert "app" in fleet.ctl("describe", "host", "web1").out


def test_previous_is_what_each_host_had_before(fleet):
    before = fleet.commit("before")
    fleet.ctl("wait", "service", "app", "--revision", before, "--timeout", "30s")
    after = fleet.commit("after")
    fleet.ctl("wait", "service", "app", "--revision", after, "--timeout", "30s")
    fleet.ctl("rollback", "app", "previous", "--all", "-y")
    assert set(fleet.versions().values()) == {"before"}
    fleet.ctl("unfreeze", "app", "--all", "-y")
    fleet.ctl("wait", "service", "app", "--revision", after, "--timeout", "30s")
    fleet.agents["web1"].ctl("rollback", "app", "previous")
    assert fleet.version("web1") == "before"
    fleet.agents["web1"].ctl("unfreeze", "app")


def test_diff_to_a_revision_shows_what_a_move_would_change(fleet):
    old = fleet.commit("old")
    fleet.ctl("wait", "service", "app", "--revision", old, "--timeout", "30s")
    new = fleet.commit("new")
    fleet.ctl("wait", "service", "app", "--revision", new, "--timeout", "30s")
    shown = fleet.ctl("diff", "app", "--to", old, "--all", check=False)
    assert shown.status == 1 and "-new" in shown.out and "+old" in shown.out
    assert shown.out.count("+old") == 1, "what is equal is shown once"
    assert "+old" in fleet.agents["web1"].ctl("diff", "app", "--to", old, check=False).out


def test_events_tell_changes_as_they_come(fleet):
    watch = subprocess.Popen([str(BIN / "ctl/gitopsctl"), "events", "-w", "-o", "json", "--planner",
                              f"unix:{fleet.sockets}/planner"], stdout=subprocess.PIPE, text=True)
    try:
        first = json.loads(watch.stdout.readline())
        assert {"time", "type", "name", "message"} <= set(first)
        fleet.ctl("freeze", "app", "--on", "web2")
        deadline = time.monotonic() + 30
        for line in watch.stdout:
            event = json.loads(line)
            if event["name"] == "web2/app" and event["service"]["state"] == "FREEZE":
                break
            assert time.monotonic() < deadline
    finally:
        watch.kill()
        watch.wait()
    fleet.ctl("unfreeze", "app", "--on", "web2")


def test_a_name_is_dialled_at_the_address_that_the_planner_knows(fleet):
    # The planner has web1 at a unix socket; no DNS name web1 exists.
    planner = {"GITOPS_PLANNER": f"unix:{fleet.sockets}/planner"}
    assert "frozen" in ctl("freeze", "app", "@web1", env=planner).out
    ctl("unfreeze", "app", "@web1", env=planner)
    # The brake by address needs no planner.
    fleet.planner.kill()
    try:
        assert "frozen" in ctl("freeze", "app", f"@unix:{fleet.sockets}/web1", env=planner).out
        ctl("unfreeze", "app", f"@unix:{fleet.sockets}/web1", env=planner)
    finally:
        fleet.planner.start()
        fleet.await_online()


def test_without_a_planner_it_names_the_agent_of_this_host():
    refused = ctl("list", "services", check=False)
    assert refused.status == 3
    assert "no planner here" in refused.err and "@localhost" in refused.err


def test_a_bundle_holds_no_secret_and_names_hosts_that_are_gone(fleet, tmp_path):
    fleet.config.write_text(fleet.config.read_text() + f"""
[[services]]
machine = "web1"
service = "secret"
upstream = "https://alice:{SECRET}@127.0.0.1:1/ops.git"
mount = "{fleet.base}/web1/revisions"
dirs = [{{ local = "{fleet.base}/web1/etc/secret", link = "secret" }}]
""")
    wait_for(lambda: "secret" in fleet.ctl("list", "services", "-o", "name").out, what="the service")
    web2 = fleet.agents["web2"]
    web2.process.kill()
    web2.process.wait()
    try:
        file = tmp_path / "bundle.tar.gz"
        made = fleet.ctl("debug", "bundle", "--out", str(file), "--timeout", "60s")
        assert "web2" in made.err
        assert fleet.ctl("debug", "bundle", "--out", str(file), check=False).status == 1
        texts = {}
        with tarfile.open(file) as archive:
            for member in archive.getmembers():
                if member.isfile():
                    texts[member.name.split("/", 1)[1]] = archive.extractfile(member).read().decode()
        assert {"about.txt", "fleet/hosts.json", "fleet/services.json", "planner/version.txt",
                "hosts/web1/config.toml", "hosts/web1/log.txt", "hosts/web1/metrics.txt"} <= set(texts)
        assert "web2" in texts["about.txt"]
        for name, text in texts.items():
            assert SECRET not in text, name
    finally:
        web2.start()
        fleet.write_config()
        fleet.await_online()


def manual_page(path, *program):
    """The text of the page that `__man` prints, and the names of its sections. It has to be good roff."""
    path.write_text(ctl("__man", *program).out)
    linted = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, text=True)
    assert (linted.returncode, linted.stdout) == (0, ""), linted
    shown = subprocess.run(["mandoc", "-T", "utf8", path], capture_output=True, text=True, check=True).stdout
    text = re.sub(r".\x08", "", shown)  # overstruck letters are bold or underlined
    return text, re.findall(r"^[A-Z][A-Z ]+$", text, re.M)


@pytest.mark.parametrize("server", ["gitops-agent", "gitops-planner", "gitops-hook-dispatcher",
                                    "gitops-promotion-receiver", "gitops-gateway"])
def test_the_manual_page_and_the_completion_of_a_server_have_every_flag_of_its_help(server, tmp_path):
    text, sections = manual_page(tmp_path / f"{server}.8", server)
    assert sections == ["NAME", "SYNOPSIS", "DESCRIPTION", "FLAGS", "SIGNALS", "EXIT STATUS", "FILES", "SEE ALSO"]
    binary = next(path for path in BIN.glob(f"**/{server}") if path.is_file())
    helped = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True).stdout
    flags = re.findall(r"^  .{4}(--[a-z-]+)", helped, re.M)
    assert len(flags) > 10
    completed = subprocess.run(
        ["bash", "-c", 'eval "$0"; compgen -W "$(complete -p "$1" | cut -d"\'" -f2)"', ctl("__completion", server).out,
         server], capture_output=True, text=True, check=True).stdout.split()
    for flag in flags:
        assert re.search(rf"(?m)^ +(-., )?{flag}( |$)", text), flag
        assert flag in completed
    assert "GITOPS_LOG_LEVEL" in text
    assert ctl("__man", "gitops-nothing", check=False).status == 2


def test_the_manual_page_is_good_roff(tmp_path):
    text, sections = manual_page(tmp_path / "gitopsctl.1")
    assert sections == ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "FLAGS", "EXIT STATUS", "ENVIRONMENT", "SEE ALSO"]
    assert "gitopsctl - control a fleet" in text
    for said in ("wait service", "--planner", "GITOPS_PLANNER", "4 timed out"):
        assert said in " ".join(text.split()), said
