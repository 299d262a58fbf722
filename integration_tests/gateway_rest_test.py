"""The REST of gitops-gateway in front of a real fleet: every route of the API, streams, errors, tokens
and limits."""

import json
import pathlib
import re
import signal
import socket
import subprocess
import time

import jsonschema
import pytest

from fleet import Fleet, states
from gateway import GATEWAY, Gateway, token_row
from harness import wait_for

API = pathlib.Path(__file__).resolve().parent.parent / "docs/reference/api.md"
OPENAPI = pathlib.Path(__file__).resolve().parent / "openapi/schema-3.1.json"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with Fleet(tmp_path_factory.mktemp("fleet"), hosts={"web1": {"tags": ["prod"]}, "web2": {}}) as fleet:
        fleet.commit("1")
        assert fleet.deploy("sync").status == 0
        yield fleet


def flags_for(fleet, *more):
    return ["--planner", f"unix:{fleet.sockets}/planner", "--promotion-receiver", "", "--rate-limit", "0",
            *more]


@pytest.fixture(scope="module")
def gateway(fleet, tmp_path_factory):
    with Gateway(tmp_path_factory.mktemp("gateway"), flags_for(fleet)) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def openapi(gateway):
    answer = gateway.get("/openapi.json", token=None)
    assert answer.status == 200
    return answer.json


# The description.

