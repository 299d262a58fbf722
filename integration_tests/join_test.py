"""Hosts that join: from `gitopsctl ca init` to agents that report over TLS and renew their certificates."""

import contextlib
import datetime
import email.utils
import http.server
import json
import re
import socket
import ssl
import subprocess
import threading

import pytest

from fleet import CRASH_PLANNER, PLANNER, Program
from fleet_certificates import CONFIG, FleetAuthority
from harness import AGENT, Agent, Repository, Result, ctl, fleet_config, wait_for


class Suite:
    """An authority, its issuer, and a planner that lets hosts join."""

    def __init__(self, base, planner=PLANNER):
        self.base = base
        self.ca, self.issuer, self.planner_tls = base / "ca", base / "issuer", base / "planner-tls"
        ctl("ca", "init", "--dir", str(self.ca))
        ctl("ca", "issuer", "--dir", str(self.ca), "--out", str(self.issuer))
        ctl("ca", "issue", "--dir", str(self.ca), "--role", "planner", "--name", "main", "--dns", "localhost",
            "--ip", "127.0.0.1", "--out", str(self.planner_tls))
        repository = Repository(base / "upstream")
        repository.commit({"app/version": "0\n"}, "first")
        self.config = fleet_config(
            {"upstream": repository.url, "branch": "main", "mount": base / "revisions", "poll": "500ms"},
            [{"machine": host, "service": "app", "mount": base / host / "revisions",
              "dirs": [{"local": str(base / host / "etc/app"), "link": "app"}]} for host in ("web1", "web2", "web3")])
        (base / "fleet.toml").write_text(self.config)
        self.planner = Program(planner, base / "planner", [
            "--config", base / "fleet.toml", "--listen", "127.0.0.1:0", "--listen", f"unix:{base}/p.sock",
            "--state-dir", base / "planner/state", "--tls-dir", self.planner_tls, "--join-listen", "127.0.0.1:0",
            "--issuer-dir", self.issuer])
        self.agents = []

    def start(self):
        self.planner.start()
        return self

    def stop(self):
        for program in [*self.agents, self.planner]:
            program.kill()

    def token(self, *hosts, flags=()):
        names = [part for host in hosts for part in ("--host", host)]
        return ctl("ca", "token", "--dir", str(self.issuer), *names, "-o", "json", *flags).json()

    def join(self, host, token, ca_hash, tls=None, planner=None, flags=()):
        url = planner or f"https://{self.planner.address('join')}"
        return run_join("--planner", url, "--token-file", "-", "--ca-hash", ca_hash, "--name", host,
                        "--tls-dir", str(tls or self.tls(host)), *flags, stdin=token)

    def tls(self, host):
        return self.base / f"tls-{host}"

    def joined(self, host):
        made = self.token(host)
        done = self.join(host, made["tokens"][0]["token"], made["caHash"])
        assert done.status == 0, done
        return self.tls(host)

    def agent(self, host):
        agent = Agent(self.base / f"agent-{host}", self.config, host=host, flags=[
            "--planner", self.planner.address(), "--tls-dir", str(self.tls(host)), "--name", host])
        self.agents.append(agent)
        return agent

    def states(self):
        hosts = ctl("list", "hosts", "-o", "json", "--planner", f"unix:{self.base}/p.sock").json()["hosts"]
        return {host["host"]: host["state"] for host in hosts}


def run_join(*arguments, stdin=""):
    return Result(subprocess.run([str(AGENT), "join", *arguments], input=stdin, capture_output=True, text=True,
                                 timeout=60, env={"PATH": "/usr/bin:/bin"}))


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def serial(directory):
    return openssl("x509", "-in", directory / "tls.crt", "-noout", "-serial")


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    suite = Suite(tmp_path_factory.mktemp("join"))
    try:
        yield suite.start()
    finally:
        suite.stop()


