"""What the agent does with units: a real unit is reloaded, restarted, judged and healed."""

import itertools

import pytest

from agent_host import AGENT_UNIT, SIMPLE


def set_version(host, version, service="web"):
    return host.repository.commit({f"{service}/version": f"{version}\n"})


def served(host, service="web"):
    return host.read(f"/etc/{service}/version").strip()


def test_units_shipped_for_the_agent_are_valid(host):
    assert host.run(["systemd-analyze", "verify", "--man=no", "/etc/systemd/system/gitops-agent.service"]).stderr == ""
    assert AGENT_UNIT.read_text() == host.read("/etc/systemd/system/gitops-agent.service")


def test_first_publication_starts_a_unit_and_a_commit_reloads_it(host):
    host.add_unit("web")
    host.follow(host.spec("web", action="reload"))
    host.wait_service("web", state="OK", hash=host.repository.head())
    assert host.seen() == ["start 1"]
    before = host.properties("web", "InvocationID", "MainPID")
    host.wait_service("web", state="OK", hash=set_version(host, 2))
    # The signal is sent when the reload ends, and handled a moment later.
    host.wait_for(lambda: host.seen() == ["start 1", "reload 2"])
    assert host.properties("web", "InvocationID", "MainPID") == before


def test_running_unit_is_restarted_on_a_commit(host):
    host.run("mkdir -p /etc/web; echo 0 > /etc/web/version")
    host.add_unit("web", start=True)
    ids = [host.properties("web", "InvocationID", "MainPID")]
    host.follow(host.spec("web", action="restart"))
    host.wait_service("web", state="OK", hash=host.repository.head())
    ids.append(host.properties("web", "InvocationID", "MainPID"))
    host.wait_service("web", state="OK", hash=set_version(host, 2))
    ids.append(host.properties("web", "InvocationID", "MainPID"))
    for key in ids[0]:
        assert len({values[key] for values in ids}) == 3, ids
    assert host.seen() == ["start 0", "start 1", "start 2"]


def test_commit_elsewhere_and_an_empty_action_touch_no_unit(host):
    host.run("mkdir -p /etc/web /etc/db; echo 0 | tee /etc/web/version > /etc/db/version")
    host.add_unit("web", start=True)
    host.add_unit("db", start=True)
    host.follow(host.spec("web"), host.spec("db", action="restart"))
    first = host.repository.head()
    host.wait_service("web", state="OK", hash=first)
    host.wait_service("db", state="OK", hash=first)
    second = set_version(host, 2)
    host.wait_service("web", state="OK", hash=second)
    host.wait_service("db", state="OK", hash=second)
    assert served(host) == "2"
    assert host.seen("web") == ["start 0"]
    assert host.seen("db") == ["start 0", "start 1"]


UNIT_IN_GIT = SIMPLE + "Environment=COLOUR={}\n"


def test_unit_files_from_git_take_effect_and_are_rolled_back(host):
    host.repository.commit({"web/web.service": UNIT_IN_GIT.format("green")})
    unit_file = {"local": "/etc/systemd/system/web.service", "link": "web/web.service", "file": True}
    spec = host.spec("web", action="restart")
    host.follow({**spec, "dirs": spec["dirs"] + [unit_file]})
    green = host.repository.head()
    host.wait_service("web", state="OK", hash=green)
    assert host.properties("web", "Environment", "NeedDaemonReload", "ActiveState") == {
        "Environment": "COLOUR=green", "NeedDaemonReload": "no", "ActiveState": "active"}
    blue = host.repository.commit({"web/web.service": UNIT_IN_GIT.format("blue")})
    host.wait_service("web", state="OK", hash=blue)
    assert host.properties("web", "Environment")["Environment"] == "COLOUR=blue"
    # The older file is no newer than what systemd has read.
    host.ctl("rollback", "web", green)
    assert host.properties("web", "Environment", "NeedDaemonReload") == {
        "Environment": "COLOUR=green", "NeedDaemonReload": "no"}


def test_template_unit_from_git_is_enabled_and_started(host):
    host.repository.commit(
        {"web/web@.service": SIMPLE + "[Install]\nWantedBy=multi-user.target\n"})
    unit_file = {"local": "/etc/systemd/system/web@.service", "link": "web/web@.service", "file": True}
    spec = host.spec("web@blue", action="restart")
    host.follow({**spec, "dirs": spec["dirs"] + [unit_file]})
    host.wait_service("web@blue", state="OK", hash=host.repository.head())
    assert host.properties("web@blue", "ActiveState", "UnitFileState") == {
        "ActiveState": "active", "UnitFileState": "enabled"}
    assert host.seen() == ["start 1"]


