"""The audit, with the real programs: who changed what, what was refused, and what becomes of an audit
that somebody tampers with."""

import getpass
import json
import os
import re
import sqlite3

import pytest

from fleet import PLANNER, Fleet, Program
from fleet_certificates import FleetAuthority
from gateway import Gateway
from harness import Agent, Repository, ctl, fleet_config, wait_for


ME = getpass.getuser()  # as gitopsctl names itself, with the machine


def export(*arguments, **options):
    return [json.loads(line) for line in ctl("audit", "export", *arguments, **options).out.splitlines()]


def of_kind(entries, kind):
    return [entry for entry in entries if entry["kind"] == kind]


def targets(entry):
    return {target["name"]: target["value"] for target in entry["targets"]}


def await_entries(read, enough, what):
    entries = []

    def there():
        entries[:] = read()
        return enough(entries)

    wait_for(there, what=what)
    return entries


@pytest.fixture
def fleet(tmp_path):
    with Fleet(tmp_path, hosts=2) as fleet:
        fleet.commit("1")
        yield fleet


def planner(fleet):
    return ["--planner", f"unix:{fleet.sockets}/planner"]


def agent(fleet, host):
    return f"@unix:{fleet.sockets}/{host}"


def audit_file(fleet, host):
    return fleet.base / host / "state/agent-audit.db"


def tamper(file, statement, *values):
    with sqlite3.connect(file) as database:
        done = database.execute(statement, values)
    assert done.rowcount > 0, "the test changed nothing"
    database.close()


def test_who_froze_what_is_on_record_at_the_planner_and_on_the_host(fleet):
    assert fleet.deploy("sync").status == 0
    fleet.ctl("freeze", "app", "--reason", "release day", "--on", "web1", "-y")

    entries = export(*planner(fleet))
    froze = [e for e in of_kind(entries, "ALLOWED") if e["method"] == "PlannerService.FreezeServices"]
    assert len(froze) == 1, entries
    assert froze[0]["principal"]["name"].startswith(ME), froze
    assert froze[0]["principal"]["authentication"] == "UNIX_SOCKET", froze
    assert froze[0]["role"] == "admin"
    assert targets(froze[0]) == {"selection.on": "web1", "service": "app", "reason": "release day"}
    ended = [e for e in of_kind(entries, "ENDED") if e["of"] == froze[0]["number"]]
    assert [e["code"] for e in ended] == ["OK"], entries

    # On the host: the planner, on behalf of the person; and the person of the deployment's step.
    host = export(agent(fleet, "web1"))
    froze = [e for e in of_kind(host, "ALLOWED") if e["method"] == "AgentService.FreezeService"]
    assert len(froze) == 1 and froze[0]["principal"]["onBehalfOf"].startswith(ME), host
    steps = [e for e in of_kind(host, "ALLOWED") if e["method"] == "OperationService.PerformAction"]
    assert steps, host
    for step in steps:
        assert targets(step)["operation.deployment"] == fleet.latest()["id"], step
        assert step["principal"]["onBehalfOf"].startswith(ME), step
    # The other host was not frozen.
    assert not [e for e in export(agent(fleet, "web2")) if "Freeze" in e["method"]]


def test_the_list_is_filtered_and_joins_the_audits_of_hosts(fleet):
    fleet.ctl("freeze", "app", "--all", "-y")
    fleet.ctl("unfreeze", "app", "--on", "web2", "-y")
    table = fleet.ctl("audit", "--host", "web*", "--since", "1d").out
    lines = [line for line in table.splitlines() if "reezeService" in line]
    assert len(lines) == 3 and all(" OK " in line for line in lines), table
    assert {host for host in ("web1", "web2") for line in lines if f" {host} " in line} == {"web1", "web2"}, table
    by_me = fleet.ctl("audit", "--host", "web2", "--actor", ME, "-o", "json").json()["entries"]
    assert {(e["host"], e["method"]) for e in by_me} == {("web2", "AgentService.FreezeService"),
                                                         ("web2", "AgentService.UnfreezeService")}, by_me
    assert not fleet.ctl("audit", "--host", "web2", "--actor", "nobody", "-o", "json").json()["entries"]
    assert not fleet.ctl("audit", "--since", "2000-01-01T00:00:00Z", "--until", "2001-01-01T00:00:00Z",
                         "-o", "json").json()["entries"]
    assert fleet.ctl("audit", "--host", "db*", check=False).status != 0


def test_a_change_that_fails_is_on_record_with_its_reason(fleet):
    refused = ctl("freeze", "nothing", agent(fleet, "web1"), check=False)
    assert refused.status != 0
    entries = export(agent(fleet, "web1"))
    ended = [e for e in of_kind(entries, "ENDED") if e["method"] == "AgentService.FreezeService"]
    assert [e["code"] for e in ended] == ["SERVICE_UNKNOWN"], entries


