"""Sync, reasons and commits of services, and diffs of revisions, with real git."""

import os
import re
import shutil
import subprocess

import grpc
import pytest

import protos
from git_http_server import GitHttpServer
from harness import GIT_ENVIRONMENT, as_root, wait_for
from mount_namespace import MountNamespace


@pytest.fixture
def namespace():
    with MountNamespace() as namespace:
        yield namespace


def test_a_coordinated_service_is_never_then_current_then_behind(host, repository):
    first = repository.head()
    with host.agent(host.config(host.spec("web", tracking="coordinated"))) as agent:
        never = agent.wait_service("web", sync="NEVER", targetHash=first)
        assert never["state"] == "OK" and never["hash"] == ""
        # A rollback is the way to publish without a planner; unfreezing leaves it there.
        agent.ctl("rollback", "web", first)
        agent.ctl("unfreeze", "web")
        agent.wait_service("web", sync="CURRENT", hash=first)
        foreign = repository.commit({"db/db.conf": "size = 2\n"})
        agent.wait_service("web", sync="CURRENT", hash=first, targetHash=foreign)
        second = repository.commit({"web/index.html": "version 2\n"}, message="Version two")
        behind = agent.wait_service("web", sync="BEHIND", targetHash=second)
        assert behind["hash"] == first and host.read("web/index.html") == "version 1\n"
        assert behind["targetCommit"]["subject"] == "Version two"
        agent.stop()
        agent.start()
        assert agent.service("web")["sync"] == "BEHIND", "it is stored"


def test_a_frozen_service_is_behind_only_once_a_commit_concerns_it(host, repository):
    first = repository.head()
    services = [host.spec("web"), host.spec("db")]
    with host.agent(host.config(*services)) as agent:
        agent.wait_service("web", state="OK", hash=first)
        agent.ctl("freeze", "web")
        before = agent.service("web")
        foreign = repository.commit({"db/db.conf": "size = 2\n"})
        agent.wait_service("db", hash=foreign)
        wait_for(lambda: agent.service("web")["lastPollTime"] > before["lastPollTime"])
        after = agent.service("web")
        assert after["sync"] == "CURRENT" and after["generation"] == before["generation"]
        repository.commit({"web/index.html": "version 2\n"})
        behind = agent.wait_service("web", sync="BEHIND")
        assert behind["state"] == "FREEZE" and behind["changeTime"] == before["changeTime"]
        assert len(behind["changes"]) == len(before["changes"])
        repository.commit({"web/index.html": "version 1\n"}, message="Take it back")
        agent.wait_service("web", sync="CURRENT")


def test_a_rollback_leaves_the_tip_behind(host, repository):
    first = repository.head()
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=first)
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second, sync="CURRENT")
        agent.ctl("rollback", "web", first)
        assert agent.service("web")["sync"] == "BEHIND"
        agent.ctl("unfreeze", "web")
        agent.wait_service("web", state="OK", hash=second, sync="CURRENT")


def test_an_unfrozen_service_is_behind_at_once_where_its_branch_is_ahead(host, repository):
    """The poll that an unfreeze begins finds nothing: the upstream is gone by then."""
    first = repository.head()
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=first)
        agent.ctl("freeze", "web")
        repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", sync="BEHIND")
        repository.path.rename(repository.path.with_name("hidden"))
        unfrozen = agent.ctl("unfreeze", "web", "-o", "json").json()
        assert unfrozen["sync"] in ("BEHIND", "PROGRESSING"), unfrozen
        agent.wait_service("web", state="DIFF", stateReason="UPSTREAM_UNREACHABLE", sync="BEHIND")


def commit_of_latin_1(repository):
    environment = {key.encode(): value.encode() for key, value in GIT_ENVIRONMENT.items()}
    environment[b"GIT_AUTHOR_NAME"] = b"J\xf6rg"
    subprocess.run(["git", "-C", str(repository.path), "-c", "i18n.commitEncoding=ISO-8859-1",
                    "commit", "-q", "-a", "-m", b"Caf\xe9 \x1b[31m"], env=environment, check=True)
    return repository.head()


