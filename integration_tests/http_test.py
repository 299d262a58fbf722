"""An upstream over HTTP(S): real git, a real http-backend, and the faults that servers have."""

import os
import pathlib
import signal

import pytest
from git_http_server import Certificate, Fault, GitHttpServer
from harness import wait_for

SECRET = "s3cr3t-of-the-netrc"
OTHER_SECRET = "an0ther-secret"


@pytest.fixture
def server(tmp_path):
    with GitHttpServer(tmp_path) as server:
        yield server


@pytest.fixture
def netrc(tmp_path):
    return Netrc(tmp_path / "netrc")


class Netrc:
    def __init__(self, path):
        self.path = path

    def write(self, password, login="deploy"):
        self.path.write_text(f"machine 127.0.0.1\nlogin {login}\npassword {password}\n")
        self.path.chmod(0o600)
        return self.path


def command_lines():
    """Those of all processes, as everyone on the host can read them."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                yield (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                pass


def everything_shown(agent):
    """All that the agent says to anyone: log, gitopsctl, metrics."""
    shown = [agent.logged(), agent.metrics()]
    for arguments in (["list", "services"], ["list", "services", "-o", "json"],
                      ["get", "service", "web"], ["get", "service", "web", "-o", "json"]):
        done = agent.ctl(*arguments, check=False)
        shown += [done.out, done.err]
    return "\n".join(shown)


def test_a_branch_is_followed_over_http(host, repository, server):
    with host.agent(host.config(upstream=server.url())) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        second = repository.commit({"web/index.html": "version 2\n", "web/new/file": "new\n"})
        agent.wait_service("web", state="OK", hash=second)
        assert host.read("web/index.html") == "version 2\n"
        assert host.read("web/new/file") == "new\n"


def test_rollback_to_a_commit_that_was_never_fetched_works_over_http(host, repository, server):
    first = repository.head()
    repository.commit({"web/index.html": "version 2\n"})
    with host.agent(host.config(upstream=server.url())) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        agent.ctl("rollback", "web", first[:10])
        assert host.read("web/index.html") == "version 1\n"


def test_the_netrc_file_opens_the_upstream(host, repository, server, netrc):
    server.login = ("deploy", SECRET)
    config = host.config(upstream=server.url(), netrc_file=netrc.write(SECRET))
    with host.agent(config) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        assert SECRET not in everything_shown(agent)


def test_a_wrong_password_is_diff_and_the_right_one_in_the_file_is_taken_up(
        host, repository, server, netrc):
    server.login = ("deploy", SECRET)
    config = host.config(upstream=server.url(), netrc_file=netrc.write(OTHER_SECRET))
    with host.agent(config) as agent:
        agent.wait_diff("web", "netrc_file")
        assert OTHER_SECRET not in everything_shown(agent)
        netrc.write(SECRET)
        agent.wait_service("web", state="OK", hash=repository.head())
        server.login = ("deploy", OTHER_SECRET)
        agent.wait_service("web", state="DIFF")
        assert host.read("web/index.html") == "version 1\n"
        netrc.write(OTHER_SECRET)
        agent.wait_service("web", state="OK")
        shown = everything_shown(agent)
        assert SECRET not in shown and OTHER_SECRET not in shown


def test_a_netrc_file_that_is_missing_is_named_and_used_when_it_comes(
        host, repository, server, netrc):
    server.login = ("deploy", SECRET)
    with host.agent(host.config(upstream=server.url(), netrc_file=netrc.path)) as agent:
        agent.wait_diff("web", f"{netrc.path}: No such file or directory")
        netrc.write(SECRET)
        agent.wait_service("web", state="OK", hash=repository.head())


def test_of_several_logins_for_a_host_the_url_chooses(host, repository, server, netrc):
    server.login = ("deploy", SECRET)
    netrc.path.write_text(f"machine 127.0.0.1 login other password {OTHER_SECRET}\n"
                          f"machine 127.0.0.1 login deploy password {SECRET}\n")
    config = host.config(upstream=server.url(userinfo="deploy@"), netrc_file=netrc.path)
    with host.agent(config) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())


def test_an_upstream_that_wants_a_login_where_none_is_configured_says_so(host, server):
    server.login = ("deploy", SECRET)
    with host.agent(host.config(upstream=server.url())) as agent:
        agent.wait_diff("web", "netrc_file")


@pytest.mark.parametrize("where", ["netrc", "url", "token"])
def test_nobody_sees_credentials(host, repository, server, netrc, where):
    """During a fetch that lasts, not even who may list the host's processes."""
    server.login = ("deploy", SECRET)
    keys = {"upstream": server.url(), "netrc_file": netrc.write(SECRET)}
    if where == "url":
        keys = {"upstream": server.url(userinfo=f"deploy:{SECRET}@")}
    if where == "token":
        server.login = (SECRET, "x-oauth-basic")
        keys = {"upstream": server.url(userinfo=f"{SECRET}@")}
    with host.agent(host.config(**keys)) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        fault = server.put("pack", Fault("stall"))
        second = repository.commit({"web/index.html": "version 2\n"})
        wait_for(fault.reached.is_set, what="a fetch")
        lines = list(command_lines())
        assert any("git" in line and " fetch " in line for line in lines)
        assert not any(SECRET in line for line in lines)
        server.mend()
        agent.wait_service("web", state="OK", hash=second)
        assert SECRET not in everything_shown(agent)


