"""A reload of which one part cannot take effect: the rest does, what failed is named and tried again, and what may run
as root follows the new config."""

import shutil
import signal

import grpc
import pytest

import protos
from harness import ACCOUNT, as_root, wait_for
from injected_faults_test import Injector
from operation_client import OperationClient

pytestmark = pytest.mark.skipif(not as_root() or shutil.which("strace") is None, reason="needs root and strace")

METRIC = "gitops_config_in_force"


def checks(command):
    return f'\n[[hosts]]\nname = "web1"\n[[hosts.health_checks.cmd]]\ncmd = ["echo", "{command}"]\n'


def names(agent):
    return {service["service"] for service in agent.ctl("list", "services", "-o", "json").json()["services"]}


def test_a_reload_in_part_is_told_and_the_rest_is_tried_again_by_itself(host, repository, tmp_path):
    first = host.config(host.spec("web"), host.spec("db", link="db")) + checks("old")
    with host.agent(first) as agent:
        for name in ("web", "db"):
            agent.wait_service(name, state="OK", hash=repository.head())
        client = OperationClient(agent, protos.messages("gitops/v1/operation"))
        assert client.check("echo", "old").output == "old\n"
        agent.ctl("freeze", "web")  # the store has changed, so the next look reads it anew
        # Services that start read what is stored of them.
        injector = Injector("EIO", "1+", tmp_path / "strace", [agent.state / "agent.db", agent.state / "agent.db-wal"],
                            calls="pread64")
        injector.attach(agent.process.pid)
        try:
            agent.write_config(host.config(host.spec("web"), host.spec("new", link="web")) + checks("fresh"))
            agent.process.send_signal(signal.SIGHUP)
            wait_for(lambda: f"{METRIC} 0" in agent.metrics(), what="the metric")
            wait_for(lambda: "a part of the config is not in force" in agent.logged(), what="the log")
            told = agent.ctl("check", check=False)
            assert told.status != 0
            for text in ("a part of the config is not in force, and is tried again", 'service "new"', "agent.db"):
                assert text in told.out + told.err, told
                assert text in agent.logged()
            assert names(agent) == {"web"}, "what was removed is gone, what fails is not there, the rest goes on"
            assert client.check("echo", "fresh").output == "fresh\n"
            with pytest.raises(grpc.RpcError) as refused:
                client.check("echo", "old")
            assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        finally:
            injector.stop(agent.process.pid)
        wait_for(lambda: "new" in names(agent), 60, "the part that failed")
        agent.wait_service("new", state="OK", hash=repository.head())
        wait_for(lambda: f"{METRIC} 1" in agent.metrics(), what="the metric")
        told = agent.ctl("check", check=False)
        assert "not in force" not in told.out + told.err
        assert "damaged" not in agent.logged(), "what cannot be read is not damaged"