def aged(suite, host):
    """The files of a host that joined, with a certificate of which three quarters are over."""
    tls = suite.joined(host)
    authority = FleetAuthority.__new__(FleetAuthority)
    authority.directory, authority.made = suite.base / f"aging-{host}", 0
    (authority.directory / "issued").mkdir(parents=True)
    (authority.directory / "index.txt").touch()
    authority.certificate = suite.ca / "ca.crt"
    config = CONFIG.format(directory=authority.directory)
    for name in ("ca.crt", "ca.key"):
        config = config.replace(str(authority.directory / name), str(suite.ca / name))
    authority.config = authority.directory / "openssl.cnf"
    authority.config.write_text(config)
    now = datetime.datetime.now(datetime.timezone.utc)
    begin, end = now - datetime.timedelta(days=30), now + datetime.timedelta(days=10)
    authority.issue(f"agent/{host}", into=tls, dates=("-startdate", begin.strftime("%Y%m%d%H%M%SZ"),
                                                      "-enddate", end.strftime("%Y%m%d%H%M%SZ")))
    return tls


def test_a_host_joins_and_its_agent_reports_over_tls(suite):
    tls = suite.joined("web1")
    assert sorted(path.name for path in tls.iterdir()) == ["ca.crt", "joined", "tls.crt", "tls.key"]
    assert (tls / "tls.key").stat().st_mode & 0o777 == 0o600
    assert "URI:gitops://agent/web1" in openssl("x509", "-in", tls / "tls.crt", "-noout", "-text")
    suite.agent("web1").start()
    wait_for(lambda: suite.states().get("web1") == "ONLINE", what="the report of web1")


def test_many_tokens_are_made_at_once(suite):
    made = suite.token("db{1..200}")
    assert [one["host"] for one in made["tokens"]] == [f"db{n}" for n in range(1, 201)]
    assert len({one["token"] for one in made["tokens"]}) == 200
    lines = ctl("ca", "token", "--dir", str(suite.issuer), "--host", "db{1..3}", "--host", "x").out.split()
    assert [line.split("/")[0] for line in lines] == ["db1", "db2", "db3", "x"]


def test_joining_again_changes_nothing_and_says_so(suite):
    tls = suite.joined("web4")
    before = serial(tls)
    made = suite.token("web4")
    again = suite.join("web4", made["tokens"][0]["token"], made["caHash"])
    assert again.status == 0 and "has joined already, as agent/web4" in again.out
    assert serial(tls) == before


def test_a_token_is_good_once(suite):
    made = suite.token("web5")
    token = made["tokens"][0]["token"]
    assert suite.join("web5", token, made["caHash"]).status == 0
    # Another machine with the stolen token has another key.
    thief = suite.join("web5", token, made["caHash"], tls=suite.base / "thief")
    assert thief.status == 1 and "was used already, with another key" in thief.err
    assert token not in thief.err + suite.planner.logged()
    assert 'gitops_join_requests_total{result="refused"}' in suite.planner.metrics()


def test_tokens_that_expired_or_were_revoked_or_are_of_another_host_are_refused(suite):
    made = suite.token("web6", flags=("--expires", "1s"))
    token = made["tokens"][0]["token"]
    end = datetime.datetime.fromisoformat(made["tokens"][0]["expires"].replace("Z", "+00:00"))
    wait_for(lambda: datetime.datetime.now(datetime.timezone.utc) > end, what="the token's end")
    assert "the join token expired at" in suite.join("web6", token, made["caHash"]).err
    made = suite.token("web7")
    token = made["tokens"][0]["token"]
    ctl("ca", "token", "--dir", str(suite.issuer), "--host", "web7", "--revoke")
    assert "the join token is not valid" in suite.join("web7", token, made["caHash"]).err
    made = suite.token("web8")
    refused = suite.join("web9", made["tokens"][0]["token"], made["caHash"])
    assert refused.status == 2 and "the token is for the host web8, but this host is web9" in refused.err