def test_a_query_in_the_url_is_refused_because_ps_would_show_it(host, server):
    with host.agent(host.config(upstream=server.url() + f"?private_token={SECRET}")) as agent:
        agent.wait_diff("web", "netrc_file")
        assert SECRET not in everything_shown(agent)
        assert server.requests == []


def test_a_repository_that_moved_is_found_by_its_redirect(host, repository, server):
    server.redirect = ("/old/", "/upstream/")
    with host.agent(host.config(upstream=server.url("old/.git"))) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)
        assert any("/old/" in request for request in server.requests)


def test_a_redirect_to_another_protocol_reads_no_file_of_the_host(host, repository, server):
    server.redirect = ("/old/", f"file://{repository.path}/")
    with host.agent(host.config(upstream=server.url("old/.git"))) as agent:
        agent.wait_diff("web", "not allowed|redirect|supported|disabled")
        assert not host.local("web").exists()


def test_tls_with_an_authority_of_ones_own(host, repository, tmp_path):
    certificate = Certificate(tmp_path / "pki")
    with GitHttpServer(tmp_path, certificate) as server:
        config = host.config(upstream=server.url(), ca_file=certificate.ca)
        with host.agent(config) as agent:
            agent.wait_service("web", state="OK", hash=repository.head())
            second = repository.commit({"web/index.html": "version 2\n"})
            agent.wait_service("web", state="OK", hash=second)


def test_a_server_whose_authority_is_not_ours_is_diff_and_gets_no_password(
        host, tmp_path, netrc, repository):
    certificate, other = Certificate(tmp_path / "pki"), Certificate(tmp_path / "other")
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(other.ca.read_bytes())
    with GitHttpServer(tmp_path, certificate) as server:
        config = host.config(upstream=server.url(), ca_file=ca_file, netrc_file=netrc.write(SECRET))
        with host.agent(config) as agent:
            agent.wait_diff("web", "certificate")
            assert server.requests == []
            ca_file.write_bytes(certificate.ca.read_bytes())
            agent.wait_service("web", state="OK", hash=repository.head())


@pytest.mark.parametrize("stage", ["refs", "pack"])
@pytest.mark.parametrize("status,content_type,body,said", [
    (500, "text/plain", b"<b>boom</b>", "500"),
    (503, "text/plain", b"", "503"),
    (404, "text/plain", b"", "not found|404"),
    (403, "text/plain", b"", "403"),
    (200, "text/html", b"<html>please log in</html>", "."),
])
def test_an_answer_that_is_no_git_is_diff_until_it_is_one_again(
        host, repository, server, stage, status, content_type, body, said):
    with host.agent(host.config(upstream=server.url())) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        server.put(stage, Fault("answer", status, content_type, body))
        second = repository.commit({"web/index.html": "version 2\n"})
        assert "\n" not in agent.wait_diff("web", said)
        assert host.read("web/index.html") == "version 1\n"
        server.mend()
        agent.wait_service("web", state="OK", hash=second)
        assert host.read("web/index.html") == "version 2\n"


