"""A planner that does not say "done" where nothing was done, or "OK" where nobody knows: through the API,
with the real programs."""

import http.server
import threading

import grpc
import pytest

import protos
from fleet import Fleet, HookEndpoint
from harness import wait_for

planner_pb = protos.messages("gitops/v1/planner")
deployment_pb = protos.messages("gitops/v1/deployment")
types_pb = protos.messages("gitops/v1/types")


class Api:
    """The planner's RPCs."""

    def __init__(self, fleet):
        self.channel = grpc.insecure_channel(f"unix:{fleet.sockets}/planner")
        self.stub = protos.stubs("gitops/v1/planner").PlannerServiceStub(self.channel)

    def __getattr__(self, method):
        def call(**fields):
            request = getattr(planner_pb, f"{method}Request")(**fields)
            return getattr(self.stub, method)(request, timeout=60)
        return call

    def refused(self, method, **fields):
        """The error of a call, as "REASON: message"."""
        try:
            answer = getattr(self, method)(**fields)
            if not hasattr(answer, "DESCRIPTOR"):
                list(answer)  # a stream
        except grpc.RpcError as error:
            reason = next((item.value for item in error.trailing_metadata()
                           if item.key == "grpc-status-details-bin"), b"")
            return f"{reason.decode(errors='replace')} {error.details()}"
        raise AssertionError(f"{method} was not refused")

    def plan(self, *actions, on=(), **fields):
        spec = deployment_pb.DeploymentSpec(actions=actions, selection={"on": on}, **fields)
        return self.CreatePlan(spec=spec).plan

    def deploy(self, *actions, on=("*",), **fields):
        spec = deployment_pb.DeploymentSpec(actions=actions, selection={"on": on}, **fields)
        return self.CreateDeployment(spec=spec).deployment.id

    def ended(self, deployment):
        def end():
            found = self.GetDeployment(id=deployment, view="VIEW_FULL").deployment
            return found if found.HasField("end_time") else None
        return wait_for(end, 60, f"the end of {deployment}")

    def services(self, **selection):
        return {(s.host, s.service): s
                for s in self.ListFleetServices(selection=selection).services}


