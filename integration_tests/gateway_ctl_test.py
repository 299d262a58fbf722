"""gitopsctl through the real gateway, over TLS with an authority of its own: every command, for the
fleet and for one host."""

import json
import os
import re
import subprocess

import pytest

from certificates import Authority
from fleet import Fleet, HookEndpoint, Program
from gateway import Gateway
from gateway_promotions_test import EVENTS, KEY, PIPELINE, RECEIVER, body, signed
from harness import BIN, ctl, wait_for

# They call no server.
LOCAL = {"token create", "completion", "version", "help", "config check", "config render", "config schema",
         "ca init", "ca issue", "ca renew", "ca list", "ca revoke", "ca issuer", "ca retire", "ca token"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    hook = HookEndpoint(lambda payload, call: payload)
    with Fleet(tmp_path_factory.mktemp("fleet"), hosts=2,
               hooks=[{"name": "look", "points": ["pre-deploy"], "url": hook}],
               service={"tracking": "auto", "poll": "10m"}) as fleet:
        wait_for(lambda: set(fleet.versions().values()) == {"0"}, what="the first revision")
        yield fleet
    hook.close()


@pytest.fixture(scope="module")
def receiver(tmp_path_factory):
    directory = tmp_path_factory.mktemp("receiver")
    (directory / "pipelines").mkdir()
    (directory / "pipelines/search.yaml").write_text(PIPELINE)
    secret = directory / "secrets/shopping/promotion"
    secret.mkdir(parents=True)
    (secret / "hmac-key").write_bytes(KEY)
    program = Program(RECEIVER, directory / "program", [
        "--pipelines", directory / "pipelines", "--secrets", directory / "secrets",
        "--state-dir", directory / "state", "--listen", "127.0.0.1:0"]).start()
    yield program
    program.kill()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, fleet, receiver, authority):
    directory = tmp_path_factory.mktemp("gateway")
    with Gateway(directory / "gateway", [
            "--planner", f"unix:{fleet.sockets}/planner", "--hook-dispatcher",
            f"unix:{fleet.sockets}/hooks", "--promotion-receiver", receiver.address("grpc"),
            "--rate-limit", "0", "--tls-dir", authority.issue("gateway")]) as gateway:
        gateway.tls = authority.client_context()
        yield gateway


def commands():
    """{"list services": whether it takes @HOST}, from the help."""
    text = ctl("help").out
    rows = re.findall(r"^  (\S.*?)  +\S", text.split("Commands:\n")[1].split("\nFlags")[0], re.M)
    return {re.match(r"(?:[a-z-]+(?![|a-z-]) ?)+", row).group().strip(): "@HOST" in row for row in rows}


class Walk:
    """Runs commands through the gateway, and remembers which."""

    def __init__(self, gateway, authority, fleet):
        self.gateway = gateway
        self.fleet = fleet
        self.flags = ["--gateway", f"https://{gateway.address('http')}", "--tls-dir", authority.directory]
        self.done = set()

    def __call__(self, name, *arguments, at=None, status=0, stdin=None):
        self.done.add((name, at is not None))
        words = [*name.split(), *arguments, *([f"@{at}"] if at else []), *self.flags]
        done = subprocess.run([str(BIN / "ctl/gitopsctl"), *map(str, words)], capture_output=True, text=True,
                              timeout=60, input=stdin,
                              env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "USER": "tester",
                                   "GITOPS_TOKEN": "token-admin"})
        statuses = status if isinstance(status, tuple) else (status,)
        assert done.returncode in statuses, (name, arguments, at, done)
        return done.stdout, done.stderr

    def as_directly(self, name, *arguments):
        """Prints what the command prints when it calls the planner."""
        assert self(name, *arguments)[0] == self.fleet.ctl(*name.split(), *arguments).out


