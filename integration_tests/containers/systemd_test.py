"""The agent's unit actions against a real systemd, through agent/activate:systemd_probe."""

import contextlib
import subprocess
import threading
import time

import pytest

from host import SystemdHost, bin_dir

PROBE = "/opt/gitops/systemd_probe"

# absl::StatusCode, which is the probe's exit status.
OK, INVALID, DEADLINE, FAILED, UNAVAILABLE = 0, 3, 4, 9, 14

UNITS = {
    "good": "[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/true\n",
    "refuses-reload": "[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/sh -c 'exit 5'\n",
    "hangs-in-reload": "[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/sleep infinity\n"
                       "TimeoutStartSec=infinity\n",
    "own-limit": "[Service]\nType=notify\nExecStart=/bin/sleep infinity\nTimeoutStartSec=1\n",
    "cannot-start": "[Service]\nType=notify\nExecStart=/bin/sh -c 'exit 3'\n",
    "fails-at-once": "[Service]\nExecStart=/bin/sh -c 'exit 3'\n",
    "fails-soon": "[Service]\nExecStart=/bin/sh -c 'sleep 0.4; exit 3'\n",
    "flaps": "[Unit]\nStartLimitIntervalSec=0\n"
             "[Service]\nExecStart=/bin/sh -c 'sleep 0.3; exit 1'\nRestart=always\nRestartSec=0\n",
    "reads-config": "[Service]\nExecStart=/bin/sh -c '. /etc/reads-config; exec sleep infinity'\n"
                    "Restart=always\nRestartSec=0\n",
    "killed": "[Service]\nExecStart=/bin/sh -c 'sleep 0.2; kill -9 $$$$'\n",
    "slow": "[Service]\nType=notify\nNotifyAccess=all\n"
            "ExecStart=/bin/sh -c 'sleep 1; systemd-notify --ready; exec sleep infinity'\n",
    "ends": "[Service]\nExecStart=/bin/true\n",
    "oneshot": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "oneshot-remains": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
    "oneshot-fails": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'exit 7'\n",
    "needs-failed": "[Unit]\nRequires=oneshot-fails.service\nAfter=oneshot-fails.service\n"
                    "[Service]\nExecStart=/bin/sleep infinity\n",
    "skips": "[Unit]\nConditionPathExists=/nowhere\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "named": "[Service]\nExecStart=/bin/sleep infinity\nExecReload=/bin/true\n[Install]\nAlias=byname.service\n",
    "many@": "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n",
}


@pytest.fixture(name="host", scope="module")
def host_fixture():
    with SystemdHost(mounts={bin_dir() / "agent/activate": "/opt/gitops:ro"}) as host:
        for name, text in UNITS.items():
            host.write(f"/etc/systemd/system/{name}.service", text)
        host.run("systemctl daemon-reload")
        yield host


def probe(host, *words, expect=OK):
    """Runs the probe and returns its message (of an error) or its output."""
    result = host.run([PROBE, *words], check=False)
    assert result.status == expect, f"{words}: status {result.status}: {result.stdout}{result.stderr}"
    return result.stdout if expect == OK else result.stderr


def properties(host, unit):
    return dict(line.split("=", 1) for line in probe(host, "properties", unit).splitlines())


def start(host, unit):
    host.run(["systemctl", "start", unit])


def test_each_verb_does_what_systemctl_does(host):
    steps = [("start", "active"), ("reload", "active"), ("restart", "active"), ("stop", "inactive"),
             ("try-restart", "inactive"), ("try-reload-or-restart", "inactive"),
             ("reload-or-try-restart", "inactive"), ("reload-or-restart", "active"), ("stop", "inactive")]
    for verb, state in steps:
        probe(host, "verb", "good.service", verb)
        assert properties(host, "good.service")["ActiveState"] == state, verb


def test_properties_are_those_systemctl_shows(host):
    start(host, "good.service")
    seen = properties(host, "good.service")
    shown = host.run(["systemctl", "show", "good.service", "--property", ",".join(seen)]).stdout
    assert seen == dict(line.split("=", 1) for line in shown.splitlines())
    assert properties(host, "nowhere.service")["LoadState"] == "not-found"


