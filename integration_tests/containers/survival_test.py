"""What lasts: state over kill -9, restarts and reboots; what is missing until it is there."""

import shutil

import pytest

from agent_host import CONFIG, REVISIONS, SIMPLE


def set_version(host, version, service="web"):
    return host.repository.commit({f"{service}/version": f"{version}\n"})


@pytest.fixture(name="three")
def three_fixture(host):
    """Three services at 2: web follows, db is frozen, app is pinned to 1. The upstream is gone."""
    host.repository.commit({"app/version": "1\n"})
    first = host.repository.head()
    enabled = SIMPLE + "[Install]\nWantedBy=multi-user.target\n"
    for name in ("web", "db", "app"):
        host.add_unit(name, enabled)
    host.follow(host.spec("web", action="reload"), host.spec("db", action="restart"),
                host.spec("app", action="restart"))
    host.run("systemctl enable gitops-agent web db app")
    for name in ("web", "db", "app"):
        host.wait_service(name, state="OK", hash=first)
    second = host.repository.commit({f"{name}/version": "2\n" for name in ("web", "db", "app")})
    for name in ("web", "db", "app"):
        host.wait_service(name, state="OK", hash=second)
    host.ctl("freeze", "db", "--reason", "release day")
    host.ctl("rollback", "app", first[:10], "--reason", "two is bad")
    # A later commit that the frozen ones must not take up, and web cannot: it is never fetched.
    host.repository.path.rename(host.directory / "away")
    host.wait_service("web", state="DIFF")
    yield first, second
    shutil.rmtree(host.directory / "away", ignore_errors=True)
    host.run("systemctl disable gitops-agent web db app", check=False)
    host.forget("web", "db", "app")


KEPT = ("state", "hash", "stateInfo", "changeTime", "frozenBy", "pinnedHash")


def state_of(host):
    seen = {}
    for name in ("db", "app"):
        service = host.service(name)
        seen[name] = {key: service.get(key) for key in KEPT}
    web = host.service("web")
    seen["web"] = {key: web.get(key) for key in ("state", "hash")}
    seen["files"] = [host.read(f"/etc/{name}/version") for name in ("web", "db", "app")]
    seen["active"] = [host.active(name) for name in ("web", "db", "app")]
    return seen


def check_kept(host, before):
    host.await_agent()
    host.wait_for(lambda: state_of(host) == before, what="everything is as it was") \
        if state_of(host) != before else None
    assert state_of(host) == before


def test_freeze_pin_and_files_survive_kills_restarts_and_reboots_without_the_upstream(host, three):
    first, second = three
    before = state_of(host)
    assert before["db"]["state"] == "FREEZE" and before["db"]["hash"] == second
    assert before["app"]["state"] == "FREEZE" and before["app"]["hash"] == first
    assert before["app"]["stateInfo"] == f"ROLLBACK: {first}"
    assert before["web"] == {"state": "DIFF", "hash": second}
    assert before["files"] == ["2\n", "2\n", "1\n"] and before["active"] == ["active"] * 3
    ran = {name: host.seen(name) for name in ("web", "db", "app")}

    host.kill_agent()
    host.wait_for(lambda: host.properties("gitops-agent", "NRestarts")["NRestarts"] != "0")
    check_kept(host, before)
    host.run("systemctl restart gitops-agent")
    check_kept(host, before)
    assert {name: host.seen(name) for name in ran} == ran, "no unit was touched"

    for clean in (True, False):
        host.run("sync")
        host.reboot(clean=clean)
        check_kept(host, before)
        # Started by the boot before or after the publication: in the end all run with the files.
        for name, version in (("web", "2"), ("db", "2"), ("app", "1")):
            host.wait_for(lambda: host.seen(name)[-1:] in ([f"start {version}"], [f"reload {version}"]),
                          what=f"{name} runs with {version}")
    (host.directory / "away").rename(host.repository.path)
    third = host.repository.commit({f"{name}/version": "3\n" for name in ("web", "db", "app")})
    host.wait_service("web", state="OK", hash=third)
    for name in ("db", "app"):
        host.ctl("unfreeze", name)
        host.wait_service(name, state="OK", hash=third)


def test_second_agent_on_the_same_state_says_so_and_ends(host):
    host.follow(host.spec("web"))
    host.wait_service("web", state="OK")
    host.run("systemctl reset-failed other-agent", check=False)
    host.run(["systemd-run", "--unit=other-agent", "--property=Type=exec", "--",
              "/usr/local/bin/gitops-agent", "--config", CONFIG, "--listen", "127.0.0.1:0",
              "--metrics-listen", "127.0.0.1:0"])
    host.wait_for(lambda: host.active("other-agent") == "failed")
    said = host.logs("other-agent")
    assert "/var/lib/gitops-agent" in said and "another" in said, said
    host.run("systemctl reset-failed other-agent")
    commit = set_version(host, 2)
    host.wait_service("web", state="OK", hash=commit)


