"""An upstream over SSH: a real sshd, whose key must be known, and which must know ours."""

import shutil

import pytest
from harness import as_root, wait_for
from ssh_server import Key, SshServer


@pytest.fixture
def tmp_path(open_directory):
    return open_directory


@pytest.fixture
def server(tmp_path):
    with SshServer(tmp_path / "sshd") as server:
        yield server


@pytest.fixture
def key(tmp_path):
    return Key(tmp_path / "deploy_key")


@pytest.fixture
def known_hosts(tmp_path, server):
    file = tmp_path / "known_hosts"
    file.write_text(server.known_hosts())
    return file


@pytest.fixture
def config(host, repository, server, key, known_hosts):
    return host.config(upstream=server.url(repository.path), ssh_key=key.path,
                       known_hosts=known_hosts)


def test_a_branch_is_followed_over_ssh(host, repository, server, key, config):
    server.authorize(key)
    with host.agent(config) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)
        assert host.read("web/index.html") == "version 2\n"


def test_the_short_form_of_an_address_is_followed_too(host, repository, server, key, tmp_path):
    """user@host:path knows no port, so it is only shown to reach the server's default port."""
    server.authorize(key)
    known_hosts = tmp_path / "none"
    known_hosts.touch()
    config = host.config(upstream=f"{server.account}@127.0.0.1:{repository.path}",
                         ssh_key=key.path, known_hosts=known_hosts)
    with host.agent(config) as agent:
        assert "cannot be used" not in agent.wait_diff("web", "listing the branches of 127.0.0.1:")


def test_an_unknown_host_key_is_diff_until_it_is_made_known(
        host, repository, server, key, known_hosts, config):
    server.authorize(key)
    known_hosts.write_text("")
    with host.agent(config) as agent:
        agent.wait_diff("web", "Host key verification failed")
        known_hosts.write_text(server.known_hosts())
        agent.wait_service("web", state="OK", hash=repository.head())


def test_a_host_key_that_changed_is_diff_and_the_old_files_are_served(
        host, repository, server, key, known_hosts, config, tmp_path):
    server.authorize(key)
    with host.agent(config) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        known_hosts.write_text(server.known_hosts(Key(tmp_path / "another")))
        agent.wait_diff("web", "Host key verification failed")
        assert host.read("web/index.html") == "version 1\n"
        known_hosts.write_text(server.known_hosts())
        agent.wait_service("web", state="OK")


def test_a_key_that_the_server_does_not_know_is_diff_until_it_does(
        host, repository, server, key, config, tmp_path):
    server.authorize(Key(tmp_path / "another"))
    with host.agent(config) as agent:
        agent.wait_diff("web", "Permission denied .publickey.")
        server.authorize(key)
        agent.wait_service("web", state="OK", hash=repository.head())


def test_a_key_that_is_replaced_in_its_file_is_taken_up(
        host, repository, server, key, config, tmp_path):
    right = Key(tmp_path / "right")
    server.authorize(right)
    with host.agent(config) as agent:
        agent.wait_diff("web", "Permission denied .publickey.")
        key.path.write_bytes(right.path.read_bytes())
        agent.wait_service("web", state="OK", hash=repository.head())


def test_a_key_file_that_is_missing_is_diff_until_it_comes(
        host, repository, server, key, config):
    server.authorize(key)
    away = key.path.rename(key.path.with_name("away"))
    with host.agent(config) as agent:
        agent.wait_diff("web", str(key.path))
        away.rename(key.path)
        agent.wait_service("web", state="OK", hash=repository.head())


def test_the_keys_of_the_account_that_runs_the_agent_are_not_used(
        host, repository, server, key, config, tmp_path):
    """Its agent's neither: what a service may read is what its config names."""
    server.authorize(key)
    home = tmp_path / "home" / ".ssh"
    home.mkdir(parents=True, mode=0o700)
    (home / "id_ed25519").write_bytes(key.path.read_bytes())
    (home / "id_ed25519").chmod(0o600)
    key.path.unlink()
    with host.agent(config, env={"HOME": str(home.parent)}) as agent:
        agent.wait_diff("web", str(key.path))


def test_a_server_that_is_gone_is_diff_until_it_is_back(host, repository, server, key, config):
    server.authorize(key)
    with host.agent(config) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        server.stop()
        agent.wait_diff("web", "Connection refused")
        assert server._start_once()
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)


def test_a_path_that_is_no_repository_says_so(host, tmp_path, server, key, known_hosts):
    server.authorize(key)
    config = host.config(upstream=server.url(tmp_path / "nothing"), ssh_key=key.path,
                         known_hosts=known_hosts)
    with host.agent(config) as agent:
        agent.wait_diff("web", "nothing' does not appear to be a git repository")


def test_a_server_that_hangs_does_not_stop_commands_and_is_given_up(
        host, repository, server, key, config):
    server.authorize(key)
    first = repository.head()
    with host.agent(config) as agent:
        agent.wait_service("web", state="OK", hash=first)
        server.authorize(key, command="exec sleep 600")
        wait_for(lambda: any(server._descendants(pid) for pid in
                             server._descendants(server.process.pid)), what="a session that hangs")
        agent.ctl("freeze", "web", timeout=5)
        agent.ctl("unfreeze", "web", timeout=5)
        agent.wait_diff("web", "longer than", seconds=60)
        server.authorize(key)
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)


@pytest.mark.skipif(not as_root(), reason="only root may run git as another account")
def test_a_key_that_the_services_user_cannot_read_is_named(
        host, server, repository, key, known_hosts):
    server.authorize(key)
    config = host.config(upstream=server.url(repository.path), ssh_key=key.path,
                         known_hosts=known_hosts, user="nobody")
    with host.agent(config) as agent:
        agent.wait_diff("web", str(key.path))
        key.path.chmod(0o600)
        shutil.chown(key.path, "nobody")
        agent.wait_service("web", state="OK", hash=repository.head())


@pytest.mark.skipif(not as_root(), reason="only root may run git as another account")
def test_a_key_that_every_account_can_read_is_refused_though_ssh_would_take_it(
        host, server, repository, key, known_hosts):
    server.authorize(key)
    key.path.chmod(0o644)  # root's, and so not of the account that ssh runs as
    config = host.config(upstream=server.url(repository.path), ssh_key=key.path,
                         known_hosts=known_hosts, user="nobody")
    with host.agent(config) as agent:
        agent.wait_diff("web", f"ssh_key {key.path} .* open to every account of this host .mode 0644.")
        key.path.chmod(0o600)
        shutil.chown(key.path, "nobody")
        agent.wait_service("web", state="OK", hash=repository.head())