def test_unit_that_fails_with_the_new_revision_is_back_with_the_old_and_tried_again(host):
    host.add_unit("web")
    host.follow(host.spec("web", action="restart"))
    first = host.repository.head()
    host.wait_service("web", state="OK", hash=first)
    bad = set_version(host, "bad")
    broken = host.wait_service("web", state="BROKEN", hash=first)
    for told in (bad, first, "exited with status 3", "serving", "journalctl -u web.service"):
        assert told in broken["stateInfo"], broken["stateInfo"]
    # Tried again and again, each time with the old files in between.
    host.wait_for(lambda: host.seen().count("start bad") >= 3)
    host.wait_for(lambda: host.seen()[-1] == "start 1" and host.active("web") == "active")
    assert all(a != b for a, b in itertools.pairwise(host.seen())), host.seen()
    fixed = set_version(host, 3)
    host.wait_service("web", state="OK", hash=fixed, stateInfo="")
    assert (served(host), host.seen()[-1], host.active("web")) == ("3", "start 3", "active")


def test_retries_of_a_broken_revision_back_off(host):
    host.add_unit("web", SIMPLE.replace("/usr", "/bin/sh -c 'date +%%s.%%N >> /run/web.times; exec "
                                        "/usr", 1).replace("%p", "%p'", 1))
    host.follow(host.spec("web", action="restart"))
    host.wait_service("web", state="OK", hash=host.repository.head())
    set_version(host, "bad")
    host.wait_for(lambda: host.seen().count("start bad") >= 5, seconds=60)
    lines = zip(host.read("/run/web.times").split(), host.seen())
    times = [float(time) for time, line in lines if line == "start bad"]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    # 100 ms, 200 ms, 400 ms, 800 ms beside what each attempt takes.
    assert gaps[3] > gaps[0] + 0.5, gaps
    host.wait_service("web", state="OK", hash=set_version(host, 3))


def test_without_rollback_on_failure_the_new_files_stay(host):
    host.add_unit("web")
    host.follow(host.spec("web", action="restart", rollback_on_failure=False))
    host.wait_service("web", state="OK", hash=host.repository.head())
    bad = set_version(host, "bad")
    host.wait_service("web", state="BROKEN", hash=bad)
    assert served(host) == "bad"
    host.wait_for(lambda: host.seen().count("start bad") >= 2)
    assert host.seen()[:2] == ["start 1", "start bad"] and host.seen().count("start 1") == 1
    host.wait_service("web", state="OK", hash=set_version(host, 3))
    assert host.seen()[-1] == "start 3"


def test_rollback_to_a_revision_that_fails_ends_broken_with_the_former_one_served(host):
    host.add_unit("web")
    bad = set_version(host, "bad")
    good = set_version(host, 2)
    host.follow(host.spec("web", action="restart"))
    host.wait_service("web", state="OK", hash=good)
    assert host.ctl("rollback", "web", bad, check=False).status == 1
    host.wait_service("web", state="BROKEN", hash=good)
    host.wait_for(lambda: host.seen()[-1] == "start 2" and host.active("web") == "active")
    host.ctl("unfreeze", "web")
    host.wait_service("web", state="OK", hash=good)


NOTIFIES = """\
[Service]
Type=notify
NotifyAccess=all
ExecStart=/bin/sh -c 'grep -q mute /etc/web/version || systemd-notify --ready; exec sleep infinity'
"""


def test_unit_that_is_never_ready_is_broken_after_healthy_within(host):
    host.add_unit("web", NOTIFIES)
    host.follow(host.spec("web", action="restart", healthy_within="1s"))
    first = host.repository.head()
    host.wait_service("web", state="OK", hash=first)
    set_version(host, "mute")
    broken = host.wait_service("web", state="BROKEN", hash=first)
    assert "web.service" in broken["stateInfo"] and "healthy_within is 1s" in broken["stateInfo"], broken["stateInfo"]
    host.wait_for(lambda: served(host) == "1" and host.active("web") == "active")
    host.wait_service("web", state="OK", hash=set_version(host, 3))


ONESHOT = """\
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo start $(cat /etc/web/version) >> /run/web.seen; grep -vq bad /etc/web/version'
"""