def test_an_untouched_audit_is_verified(fleet):
    fleet.ctl("freeze", "app", "--all", "-y")
    verified = fleet.ctl("audit", "verify", "--host", "web*")
    assert verified.out.count("no entry is missing or changed") == 2, verified
    assert "the planner: " in fleet.ctl("audit", "verify").out
    answer = fleet.ctl("audit", "verify", "-o", "json").json()["audits"][0]
    assert answer["problems"] == [] and int(answer["checked"]) >= 2, answer


@pytest.mark.parametrize("statement, said", [
    ("delete from entries where key like '%entry/0000000000000000002'", "entry 2 is missing"),
    ("update entries set value = value || x'1a0178' where key like '%entry/0000000000000000002'",
     "was changed"),
    ("delete from entries where key > 'audit/v1/entry/0000000000000000002' and key like '%/entry/%'",
     "the end was cut off"),
])
def test_tampering_with_the_file_is_found(fleet, statement, said):
    for _ in range(2):
        fleet.ctl("freeze", "app", "--on", "web1", "-y")
    fleet.agents["web1"].stop()
    # SQLite compares text and blobs by type.
    statement = statement.replace("key", "cast(key as text)")
    tamper(audit_file(fleet, "web1"), statement)
    fleet.agents["web1"].start()
    answer = ctl("audit", "verify", agent(fleet, "web1"), check=False)
    assert answer.status == 1 and said in answer.out, answer


def test_the_planner_notices_that_the_audit_of_a_host_was_replaced(fleet):
    fleet.ctl("freeze", "app", "--on", "web1", "-y")
    assert len(export(agent(fleet, "web1"))) == 2
    wait_for(lambda: "ONLINE" in fleet.ctl("list", "hosts").out)
    web1 = fleet.agents["web1"]
    web1.stop()
    web1.start()  # whose hello tells the planner how long its audit is
    fleet.await_online("web1")
    assert "gitops_planner_audit_faults 0" in fleet.planner.metrics()
    web1.stop()
    for file in audit_file(fleet, "web1").parent.glob("agent-audit.db*"):
        file.unlink()
    web1.start()
    fleet.await_online("web1")
    ctl("freeze", "app", agent(fleet, "web1"))
    web1.stop()
    web1.start()
    wait_for(lambda: "gitops_planner_audit_faults 1" in fleet.planner.metrics(), what="the planner's notice")
    noted = [e["message"] for e in of_kind(export(*planner(fleet)), "NOTED")]
    # How many of them the planner had heard of depends on when the agent last reported.
    assert len(noted) == 1 and re.fullmatch(
        "the audit of host web1 is not what it was: another audit began, in place of one with [12] entries", noted[0]), noted
    # The agent's own audit looks well; only the planner knows better, until somebody settles it.
    assert ctl("audit", "verify", agent(fleet, "web1")).status == 0
    answer = fleet.ctl("audit", "verify", "--host", "web1", check=False)
    assert answer.status == 1 and "another audit began" in answer.out, answer
    fleet.ctl("acknowledge", "web1", "--reason", "its disk was replaced")
    assert fleet.ctl("audit", "verify", "--host", "web1").status == 0
    assert "gitops_planner_audit_faults 0" in fleet.planner.metrics()


def test_a_kill_loses_no_change_and_breaks_no_chain(fleet):
    web1 = fleet.agents["web1"]
    for turn in range(3):
        ctl("freeze", "app", "--reason", f"turn {turn}", agent(fleet, "web1"))
        web1.kill()
        web1.start()
    allowed = [targets(e)["reason"] for e in of_kind(export(agent(fleet, "web1")), "ALLOWED")]
    assert allowed == ["turn 0", "turn 1", "turn 2"]
    assert ctl("audit", "verify", agent(fleet, "web1")).status == 0


def test_without_its_audit_an_agent_refuses_changes_but_not_the_brake(fleet):
    assert fleet.deploy("sync").status == 0
    web1 = fleet.agents["web1"]
    web1.stop()
    file = audit_file(fleet, "web1")
    moved = file.with_suffix(".moved")
    file.rename(moved)
    file.mkdir()
    web1.start()
    hash_now = web1_service(fleet)["hash"]
    refused = ctl("rollback", "app", hash_now, agent(fleet, "web1"), check=False)
    assert refused.status != 0 and "AUDIT_UNAVAILABLE" in refused.err, refused
    assert web1_service(fleet)["state"] == "OK"
    ctl("freeze", "app", "--reason", "now", agent(fleet, "web1"))
    assert web1_service(fleet)["state"] == "FREEZE"
    file.rmdir()
    moved.rename(file)
    # Its entry was not lost.
    await_entries(lambda: export(agent(fleet, "web1")),
                  lambda entries: [e for e in of_kind(entries, "ALLOWED") if targets(e).get("reason") == "now"],
                  "the entry of the freeze")
    assert ctl("audit", "verify", agent(fleet, "web1")).status == 0