def test_subject_and_author_are_shown_also_if_they_are_not_utf8(host, repository):
    with host.agent() as agent:
        agent.wait_service("web", state="OK")
        (repository.path / "web/index.html").write_text("version 2\n")
        service = agent.wait_service("web", state="OK", hash=commit_of_latin_1(repository))
        assert service["commit"]["subject"] == "Caf\\xe9 \\x1b[31m"
        assert service["commit"]["author"] == "J\\xf6rg"
        assert service["commit"]["time"]
        assert service["changes"][0]["commit"]["subject"] == service["commit"]["subject"]
        assert [commit["hash"] for commit in service["revisionCommits"]] == service["revisions"]
        assert all(commit["author"] for commit in service["revisionCommits"])


def call(agent, method, **fields):
    """An RPC of the agent."""
    with grpc.insecure_channel(agent.address()) as channel:
        request = getattr(protos.messages("gitops/v1/agent"), f"{method}Request")(**fields)
        stub = protos.stubs("gitops/v1/agent").AgentServiceStub(channel)
        return getattr(stub, method)(request, timeout=60)


def test_a_diff_to_a_commit_says_what_a_move_would_change(host, repository):
    first = repository.commit({"web/index.html": "one\ntwo\n", "web/old": "old\n"})
    with host.agent(host.config(branch="live")) as agent:
        repository.git("branch", "live")
        agent.wait_service("web", state="OK", hash=first)
        (repository.path / "web/data").write_bytes(b"a\0b")
        second = repository.commit({"web/index.html": "one\nTWO\n", "web/new": "n\xe9w\n"},
                                   message="Second", remove=["web/old"])
        answer = call(agent, "DiffService", service="web", to_hash=second, content=True)
        assert (answer.hash, answer.to_commit.hash) == (first, second)
        assert answer.to_commit.subject == "Second"
        kinds = protos.messages("gitops/v1/types").Difference
        local = str(host.local("web"))
        found = {d.path.removeprefix(local): d for d in answer.differences}
        assert {path: d.kind for path, d in found.items()} == {
            "/data": kinds.KIND_ADDED, "/index.html": kinds.KIND_MODIFIED,
            "/new": kinds.KIND_ADDED, "/old": kinds.KIND_DELETED}
        assert found["/index.html"].detail == (
            f"--- a{local}/index.html\n+++ b{local}/index.html\n@@ -1,2 +1,2 @@\n one\n-two\n+TWO\n")
        assert found["/new"].detail.startswith(f"--- /dev/null\n+++ b{local}/new\n")
        assert found["/data"].detail == "" and found["/data"].added_lines == 0
        names = call(agent, "DiffService", service="web", to_hash=second)
        modified = next(d for d in names.differences if d.path.endswith("index.html"))
        assert (modified.detail, modified.added_lines, modified.removed_lines) == ("content", 1, 1)
        assert agent.service("web")["hash"] == first and host.read("web/index.html") == "one\ntwo\n"


def test_a_diff_of_the_host_shows_no_file_that_not_everybody_can_read(host, repository):
    repository.commit({"web/a": "a\n", "web/b": "b\n"})
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        (host.local("web") / "a").write_text("changed\n")
        secret = host.local("web") / "b"
        secret.write_text("hunter2\n")
        secret.chmod(0o600)
        agent.wait_service("web", state="DIFF")
        answer = call(agent, "DiffService", service="web", content=True)
        found = {os.path.basename(d.path): d for d in answer.differences}
        assert found["a"].detail.endswith("@@ -1 +1 @@\n-a\n+changed\n")
        assert found["b"].added_lines == 0 and "hunter2" not in str(answer)
        left = agent.state / "diffs"
        assert not list(left.iterdir()), "nothing is left behind"
        (left / "diff-killed").mkdir()
        (left / "diff-killed/a").write_text("hunter2\n")
        agent.kill()
    with host.agent():
        assert not left.exists(), "an agent that was killed in a diff leaves nothing for ever"