def test_the_description_is_valid_openapi(openapi):
    schema = json.loads(OPENAPI.read_text())
    jsonschema.Draft202012Validator(schema).validate(openapi)
    for name, each in openapi["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(each), name


def test_the_description_has_the_routes_of_the_reference(openapi):
    rows = re.findall(r"^\| `(GET|POST) (/v1/\S+)` \| `\w+\.(\w+)` \|$", API.read_text(), re.M)
    assert len(rows) > 30
    for method, path, rpc in rows:
        assert openapi["paths"][path][method.lower()]["operationId"] == rpc


class Description:
    """Checks answers against the description."""

    def __init__(self, openapi):
        self.openapi = openapi

    def operation(self, rpc):
        return next((method, path, operation) for path, methods in self.openapi["paths"].items()
                    for method, operation in methods.items() if operation["operationId"] == rpc)

    def check(self, rpc, value):
        content = self.operation(rpc)[2]["responses"]["200"]["content"]
        schema = next(iter(content.values()))["schema"]
        document = {**schema, "components": self.openapi["components"]}
        jsonschema.Draft202012Validator(document).validate(value)

    def check_problem(self, answer, status, reason):
        assert (answer.status, answer.json["reason"]) == (status, reason), answer.body
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["status"] == status
        document = {"$ref": "#/components/schemas/Problem", "components": self.openapi["components"]}
        jsonschema.Draft202012Validator(document).validate(answer.json)


@pytest.fixture(scope="module")
def described(openapi):
    return Description(openapi)


# Every route.

def test_every_route_of_the_planner_answers_in_the_described_form(gateway, fleet, described):
    def ask(rpc, body=None, status=200, query="", **variables):
        method, path, _ = described.operation(rpc)
        answer = gateway.request(method.upper(), path.format(**variables) + query, body)
        assert answer.status == status, (rpc, answer.body)
        if status != 200:
            return described.check_problem(answer, status, answer.json["reason"])
        if answer.headers["content-type"] == "application/x-ndjson":
            for line in answer.lines:
                described.check(rpc, line)
            return answer.lines
        described.check(rpc, answer.json)
        return answer.json

    assert [h["host"] for h in ask("ListHosts")["hosts"]] == ["web1", "web2"]
    assert [h["host"] for h in ask("ListHosts", query="?selection.tagged=prod")["hosts"]] == ["web1"]
    assert [h["host"] for h in ask("ListHosts", query="?selection.on=web1&selection.on=web2"
                                   "&selection.skip=1")["hosts"]] == ["web2"]
    assert ask("GetHost", host="web1")["host"]["state"] == "ONLINE"
    assert len(ask("ListFleetServices", query="?service=app")["services"]) == 2

    plan = ask("CreatePlan", {"spec": {"actions": ["sync"], "selection": {"all": True}}})["plan"]
    ask("GetPlan", token=plan["token"])
    assert len(ask("ListPlanHosts", token=plan["token"])["hosts"]) == 2
    deployment = ask("CreateDeployment", {"planToken": plan["token"], "reason": "test"})["deployment"]
    fleet.await_end(deployment["id"])
    found = ask("GetDeployment", id=deployment["id"], query="?view=FULL")["deployment"]
    assert states(found) == {"web1": "SUCCEEDED", "web2": "SUCCEEDED"}
    assert "admin" in found["actor"]
    assert len(ask("ListDeploymentHosts", id=deployment["id"])["hosts"]) == 2
    assert ask("ListDeployments", query="?filter.states=SUCCEEDED&pageSize=1")["deployments"]
    ask("CancelDeployment", {}, status=409, id=deployment["id"])
    ask("ResumeDeployment", {}, status=409, id=deployment["id"])
    ask("RollbackDeployment", {}, status=409, id=deployment["id"])
    watched = ask("WatchDeployment", id=deployment["id"])
    assert any(line.get("deployment", {}).get("state") == "SUCCEEDED" for line in watched)

    everything = {"selection": {"all": True}}
    assert {o["outcome"]["host"] for o in ask("FreezeServices", everything, service="app")} == {
        "web1", "web2"}
    assert all(o["outcome"]["reason"] == "" for o in ask("UnfreezeServices", everything, service="app"))
    ask("PullServices", everything, service="app")
    ask("DiffServices", everything, service="app")
    assert ask("GetServices", service="app", query="?selection.on=web1")[0]["outcome"]["service"]["revisions"]
    ask("RollbackServices", {**everything, "hash": "0" * 40}, service="app")
    ask("FreezeServices", {}, status=400, service="app")

    assert ask("AcknowledgeHost", {"reason": "seen"}, host="web1")["host"]["failedHealth"] is None
    assert ask("GetDebugInfo", {})["info"]["component"] == "planner"
    assert ask("ListLocks") == {"locks": [], "nextPageToken": ""}
    ask("BreakLock", {}, status=404, host="web1")
    assert ask("ListDamagedRecords") == {"records": []}
    ask("RemoveDamagedRecord", {"key": "x"}, status=409)
    assert ask("ListFleetHooks") == {"hooks": []}
    ask("TestHooks", {"point": "pre-deploy", "hosts": [{"host": "web1", "actions": ["push"]}]}, status=409)


def test_every_route_of_an_agent_answers_in_the_described_form(gateway, fleet, described):
    def ask(rpc, body=None, status=200):
        method, path, _ = described.operation(rpc)
        answer = gateway.request(method.upper(), path.format(host="web1", service="app"), body)
        assert answer.status == status, (rpc, answer.body)
        if status == 200:
            described.check(rpc, answer.json)
        return answer.json

    assert ask("ListMachines")["machines"]
    assert [s["service"] for s in ask("ListServices")["services"]] == ["app"]
    service = ask("GetService")["service"]
    assert (service["host"], service["state"]) == ("web1", "OK")
    assert ask("FreezeService", {"reason": "look"})["service"]["state"] == "FREEZE"
    assert "admin" in ask("GetService")["service"]["frozenBy"]
    assert ask("PullService", {}, status=409)["reason"] == "SERVICE_FROZEN"
    assert ask("UnfreezeService")["service"]["state"] == "OK"
    ask("PullService")
    ask("DiffService")
    assert ask("RollbackService", {"hash": "0" * 40}, status=404)["reason"] == "REVISION_UNKNOWN"


def test_without_a_receiver_promotions_are_unavailable(gateway, described):
    described.check_problem(gateway.get("/v1/pipelines"), 503, "PROMOTION_RECEIVER_UNREACHABLE")


# Conditions and repeats.

def test_an_unchanged_resource_is_not_sent_again(gateway):
    first = gateway.get("/v1/hosts/web1/services/app")
    etag = first.headers["etag"]
    again = gateway.get("/v1/hosts/web1/services/app", headers={"If-None-Match": etag})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    gateway.post("/v1/hosts/web1/services/app:freeze")
    gateway.post("/v1/hosts/web1/services/app:unfreeze")
    assert gateway.get("/v1/hosts/web1/services/app", headers={"If-None-Match": etag}).status == 200


def test_hosts_and_deployments_have_etags_too(gateway, fleet):
    deployment = fleet.begin("sync")
    fleet.await_end(deployment)
    for path in ("/v1/hosts/web1", f"/v1/deployments/{deployment}"):
        def unchanged():
            etag = gateway.get(path).headers["etag"]
            again = gateway.get(path, headers={"If-None-Match": f'"other", {etag}'})
            return (again.status, again.body) == (304, b"")
        # The host's lock goes away shortly after the deployment.
        wait_for(unchanged, what=f"{path} to be as it was")
        assert gateway.get(path, headers={"If-Match": '"other"'}).status == 412
    assert "etag" not in gateway.get(f"/v1/deployments/{deployment}?view=FULL").headers
    assert "etag" not in gateway.get("/v1/hosts").headers


def test_a_repeat_with_the_same_key_gets_the_same_deployment(gateway, fleet, described):
    body = {"spec": {"actions": ["sync"], "selection": {"on": ["web1"]}}}
    key = {"Idempotency-Key": "a-key"}
    first = gateway.post("/v1/deployments", body, headers=key).json["deployment"]
    again = gateway.post("/v1/deployments", body, headers=key).json["deployment"]
    assert first["id"] == again["id"]
    described.check_problem(gateway.post("/v1/deployments", {**body, "reason": "x"}, headers=key), 409,
                            "REQUEST_ID_REUSED")
    fleet.await_end(first["id"])


def test_head_is_a_get_without_body(gateway):
    get = gateway.get("/v1/hosts")
    head = gateway.request("HEAD", "/v1/hosts")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


# Streams.

def test_a_watch_sends_events_with_ids_and_resumes(gateway):
    stream = gateway.stream("/v1/hosts:watch")
    events = stream.events_until(lambda e: e["data"]["initialDone"])
    assert {e["data"]["host"]["host"] for e in events if "host" in e["data"]} == {"web1", "web2"}
    last = [e["id"] for e in events if "id" in e][-1]
    stream.close()
    gateway.post("/v1/hosts/web2/services/app:freeze")
    resumed = gateway.stream("/v1/hosts:watch", headers={"Last-Event-ID": last})
    changed = resumed.events_until(
        lambda e: e["data"].get("service", {}).get("state") == "FREEZE")[-1]
    assert changed["data"]["service"]["host"] == "web2"
    assert not changed["data"]["restarted"]
    gateway.post("/v1/hosts/web2/services/app:unfreeze")
    resumed.events_until(lambda e: e["data"].get("service", {}).get("state") == "OK")
    resumed.close()


def test_a_watch_without_events_is_lines(gateway):
    with socket.create_connection(gateway.address("http").rsplit(":", 1)) as connection:
        connection.sendall(b"GET /v1/hosts/web1/services:watch HTTP/1.0\r\nHost: x\r\n"
                           b"Authorization: Bearer token-viewer\r\n\r\n")
        lines = connection.makefile("rb")
        assert b" 200 " in lines.readline()
        head = b"".join(iter(lines.readline, b"\r\n"))
        assert b"application/x-ndjson" in head
        assert json.loads(lines.readline())["service"]["service"] == "app"


def test_events_of_all_sources_are_one_stream_that_resumes(gateway):
    def settled(event):
        done.update({event["event"]} if event["data"]["initialDone"] else set())
        return {"service", "deployment"} <= seen and len(done) >= 2

    seen, done = set(), set()
    stream = gateway.stream("/v1/events")
    while True:
        event = stream.event()
        seen.add(event["event"])
        if settled(event):
            break
    last = event["id"]
    stream.close()
    gateway.post("/v1/hosts/web2/services/app:freeze")
    resumed = gateway.stream("/v1/events", headers={"Last-Event-ID": last})
    events = resumed.events_until(lambda e: e["data"].get("service", {}).get("state") == "FREEZE")
    assert not any(e["data"]["restarted"] for e in events)
    assert {e["data"]["host"]["host"] for e in events if e["event"] == "host"} <= {"web2"}
    gateway.post("/v1/hosts/web2/services/app:unfreeze")
    resumed.events_until(lambda e: e["data"].get("service", {}).get("state") == "OK")
    resumed.close()


def test_many_clients_of_the_events_cost_the_planner_one_watch(fleet, tmp_path):
    with Gateway(tmp_path / "gateway", flags_for(fleet)) as gateway:
        streams = [gateway.stream("/v1/events") for _ in range(100)]
        for stream in streams:
            stream.events_until(lambda e: e["event"] in ("service", "fleet") and e["data"]["initialDone"])
        # The planner has 32: others can still watch.
        for _ in range(15):
            streams.append(gateway.stream("/v1/hosts:watch"))
        gateway.post("/v1/hosts/web1/services/app:freeze")
        for stream in streams[:100]:
            stream.events_until(lambda e: e["event"] == "service" and e["data"]["service"]["state"] == "FREEZE")
        gateway.post("/v1/hosts/web1/services/app:unfreeze")
        for stream in streams:
            stream.close()


def test_events_resume_at_another_gateway(fleet, tmp_path):
    with Gateway(tmp_path / "one", flags_for(fleet)) as gateway:
        stream = gateway.stream("/v1/events")
        done = set()

        def settled(event):
            if event["data"].get("initialDone"):
                done.add(event["event"] in ("deployment", "deployments"))
            return len(done) == 2

        last = stream.events_until(settled)[-1]["id"]
        stream.close()
    with Gateway(tmp_path / "two", flags_for(fleet)) as gateway:
        gateway.post("/v1/hosts/web2/services/app:freeze")
        stream = gateway.stream("/v1/events", headers={"Last-Event-ID": last})
        events = stream.events_until(lambda e: e["event"] == "service")
        assert events[-1]["data"]["service"]["host"] == "web2"
        assert not any(e["data"].get("restarted") for e in events), events
        stream.close()
        gateway.post("/v1/hosts/web2/services/app:unfreeze")


def test_events_survive_a_restart_of_the_planner(fleet, tmp_path):
    with Gateway(tmp_path / "gateway", flags_for(fleet)) as gateway:
        stream = gateway.stream("/v1/events")
        stream.events_until(lambda e: e["event"] == "host")
        fleet.planner.kill()
        told = stream.events_until(lambda e: e["event"] == "unavailable")[-1]
        assert told["data"]["problem"]["reason"] == "PLANNER_UNREACHABLE"
        fleet.planner.start()
        stream.events_until(lambda e: e["event"] == "host")
        fleet.await_online()


# Who may do what.

def test_without_a_valid_token_every_route_is_401(gateway, openapi, described):
    for path, methods in openapi["paths"].items():
        for method in methods:
            plain = re.sub(r"\{\w+\}", "x", path)
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
                answer = gateway.request(method.upper(), plain, token=None, headers=headers)
                described.check_problem(answer, 401, "UNAUTHENTICATED")
                assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json"):
        assert gateway.get(path, token=None).status == 200, path


def test_a_viewer_reads_and_changes_nothing(gateway, openapi, described):
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            if method == "get" or operation["operationId"] in ("DiffService", "DiffServices"):
                continue
            plain = re.sub(r"\{\w+\}", "x", path)
            described.check_problem(gateway.post(plain, {}, token="viewer"), 403, "PERMISSION_DENIED")
    assert gateway.get("/v1/hosts", token="viewer").status == 200


def test_an_approver_is_no_operator(gateway, described):
    described.check_problem(gateway.post("/v1/plans", {}, token="approver"), 403, "PERMISSION_DENIED")
    approve = "/v1/pipelines/ns/app/environments/prod:approve"
    described.check_problem(gateway.post(approve, {}, token="operator"), 403, "PERMISSION_DENIED")
    assert gateway.post(approve, {}, token="approver").status == 503  # there is no receiver


def test_tokens_are_read_again_when_their_file_changes(fleet, tmp_path):
    with Gateway(tmp_path / "gateway", flags_for(fleet)) as gateway:
        assert gateway.get("/v1/hosts", token="admin").status == 200
        gateway.tokens.write_text(token_row("new", "viewer", "token-new"))
        wait_for(lambda: gateway.get("/v1/hosts", token="new").status == 200, what="the new token")
        assert gateway.get("/v1/hosts", token="admin").status == 401
        gateway.tokens.write_text("[[tokens]]\nname = 1\n")
        gateway.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "previous one stays in use" in gateway.logged(), what="the error in the log")
        assert gateway.get("/v1/hosts", token="new").status == 200


