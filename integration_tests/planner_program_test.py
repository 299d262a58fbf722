"""gitops-planner as a program: flags and config, error messages, the state directory, and what survives a
restart. No host exists; deployments to many hosts are tested elsewhere."""

import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

import grpc
import pytest

import protos
from fleet import PLANNER, Program
from harness import Result, wait_for

pb = protos.messages("gitops/v1/planner")
deployment_pb = protos.messages("gitops/v1/deployment")

GOOD = """[global]
upstream = "file:///nowhere"
mount = "/srv/gitops"

[[services]]
machine = "web1"
service = "web"
tracking = "coordinated"
dirs = [{ local = "/etc/web", link = "web" }]

[[hosts]]
name = "web1"
address = "unix:/nonexistent/web1"
tags = ["prod"]

[[hosts]]
name = "web2"
address = "unix:/nonexistent/web2"
"""


def run(*arguments, env=None, timeout=20):
    """Runs gitops-planner until it exits by itself."""
    done = subprocess.run([str(PLANNER), *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, env={"PATH": os.environ["PATH"], **(env or {})})
    return Result(done)


class Planner(Program):
    def __init__(self, directory, sockets, *flags):
        super().__init__(PLANNER, directory, [])
        self.config = self.directory / "fleet.toml"
        self.config.write_text(GOOD)
        self.state = self.directory / "state"
        self.flags = ["--config", str(self.config), "--listen", f"unix:{sockets}/planner",
                      "--state-dir", str(self.state), *flags]

    def ask(self, method, request, timeout=20):
        with grpc.insecure_channel(self.address()) as channel:
            stub = protos.stubs("gitops/v1/planner").PlannerServiceStub(channel)
            return getattr(stub, method)(request, timeout=timeout)

    def hosts(self):
        return [host.host for host in self.ask("ListHosts", pb.ListHostsRequest()).hosts]

    def whole(self, deployment_id):
        return self.ask("GetDeployment",
                        pb.GetDeploymentRequest(id=deployment_id, view="VIEW_FULL")).deployment

    def await_end(self, deployment_id):
        def ended():
            found = self.whole(deployment_id)
            return found if found.HasField("end_time") else None
        return wait_for(ended, what=f"the end of {deployment_id}")


@pytest.fixture
def planner(tmp_path):
    # Socket paths are short.
    sockets = tempfile.mkdtemp(prefix="gitops-", dir="/tmp")
    planner = Planner(tmp_path / "planner", sockets)
    yield planner
    planner.kill()
    shutil.rmtree(sockets, ignore_errors=True)


@pytest.fixture
def written(tmp_path):
    def write(text):
        file = tmp_path / "config.toml"
        file.write_text(text)
        return file
    return write


def reboot(**selection):
    """A deployment that can begin although its hosts do not exist."""
    return deployment_pb.DeploymentSpec(actions=["reboot"],
                                        selection=deployment_pb.Selection(**selection))


def begin(planner, **selection):
    return planner.ask("CreateDeployment", pb.CreateDeploymentRequest(
        spec=reboot(**selection), reason="a test")).deployment


# Flags and error messages.

def test_version_and_help_are_told():
    done = run("--version")
    assert done.status == 0 and done.out.startswith("gitops-planner ")
    done = run("--help")
    assert done.status == 0
    for flag in ("--hook-dispatcher", "--lock-ttl", "--keep-deployments", "127.0.0.1:8001"):
        assert flag in done.out


@pytest.mark.parametrize("arguments, told", [
    pytest.param(["--lock-tll", "1s"], "--lock-ttl", id="unknown flag"),
    pytest.param(["now"], "now", id="argument that is no flag"),
    pytest.param(["--lock-ttl", "soon"], "soon", id="no duration"),
    pytest.param(["--stale-after", "1s"], "heartbeat", id="stale before the next heartbeat"),
    pytest.param(["--keep-deployments", "0"], "keep-deployments", id="keeps nothing"),
    pytest.param(["--hook-dispatcher", "localhost:x"], "hook-dispatcher", id="bad dispatcher"),
    pytest.param(["--tls-dir", "/etc/tls"], "tls-dir", id="not in this version"),
    pytest.param(["--store", "etcd://127.0.0.1:2379/x"], "store", id="etcd is not in this version"),
    pytest.param(["--listen", "0.0.0.0:0", "--metrics-listen", "127.0.0.1:0"], "--insecure",
                 id="plain text for everybody"),
    pytest.param(["--check-config"], "no config", id="nothing to check"),
])
def test_wrong_flags_are_a_usage_error(tmp_path, arguments, told):
    done = run("--state-dir", tmp_path / "state", *arguments)
    assert done.status == 2, done
    assert told in done.err


@pytest.mark.parametrize("text, line, told", [
    pytest.param(GOOD.replace("tags =", "tgas ="), 14, 'did you mean "tags"', id="key of a host"),
    pytest.param(GOOD + '\n[planner]\nlock-tll = "1s"\n', 21, 'did you mean "lock-ttl"',
                 id="key of the planner"),
    pytest.param(GOOD.replace('"unix:/nonexistent/web2"', '"web2:port"'), 18, "web2:port",
                 id="address"),
])
def test_a_bad_config_is_refused_with_file_line_and_the_nearest(written, tmp_path, text, line, told):
    config = written(text)
    for extra in ([], ["--check-config"]):
        done = run("--config", config, "--state-dir", tmp_path / "state", *extra)
        assert done.status == 2, done
        assert f"{config}:{line}" in done.err
        assert told in done.err
    assert not (tmp_path / "state").exists()


def test_a_good_config_is_said_to_be_good(written):
    config = written(GOOD)
    done = run("--config", config, "--check-config")
    assert done.status == 0 and done.out == f"{config}: good; 2 hosts, 1 service\n"


def test_a_config_that_is_not_there_is_named(tmp_path):
    done = run("--config", tmp_path / "none.toml", "--state-dir", tmp_path / "state")
    assert done.status == 1
    assert "none.toml" in done.err


# The running program.

def test_without_a_config_the_fleet_is_what_reports(planner):
    planner.flags = planner.flags[2:]
    planner.start()
    assert planner.hosts() == []


def is_ready(planner):
    try:
        with urllib.request.urlopen(f"http://{planner.address('http')}/readyz", timeout=5) as answer:
            return answer.status == 200
    except urllib.error.HTTPError:
        return False


def test_it_says_that_it_is_ready_and_what_it_counts(planner):
    planner.start()
    wait_for(lambda: is_ready(planner))
    text = planner.metrics()
    assert 'gitops_build_info{component="planner"' in text
    assert 'gitops_deployments_total{result="succeeded"} 0' in text
    assert 'gitops_queue_depth{queue="deployments"} 0' in text
    assert planner.stop() == 0


def test_a_second_planner_on_the_state_directory_ends_and_names_the_first(planner):
    planner.start()
    done = run("--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0",
               "--state-dir", planner.state)
    assert done.status == 1, done
    assert f"process {planner.process.pid} " in done.err
    assert planner.hosts() == ["web1", "web2"]


def test_a_changed_fleet_is_taken_up_and_a_bad_one_is_not(planner):
    planner.start()
    planner.config.write_text(GOOD + '\n[[hosts]]\nname = "web3"\naddress = "unix:/nonexistent/3"\n')
    wait_for(lambda: planner.hosts() == ["web1", "web2", "web3"])
    planner.config.write_text(GOOD + "\n[[hosts]]\nnmae = 1\n")
    planner.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "the previous one stays in use" in planner.logged())
    assert 'did you mean' in planner.logged()
    assert planner.hosts() == ["web1", "web2", "web3"]


