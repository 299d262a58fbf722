"""TLS between the real programs: a planner, agents and gitopsctl with certificates of one authority."""

import json
import re
import shutil
import ssl
import subprocess

import pytest

from fleet import PLANNER, Program
from fleet_certificates import FleetAuthority
from gateway import Gateway
from harness import BIN, Agent, Repository, ctl, fleet_config, wait_for


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return FleetAuthority(tmp_path_factory.mktemp("ca") / "fleet")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return FleetAuthority(tmp_path_factory.mktemp("other") / "other", "another")


class Suite:
    """A planner and an agent on loopback, as on two machines."""

    def __init__(self, authority, base):
        self.base = base
        self.repository = Repository(base / "upstream")
        self.repository.commit({"app/version": "0\n"}, "first")
        self.config = fleet_config(
            {"upstream": self.repository.url, "branch": "main", "mount": base / "revisions", "poll": "500ms"},
            [{"machine": host, "service": "app", "mount": base / host / "revisions",
              "dirs": [{"local": str(base / host / "etc/app"), "link": "app"}]} for host in ("web1", "web9")])
        self.planner_tls = authority.issue("planner/main")
        self.agent_tls = authority.issue("agent/web1")
        (base / "fleet.toml").write_text(self.config)
        self.planner = Program(PLANNER, base / "planner", [
            "--config", base / "fleet.toml", "--listen", "127.0.0.1:0", "--listen", f"unix:{base}/p.sock",
            "--state-dir", base / "planner/state", "--tls-dir", self.planner_tls])

    def start(self):
        self.planner.start()
        self.agent = self.new_agent("web1", self.agent_tls).start()
        return self

    def new_agent(self, name, tls):
        return Agent(self.base / f"agent-{name}-{tls.name}", self.config, host=name, flags=[
            "--planner", self.planner.address(), "--tls-dir", str(tls), "--name", name])

    def hosts(self, *flags, check=True):
        return ctl("list", "hosts", "-o", "json", "--planner", self.planner.address(), *map(str, flags), check=check)

    def stop(self):
        for program in (self.agent, self.planner):
            if program.process is not None and program.process.poll() is None:
                program.kill()


@pytest.fixture(scope="module")
def suite(authority, tmp_path_factory):
    suite = Suite(authority, tmp_path_factory.mktemp("suite"))
    try:
        yield suite.start()
    finally:
        suite.stop()


@pytest.fixture(scope="module")
def alice(authority):
    return authority.issue("operator/alice")


def states(result):
    return {host["host"]: host["state"] for host in result.json()["hosts"]}


def test_an_agent_reports_and_a_person_operates_it_through_the_planner_and_directly(suite, alice):
    wait_for(lambda: states(suite.hosts("--tls-dir", alice)) == {"web1": "ONLINE"}, what="the agent's report")
    ctl("freeze", "app", "--reason", "a test", "--all", "--yes", "--planner", suite.planner.address(),
        "--tls-dir", str(alice))
    frozen = ctl("get", "service", "app", suite.agent.at, "-o", "json", "--tls-dir", str(alice)).json()
    assert frozen["state"] == "FREEZE" and "alice" in json.dumps(frozen), frozen
    # The name in the certificate, not what gitopsctl says of its account.
    assert "tester" not in json.dumps(frozen["frozenBy"] if "frozenBy" in frozen else frozen), frozen
    ctl("unfreeze", "app", suite.agent.at, "--tls-dir", str(alice))


def test_a_viewer_reads_and_changes_nothing(suite, authority):
    bob = str(authority.issue("viewer/bob"))
    assert "web1" in states(suite.hosts("--tls-dir", bob))
    refused = ctl("freeze", "app", suite.agent.at, "--tls-dir", bob, check=False)
    assert refused.status != 0
    assert re.search("bob .*has the role viewer and may not call AgentService.FreezeService", refused.err), refused