def test_an_expired_token_is_refused(fleet, tmp_path, described):
    gateway = Gateway(tmp_path / "gateway", flags_for(fleet))
    gateway.tokens.write_text(token_row("old", "admin", "token-old", "expires = 2020-01-01T00:00:00Z"))
    with gateway:
        expired = gateway.get("/v1/hosts", token="old")
        described.check_problem(expired, 401, "UNAUTHENTICATED")
        assert "expired at 2020-01-01" in expired.json["detail"]


# Tokens that are limited to hosts: web1 has the tag prod, web2 has none.

@pytest.fixture(scope="module")
def limited(fleet, tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("limited"), flags_for(fleet))
    gateway.tokens.write_text(
        token_row("admin", "admin", "token-admin")
        + token_row("tagged", "admin", "token-tagged", 'tagged = ["prod"]')
        + token_row("on", "admin", "token-on", 'on = ["web[1]", "db*"]'))
    with gateway:
        yield gateway


@pytest.mark.parametrize("token", ["tagged", "on"])
def test_a_limited_token_sees_and_changes_its_hosts_only(limited, fleet, described, token):
    def hosts(answer):
        assert answer.status == 200, answer.body
        return [host["host"] for host in answer.json["hosts"]]

    assert hosts(limited.get("/v1/hosts", token=token)) == ["web1"]
    assert hosts(limited.get("/v1/hosts?selection.on=web*", token=token)) == ["web1"]
    assert [s["host"] for s in limited.get("/v1/services", token=token).json["services"]] == ["web1"]
    assert limited.get("/v1/hosts/web1/services/app", token=token).status == 200
    for method, path in (("GET", "/v1/hosts/web2"), ("GET", "/v1/hosts/web2/services/app"),
                         ("GET", "/v1/hosts/web2/services:watch"), ("GET", "/v1/hosts/none"),
                         ("POST", "/v1/hosts/web2/services/app:freeze"), ("POST", "/v1/locks/web2:break"),
                         ("GET", "/v1/events"), ("GET", "/v1/deployments"), ("GET", "/v1/locks"),
                         ("GET", "/list/services"), ("GET", "/v1/hooks")):
        described.check_problem(limited.request(method, path, token=token), 403, "PERMISSION_DENIED")

    def change(verb, selection):
        return limited.post(f"/v1/services/app:{verb}", {"selection": selection}, token=token)

    for verb, state in (("freeze", "FREEZE"), ("unfreeze", "OK")):
        outcomes = change(verb, {"all": True}).lines
        assert [(o["outcome"]["host"], o["outcome"]["service"]["state"]) for o in outcomes] == [
            ("web1", state)]
    assert limited.get("/v1/hosts/web2/services/app").json["service"]["state"] == "OK"
    described.check_problem(change("freeze", {}), 400, "WHOLE_FLEET")
    assert change("freeze", {"on": ["web2"]}).status in (403, 404)
    assert limited.get("/v1/hosts/web2/services/app").json["service"]["state"] == "OK"

    watch = limited.stream("/v1/hosts:watch", token=token)
    seen = watch.events_until(lambda e: e["data"]["initialDone"])
    assert {e["data"]["host"]["host"] for e in seen if "host" in e["data"]} == {"web1"}
    watch.close()