def test_oneshot_is_healthy_when_it_succeeded_and_broken_when_it_failed(host):
    host.add_unit("web", ONESHOT)
    host.follow(host.spec("web", action="restart"))
    first = host.repository.head()
    host.wait_service("web", state="OK", hash=first)
    assert (host.seen(), host.active("web")) == (["start 1"], "inactive")
    set_version(host, "bad")
    host.wait_service("web", state="BROKEN", hash=first)
    host.wait_service("web", state="OK", hash=set_version(host, 3))
    assert host.seen()[-1] == "start 3"


FLAPS = """\
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh -c '! grep -q bad /etc/web/version || { sleep 0.3; exit 1; }; exec sleep infinity'
Restart=always
RestartSec=0
"""


def test_unit_that_flaps_is_broken_and_rolled_back(host):
    host.add_unit("web", FLAPS)
    host.follow(host.spec("web", action="restart"))
    first = host.repository.head()
    host.wait_service("web", state="OK", hash=first)
    set_version(host, "bad")
    host.wait_service("web", state="BROKEN", hash=first)
    host.wait_for(lambda: served(host) == "1" and host.active("web") == "active")
    host.wait_service("web", state="OK", hash=set_version(host, 3))


@pytest.mark.parametrize("action", ["reload", "restart", "try-restart"])
def test_unit_that_fails_by_itself_is_broken_and_healed(host, action):
    host.add_unit("web")
    host.follow(host.spec("web", action=action))
    host.wait_service("web", state="OK", hash=host.repository.head())
    if action == "try-restart":
        host.run("systemctl start web")
    host.wait_for(lambda: host.seen() == ["start 1"])  # systemd does not wait for the server
    host.run("systemctl kill --signal=KILL web")
    host.wait_for(lambda: any(c["toState"] == "BROKEN" for c in host.service("web")["changes"]))
    host.wait_service("web", state="OK", hash=host.repository.head())
    host.wait_for(lambda: host.seen() == ["start 1", "start 1"])
    assert host.active("web") == "active"
    told = [c["reason"] for c in host.service("web")["changes"] if c["toState"] == "BROKEN"]
    assert "signal 9" in told[0], told


def test_unit_that_an_administrator_stopped_stays_stopped_until_there_is_news(host):
    host.add_unit("web")
    host.follow(host.spec("web", action="restart"))
    host.wait_service("web", state="OK", hash=host.repository.head())
    host.run("systemctl stop web")
    host.repository.commit({"db/version": "2\n"})
    host.wait_service("web", state="OK", hash=host.repository.head())
    assert host.active("web") == "inactive"
    host.wait_service("web", state="OK", hash=set_version(host, 2))
    assert host.active("web") == "active"


def test_unit_that_is_not_there_is_broken_until_it_is(host):
    host.follow(host.spec("web", action="restart"))
    broken = host.wait_service("web", state="BROKEN")
    assert "unit web.service is not known to systemd" in broken["stateInfo"]
    assert served(host) == "1"
    host.add_unit("web")
    host.wait_service("web", state="OK", hash=host.repository.head())
    assert host.seen() == ["start 1"]


CONFINED = SIMPLE + "ProtectSystem=strict\nPrivateTmp=yes\nReadWritePaths=/run\n"


@pytest.mark.parametrize("way", ["beneath", "propagation"])
def test_unit_with_mounts_of_its_own_sees_the_new_files_after_its_reload(host, way):
    host.agent_variables(GITOPS_MOUNT_EXCHANGE=way)
    host.add_unit("web", CONFINED)
    # A mount that reaches into the unit is as writable there as it is outside.
    host.follow(host.spec("web", action="reload", writable=False))
    host.wait_service("web", state="OK", hash=host.repository.head())
    before = host.properties("web", "MainPID")
    for version in range(2, 7):
        host.wait_service("web", state="OK", hash=set_version(host, version))
        host.wait_for(lambda: host.seen()[-1] == f"reload {version}")
    assert host.properties("web", "MainPID") == before
    # Nothing piles up in the unit's namespace, and what was read-only there stays so.
    mounts = host.run(f"cat /proc/{before['MainPID']}/mountinfo").stdout
    assert len([line for line in mounts.splitlines() if line.split()[4] == "/etc/web"]) == 1, mounts
    denied = host.run(f"nsenter -t {before['MainPID']} -m touch /etc/web/new", check=False)
    assert "Read-only file system" in denied.stderr, denied