class FakePlanner:
    """HTTPS of somebody else; keeps the bodies that it got."""

    def __init__(self, tls, authorities, date=None):
        self.bodies = []
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def date_time_string(self, timestamp=None):
                return date or super().date_time_string(timestamp)

            def answer(self):
                body = json.dumps({"authorities": authorities, "links": "", "certificate": ""}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                self.answer()

            def do_POST(self):
                fake.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.answer()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls / "tls.crt", tls / "tls.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return FleetAuthority(tmp_path_factory.mktemp("stranger") / "ca", "stranger")


def test_a_planner_of_another_authority_never_sees_the_token(suite, stranger):
    tls = stranger.issue("planner/main", names=", IP:127.0.0.1")
    made = suite.token("web10")
    # With its own authority the hash is another; with that of the fleet its certificate is.
    for authorities in (stranger.certificate.read_text(), (suite.ca / "ca.crt").read_text()):
        fake = FakePlanner(tls, authorities)
        refused = suite.join("web10", made["tokens"][0]["token"], made["caHash"], planner=fake.url)
        assert refused.status != 0 and fake.bodies == [], refused
    assert "certificate" in refused.err
    wrong = suite.join("web10", made["tokens"][0]["token"], "0" * 64)
    assert wrong.status == 2 and "did not get the token" in wrong.err
    assert suite.join("web10", made["tokens"][0]["token"], made["caHash"]).status == 0


def test_a_clock_that_is_an_hour_off_is_told(suite, stranger):
    later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    fake = FakePlanner(stranger.issue("planner/main", names=", IP:127.0.0.1"), "",
                       email.utils.format_datetime(later, usegmt=True))
    made = suite.token("web11")
    refused = suite.join("web11", made["tokens"][0]["token"], made["caHash"], planner=fake.url)
    assert re.search("the clock of this host is (1h|59m).* behind the planner's", refused.err), refused
    assert fake.bodies == []


def test_a_planner_that_is_killed_before_it_answers_gives_the_same_certificate_again(tmp_path):
    suite = Suite(tmp_path, planner=CRASH_PLANNER)
    try:
        for point, host in (("planner-join-issued", "web1"), ("planner-join-spent", "web2")):
            suite.planner.start(env={"GITOPS_CRASH_AT": point})
            made = suite.token(host)
            token = made["tokens"][0]["token"]
            lost = suite.join(host, token, made["caHash"])
            assert lost.status == 1 and not (suite.tls(host) / "tls.crt").exists()
            suite.planner.await_crash()
            issued = json.loads((suite.issuer / f"tokens/{host}.json").read_text())["certificate"]
            assert bool(issued) == (point == "planner-join-spent")
            key = (suite.tls(host) / "tls.key.next").read_text()
            suite.planner.start()
            assert suite.join(host, token, made["caHash"]).status == 0
            assert (suite.tls(host) / "tls.key").read_text() == key
            assert not issued or (suite.tls(host) / "tls.crt").read_text() == issued
            suite.planner.stop()
    finally:
        suite.stop()


def test_an_agent_renews_by_itself_with_a_new_key_and_stays_connected(suite):
    tls = aged(suite, "web2")
    before, key = serial(tls), (tls / "tls.key").read_text()
    agent = suite.agent("web2").start()
    wait_for(lambda: serial(tls) != before and "renewed the certificate" in agent.logged(), what="the renewal")
    assert (tls / "tls.key").read_text() != key
    assert (tls / "tls.key").stat().st_mode & 0o777 == 0o600
    wait_for(lambda: "new certificate in use" in agent.logged(), what="the use of the new certificate")
    wait_for(lambda: suite.states().get("web2") == "ONLINE", what="the report of web2")
    assert 'gitops_certificate_renewals_total{result="renewed"} 1' in suite.planner.metrics()


def test_a_next_root_reaches_a_host_with_its_renewal(tmp_path):
    suite = Suite(tmp_path).start()
    try:
        tls = aged(suite, "web3")
        old = (suite.ca / "ca.crt").read_text()
        ctl("ca", "init", "--dir", str(suite.ca), "--rotate")
        ctl("ca", "issuer", "--dir", str(suite.ca), "--out", str(suite.issuer))
        both = (suite.ca / "ca.crt").read_text()
        (suite.planner_tls / "ca.new").write_text(both)
        (suite.planner_tls / "ca.new").rename(suite.planner_tls / "ca.crt")
        wait_for(lambda: "new certificate in use" in suite.planner.logged(), what="the planner's new ca.crt")
        assert (tls / "ca.crt").read_text() == old
        agent = suite.agent("web3").start()
        wait_for(lambda: (tls / "ca.crt").read_text() == both, what="the next root on the host")
        wait_for(lambda: suite.states().get("web3") == "ONLINE", what="the report of web3")
        assert "cannot renew" not in agent.logged()
    finally:
        suite.stop()


def test_a_revoked_host_does_not_renew(tmp_path):
    suite = Suite(tmp_path).start()
    try:
        tls = aged(suite, "web1")
        before = serial(tls)
        # The root did not issue it by gitopsctl: its list is made by openssl.
        aging = suite.base / "aging-web1"
        config = aging / "openssl.cnf"
        openssl("ca", "-config", config, "-revoke", tls / "tls.crt")
        openssl("ca", "-config", config, "-gencrl", "-out", suite.planner_tls / "crl.new")
        (suite.planner_tls / "crl.new").rename(suite.planner_tls / "crl.pem")
        wait_for(lambda: "revoked" in ctl("list", "hosts", "--planner", suite.planner.address(), "--tls-dir", str(tls),
                                          check=False).err, what="the use of the list")
        agent = suite.agent("web1").start()
        wait_for(lambda: "cannot renew the certificate" in agent.logged(), what="the refusal")
        assert "revoked" in agent.logged() and serial(tls) == before
    finally:
        suite.stop()


def test_a_stolen_planner_cannot_make_an_admin(suite, tmp_path):
    issuer = suite.issuer
    refused = ctl("ca", "issue", "--dir", str(issuer), "--role", "admin", "--name", "eve", "--out",
                  str(tmp_path / "eve"), check=False)
    assert refused.status == 1 and "permitted subtree violation" in refused.err
    # With its key and without our checks, too.
    extensions = tmp_path / "extensions"
    extensions.write_text("subjectAltName = URI:gitops://admin/eve\nextendedKeyUsage = clientAuth\n")
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=eve",
            "-keyout", tmp_path / "tls.key", "-out", tmp_path / "request")
    openssl("x509", "-req", "-in", tmp_path / "request", "-CA", issuer / "issuer.crt", "-CAkey",
            issuer / "issuer.key", "-days", 1, "-extfile", extensions, "-out", tmp_path / "leaf")
    (tmp_path / "tls.crt").write_text((tmp_path / "leaf").read_text() + (issuer / "issuer.crt").read_text())
    (tmp_path / "ca.crt").write_text((suite.ca / "ca.crt").read_text())

    def is_served(directory):
        context = ssl.create_default_context(cafile=suite.ca / "ca.crt")
        context.check_hostname = False
        context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
        context.set_alpn_protocols(["h2"])
        host, port = suite.planner.address().split(":")
        with contextlib.suppress(ssl.SSLError, ConnectionError), \
                socket.create_connection((host, int(port)), timeout=30) as plain, \
                context.wrap_socket(plain) as connection:
            return connection.recv(1) != b""  # A server's first frame comes when the client is verified.
        return False

    agent = tmp_path / "agent"
    ctl("ca", "issue", "--dir", str(issuer), "--role", "agent", "--name", "web9", "--out", str(agent))
    assert is_served(agent) and not is_served(tmp_path)
    answer = ctl("list", "hosts", "--planner", suite.planner.address(), "--tls-dir", str(tmp_path), check=False)
    assert answer.status != 0, answer


def test_without_an_issuer_the_planner_says_what_is_missing(suite, tmp_path):
    planner = Program(PLANNER, tmp_path / "p", ["--listen", "127.0.0.1:0", "--state-dir", tmp_path / "state",
                                                "--tls-dir", suite.planner_tls, "--join-listen", "127.0.0.1:0",
                                                "--issuer-dir", tmp_path / "none"]).start(wait=False)
    assert planner.process.wait(timeout=20) != 0
    assert "--issuer-dir: there is no certificate authority in" in planner.logged()
    plain = Program(PLANNER, tmp_path / "q", ["--listen", "127.0.0.1:0", "--state-dir", tmp_path / "state",
                                              "--join-listen", "127.0.0.1:0"]).start(wait=False)
    assert plain.process.wait(timeout=20) == 2
    assert "--join-listen: hosts that join need to know the planner by its certificate" in plain.logged()