def test_debug_information_has_log_and_config_without_secrets(host, repository):
    check = ('\n[[hosts]]\nname = "web1"\n[[hosts.health_checks.http]]\nport = 80\n'
             'headers = { Authorization = "Bearer hunter2" }\n')
    with host.agent(host.config() + check) as agent:
        info = call(agent, "GetAgentDebugInfo").info
        assert info.component == "agent" and info.host and info.version
        assert "Authorization" in info.config
        assert 'service = "web"' in info.config and "[agent]" in info.config
        assert info.log_lines and "gitops_build_info" in info.metrics
        assert "hunter2" not in str(info)


def test_the_reason_of_diff_is_told_to_programs(host, repository, tmp_path):
    first = repository.head()
    hidden = repository.path.with_name("hidden")
    with host.agent() as agent:
        good = agent.wait_service("web", state="OK", hash=first)
        assert good["stateReason"] in ("", "UNSPECIFIED")
        repository.path.rename(hidden)
        agent.wait_service("web", state="DIFF", stateReason="UPSTREAM_UNREACHABLE")
        hidden.rename(repository.path)
        agent.wait_service("web", state="OK")
        (repository.path / "web/out").symlink_to("/etc/shadow")
        refused = repository.commit({})
        agent.wait_service("web", state="DIFF", stateReason="REFUSED_CONTENT", targetHash=refused)
        fixed = repository.commit({}, remove=["web/out"])
        agent.wait_service("web", state="OK", hash=fixed)
        (host.local("web") / "index.html").write_text("changed by hand\n")
        agent.wait_service("web", state="DIFF", stateReason="DRIFT")


def shown(agent):
    """The reason, and the first words of the info, in `list services -o wide`; the info in the plain table."""
    wide = agent.ctl("list", "services", "-o", "wide", "--columns", "reason,info", "--no-headers").out
    return wide.split(maxsplit=1)[0], agent.ctl("list", "services", "--columns", "state,info").out


def test_a_refused_login_is_the_reason_authentication(host, repository, tmp_path):
    with GitHttpServer(tmp_path) as server:
        server.login = ("deploy", "right")
        with host.agent(host.config(upstream=server.url())) as agent:
            agent.wait_service("web", state="DIFF", stateReason="AUTHENTICATION")
            reason, table = shown(agent)
            assert reason == "AUTHENTICATION"
            assert re.search(r"^DIFF +.*authentication failed", table, re.M), table
            assert "Reason:" in agent.ctl("get", "service", "web").out
            server.login = None
            agent.wait_service("web", state="OK", hash=repository.head())


@pytest.mark.skipif(not as_root(), reason="mounts")
def test_a_full_disk_is_the_reason_disk(host, repository, namespace):
    revisions = host.base / "revisions"
    revisions.mkdir(parents=True)
    namespace.run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", revisions)
    with host.agent(wrapper=namespace.wrapper) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        (namespace.path(revisions) / "filler").write_bytes(bytes((2 << 20) - (256 << 10)))
        second = repository.commit({"web/large": "x" * (1 << 20)})
        agent.wait_service("web", state="DIFF", stateReason="DISK")
        reason, table = shown(agent)
        assert reason == "DISK"
        assert re.search(r"^DIFF +.*No space left on device", table, re.M), table
        (namespace.path(revisions) / "filler").unlink()
        agent.wait_service("web", state="OK", hash=second, seconds=60)


def test_what_is_in_the_way_is_a_reason(host, repository):
    host.local("web").parent.mkdir(parents=True, exist_ok=True)
    host.local("web").mkdir()
    (host.local("web") / "mine").write_text("not the agent's\n")
    with host.agent() as agent:
        agent.wait_service("web", state="DIFF", stateReason="IN_THE_WAY")
        shutil.rmtree(host.local("web"))
        agent.ctl("pull", "web")
        agent.wait_service("web", state="OK", sync="CURRENT")


def test_a_service_that_starts_says_so(host, repository):
    with host.agent(host.config(branch="later")) as agent:
        starting = agent.wait_service("web", state="DIFF", sync="NEVER")
        assert starting["stateReason"] == "STARTING"
