"""What other programs call at the real gateway: gitopper's REST, hooks for other deployers, git
pushes; and gitopsctl through it."""

import hashlib
import hmac
import json
import re
import urllib.error
import urllib.request

import pytest

import gateway as gateway_program
from fleet import Fleet, HookEndpoint
from harness import Agent, Repository, ctl, fleet_config, wait_for

TIME = r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d UTC"


class Gateway(gateway_program.Gateway):
    """With a config file; its tokens are "token-viewer" and so on."""

    def __init__(self, directory, *flags, config=""):
        super().__init__(directory, [])
        (self.directory / "gateway.toml").write_text(config)
        self.flags += [*map(str, flags), "--config", str(self.directory / "gateway.toml"),
                       "--rate-limit", "0"]

    def url(self, path=""):
        return f"http://{self.address('http')}{path}"

    def ask(self, method, path, body=None, role=None, host=None, headers=None):
        """(status, text, headers) of a request."""
        headers = dict(headers or {})
        if role:
            headers["Authorization"] = f"Bearer token-{role}"
        if host:
            headers["Host"] = host
        data = body.encode() if isinstance(body, str) else body
        request = urllib.request.Request(self.url(path), method=method, headers=headers,
                                         data=b"" if method == "POST" and data is None else data)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers


@pytest.fixture
def agent(tmp_path):
    """One host, without a planner, that follows a repository."""
    repository = Repository(tmp_path / "upstream")
    first = repository.commit({"app/version": "1\n"}, "first")
    config = fleet_config(
        {"upstream": repository.url, "branch": "main", "mount": tmp_path / "revisions", "poll": "1s"},
        [{"machine": "web1", "service": "app",
          "dirs": [{"local": str(tmp_path / "etc/app"), "link": "app"}]}])
    with Agent(tmp_path / "web1", config) as agent:
        agent.repository, agent.first = repository, first
        agent.wait_service("app", hash=first)
        yield agent


@pytest.fixture
def gitopper(tmp_path, agent):
    with Gateway(tmp_path / "gateway", "--agent", agent.address(), "--planner", "",
                 "--gitopper-access", "write") as gateway:
        yield gateway


def test_gitoppers_lists_are_gitoppers_byte_for_byte(gitopper, agent):
    status, text, headers = gitopper.ask("GET", "/list/services")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    entry = (rf'{{"service":"app","hash":"{agent.first}","state":"OK","stateinfo":"",'
             rf'"change":"{TIME}"}}')
    assert re.fullmatch(rf'{{"services":\[{entry}\]}}', text), text
    assert re.fullmatch(entry, gitopper.ask("GET", "/list/service/app")[1])
    status, text, _ = gitopper.ask("GET", "/list/machines")
    machine = r'{"machine":"[^"]+","actual":"[^"]+"}'
    assert re.fullmatch(rf'{{"machines":\[{machine}(,{machine})*\]}}', text), text
    assert "web1" in [each["machine"] for each in json.loads(text)["machines"]]


def test_gitoppers_changes_are_done_and_answered_with_its_words(gitopper, agent):
    second = agent.repository.commit({"app/version": "2\n"}, "second")
    agent.wait_service("app", hash=second)
    assert gitopper.ask("POST", "/state/freeze/app")[:2] == (200, "OK\n")
    assert agent.service("app")["state"] == "FREEZE"
    assert gitopper.ask("POST", f"/state/rollback/app/{agent.first}")[:2] == (200, "OK\n")
    agent.wait_service("app", hash=agent.first, state="FREEZE", stateInfo=f"ROLLBACK: {agent.first}")
    assert f'"stateinfo":"ROLLBACK: {agent.first}"' in gitopper.ask("GET", "/list/service/app")[1]
    assert gitopper.ask("POST", "/state/unfreeze/app")[:2] == (200, "OK\n")
    agent.wait_service("app", hash=second, state="OK")