def test_every_command_works_through_the_gateway(gateway, authority, fleet):
    run = Walk(gateway, authority, fleet)
    first = fleet.repository.git("rev-parse", "HEAD").strip()

    for read in (("list services", "-o", "name"), ("list machines",), ("list hosts", "-o", "name"),
                 ("list deployments", "-o", "json"), ("list hooks", "-o", "json"), ("list locks", "-o", "json"),
                 ("get host", "web1", "-o", "name"), ("get service", "app", "-o", "name")):
        run.as_directly(*read)
    assert json.loads(run("get service", "app", "-o", "json", at="web1")[0])["host"] == "web1"
    assert "web1" in run("list machines", at="web1")[0]
    assert "app" in run("list services", at="web2")[0]
    run("check")
    run("check", at="web1")
    # They end by their time limit.
    assert "app" in run("watch", "app", "--timeout", "2s", status=4)[0]
    assert "web1" in run("watch hosts", "--timeout", "2s", status=4)[0]
    assert "app" in run("watch", "app", "--timeout", "2s", at="web1", status=4)[0]

    fleet.commit("1")
    run("pull", "app", "--on", "web1")
    run("pull", "app", at="web2")
    assert fleet.versions() == {"web1": "1", "web2": "1"}
    run("diff", "app", "--all")
    run("diff", "app", at="web1")
    run("rollback", "app", first, "--on", "web1", "-y")
    run("rollback", "app", first, at="web2")
    assert fleet.versions() == {"web1": "0", "web2": "0"}
    run("unfreeze", "app", "--on", "web1")
    run("unfreeze", "app", at="web2")
    run("freeze", "app", "--on", "web1")
    run("freeze", "app", at="web2")
    run("unfreeze", "app", "--all", "-y")
    wait_for(lambda: set(fleet.versions().values()) == {"1"}, what="the newest revision")

    run("wait service", "app", "--on", "web*", "--timeout", "20s")
    run("wait service", "app", "--for", "state=OK", "--timeout", "20s", at="web1")
    for read in ("history", "describe service"):
        assert "OK" in run(read, "app", "--on", "web1")[0]
        assert "OK" in run(read, "app", at="web1")[0]
    assert "app" in run("describe host", "web1")[0]
    assert "web1/app" in run("events")[0]
    run("acknowledge", "web1")
    assert "PlannerService.FreezeServices" in run("audit", "--since", "1h")[0]
    assert "AgentService.FreezeService" in run("audit", "--host", "web1")[0]
    assert "AgentService.FreezeService" in run("audit", at="web2")[0]
    for at in (None, "web1"):
        assert "no entry is missing or changed" in run("audit verify", at=at)[0]
        assert "FreezeService" in run("audit export", at=at)[0]
    for at in (None, "web1"):
        bundle = fleet.base / f"bundle-{at}.tar.gz"
        run("debug bundle", "--out", bundle, at=at)
        assert bundle.exists()

    plan = json.loads(run("plan", "freeze", "--service", "app", "--on", "web1", "-o", "json")[0])
    assert [host["host"] for host in plan["hosts"]] == ["web1"]
    run("deploy", "--plan", plan["token"], "-y")
    ended = json.loads(run("deploy", "unfreeze", "--service", "app", "--on", "web1", "-y", "--detach", "-o",
                           "json")[0])["id"]
    assert fleet.await_end(ended)["state"] == "SUCCEEDED"
    assert ended in run("get deployment", ended)[0]
    run("watch deployment", ended)
    run("wait deployment", ended, "--for", "state=SUCCEEDED")
    assert ended in run("describe deployment", "last")[0]
    # It has ended: the planner's refusal arrives.
    assert ended in run("cancel deployment", ended, "-y", status=1)[1]
    run("resume deployment", ended, "-y", status=1)
    run("rollback deployment", ended, "-y", status=1)
    assert "web1" in run("break lock", "web1", "-y", status=1)[1]
    run("remove-record", "none", "-y", status=1)
    payload = json.dumps({"host": "web1", "actions": ["push"]})
    assert "push" in run("hooks test", "pre-deploy", stdin=payload)[0]

    promotions(run, gateway)

    wanted = {(name, False) for name in commands() if name not in LOCAL}
    wanted |= {(name, True) for name, takes_host in commands().items() if takes_host}
    assert run.done == wanted, run.done ^ wanted


def promotions(run, gateway):
    def promote(revision):
        event = body(revision)
        answer = gateway.request("POST", f"{EVENTS}/dev", body=event, token=None, headers=signed(event))
        assert answer.status == 202, answer.body
        wait_for(lambda: gateway.get(answer.headers["location"]).json["promotion"]["state"]
                 == "WAITING_APPROVAL", what="the promotion to wait")
        return answer.headers["location"].rsplit("/", 1)[1]

    place = ("shopping/search", "prod")
    assert "search" in run("list pipelines")[0]
    assert "search" in run("get pipeline", "shopping/search")[0]
    made = promote("1.0.0")
    assert made in run("list promotions", "-o", "json")[0]
    assert made in run("get promotion", made, "-o", "json")[0]
    run("promotions reject", *place, "1.0.0", "--reason", "a test")
    run("promotions replay", *place, "1.0.0", "--reason", "a test")
    run("promotions hold", *place, "--reason", "a test")
    run("promotions release", *place)
    promote("1.0.1")
    run("promotions approve", *place, "1.0.1")


def test_the_gateways_authority_must_be_known(gateway, authority, tmp_path):
    url = f"https://{gateway.address('http')}"
    unknown = ctl("list", "hosts", "--gateway", url, check=False, env={"GITOPS_TOKEN": "token-admin"})
    assert unknown.status == 3 and "cannot reach the gateway" in unknown.err, unknown
    missing = ctl("list", "hosts", "--gateway", url, "--tls-dir", tmp_path, check=False,
                  env={"GITOPS_TOKEN": "token-admin"})
    assert missing.status == 3 and "ca.crt" in missing.err, missing
    assert "token-admin" not in unknown.err + missing.err


def test_a_host_that_the_fleet_does_not_have_is_told(gateway, authority):
    done = ctl("list", "services", "@web9", "--gateway", f"https://{gateway.address('http')}", "--tls-dir",
               authority.directory, check=False, env={"GITOPS_TOKEN": "token-admin"})
    assert done.status == 1 and "web9" in done.err, done
    assert "HOST_UNKNOWN" in done.err, done