@pytest.mark.parametrize("stage", ["refs", "pack"])
def test_a_connection_that_breaks_in_the_middle_is_tried_again(host, repository, server, stage):
    fault = server.put(stage, Fault("cut"))
    with host.agent(host.config(upstream=server.url())) as agent:
        wait_for(fault.reached.is_set, what="the broken answer")
        agent.wait_diff("web", "listing|fetching")
        server.mend()
        agent.wait_service("web", state="OK", hash=repository.head())


@pytest.mark.parametrize("stage", ["refs", "pack"])
@pytest.mark.parametrize("kind", ["hang", "stall"])
def test_a_server_that_falls_silent_is_given_up_and_asked_again(
        host, repository, server, stage, kind):
    with host.agent(host.config(upstream=server.url())) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        fault = server.put(stage, Fault(kind))
        second = repository.commit({"web/index.html": "version 2\n"})
        wait_for(fault.reached.is_set, what="the silence")
        agent.wait_service("web", seconds=60, state="DIFF")
        assert host.read("web/index.html") == "version 1\n"
        server.faults = {}  # what is still waiting is not answered
        # The agent may have asked again before that, and then gives up once more, after 30 s.
        agent.wait_service("web", seconds=75, state="OK", hash=second)


def test_a_slow_upstream_stops_no_command_and_no_other_service(
        host, repository, server, tmp_path):
    first = repository.head()
    services = [host.spec("web", upstream=server.url()), host.spec("db")]
    with host.agent(host.config(*services)) as agent:
        agent.wait_service("web", state="OK", hash=first)
        agent.wait_service("db", state="OK", hash=first)
        second = repository.commit({"web/index.html": "version 2\n", "db/db.conf": "size = 2\n"})
        agent.wait_service("web", state="OK", hash=second)
        agent.wait_service("db", state="OK", hash=second)
        fault = server.put("pack", Fault("stall"))
        third = repository.commit({"web/index.html": "version 3\n", "db/db.conf": "size = 3\n"})
        wait_for(fault.reached.is_set, what="the slow fetch")
        agent.wait_service("db", state="OK", hash=third, seconds=10)
        assert agent.ctl("list", "services", timeout=5).status == 0
        agent.ctl("rollback", "db", first, timeout=5)
        assert host.read("db/db.conf") == "size = 1\n"
        agent.ctl("freeze", "web", timeout=5)
        agent.ctl("unfreeze", "web", timeout=5)
        agent.ctl("rollback", "web", first, timeout=5)
        assert host.read("web/index.html") == "version 1\n"
        assert not fault.released.is_set()
        server.mend()
        agent.ctl("unfreeze", "web")
        agent.wait_service("web", state="OK", hash=third)


def test_a_config_that_changes_during_a_slow_fetch_is_taken_up(host, repository, server):
    services = [host.spec("web", upstream=server.url()), host.spec("db")]
    with host.agent(host.config(*services)) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        fault = server.put("pack", Fault("stall"))
        second = repository.commit({"web/index.html": "version 2\n"})
        wait_for(fault.reached.is_set, what="the slow fetch")
        agent.write_config(host.config(host.spec("web"), host.spec("db")))
        agent.process.send_signal(signal.SIGHUP)
        agent.wait_service("web", seconds=10, state="OK", hash=second)
        assert not fault.released.is_set()


@pytest.mark.parametrize("stage", ["refs", "pack"])
def test_the_agent_stops_at_once_during_a_slow_fetch(host, repository, server, stage):
    fault = server.put(stage, Fault("stall"))
    with host.agent(host.config(upstream=server.url())) as agent:
        wait_for(fault.reached.is_set, what="the slow fetch")
        assert agent.stop(seconds=5) == 0
        agent.start()
        server.mend()
        agent.wait_service("web", state="OK", hash=repository.head())