def test_gitoppers_errors_are_its_words(gitopper):
    for method, path in (("GET", "/list/service/none"), ("POST", "/state/freeze/none"),
                         ("POST", "/state/unfreeze/none"), ("POST", "/state/rollback/none/abcd")):
        status, text, headers = gitopper.ask(method, path)
        assert (status, text) == (404, "Not Found\n"), path
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert gitopper.ask("POST", "/state/rollback/app/main")[:2] == (
        404, "Not Acceptable, not a valid git hash: main\n")
    assert gitopper.ask("POST", "/state/rollback/none/abc")[1] == "Not Acceptable, not a valid git hash: abc\n"
    status, _, headers = gitopper.ask("GET", "/state/freeze/app")
    assert (status, headers["Allow"]) == (405, "POST")


def test_gitoppers_routes_are_closed_unless_opened(tmp_path, agent):
    flags = ("--agent", agent.address(), "--planner", "")
    with Gateway(tmp_path / "closed", *flags) as gateway:
        assert gateway.ask("GET", "/list/services")[0] == 401
        assert gateway.ask("GET", "/list/services", role="viewer")[0] == 200
        assert gateway.ask("POST", "/state/freeze/app", role="viewer")[0] == 403
        assert gateway.ask("POST", "/state/freeze/app", role="operator")[0] == 200
    with Gateway(tmp_path / "read", *flags, "--gitopper-access", "read") as gateway:
        assert gateway.ask("GET", "/list/services")[0] == 200
        assert gateway.ask("POST", "/state/unfreeze/app")[0] == 401


@pytest.fixture
def fleet(tmp_path):
    with Fleet(tmp_path / "fleet", hosts=2, hooks=[
            {"name": "swap", "points": ["pre-deploy", "pre-select", "post-deploy"],
             "url": HookEndpoint(lambda payload, call: answers(payload, call))}],
               service={"tracking": "auto", "poll": "10m"}) as fleet:
        yield fleet


def answers(payload, call):
    """A hook that reverses the actions of one host, and adds a host of the fleet to a list."""
    if call["result"] == "failed":
        return (500, b"no")
    if isinstance(payload, list):
        return payload + [{"host": "web2", "actions": ["sync"]}]
    return {**payload, "actions": payload["actions"][::-1]}


@pytest.fixture
def gateway(tmp_path, fleet):
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "secret").write_text("s3cr3t\n")
    webhooks = "".join(
        f'[[webhooks]]\nprovider = "{provider}"\nupstreams = ["file://{tmp_path}/*"]\n'
        f'secret_file = "secret"\n' for provider in ("generic", "github"))
    with Gateway(tmp_path / "gateway", "--planner", f"unix:{fleet.sockets}/planner",
                 "--hook-dispatcher", f"unix:{fleet.sockets}/hooks", config=webhooks) as gateway:
        yield gateway


def test_other_deployers_call_the_chain_of_hooks(gateway):
    one = json.dumps({"host": "db7", "actions": ["push", "reboot"]})
    status, text, _ = gateway.ask("POST", "/hooks/pre-deploy", one, role="operator")
    assert (status, json.loads(text)) == (200, {"host": "db7", "actions": ["reboot", "push"]})
    status, text, _ = gateway.ask("POST", "/hooks/pre-select", f"[{one}]", role="operator")
    assert (status, [h["host"] for h in json.loads(text)]) == (200, ["db7", "web2"])
    status, text, headers = gateway.ask("POST", "/hooks/post-deploy", one, role="operator",
                                        headers={"X-Gitops-Result": "failed"})
    assert (status, headers["Content-Type"]) == (409, "application/problem+json")
    assert json.loads(text)["reason"] == "HOOK_STOPPED"
    assert gateway.ask("POST", "/hooks/pre-lunch", one, role="operator")[0] == 404
    assert gateway.ask("POST", "/hooks/pre-deploy", "[]", role="operator")[0] == 400
    assert gateway.ask("POST", "/hooks/pre-deploy", one, role="viewer")[0] == 403
    assert gateway.ask("POST", "/hooks/pre-deploy", one)[0] == 401


