"""What a deployment asks of one host, over gRPC, of a real agent."""

import grp
import os
import pwd
import stat
import threading

import grpc
import pytest

import protos
from harness import ACCOUNT, as_root, wait_for
from operation_client import OperationClient, detail_of

CANARY = "canary-5be1"


@pytest.fixture(scope="session")
def messages():
    return protos.messages("gitops/v1/operation")


class Deployed:
    """A host with a coordinated service, own checks and secrets, and what reboots it."""

    def __init__(self, host, messages, tmp_path):
        self.host = host
        self.secret = tmp_path / "secrets" / "key"
        self.boot_id = tmp_path / "boot_id"
        self.boot_id.write_text("first\n")
        self.reboots = tmp_path / "reboots"
        self.ran = tmp_path / "ran"
        self.hang = tmp_path / "hang"
        script = tmp_path / "reboot.sh"
        script.write_text(f"echo once >> {self.reboots}\necho second > {self.boot_id}\n")
        trigger = tmp_path / "trigger.sh"
        trigger.write_text(f"cat {self.secret}; echo ran >> {self.ran}\n"
                           f"[ ! -e {self.hang} ] || sleep 60\nexit 3\n")
        self.owner = ("nobody", "daemon") if as_root() else (
            ACCOUNT, grp.getgrgid(os.getgid()).gr_name)
        user, group = self.owner
        config = host.config(host.spec(tracking="coordinated")) + f"""
[[hosts]]
name = "WEB1"
[[hosts.health_checks.cmd]]
cmd = ["echo", "healthy"]
[[hosts.pre_deploy_checks.cmd]]
cmd = ["false"]
[hosts.secrets.key]
source = "key"
destination = "{self.secret}"
owner = {{ user = "{user}", group = "{group}" }}
permissions = "0440"
mk_dirs = true
action = ["sh", "{trigger}"]
"""
        self.agent = host.agent(config, flags=[f"--reboot-command=sh {script}",
                                               f"--boot-id-file={self.boot_id}"]).start()
        self.client = OperationClient(self.agent, messages)

    def secret_file(self, **changes):
        user, group = self.owner
        return self.client.pb.SecretFile(**{
            "name": "key", "destination": str(self.secret), "owner_user": user,
            "owner_group": group, "permissions": "0440", "make_directories": True,
            "content": CANARY.encode(), **changes})

    def restart(self):
        self.agent.kill()
        self.agent.start()


@pytest.fixture
def deployed(host, messages, tmp_path):
    return Deployed(host, messages, tmp_path)


def refused(code, call, *arguments, **fields):
    with pytest.raises(grpc.RpcError) as error:
        call(*arguments, **fields)
    assert error.value.code() == code, error.value
    return error.value


def test_sync_publishes_from_nothing_moves_on_and_tells_from_where(deployed, repository):
    first = repository.head()
    assert not deployed.host.local("web").exists()
    moved = deployed.client.sync(1, first)
    assert [(m.service, m.from_hash, m.to_hash) for m in moved.moves] == [("web", "", first)]
    second = repository.commit({"web/index.html": "version 2\n"})
    assert deployed.client.resolve("web").hash == second
    assert deployed.host.read("web/index.html") == "version 1\n"
    moved = deployed.client.sync(2, second)
    assert [(m.from_hash, m.to_hash) for m in moved.moves] == [(first, second)]
    assert deployed.host.read("web/index.html") == "version 2\n"
    service = deployed.agent.service("web")
    assert (service["state"], service["hash"]) == ("OK", second)


def test_sync_that_cannot_be_published_fails_says_why_and_can_be_taken_back(deployed, repository):
    first = repository.head()
    deployed.client.sync(1, first)
    bad = repository.commit({}, remove=["web/index.html"])
    error = refused(grpc.StatusCode.INTERNAL, deployed.client.sync, 2, bad)
    assert "web: is DIFF at " + first in error.details()
    assert [(m.from_hash, m.to_hash) for m in deployed.client.moves_of(error)] == [(first, bad)]
    assert deployed.host.read("web/index.html") == "version 1\n"
    deployed.client.sync("rollback", first)
    assert deployed.agent.service("web")["state"] == "OK"


def test_sync_to_a_commit_that_is_nowhere_changes_nothing(deployed, repository):
    deployed.client.sync(1, repository.head())
    refused(grpc.StatusCode.NOT_FOUND, deployed.client.sync, 2, "d" * 40)
    assert deployed.agent.service("web")["state"] == "OK"


def test_sync_of_a_frozen_service_fails_and_names_who_froze_it(deployed, repository):
    deployed.client.sync(1, repository.head())
    deployed.client.perform(2, "freeze")
    second = repository.commit({"web/index.html": "version 2\n"})
    error = refused(grpc.StatusCode.FAILED_PRECONDITION, deployed.client.sync, 3, second)
    assert "frozen by tester" in error.details()
    info = detail_of(error, protos.messages("google/rpc/error_details").ErrorInfo)
    assert (info.reason, info.domain) == ("SERVICE_FROZEN", "gitops")
    assert info.metadata["service"] == "web"
    deployed.client.perform(4, "unfreeze")
    deployed.client.sync(5, second)
    assert deployed.host.read("web/index.html") == "version 2\n"