def test_the_whole_fleet_is_changed_only_where_all_is_said(planner):
    planner.start()
    with pytest.raises(grpc.RpcError) as refused:
        begin(planner)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "--all" in refused.value.details()
    assert planner.ask("CreatePlan", pb.CreatePlanRequest(spec=reboot())).plan.wave_count == 1


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_deployments_and_plans_are_kept_over_a_restart(planner, end):
    planner.start()
    begun = begin(planner, on=["web1"])
    ended = planner.await_end(begun.id)
    assert ended.hosts[0].state == deployment_pb.HOST_DEPLOYMENT_STATE_UNREACHABLE
    token = planner.ask("CreatePlan", pb.CreatePlanRequest(spec=reboot(tagged=["prod"]))).plan.token
    planner.stop(end)
    planner.start()
    kept = planner.ask("ListDeployments", pb.ListDeploymentsRequest()).deployments
    assert [deployment.id for deployment in kept] == [begun.id]
    assert kept[0].reason == "a test"
    assert planner.whole(begun.id) == ended
    second = planner.ask("CreateDeployment",
                         pb.CreateDeploymentRequest(plan_token=token)).deployment
    assert second.host_count == 1
    planner.await_end(second.id)


def test_a_watch_of_deployments_goes_on_where_it_broke_off_over_a_restart(planner):
    planner.start()
    first = planner.await_end(begin(planner, on=["web1"]).id).id

    def watch(**request):
        channel = grpc.insecure_channel(planner.address())
        stub = protos.stubs("gitops/v1/planner").PlannerServiceStub(channel)
        return stub.WatchDeployments(pb.WatchDeploymentsRequest(**request), timeout=30)
    beginning = next(watch())
    assert beginning.deployment.id == first and beginning.initial_done
    second = planner.await_end(begin(planner, on=["web1"]).id).id
    planner.stop()
    planner.start()
    stream = watch(resume_token=beginning.resume_token)
    resumed = next(stream)
    assert resumed.initial_done and not resumed.restarted and not resumed.HasField("deployment")
    assert next(stream).deployment.id == second


def test_old_deployments_are_removed_at_the_start(planner):
    planner.start()
    ids = [planner.await_end(begin(planner, on=["web1"]).id).id for _ in range(3)]
    planner.stop()
    planner.flags += ["--keep-deployments", "1"]
    planner.start()

    def kept():
        return [d.id for d in planner.ask("ListDeployments",
                                          pb.ListDeploymentsRequest()).deployments]
    wait_for(lambda: kept() == [max(ids)], what="only the newest is kept")


def test_a_watch_ends_when_the_planner_does(planner):
    planner.start()
    with grpc.insecure_channel(planner.address()) as channel:
        stub = protos.stubs("gitops/v1/planner").PlannerServiceStub(channel)
        stream = stub.WatchFleet(pb.WatchFleetRequest(), timeout=30)
        assert next(stream).host.host == "web1"
        planner.process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.RpcError) as ended:
            for _ in stream:
                pass
    assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
    assert planner.process.wait(timeout=15) == 0