def push(gateway, url, commit, secret="s3cr3t", branch="main"):
    body = json.dumps({"repository": url, "ref": f"refs/heads/{branch}", "after": commit})
    signature = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    return gateway.ask("POST", "/webhooks/git/generic", body,
                       headers={"X-Signature": f"sha256={signature}"})[0]


def test_a_push_makes_the_agents_look_now(gateway, fleet):
    wait_for(lambda: set(fleet.versions().values()) == {"0"}, what="the first revision")
    commit = fleet.commit("1")
    # They poll every ten minutes.
    assert push(gateway, fleet.repository.url + ".git", commit) == 202
    wait_for(lambda: set(fleet.versions().values()) == {"1"}, what="the pushed revision")
    assert push(gateway, fleet.repository.url, commit, secret="other") == 401
    assert push(gateway, fleet.repository.url, commit, branch="nobody") == 202
    assert push(gateway, "https://git.example/else", commit) == 202
    assert gateway.ask("POST", "/webhooks/git/gitlab", "{}")[0] == 404
    status = gateway.ask("POST", "/webhooks/git/github", '{"zen":"ping"}')[0]
    assert status == 401


def through(gateway, *arguments, role="admin", **options):
    return ctl(*arguments, "--gateway", gateway.url(), env={"GITOPS_TOKEN": f"token-{role}"},
               **options)


def test_gitopsctl_works_through_the_gateway_as_through_the_planner(gateway, fleet):
    for arguments in (("list", "hosts", "-o", "name"), ("list", "services", "-o", "name"),
                      ("get", "host", "web1", "-o", "name"), ("list", "hooks", "-o", "json"),
                      ("list", "services", "--on", "web2", "-o", "name"),
                      ("list", "deployments", "-o", "json")):
        assert through(gateway, *arguments).out == fleet.ctl(*arguments).out, arguments
    frozen = through(gateway, "freeze", "app", "--on", "web1", "--reason", "a test", "-o", "json")
    assert frozen.json()["outcomes"][0]["service"]["state"] == "FREEZE"
    assert through(gateway, "unfreeze", "app", "--all", "-y").status == 0
    done = through(gateway, "deploy", "run-secret-triggers", "--on", "web1", "-y", check=False)
    assert "deployment" in done.out + done.err, done
    missing = through(gateway, "get", "host", "web9", check=False)
    assert missing.status == 1 and "web9" in missing.err


def test_gitopsctl_says_what_the_gateway_refuses(gateway):
    denied = through(gateway, "freeze", "app", "--all", "-y", role="viewer", check=False)
    assert denied.status == 3 and "PERMISSION_DENIED" in denied.err, denied
    unknown = ctl("list", "hosts", "--gateway", gateway.url(), check=False,
                  env={"GITOPS_TOKEN": "gitops_nobody"})
    assert unknown.status == 3 and "UNAUTHENTICATED" in unknown.err, unknown
    gateway.stop()
    away = through(gateway, "list", "hosts", check=False)
    assert away.status == 3 and "cannot reach the gateway" in away.err, away
    assert "token-admin" not in away.err


def test_a_new_token_is_accepted_by_the_gateway(tmp_path, gateway):
    made = ctl("token", "create", "--name", "ci", "--role", "viewer", "--expires", "90d")
    token, _, block = made.out.partition("\n\n")
    with open(gateway.tokens, "a", encoding="utf-8") as file:
        file.write(block)

    def accepted():
        done = ctl("list", "hosts", "--gateway", gateway.url(), check=False,
                   env={"GITOPS_TOKEN": token})
        return done.status == 0

    wait_for(accepted, what="the token in the reread file")