def web1_service(fleet):
    return ctl("get", "service", "app", agent(fleet, "web1"), "-o", "json").json()


def test_entries_are_sent_to_a_file_that_is_rotated(tmp_path):
    repository = Repository(tmp_path / "upstream")
    repository.commit({"app/version": "0\n"}, "first")
    config = fleet_config({"upstream": repository.url, "branch": "main", "mount": tmp_path / "revisions"},
                          [{"machine": "web1", "service": "app",
                            "dirs": [{"local": str(tmp_path / "etc/app"), "link": "app"}]}])
    sent = tmp_path / "audit.jsonl"
    with Agent(tmp_path / "agent", config, flags=["--audit-to", f"file:{sent}"]) as web1:
        web1.wait_service("app", state="OK")
        # Plain text over TCP on loopback.
        web1.ctl("freeze", "app")
        wait_for(lambda: sent.exists() and len(sent.read_text().splitlines()) == 2, what="two lines")
        sent.rename(tmp_path / "audit.jsonl.1")
        web1.ctl("unfreeze", "app")
        wait_for(lambda: sent.exists() and len(sent.read_text().splitlines()) == 2, what="two lines more")
        # A place that fails holds up nothing, and gets everything later.
        sent.unlink()
        sent.mkdir()
        web1.ctl("freeze", "app")
        wait_for(lambda: "gitops_audit_unsent_entries 2" in web1.metrics(), what="the metric")
        assert "the audit cannot be sent" in web1.logged()
        sent.rmdir()
        wait_for(lambda: sent.is_file() and len(sent.read_text().splitlines()) == 2, what="what was held up")
        numbers = [json.loads(line)["number"] for line in sent.read_text().splitlines()]
        assert numbers == ["5", "6"]
        assert os.stat(sent).st_mode & 0o777 == 0o600


def test_the_role_that_counted_and_the_certificate_are_on_record(tmp_path):
    authority = FleetAuthority(tmp_path / "ca")
    repository = Repository(tmp_path / "upstream")
    repository.commit({"app/version": "0\n"}, "first")
    config = tmp_path / "fleet.toml"
    config.write_text(fleet_config({"upstream": repository.url, "branch": "main"},
                                   [{"machine": "web1", "service": "app",
                                     "dirs": [{"local": str(tmp_path / "etc/app"), "link": "app"}]}]))
    program = Program(PLANNER, tmp_path / "planner", [
        "--config", config, "--listen", "127.0.0.1:0", "--state-dir", tmp_path / "planner/state",
        "--tls-dir", authority.issue("planner/main")]).start()
    try:
        flags = ["--planner", program.address(), "--tls-dir"]
        bob, root = str(authority.issue("viewer/bob")), str(authority.issue("admin/root"))
        for _ in range(4):
            assert ctl("freeze", "app", "--all", "-y", *flags, bob, check=False).status != 0
        refused = ctl("audit", "--refused", "-o", "json", *flags, root).json()["entries"]
        assert len(refused) == 1, refused
        assert refused[0]["principal"]["name"] == "bob" and refused[0]["role"] == "viewer", refused
        assert refused[0]["principal"]["authentication"] == "TLS"
        assert refused[0]["code"] == "PERMISSION_DENIED"
        assert "gitops_audit_refused_calls_total 4" in program.metrics()
        # Only admins read it, which is on record too.
        assert ctl("audit", *flags, bob, check=False).status != 0
        program.stop()
        program.start()
        flags[1] = program.address()
        entries = export("--refused", *flags, root)
        again = of_kind(entries, "REFUSED_AGAIN")
        assert [(e["more"], e["of"]) for e in again] == [("3", refused[0]["number"])], entries
        assert [e["method"] for e in of_kind(entries, "REFUSED")] == [
            "PlannerService.FreezeServices", "AuditService.ListAudit"], entries

        # What the gateway refuses itself is in its own audit.
        sent = tmp_path / "gateway.jsonl"
        with Gateway(tmp_path / "gateway", ["--planner", "", "--promotion-receiver", "", "--hook-dispatcher", "",
                                            "--state-dir", tmp_path / "gateway/state",
                                            "--audit-to", f"file:{sent}"]) as gateway:
            assert gateway.post("/v1/services/app:freeze", {}, token="viewer").status == 403
            assert gateway.post("/v1/services/app:freeze", {}, token=None).status == 401
            wait_for(lambda: sent.exists() and len(sent.read_text().splitlines()) == 2, what="two lines")
        first, second = [json.loads(line) for line in sent.read_text().splitlines()]
        assert (first["principal"]["name"], first["role"], first["code"]) == (
            "viewer", "viewer", "PERMISSION_DENIED"), first
        assert targets(first)["path"] == "/v1/services/app:freeze"
        assert (second["code"], second["method"]) == ("UNAUTHENTICATED", "POST"), second
    finally:
        program.kill()
