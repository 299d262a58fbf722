"""How the agent is told what to do: flags, variables and the config file, what it says of faults,
and how it follows its config while it runs."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from harness import AGENT, ROOT, Agent, Result, as_root, ctl, wait_for


def run(*arguments, env=None, timeout=20):
    """gitops-agent until it ends by itself."""
    done = subprocess.run([str(AGENT), *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, env={"PATH": os.environ["PATH"], **(env or {})})
    return Result(done)


@pytest.fixture
def written(tmp_path):
    """Writes a config and returns its path."""
    def write(text, name="config.toml"):
        file = tmp_path / name
        file.write_text(text)
        return file
    return write


GOOD = """[global]
upstream = "file:///nowhere"
mount = "/srv/gitops"

[[services]]
machine = "web1"
service = "web"
dirs = [{ local = "/etc/web", link = "web" }]
"""


# What is said about faults.

@pytest.mark.parametrize("text, line, told", [
    pytest.param(GOOD.replace('service =', 'sevice ='), 7, ["sevice", 'did you mean "service"'],
                 id="unknown key of a service"),
    pytest.param(GOOD.replace("mount =", "muont ="), 3, ["muont", 'did you mean "mount"'],
                 id="unknown key of global"),
    pytest.param(GOOD + '\n[agent]\nlog-fromat = "json"\n', 11,
                 ["log-fromat", 'did you mean "log-format"'], id="unknown setting"),
    pytest.param(GOOD + '\n[agnet]\n', 10, ["agnet", 'did you mean "agent"'], id="unknown table"),
    pytest.param(GOOD.replace('"/etc/web"', '"etc/web"'), 8, ["local", "etc/web"],
                 id="relative local"),
    pytest.param(GOOD.replace('link = "web"', 'link = "../web"'), 8, ["link", "../web"],
                 id="link out of the repository"),
    pytest.param(GOOD.replace('service = "web"', 'service = "web"\npoll = "soon"'), 8,
                 ["poll", "soon"], id="no duration"),
    pytest.param(GOOD.replace('service = "web"', 'service = "web"\naction = "relaod"'), 8,
                 ["action", "relaod", "reload"], id="unknown verb"),
    pytest.param(GOOD.replace("[global]", "[global"), 1, [], id="no TOML"),
    pytest.param(GOOD + "\n[agent]\ninsecure = 7\n", 11, ["insecure"], id="value of another type"),
])
def test_a_bad_config_is_refused_with_file_line_key_and_the_nearest(written, tmp_path, text, line,
                                                                    told):
    config = written(text)
    for extra in ([], ["--check-config"]):
        done = run("--config", config, "--hosts", "web1", "--state-dir", tmp_path / "state", *extra)
        assert done.status == 2, done
        assert f"{config}:{line}" in done.err
        for word in told:
            assert word in done.err
    assert not (tmp_path / "state").exists()


def test_all_faults_of_a_file_are_told_at_once(written):
    done = run("--check-config", "-c", written(
        GOOD.replace("mount =", "muont =").replace("link =", "lnik =") +
        '\n[agent]\nlog-fromat = "json"\nlog-level = "loud"\n'))
    assert done.status == 2
    for word in ["muont", "lnik", "log-fromat", "loud"]:
        assert word in done.err


def test_check_config_says_that_a_good_one_is_good(written, tmp_path):
    done = run("--check-config", "-c", written(GOOD), "-h", "web1")
    assert (done.status, done.err) == (0, "")
    assert "good" in done.out and "1 service" in done.out and "web1" in done.out


@pytest.mark.parametrize("arguments, told", [
    (["--confg", "x"], ["--confg", '"--config"']),
    (["--config"], ["--config"]),
    (["--poll", "soon", "-c", "x"], ["--poll", "soon"]),
    (["--log-format", "xml", "-c", "x"], ["--log-format", "xml", "json"]),
    (["stray"], ["stray"]),
    ([], ["config"]),
    (["hail", "--profile", "web"], ["hail", "not part of this version"]),
])
def test_wrong_flags_are_named(arguments, told):
    done = run(*arguments)
    assert done.status == 2
    assert done.out == ""
    for word in told:
        assert word in done.err


def test_a_missing_config_is_named(tmp_path):
    done = run("--config", tmp_path / "none.toml")
    assert done.status != 0
    assert str(tmp_path / "none.toml") in done.err


def test_version_and_help_need_nothing():
    assert run("--version").out.startswith("gitops-agent ")
    shown = run("--help")
    assert shown.status == 0
    for flag in ["--config", "--hosts", "--root", "--address-file", "--upstream", "GITOPS_"]:
        assert flag in shown.out


@pytest.mark.parametrize("flags, table, told", [
    (["--tls-dir", "/etc/tls"], "", "--tls-dir"),
    ([], 'tls-dir = "/etc/tls"', "tls-dir"),
    (["--store", "etcd://127.0.0.1:2379/x"], "", "--store"),
    (["--listen", "0.0.0.0:0"], "", "--insecure"),
    (["--listen", "[::]:0"], "", "--insecure"),
    ([], 'listen = "0.0.0.0:0"', "--insecure"),
])
def test_what_is_not_carried_out_or_not_safe_is_refused_before_anything_is_made(
        written, tmp_path, flags, table, told):
    config = written(GOOD + f"\n[agent]\n{table}\n")
    for extra in ([], ["--check-config"]):
        done = run("-c", config, "--state-dir", tmp_path / "state", "--root=false", *flags, *extra)
        assert done.status == 2, done
        assert told in done.err
    assert not (tmp_path / "state").exists()


def test_a_hydra_service_of_this_host_is_refused_and_of_another_host_is_not(written, tmp_path):
    config = written(GOOD + """