def test_a_repeated_operation_is_answered_from_memory_also_after_kill_9(deployed, repository):
    first = repository.head()
    deployed.client.sync(1, first)
    second = repository.commit({"web/index.html": "version 2\n"})
    deployed.client.sync(2, second)
    for _ in range(2):
        repeated = deployed.client.sync(1, first)
        assert repeated.repeated_operation and repeated.moves[0].to_hash == first
        assert deployed.host.read("web/index.html") == "version 2\n"
        deployed.restart()


def test_a_lower_fencing_number_is_refused_also_after_kill_9(deployed, repository):
    deployed.client.sync(1, repository.head(), fencing=5)
    deployed.restart()
    error = refused(grpc.StatusCode.FAILED_PRECONDITION, deployed.client.perform, 2, "freeze",
                    fencing=4)
    assert "fencing number 4 is too low" in error.details()
    assert deployed.client.status().fencing == 5
    assert deployed.agent.service("web")["state"] == "OK"


def test_a_secret_is_written_with_owner_and_mode_and_told_nowhere(deployed):
    deployed.client.perform(1, "upload-secrets", secrets=[deployed.secret_file()])
    assert deployed.secret.read_text() == CANARY
    status = deployed.secret.stat()
    assert (pwd.getpwuid(status.st_uid).pw_name,
            grp.getgrgid(status.st_gid).gr_name) == deployed.owner
    assert stat.S_IMODE(status.st_mode) == 0o440
    error = refused(grpc.StatusCode.INTERNAL, deployed.client.perform, 2, "run-secret-triggers",
                    secrets=[deployed.secret_file(content=b"")])
    assert "exit status 3: [secret]" in error.details()
    assert deployed.ran.read_text() == "ran\n"
    deployed.agent.stop()
    assert CANARY not in deployed.agent.logged()
    for file in deployed.agent.state.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file


def test_a_secret_that_is_not_this_hosts_own_is_refused(deployed, tmp_path):
    for change in ({"destination": str(tmp_path / "x")}, {"owner_user": "daemon"},
                   {"permissions": "4777"}, {"name": "other"}):
        refused(grpc.StatusCode.PERMISSION_DENIED, deployed.client.perform, 1, "upload-secrets",
                secrets=[deployed.secret_file(**change)])
    assert not deployed.secret.exists() and not (tmp_path / "x").exists()


def test_secret_triggers_that_kill_9_interrupted_are_not_run_twice(deployed):
    deployed.hang.write_text("")
    secrets = [deployed.secret_file(content=b"")]

    def interrupted():
        with pytest.raises(grpc.RpcError):
            deployed.client.perform(1, "run-secret-triggers", secrets=secrets)

    caller = threading.Thread(target=interrupted)
    caller.start()
    wait_for(deployed.ran.exists, what="the trigger")
    deployed.restart()
    caller.join()
    refused(grpc.StatusCode.ABORTED, deployed.client.perform, 1, "run-secret-triggers",
            secrets=secrets)
    assert deployed.ran.read_text() == "ran\n"


def test_only_check_commands_of_the_own_config_are_run(deployed, tmp_path):
    healthy = deployed.client.check("echo", "healthy")
    assert (healthy.exit_status, healthy.output) == (0, "healthy\n")
    assert deployed.client.check("false", kind="KIND_PRE_DEPLOY").exit_status == 1
    victim = tmp_path / "victim"
    for cmd, kind in ((("touch", str(victim)), "KIND_HEALTH"), (("false",), "KIND_HEALTH"),
                      (("echo",), "KIND_HEALTH")):
        refused(grpc.StatusCode.PERMISSION_DENIED, deployed.client.check, *cmd, kind=kind)
    assert not victim.exists()


def test_checks_follow_the_config_when_it_changes(deployed):
    config = deployed.agent.config.read_text().replace('"healthy"', '"well"')
    deployed.agent.write_config(config)

    def follows():
        try:
            return deployed.client.check("echo", "well").output == "well\n"
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.PERMISSION_DENIED
            return False

    wait_for(follows, what="the new check")
    refused(grpc.StatusCode.PERMISSION_DENIED, deployed.client.check, "echo", "healthy")


def test_reboot_is_asked_for_once_and_the_host_comes_back_with_another_boot_id(deployed):
    assert deployed.client.status().boot_id == "first"
    assert deployed.client.perform(1, "reboot").boot_id == "first"
    wait_for(lambda: deployed.client.status().boot_id == "second", what="another boot id")
    deployed.restart()
    again = deployed.client.perform(1, "reboot")
    assert again.boot_id == "first" and again.repeated_operation
    assert deployed.reboots.read_text() == "once\n"


def test_what_needs_nix_and_what_is_no_action_is_refused(deployed):
    for action in ("push", "switch", "switch-boot", "test", "dry-activate"):
        error = refused(grpc.StatusCode.FAILED_PRECONDITION, deployed.client.perform, 1, action)
        assert "Nix" in error.details()
    for action in ("skip", "build", ""):
        refused(grpc.StatusCode.INVALID_ARGUMENT, deployed.client.perform, 1, action)