@pytest.mark.parametrize("token", ["tagged", "on"])
def test_a_limited_token_deploys_to_its_hosts_only(limited, fleet, described, token):
    spec = {"actions": ["sync"], "selection": {"all": True}}
    plan = limited.post("/v1/plans", {"spec": spec}, token=token).json["plan"]
    assert [host["host"] for host in plan["hosts"]] == ["web1"]
    whole = limited.post("/v1/plans", {"spec": spec}).json["plan"]["token"]
    key = {"Idempotency-Key": f"limited-{token}"}
    made = [limited.post("/v1/deployments", {"spec": spec}, token=token, headers=key) for _ in range(2)]
    assert made[0].status == 200, made[0].body
    mine = made[0].json["deployment"]["id"]
    assert made[1].json["deployment"]["id"] == mine, "the repeat of a deployment makes no other"
    assert states(fleet.await_end(mine)) == {"web1": "SUCCEEDED"}
    assert limited.get(f"/v1/deployments/{mine}?view=FULL", token=token).status == 200
    others = fleet.begin("sync")
    fleet.await_end(others)
    for method, path, body in (
            ("GET", f"/v1/plans/{whole}", None), ("GET", f"/v1/plans/{whole}/hosts", None),
            ("POST", "/v1/deployments", {"planToken": whole}), ("GET", f"/v1/deployments/{others}", None),
            ("GET", f"/v1/deployments/{others}/hosts", None), ("GET", f"/v1/deployments/{others}:watch", None),
            ("POST", f"/v1/deployments/{others}:cancel", {}), ("POST", f"/v1/deployments/{others}:resume", {}),
            ("POST", f"/v1/deployments/{others}:rollback", {})):
        described.check_problem(limited.request(method, path, body, token=token), 403, "PERMISSION_DENIED")