def test_the_unix_socket_needs_no_certificate(suite):
    answer = ctl("list", "hosts", "-o", "json", "--planner", f"unix:{suite.base}/p.sock")
    assert "web1" in states(answer)


def test_a_gateway_calls_with_its_certificate_and_the_servers_decide_by_the_persons_role(suite, authority, tmp_path):
    tls = authority.issue("gateway/gw", names=", DNS:localhost, IP:127.0.0.1")
    with Gateway(tmp_path, ["--planner", suite.planner.address(), "--promotion-receiver", "", "--hook-dispatcher", "",
                            "--tls-dir", tls]) as gateway:
        gateway.tls = ssl.create_default_context(cafile=authority.certificate)
        assert [host["host"] for host in gateway.get("/v1/hosts", token="viewer").json["hosts"]]
        # The agent is called with TLS too, as the host that the planner knows.
        froze = gateway.post("/v1/hosts/web1/services/app:freeze", {"reason": "through the gateway"}, token="operator")
        assert froze.status == 200 and froze.json["service"]["state"] == "FREEZE", froze.json
        assert "operator from 127.0.0.1 (operator) through gw" in json.dumps(froze.json).replace("ipv4:", ""), froze.json
        assert gateway.post("/v1/hosts/web1/services/app:unfreeze", {}, token="admin").status == 200
        assert gateway.post("/v1/hosts/web1/services/app:freeze", {"reason": "x"}, token="viewer").status == 403


def test_a_gateways_certificate_alone_changes_nothing(suite, authority):
    stolen = str(authority.issue("gateway/stolen"))
    assert "web1" in states(suite.hosts("--tls-dir", stolen))
    refused = ctl("freeze", "app", suite.agent.at, "--tls-dir", stolen, check=False)
    assert "stolen" in refused.err and "has the role gateway and may not call AgentService.FreezeService" in refused.err


def refusal(suite, tls):
    """What gitopsctl says with these files."""
    answer = suite.hosts("--tls-dir", tls, check=False)
    assert answer.status != 0, answer
    return answer.err


def test_a_certificate_of_another_authority_is_refused_by_both_sides(suite, stranger, authority):
    assert "its certificate is refused: " in refusal(suite, stranger.issue("operator/alice"))
    # It trusts the planner, and is not trusted itself: its own check says so at once.
    mixed = stranger.issue("operator/alice", authority=authority)
    assert "tls.crt" in refusal(suite, mixed)


def test_an_expired_certificate_is_told_by_its_owner(suite, authority):
    assert re.search("tls.crt.*expired", refusal(suite, authority.expired("operator/alice")))


def test_without_a_certificate_nothing_is_served(suite, authority, tmp_path):
    shutil.copy(authority.certificate, tmp_path / "ca.crt")
    assert "tls.crt" in refusal(suite, tmp_path)
    done = subprocess.run(["openssl", "s_client", "-connect", suite.planner.address(), "-CAfile",
                           authority.certificate, "-alpn", "h2", "-ign_eof"],
                          input="", capture_output=True, text=True, timeout=30)
    # The server ends the connection, and serves nothing before.
    assert "unexpected eof" in done.stderr, done


def test_plain_text_on_the_tls_port_and_the_reverse_are_told(suite, alice, tmp_path):
    assert "it speaks TLS, not plain text" in suite.hosts(check=False).err
    plain = Program(PLANNER, tmp_path / "plain", ["--listen", "127.0.0.1:0", "--state-dir", tmp_path / "state"]).start()
    try:
        answer = ctl("list", "hosts", "--planner", plain.address(), "--tls-dir", str(alice), check=False)
        assert "it speaks plain text, not TLS" in answer.err, answer
    finally:
        plain.kill()


def test_an_agent_cannot_pose_as_a_planner(suite, authority, alice, tmp_path):
    started = subprocess.run([PLANNER, "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--state-dir",
                              tmp_path, "--tls-dir", authority.issue("agent/web1")],
                             capture_output=True, text=True, timeout=30)
    assert started.returncode == 2 and "needs one with the role planner" in started.stderr, started
    answer = ctl("list", "hosts", "--planner", suite.agent.address(), "--tls-dir", str(alice), check=False)
    assert "expected the certificate of any planner, found that of agent/web1" in answer.err, answer