# Packages, from a repository in a directory of the host.

MAKE_PACKAGE = """\
set -e
name=$1; postinst=$2
build=$(mktemp -d)
mkdir -p $build/DEBIAN $build/usr/share/$name
echo $name > $build/usr/share/$name/installed
cat > $build/DEBIAN/control <<CONTROL
Package: $name
Version: 1.0
Architecture: all
Maintainer: Test <test@localhost>
Description: made by a test
CONTROL
printf '#!/bin/sh\\nset -e\\n%s\\n' "$postinst" > $build/DEBIAN/postinst
chmod 0755 $build $build/DEBIAN/postinst
mkdir -p /srv/apt
dpkg-deb --build --root-owner-group $build /srv/apt/$name.deb > /dev/null
rm -r $build
cd /srv/apt
for deb in *.deb; do
  dpkg-deb --field $deb
  echo "Filename: ./$deb"
  echo "Size: $(stat -c %s $deb)"
  echo "SHA256: $(sha256sum $deb | cut -d' ' -f1)"
  echo
done > Packages.new
mv Packages.new Packages
"""


@pytest.fixture(name="apt")
def apt_fixture(host):
    """Apt with one empty source of packages; gives a function that adds a package."""
    host.run("mkdir -p /srv/apt && : > /srv/apt/Packages")
    host.write("/etc/apt/sources.list", "deb [trusted=yes] file:/srv/apt ./\n")
    host.run("apt-get update -q")
    yield lambda name, postinst="": host.run(["sh", "-c", MAKE_PACKAGE, "sh", name, postinst])
    # A user of whom a process runs is not deleted.
    host.run("systemctl stop gitops-agent; dpkg --purge webby gadget; userdel webby; rm -rf /srv/apt; : > /etc/apt/sources.list",
             check=False)


def test_package_is_installed_if_it_is_missing(host, apt):
    apt("gadget")
    host.follow(host.spec("web", package="gadget"))
    host.wait_service("web", state="OK", hash=host.repository.head())
    assert host.read("/usr/share/gadget/installed") == "gadget\n"
    assert host.read("/etc/web/version") == "1\n"


def test_package_that_does_not_exist_is_diff_with_the_reason_and_others_go_on(host, apt):
    host.follow(host.spec("web", package="no-such-package"), host.spec("db"))
    host.wait_service("db", state="OK", hash=host.repository.head())
    broken = host.wait_service("web", state="DIFF", hash="")
    host.wait_for(lambda: "no-such-package" in host.service("web")["stateInfo"])
    assert "Unable to locate package" in host.service("web")["stateInfo"], broken
    assert host.run("test -e /etc/web/version", check=False).status == 1
    commit = set_version(host, 2, "db")
    host.wait_service("db", state="OK", hash=commit)


def test_user_that_a_package_brings_is_waited_for_while_others_go_on(host, apt):
    # Its own upstream, which this user may read; git serves nobody else's.
    host.follow(host.spec("web", user="webby", package="webby"), host.spec("db"))
    host.wait_service("db", state="OK", hash=host.repository.head())
    host.wait_service("web", state="DIFF", hash="")
    host.wait_for(lambda: "webby" in host.service("web")["stateInfo"])
    apt("webby", "useradd --system --no-create-home webby")
    host.wait_service("web", state="OK", hash=host.repository.head(), seconds=60)
    owner = host.run("stat -c %U /etc/web /etc/web/version").stdout.split()
    assert owner == ["webby", "webby"]
    assert host.run(f"stat -c %U {REVISIONS}/web/.").ok


def test_unknown_user_without_a_package_is_diff_until_there_is_one(host):
    host.follow(host.spec("web", user="webby"), host.spec("db"))
    host.wait_service("db", state="OK", hash=host.repository.head())
    host.wait_for(lambda: "webby" in host.service("web").get("stateInfo", ""))
    assert host.service("web")["state"] == "DIFF"
    host.run("useradd --system --no-create-home webby")
    try:
        host.wait_service("web", state="OK", hash=host.repository.head())
        assert host.run("stat -c %U /etc/web/version").stdout == "webby\n"
    finally:
        host.run("systemctl stop gitops-agent; userdel webby")


@pytest.mark.parametrize("point", ["after-checkout", "before-exchange", "after-exchange",
                                   "before-action", "after-action", "after-activated-stored"])
def test_killed_at_the_first_publication_the_next_start_serves_it(host, point):
    host.add_unit("web")
    host.follow(host.spec("web", action="reload"), start=False)
    host.start_agent_to_crash(point)
    host.await_crash()
    host.start_agent_again()
    host.wait_service("web", state="OK", hash=host.repository.head())
    assert host.read("/etc/web/version") == "1\n"
    assert host.active("web") == "active" and host.seen()[0] == "start 1"