[[services]]
machine = "build1"
service = "nix"
profile = "web"
job_uri = "https://hydra.example/job/proj/jobset/web"
""")
    refused = run("--check-config", "-c", config, "-h", "build1")
    assert refused.status == 2
    assert f"{config}:10" in refused.err and '"nix"' in refused.err
    assert run("--check-config", "-c", config, "-h", "web1").status == 0


def test_bind_mounts_without_root_are_refused_with_what_to_do(written, tmp_path):
    if not as_root():
        done = run("-c", written(GOOD), "--state-dir", tmp_path / "state")
        assert done.status == 2 and "--root=false" in done.err
        return
    # Beneath a directory where any account may pass.
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        config = pathlib.Path(directory) / "config.toml"
        config.write_text(GOOD)
        binary = pathlib.Path(directory) / "gitops-agent"
        shutil.copy(AGENT, binary)
        binary.chmod(0o755)
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                               str(binary), "-c", str(config)], capture_output=True, text=True,
                              timeout=20)
    assert done.returncode == 2
    assert "--root=false" in done.stderr


# Which of flag, variable and file counts.

@pytest.mark.parametrize("flags, env, table, is_json", [
    ([], {}, "", False),
    ([], {}, 'log-format = "json"', True),
    ([], {"GITOPS_LOG_FORMAT": "text"}, 'log-format = "json"', False),
    (["--log-format", "json"], {"GITOPS_LOG_FORMAT": "text"}, "", True),
    (["--log-format=text"], {"GITOPS_LOG_FORMAT": "json"}, 'log-format = "json"', False),
    ([], {"GITOPS_LOG_FORMAT": ""}, 'log-format = "json"', True),
])
def test_a_flag_beats_the_variable_beats_the_file(host, repository, flags, env, table, is_json):
    with host.agent(host.config() + f"\n[agent]\n{table}\n", flags=flags, env=env) as agent:
        agent.wait_service("web", state="OK")
        last = agent.logged().splitlines()[-1]
        assert last.startswith("{") == is_json, last


def test_hosts_may_come_from_the_file_and_the_variable(host, repository):
    others = [{**host.spec(service), "machine": machine}
              for service, machine in [("web", "alias1"), ("db", "alias2")]]
    config = host.config(*others)
    agent = host.agent(config + '\n[agent]\nhosts = ["alias1", "alias2"]\n')
    # The harness names one with a flag, which would count for all.
    agent.command = lambda command=agent.command(): [
        word for word in command if word not in ("--hosts", "web1")]
    with agent:
        agent.wait_service("web", state="OK")
        agent.wait_service("db", state="OK")
    agent.env = {"GITOPS_HOSTS": "alias2"}
    with agent:
        names = [one["service"] for one in agent.ctl("list", "services", "-o", "json").json()[
            "services"]]
        assert names == ["db"]


# Following the config.

def kept(agent, service):
    """What a change of the config must leave alone; the polls go on."""
    seen = agent.service(service)
    return {key: value for key, value in seen.items()
            if key not in ("lastPollTime", "nextAttemptTime")}


def services_of(agent):
    return {one["service"]: one for one in
            agent.ctl("list", "services", "-o", "json").json()["services"]}


@pytest.mark.parametrize("told", ["by a signal", "by itself"])
def test_a_changed_config_is_taken_up_and_others_are_left_alone(host, repository, told):
    def rewrite(text):
        agent.write_config(text)
        if told == "by a signal":
            agent.process.send_signal(signal.SIGHUP)

    repository.commit({"side/f": "version 1\n"})
    with host.agent(host.config(host.spec("web"), host.spec("db"))) as agent:
        agent.wait_service("web", state="OK")
        agent.wait_service("db", state="OK")
        agent.ctl("freeze", "db", "--reason", "kept")
        before = kept(agent, "db")
        rewrite(host.config(host.spec("web"), host.spec("db"), host.spec("side")))
        wait_for(lambda: "side" in services_of(agent))
        agent.wait_service("side", state="OK")
        assert host.read("side/f") == "version 1\n"
        assert kept(agent, "db") == before
        rewrite(host.config(host.spec("db"), host.spec("side", link="web")))
        wait_for(lambda: sorted(services_of(agent)) == ["db", "side"])
        assert host.read("web/index.html") == "version 1\n", "its published files stay"
        wait_for(lambda: (host.local("side") / "index.html").exists())
        assert kept(agent, "db") == before
        rewrite(host.config(host.spec("db", keep_revisions=2), host.spec("web")))
        wait_for(lambda: sorted(services_of(agent)) == ["db", "web"])
        frozen = agent.service("db")
        assert (frozen["state"], frozen["frozenBy"]) == ("FREEZE", before["frozenBy"])
        assert frozen["changes"] == before["changes"]
        wait_for(lambda: "side" not in agent.metrics())


def test_a_frozen_service_that_left_the_config_is_frozen_when_it_comes_back(host, repository):
    first = repository.head()
    with host.agent(host.config(host.spec("web"), host.spec("db"))) as agent:
        agent.wait_service("web", state="OK")
        agent.ctl("freeze", "web")
        agent.write_config(host.config(host.spec("db")))
        agent.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "web" not in services_of(agent))
        repository.commit({"web/index.html": "version 2\n"})
        agent.write_config(host.config(host.spec("web"), host.spec("db")))
        agent.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "web" in services_of(agent))
        agent.wait_service("db", hash=repository.head())
        assert services_of(agent)["web"]["state"] == "FREEZE"
        assert agent.service("web")["hash"] == first
        assert host.read("web/index.html") == "version 1\n"


def test_a_bad_new_config_is_refused_and_named_and_the_old_one_goes_on(host, repository):
    good = host.config()
    with host.agent(good) as agent:
        agent.wait_service("web", state="OK")
        agent.write_config(good.replace("branch =", "brnch ="))
        agent.process.send_signal(signal.SIGHUP)
        wait_for(lambda: f"{agent.config}:" in agent.logged() and "brnch" in agent.logged())
        assert 'did you mean \\"branch\\"' in agent.logged() or 'did you mean "branch"' in agent.logged()
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)
        # It is good again, with another service: no restart is needed.
        agent.write_config(host.config(host.spec("web"), host.spec("db")))
        wait_for(lambda: "db" in services_of(agent))


def test_a_config_that_is_away_for_a_while_changes_nothing(host, repository):
    with host.agent() as agent:
        agent.wait_service("web", state="OK")
        away = agent.config.rename(agent.config.with_suffix(".away"))
        agent.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "cannot read the config file" in agent.logged())
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)
        away.rename(agent.config)


def test_an_entry_without_local_is_followed_and_published_nowhere(host, repository):
    spec = host.spec("web")
    spec["dirs"].append({"local": "", "link": "db"})
    with host.agent(host.config(spec)) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        before = host.local("web").resolve()
        second = repository.commit({"db/db.conf": "size = 2\n"})
        agent.wait_service("web", state="OK", hash=second)
        assert host.local("web").resolve() != before, "a change there is a change of the service"
        assert [entry.name for entry in (host.base / "etc").iterdir()] == ["web"]


def test_a_service_that_is_published_nowhere_is_ok_and_stays_so_through_a_restart(host, repository):
    spec = {**host.spec("web"), "dirs": [{"local": "", "link": "db"}]}
    with host.agent(host.config(spec)) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
    with agent:
        restarted = agent.wait_service("web", state="OK", hash=repository.head())
        second = repository.commit({"db/db.conf": "size = 2\n"})
        moved = agent.wait_service("web", state="OK", hash=second)
        assert len(moved["changes"]) == len(restarted["changes"]) + 1


# gitopper's users.

@pytest.mark.parametrize("example", ["gitopper-2022.toml", "gitopper.toml"])
def test_a_gitopper_config_is_followed_as_it_stands(host, repository, example):
    # Only what cannot be had here is adapted: the upstream, and paths to stay below the test's.
    text = (ROOT / "examples" / example).read_text()
    for upstream in ["https://github.com/miekg/blah-origin", "https://git.example/gitopper-config"]:
        text = text.replace(upstream, repository.url)
    for old in ["/tmp", "/etc", "/var/lib/grafana"]:
        text = text.replace(f'"{old}', f'"{host.base}{old}')
    lines = [line for line in text.splitlines()
             if not line.startswith(("user =", "package =", "action ="))]
    repository.commit({
        "grafana/etc/grafana.ini": "one\n", "grafana/dashboards/a.json": "{}\n",
        "prometheus/etc/prometheus.yml": "one\n", "caddy/etc/Caddyfile": "one\n",
        "docker-compose/caddy/docker-compose.yml": "one\n", "keys/admin_id_ed25519.pub": "k\n"})
    machine = "grafana.atoom.net" if "2022" in example else "localhost"
    wanted = {
        "gitopper-2022.toml": {"grafana-server": ["etc/grafana/grafana.ini",
                                                  "var/lib/grafana/dashboards/a.json"]},
        "gitopper.toml": {"prometheus": ["etc/prometheus/prometheus.yml"],
                          "docker-compose@caddy": ["etc/caddy/Caddyfile", "tmp/docker-compose.yml"]},
    }[example]
    with host.agent("\n".join(lines) + "\n", host=machine, flags=["-t", "100ms"]) as agent:
        for service, files in wanted.items():
            agent.wait_service(service, state="OK", hash=repository.head())
            for file in files:
                assert (host.base / file).exists(), file
        table = agent.ctl("list", "service").out
        for service in wanted:
            assert service in table
        # As gitopperctl's users type it.
        name = next(iter(wanted))
        agent.ctl("state", "freeze", name)
        assert agent.service(name)["state"] == "FREEZE"
        assert "FREEZE" in ctl("list", "service", agent.at, name).out
        agent.ctl("state", "unfreeze", name)
        ctl("do", "rollback", agent.at, name, repository.head("HEAD"))
        assert agent.service(name)["stateInfo"] == f"ROLLBACK: {repository.head()}"
        assert machine in agent.ctl("list", "machines").out


# Serving.

def test_the_address_file_names_what_is_served(host, repository):
    with host.agent() as agent:
        lines = agent.addresses.read_text().splitlines()
        assert [line.split("=")[0] for line in lines] == ["grpc", "http"]
        for line in lines:
            name, port = line.split("=")[1].rsplit(":", 1)
            with socket.create_connection((name, int(port)), timeout=10):
                pass


def get(agent, path):
    import urllib.error
    import urllib.request
    try:
        with urllib.request.urlopen(f"http://{agent.address('http')}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_health_and_metrics_are_served(host, repository):
    with host.agent() as agent:
        assert get(agent, "/healthz")[0] == 200
        wait_for(lambda: get(agent, "/readyz")[0] == 200)
        status, metrics = get(agent, "/metrics")
        assert status == 200
        for name in ["gitopper_machine_git_ops_total", "gitops_build_info", "gitopper_service_info"]:
            assert name in metrics
        assert get(agent, "/nothing")[0] == 404


def test_grpc_health_and_reflection_answer(host, repository):
    grpc = pytest.importorskip("grpc")
    with host.agent() as agent:
        with grpc.insecure_channel(agent.address()) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            # HealthCheckResponse{status: SERVING}: of the whole server, and of the service.
            assert wait_for(lambda: check(b"", timeout=10)) == b"\x08\x01"
            name = b"gitops.v1.AgentService"
            assert check(b"\x0a" + bytes([len(name)]) + name, timeout=10) == b"\x08\x01"
            with pytest.raises(grpc.RpcError) as unknown:
                check(b"\x0a\x04none", timeout=10)
            assert unknown.value.code() == grpc.StatusCode.NOT_FOUND
            reflect = channel.stream_stream(
                "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
            # ServerReflectionRequest{list_services: ""}
            answer = next(iter(reflect(iter([b"\x3a\x00"]), timeout=10)))
            assert name in answer and b"grpc.health.v1.Health" in answer


def test_a_unix_socket_serves_gitopsctl(host, repository):
    path = host.base / "agent.sock"
    agent = host.agent(flags=["--listen", f"unix:{path}"])
    with agent:
        assert agent.address() == f"unix:{path}"
        wait_for(lambda: ctl("get", "service", "web", f"@unix:{path}", "-o", "json").json()[
            "state"] == "OK")
        agent.kill()
    # The socket that a killed agent left is no hindrance.
    with agent:
        ctl("list", "services", f"@unix:{path}")


def test_a_port_in_use_is_named_with_what_to_do(host, repository):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for flag in ["--listen", "--metrics-listen"]:
            agent = host.agent(flags=[flag, address])
            agent.start(wait=False)
            assert agent.process.wait(timeout=20) == 1
            assert flag in agent.logged() and address in agent.logged()


def test_a_second_agent_on_the_same_state_says_so_and_ends(host, repository):
    with host.agent() as agent:
        agent.wait_service("web", state="OK")
        second = Agent(host.base / "second", host.config())
        second.state = agent.state
        second.start(wait=False)
        assert second.process.wait(timeout=20) == 1
        assert str(agent.state) in second.logged()
        assert "another" in second.logged() or "in use" in second.logged()
        commit = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=commit)


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_the_end_is_bounded_with_a_watch_open(host, repository, with_signal):
    from harness import BIN
    with host.agent() as agent:
        agent.wait_service("web", state="OK")
        watching = subprocess.Popen([str(BIN / "ctl" / "gitopsctl"), "watch", agent.at, "-o", "json"],
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert watching.stdout.readline() != ""
            assert agent.stop(with_signal, seconds=10) == 0
            # A watch waits for an agent that restarts (issue 10, part 4), until it is ended itself.
            assert watching.poll() is None
            watching.send_signal(signal.SIGINT)
            watching.wait(timeout=10)
        finally:
            watching.kill()
            watching.communicate()


def test_the_end_is_bounded_while_git_hangs(host, repository):
    # An upstream that accepts and never answers.
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/ops.git"
        with host.agent(host.config(upstream=url)) as agent:
            silent.settimeout(20)
            connection, _ = silent.accept()
            with connection:
                assert agent.stop(seconds=10) == 0


def test_passwords_in_urls_are_not_logged_or_shown(host, repository):
    url = "http://user:hunter2@127.0.0.1:1/ops.git"
    with host.agent(host.config(upstream=url), flags=["--log-level", "debug"]) as agent:
        agent.wait_service("web", state="DIFF")
        wait_for(lambda: "127.0.0.1" in agent.service("web")["stateInfo"])
        assert "hunter2" not in agent.ctl("get", "service", "web", "-o", "json").out
        assert "hunter2" not in agent.metrics()
        assert "hunter2" not in agent.logged()