def test_unit_of_a_good_service_is_healthy_after_reload_and_restart(host):
    start(host, "good.service")
    before = properties(host, "good.service")["InvocationID"]
    probe(host, "activate", "good", "reload", "10")
    assert properties(host, "good.service")["InvocationID"] == before, "a reload is no restart"
    probe(host, "activate", "good", "restart", "10")
    assert properties(host, "good.service")["InvocationID"] != before


def test_first_publication_starts_what_cannot_be_reloaded_yet(host):
    host.run("systemctl stop good.service")
    assert "only a running unit" in probe(host, "activate", "good", "reload", "10", expect=FAILED)
    probe(host, "activate", "good", "reload", "10", "first")
    assert properties(host, "good.service")["ActiveState"] == "active"


@pytest.mark.parametrize("unit, verb, told", [
    ("refuses-reload", "reload", ["the job failed"]),
    ("cannot-start", "start", ["the job failed", "result ", "failed"]),
    ("own-limit", "restart", ["the job failed", "result timeout"]),
    ("oneshot-fails", "start", ["the job failed", "result exit-code", "exited with status 7"]),
    ("needs-failed", "start", ["depends on failed"]),
    ("ends", "reload", ["reload is not applicable"]),
])
def test_job_that_does_not_end_well_says_why(host, unit, verb, told):
    if unit == "refuses-reload":
        start(host, unit)
    message = probe(host, "verb", f"{unit}.service", verb, expect=FAILED)
    for part in told:
        assert part in message


@pytest.mark.parametrize("unit, told", [
    ("fails-at-once", ["result exit-code", "exited with status 3"]),
    ("fails-soon", ["less than 1s after its restart made it active", "exited with status 3"]),
    ("killed", ["signal 9"]),
    ("flaps", ["less than 1s after its restart made it active"]),
    ("ends", ["inactive (dead)"]),
])
def test_unit_that_does_not_keep_running_is_not_healthy(host, unit, told):
    message = probe(host, "activate", unit, "restart", "10", expect=FAILED)
    for part in told:
        assert part in message
    host.run(f"systemctl stop {unit}.service; systemctl reset-failed {unit}.service", check=False)


def test_unit_that_ran_into_its_start_limit_is_started_by_the_rollback(host):
    host.write("/etc/reads-config", "exit 1\n")
    probe(host, "activate", "reads-config", "restart", "10", expect=FAILED)
    host.wait_for(lambda: properties(host, "reads-config.service")["ActiveState"] == "failed")
    host.write("/etc/reads-config", "true\n")
    probe(host, "activate", "reads-config", "restart", "10")


def test_many_restarts_in_a_short_time_do_not_meet_the_start_limit(host):
    for _ in range(8):
        probe(host, "activate", "good", "restart", "10")


def test_unit_that_takes_its_time_is_waited_for(host):
    probe(host, "activate", "slow", "restart", "20")


def test_unit_that_takes_too_long_runs_out_of_time(host):
    started = time.monotonic()
    message = probe(host, "activate", "slow", "restart", "0.3", expect=DEADLINE)
    assert time.monotonic() - started < 20
    assert "slow.service" in message and "activating" in message


def test_hanging_reload_ends_at_its_deadline(host):
    start(host, "hangs-in-reload.service")
    started = time.monotonic()
    probe(host, "verb", "hangs-in-reload.service", "reload", "0.5", expect=DEADLINE)
    assert time.monotonic() - started < 20
    host.run("systemctl stop hangs-in-reload.service")


def test_job_replaced_by_another_is_told_as_canceled(host):
    start(host, "hangs-in-reload.service")
    reload = host.popen([PROBE, "verb", "hangs-in-reload.service", "reload", "30"],
                        stderr=subprocess.PIPE)
    host.wait_for(lambda: properties(host, "hangs-in-reload.service")["ActiveState"] == "reloading")
    host.run("systemctl stop hangs-in-reload.service")
    assert "canceled" in reload.communicate(timeout=30)[1]
    assert reload.returncode == FAILED


@pytest.mark.parametrize("unit", ["oneshot", "oneshot-remains", "skips"])
def test_oneshot_is_healthy_when_it_succeeded(host, unit):
    probe(host, "activate", unit, "start", "10")


def test_health_is_told_of_units_that_run_stopped_failed_and_are_unknown(host):
    start(host, "good.service")
    probe(host, "check", "good")
    host.run("systemctl stop good.service")
    probe(host, "check", "good")
    host.run("systemctl start oneshot-fails.service", check=False)
    assert "exited with status 7" in probe(host, "check", "oneshot-fails", expect=FAILED)
    assert "not known to systemd" in probe(host, "check", "nowhere", expect=FAILED)