def test_a_request_is_logged_with_its_trace_and_without_its_token(gateway):
    trace = "0af7651916cd43dd8448eb211c80319c"
    gateway.get("/v1/hosts?selection.on=secret-query", token="viewer",
                headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    line = wait_for(lambda: next((each for each in gateway.logged().splitlines() if trace in each), None),
                    what="the request in the log")
    assert "viewer" in line and "/v1/hosts" in line and "200" in line
    assert "token-viewer" not in gateway.logged() and "secret-query" not in gateway.logged()


def test_a_token_in_the_url_is_refused_and_no_token_is_logged(gateway):
    assert gateway.get("/v1/hosts?access_token=token-admin", token=None).status == 401
    assert gateway.get("/v1/hosts?access_token=token-admin").status == 400
    assert "token-admin" not in gateway.logged()


def test_requests_are_logged_with_token_name_and_trace(gateway):
    trace = "0af7651916cd43dd8448eb211c80319c"
    gateway.get("/v1/hosts", token="viewer",
                headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    wait_for(lambda: trace in gateway.logged(), what="the request in the log")
    line = next(line for line in gateway.logged().splitlines() if trace in line)
    assert "viewer" in line and "/v1/hosts" in line and "200" in line


# Limits and faults.

def test_bad_requests_name_the_field(gateway, described):
    answer = gateway.get("/v1/hosts?selection.taged=x")
    described.check_problem(answer, 400, "INVALID_ARGUMENT")
    assert answer.json["violations"][0]["field"] == "selection.taged"
    assert "selection.tagged" in answer.json["detail"]
    answer = gateway.post("/v1/services/app:freeze", {"reason": "x" * 2000, "selection": {"all": True}})
    described.check_problem(answer, 400, "INVALID_ARGUMENT")
    assert answer.json["violations"][0]["field"] == "reason"
    answer = gateway.post("/v1/plans", {"spec": {"rollout": {"maxFailures": "many", "batch": "x"}}})
    described.check_problem(answer, 400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("path, status", [
    ("/v1/hosts/a%2fb", 400), ("/v1/hosts/..", 400), ("/v1//hosts", 400), ("/v1/hosts/%00", 400),
    ("/v1/hosts/%ff", 400), ("/v1/nothing", 404), ("/nothing", 404), ("/v1/hosts/", 400)])
def test_malformed_and_unknown_paths(gateway, path, status):
    answer = gateway.get(path)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_wrong_methods_name_the_right_ones(gateway):
    for method in ("PUT", "DELETE", "PATCH", "POST"):
        answer = gateway.request(method, "/v1/hosts")
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert gateway.get("/v1/plans").headers["allow"] == "POST"


def test_a_body_over_the_limit_is_refused_before_it_is_read(gateway, described):
    connection = socket.create_connection(gateway.address("http").rsplit(":", 1))
    connection.sendall(b"POST /v1/plans HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000000\r\n\r\n")
    assert b" 413 " in connection.recv(100)
    connection.close()


def test_over_the_rate_limit_is_429(fleet, tmp_path, described):
    flags = flags_for(fleet)
    flags[flags.index("--rate-limit") + 1] = "0.01/s:3"
    with Gateway(tmp_path / "gateway", flags) as gateway:
        for _ in range(3):
            assert gateway.get("/v1/hosts").status == 200
        answer = gateway.get("/v1/hosts")
        described.check_problem(answer, 429, "RATE_LIMITED")
        assert 1 <= int(answer.headers["retry-after"]) <= 4
        assert gateway.get("/healthz").status == 200, "probes are not limited"


def test_a_planner_that_is_gone_is_told_and_comes_back(fleet, tmp_path, described):
    with Gateway(tmp_path / "gateway", flags_for(fleet)) as gateway:
        assert gateway.get("/v1/hosts").status == 200
        fleet.planner.kill()
        described.check_problem(gateway.get("/v1/hosts"), 503, "PLANNER_UNREACHABLE")
        fleet.planner.start()
        wait_for(lambda: gateway.get("/v1/hosts").status == 200, what="the planner")
        fleet.await_online()


# The program.

def test_sigterm_ends_streams_and_the_program(fleet, tmp_path):
    with Gateway(tmp_path / "gateway", flags_for(fleet)) as gateway:
        stream = gateway.stream("/v1/hosts:watch")
        stream.event()
        began = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - began < 10


def test_metrics_count_requests(gateway):
    gateway.get("/v1/hosts")
    text = gateway.get("/metrics", token=None).body.decode()
    assert 'gitops_build_info{component="gateway"' in text
    assert 'gitops_gateway_requests_total{code="200",method="GET"}' in text


def test_plain_text_to_other_machines_needs_insecure(tmp_path):
    done = subprocess.run([str(GATEWAY), "--listen", "0.0.0.0:0"], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 2
    assert "refusing to serve other machines in plain text" in done.stderr


@pytest.mark.parametrize("flags, message", [
    (["--tokens", "/no/such/file"], "/no/such/file"),
    (["--gitopper-access", "all"], "not one of none, read, write"),
    (["--tls-dir", "/no/such"], "/no/such/tls.crt"),
    (["--planner", "a:b:c"], "planner"),
    (["--rate-limt", "5"], "rate-limit")])
def test_bad_settings_are_named(tmp_path, flags, message):
    done = subprocess.run([str(GATEWAY), "--listen", "127.0.0.1:0", *flags], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode in (1, 2)
    assert message in done.stderr