def test_an_agent_reports_for_no_other_host(suite, authority, alice):
    impostor = suite.new_agent("web7", authority.issue("agent/web8")).start()
    try:
        wait_for(lambda: "may not report for the host web7: its certificate does not name it" in impostor.logged(),
                 what="the refusal")
        assert "web7" not in states(suite.hosts("--tls-dir", alice))
    finally:
        impostor.kill()


def test_a_planner_does_not_command_an_agent_of_another_host_at_the_address(suite, authority, alice):
    impostor = suite.new_agent("web9", authority.issue("agent/web9"))
    impostor.flags += ["--advertise", suite.agent.address()]
    impostor.start()
    try:
        wait_for(lambda: states(suite.hosts("--tls-dir", alice)).get("web9") == "ONLINE", what="its report")
        answer = ctl("pull", "app", "--on", "web9", "--planner", suite.planner.address(), "--tls-dir", str(alice),
                     check=False)
        assert "expected the certificate of agent/web9, found that of agent/web1" in answer.out + answer.err, answer
    finally:
        impostor.kill()


def test_a_revoked_certificate_is_refused_within_seconds(suite, authority):
    carol = authority.issue("operator/carol")
    suite.hosts("--tls-dir", carol)
    authority.revoke(carol, suite.planner_tls)
    wait_for(lambda: suite.hosts("--tls-dir", carol, check=False).status != 0, what="the refusal")
    assert "revoked" in refusal(suite, carol)


def served_serial(suite, authority):
    done = subprocess.run(f"openssl s_client -connect {suite.planner.address()} -alpn h2 < /dev/null 2>/dev/null | "
                          "openssl x509 -noout -serial", shell=True, capture_output=True, text=True, timeout=30)
    return done.stdout.strip()


def test_a_rotated_certificate_is_taken_up_and_a_half_written_one_is_not(suite, authority, alice):
    watch = subprocess.Popen([BIN / "ctl/gitopsctl", "list", "hosts", "--watch", "-o", "json", "--planner",
                              suite.planner.address(), "--tls-dir", str(alice)],
                             env={"HOME": "/nonexistent", "USER": "tester"}, stdout=subprocess.PIPE, text=True)
    try:
        assert watch.stdout.readline()
        before = served_serial(suite, authority)
        certificate = suite.planner_tls / "tls.crt"
        certificate.write_bytes(certificate.read_bytes()[:200])
        wait_for(lambda: "cannot use the files in the TLS directory; what was in use stays" in suite.planner.logged(),
                 what="the warning")
        assert served_serial(suite, authority) == before
        suite.hosts("--tls-dir", alice)
        authority.issue("planner/main", into=suite.planner_tls)
        wait_for(lambda: served_serial(suite, authority) not in (before, ""), what="the new certificate")
        assert suite.planner.logged().count("cannot use the files in the TLS directory") == 1
        assert watch.poll() is None, "the watch ended"
        assert "web1" in states(suite.hosts("--tls-dir", alice))
    finally:
        watch.kill()


def test_what_tls_refuses_is_counted_and_logged_with_its_reason(suite, authority):
    def failed():
        return float(re.search(r"^gitops_tls_handshakes_failed_total (\S+)", suite.planner.metrics(), re.M).group(1))

    before = failed()
    served_serial(suite, authority)  # without a certificate
    wait_for(lambda: failed() > before, what="the count")
    wait_for(lambda: "a TLS handshake failed" in suite.planner.logged(), what="the log line")


def test_the_expiry_is_a_metric(suite):
    value = re.search(r"^gitops_certificate_expiry_timestamp_seconds (\S+)", suite.planner.metrics(), re.M)
    assert value and float(value.group(1)) > 1.6e9, suite.planner.metrics()