class Health:
    """An http check that can be switched."""

    def __init__(self):
        self.status = 200
        health = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(health.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def health():
    health = Health()
    yield health
    health.close()


def checked(health):
    """Keys of [[hosts]] with that check."""
    return {"health_checks": {"http": [{"host": "127.0.0.1", "port": health.port, "path": "/",
                                        "period": "200ms", "timeout": "2s"}]}}


def test_a_failed_health_check_marks_its_host_until_it_is_acknowledged_or_a_later_one_succeeds(
        tmp_path, health):
    with Fleet(tmp_path, hosts={"web1": checked(health), "web2": {}}) as fleet:
        api = Api(fleet)
        fleet.commit("1")
        health.status = 503
        failed = api.ended(api.deploy("sync", health_timeout={"seconds": 1}))
        assert failed.state == deployment_pb.DEPLOYMENT_STATE_FAILED
        cause = failed.hosts[0].message
        assert "503" in cause and "503" not in failed.message, "a cause is told once"
        assert failed.cause == cause
        mark = api.GetHost(host="web1").host.failed_health
        assert mark.deployment == failed.id and "503" in mark.message
        assert api.services()["web1", "app"].failed_health.deployment == failed.id
        assert not api.GetHost(host="web2").host.HasField("failed_health")
        assert 'gitops_host_health_failed{host="web1"} 1' in fleet.planner.metrics()

        fleet.planner.kill()
        fleet.planner.start()
        api = Api(fleet)  # the connection to the killed planner is broken
        assert api.GetHost(host="web1").host.failed_health.deployment == failed.id

        host = api.AcknowledgeHost(host="web1", reason="a known fault").host
        assert not host.HasField("failed_health")
        assert "a known fault" in fleet.planner.logged()
        events = api.GetDeployment(id=failed.id).deployment.events
        [event] = [event for event in events if "acknowledged" in event.message]
        assert "web1" in event.message and "a known fault" in event.message and event.actor
        assert "gitops_host_health_failed" not in fleet.planner.metrics()

        api.ended(api.deploy("sync", on=["web1"], health_timeout={"seconds": 1}))
        assert api.GetHost(host="web1").host.HasField("failed_health")
        health.status = 200
        done = api.ended(api.deploy("sync", on=["web1"]))
        assert done.state == deployment_pb.DEPLOYMENT_STATE_SUCCEEDED, done
        assert not api.GetHost(host="web1").host.HasField("failed_health")


def test_a_cancel_ends_health_checks_at_once_and_tries_are_seen_while_they_run(tmp_path, health):
    with Fleet(tmp_path, hosts={"web1": checked(health)}) as fleet:
        api = Api(fleet)
        fleet.commit("1")
        health.status = 503
        deployment = api.deploy("sync", health_timeout={"seconds": 300})

        def check():
            found = api.GetDeployment(id=deployment, view="VIEW_FULL").deployment
            checks = [a for host in found.hosts for step in host.steps for a in step.actions
                      if a.action == "health-checks"]
            return checks[0] if checks and checks[0].tries > 2 else None

        running = wait_for(check, 30, "a third try")
        assert "503" in running.message
        assert running.HasField("deadline") and not running.HasField("end_time")
        cancelled = api.CancelDeployment(id=deployment).deployment
        assert cancelled.state == deployment_pb.DEPLOYMENT_STATE_CANCELLING
        ended = api.ended(deployment)
        assert ended.state == deployment_pb.DEPLOYMENT_STATE_CANCELLED
        assert ended.hosts[0].state == deployment_pb.HOST_DEPLOYMENT_STATE_STOPPED
        assert not api.GetHost(host="web1").host.HasField("failed_health")


def test_services_of_a_silent_host_are_unknown(tmp_path):
    with Fleet(tmp_path, hosts=1) as fleet:
        api = Api(fleet)
        before = api.services()["web1", "app"]
        fleet.agents["web1"].kill()
        unknown = wait_for(lambda: (lambda s: s if s.sync == types_pb.SYNC_STATUS_UNKNOWN else None)(
            api.services()["web1", "app"]), 30, "UNKNOWN")
        assert unknown.state == before.state and unknown.hash == before.hash, "as last reported"


def test_a_selection_without_hosts_is_an_error_that_says_why(tmp_path):
    def answer(payload, call):
        return [] if call["point"] == "post-select" and remove else payload

    remove = False
    endpoint = HookEndpoint(answer)
    hooks = [{"name": "empty", "points": ["post-select"], "url": endpoint, "mode": "filter"}]
    with Fleet(tmp_path, hosts=2, hooks=hooks) as fleet:
        api = Api(fleet)
        fleet.commit("1")
        asked = len(endpoint.calls)
        for method in ("CreatePlan", "CreateDeployment"):
            spec = {"actions": ["sync"], "selection": {"on": ["wbe1"]}}
            refusal = api.refused(method, spec=spec)
            assert "NO_HOST_SELECTED" in refusal and "did you mean web1?" in refusal
        assert len(endpoint.calls) == asked + 2, "the select hooks are asked all the same"
        for method in ("FreezeServices", "PullServices", "DiffServices", "GetServices"):
            refusal = api.refused(method, service="app", selection={"on": ["wbe1"]})
            assert "NO_HOST_SELECTED" in refusal, method
        assert not api.plan("sync", on=["wbe1"], allow_empty=True).hosts
        remove = True
        refusal = api.refused("CreatePlan", spec={"actions": ["sync"], "selection": {"on": ["web*"]}})
        assert 'hook "empty" at post-select removed all hosts' in refusal
    endpoint.close()


def test_a_host_without_anything_to_sync_is_refused_when_the_plan_is_made(tmp_path):
    with Fleet(tmp_path, hosts=2, service={"tracking": "auto"}) as fleet:
        api = Api(fleet)
        fleet.commit("1")
        refusal = api.refused("CreatePlan", spec={"actions": ["sync"], "selection": {"on": ["web*"]}})
        assert "NOTHING_TO_SYNC" in refusal and "web1, web2" in refusal
        done = api.ended(api.deploy("sync", allow_empty=True))
        assert done.state == deployment_pb.DEPLOYMENT_STATE_SUCCEEDED


def test_a_plan_says_what_will_fail_and_which_moves_change_nothing(tmp_path):
    with Fleet(tmp_path, hosts=2) as fleet:
        api = Api(fleet)
        fleet.commit("1")
        api.ended(api.deploy("sync"))
        [frozen] = api.FreezeServices(service="app", selection={"on": ["web2"]}, reason="release day")
        fleet.repository.commit({"other/file": "x\n"}, "something else")

        def plan():
            made = api.plan("sync", on=["web*"])
            return made if made.will_fail_count else None
        made = wait_for(plan, 30, "the freeze in the plan")
        assert made.will_fail_count == 1
        assert len(made.hosts[0].will_fail) == 0
        assert made.hosts[1].will_fail == [f"app is frozen by {frozen.outcome.service.frozen_by}: release day"]
        move = made.hosts[0].moves[0]
        assert move.commit.subject == "something else"
        assert move.changes_nothing
        assert api.plan("unfreeze", "sync", on=["web*"]).will_fail_count == 0


def test_services_and_debug_information_of_hosts_come_through_the_planner(tmp_path):
    with Fleet(tmp_path, hosts=2) as fleet:
        api = Api(fleet)
        head = fleet.commit("1")
        api.ended(api.deploy("sync"))
        outcomes = [answer.outcome for answer in api.GetServices(service="app", selection={"on": ["web1"]})]
        assert [o.host for o in outcomes] == ["web1"]
        assert head in outcomes[0].service.revisions and outcomes[0].service.changes
        own = api.GetDebugInfo().info
        assert own.component == "planner" and "gitops_deployments_total" in own.metrics
        assert own.log_lines and own.version
        assert api.GetDebugInfo(host="web2").info.component == "agent"