def test_unknown_unit_is_named(host):
    assert "not known to systemd" in probe(host, "verb", "nowhere.service", "start", expect=FAILED)
    message = probe(host, "activate", "nowhere", "restart", "10", expect=FAILED)
    assert "unit nowhere.service is not known to systemd" in message


def test_unknown_verb_is_refused(host):
    assert "known verbs: start" in probe(host, "verb", "good.service", "explode", expect=INVALID)


def test_masked_unit_is_told_so(host):
    host.run("ln -s /dev/null /etc/systemd/system/hidden.service; systemctl daemon-reload")
    assert "masked" in probe(host, "activate", "hidden", "restart", "5", expect=FAILED)
    assert "masked" in probe(host, "verb", "hidden.service", "restart", expect=FAILED)


def test_alias_is_waited_for_under_the_units_own_name(host):
    host.run("systemctl enable named.service")
    probe(host, "activate", "byname", "restart", "10")
    assert properties(host, "byname.service")["Id"] == "named.service"


def test_template_instance_is_enabled_and_started(host):
    assert properties(host, "many@blue.service")["UnitFileState"] == "disabled"
    probe(host, "activate", "many@blue", "restart", "10")
    seen = properties(host, "many@blue.service")
    assert (seen["UnitFileState"], seen["ActiveState"]) == ("enabled", "active")
    assert host.run("test -e /etc/systemd/system/multi-user.target.wants/many@blue.service").ok


def test_changed_unit_file_takes_effect(host):
    start(host, "good.service")
    host.write("/etc/systemd/system/good.service", UNITS["good"] + "Environment=COLOUR=blue\n")
    assert properties(host, "good.service")["NeedDaemonReload"] == "yes"
    probe(host, "activate", "good", "restart", "10")
    assert properties(host, "good.service")["NeedDaemonReload"] == "no"
    pid = host.run("systemctl show --value -p MainPID good.service").stdout.strip()
    assert "COLOUR=blue" in host.run(f"tr '\\0' '\\n' < /proc/{pid}/environ").stdout


@contextlib.contextmanager
def serving(host):
    """A probe that keeps its connection; gives a function that runs a line in it."""
    process = host.popen([PROBE, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        while not (answer := process.stdout.readline()).startswith("exit "):
            assert answer, "the probe ended"
        return int(answer.split()[1])

    try:
        yield ask
    finally:
        process.stdin.close()
        assert process.wait(30) == 0


def stop_bus(host):
    host.run("systemctl stop dbus.socket dbus.service")


def start_bus(host):
    host.run("systemctl start dbus.socket dbus.service")


def test_bus_gone_is_unavailable_and_back_is_served_again(host):
    start(host, "good.service")
    with serving(host) as ask:
        assert ask("verb good.service reload") == OK
        stop_bus(host)
        try:
            assert ask("verb good.service reload") == UNAVAILABLE
            assert ask("activate good restart 5") == UNAVAILABLE
        finally:
            start_bus(host)
        host.wait_for(lambda: ask("verb good.service reload") == OK)
        assert ask("activate good restart 10") == OK, "signals arrive over the new connection too"


def test_bus_lost_while_a_job_runs_ends_the_wait(host):
    start(host, "hangs-in-reload.service")
    with serving(host) as ask:
        answer = []
        asking = threading.Thread(
            target=lambda: answer.append(ask("verb hangs-in-reload.service reload 60")))
        asking.start()
        host.wait_for(lambda: host.run("systemctl is-active hangs-in-reload.service",
                                       check=False).stdout.strip() == "reloading")
        stop_bus(host)
        try:
            asking.join(20)
        finally:
            start_bus(host)
        assert answer == [UNAVAILABLE]
    host.run("systemctl stop hangs-in-reload.service")


def test_host_comes_back_from_a_reboot_with_its_files(host):
    for clean in (True, False):
        host.write("/var/lib/kept", f"{clean}")
        host.run("sync")
        host.reboot(clean=clean)
        assert host.read("/var/lib/kept") == f"{clean}"
        probe(host, "activate", "good", "restart", "10")
    # Enabled, so started by the boot itself.
    assert properties(host, "many@blue.service")["ActiveState"] == "active"
