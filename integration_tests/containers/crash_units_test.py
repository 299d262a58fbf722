"""The agent is killed at named places while units are at stake. After each, the next start converges,
the unit runs with what is published, and no freeze, pin or state is lost."""

import pytest

from agent_host import SIMPLE

# In the order in which a publication passes them; the second after-checkout is the controller's.
POINTS = ["after-fetch", "before-revision-commit", "after-checkout", "after-checkout:2",
          "before-publish", "before-exchange", "between-exchanges", "after-exchange", "after-publish",
          "after-published-stored", "before-activate", "before-action", "after-action",
          "after-activate", "after-activated-stored"]
# How often the unit was restarted with the new revision, where that is certain.
RESTARTS = {**dict.fromkeys(POINTS, 1), "after-action": 2, "after-activate": 2}


class Site:
    """web follows, from two places; db is frozen and app pinned at version 1 while git goes on."""

    def __init__(self, host):
        self.host = host
        self.version = 1
        host.new_repository({f"{name}/version": "1\n" for name in ("web", "db", "app", "more")})
        for name in ("web", "db", "app"):
            host.add_unit(name, SIMPLE)
        web = host.spec("web", action="restart")
        web["dirs"].append({"local": "/etc/web-more", "link": "more"})
        host.follow(web, host.spec("db", action="restart"), host.spec("app", action="restart"))
        self.first = host.repository.head()
        for name in ("web", "db", "app"):
            host.wait_service(name, state="OK", hash=self.first)
        host.ctl("freeze", "db", "--reason", "release day")
        second = self.commit()
        host.wait_service("app", state="OK", hash=second)
        host.ctl("rollback", "app", self.first)
        self.kept = self.others()

    def commit(self, text=None):
        """A commit that changes all; returns its hash."""
        self.version += 1
        text = f"{text or self.version}\n"
        return self.host.repository.commit(
            {f"{name}/version": text for name in ("web", "db", "app", "more")})

    def others(self):
        keys = ("state", "hash", "stateInfo", "changeTime", "frozenBy", "pinnedHash")
        seen = {name: self.host.service(name) for name in ("db", "app")}
        return {name: [service.get(key) for key in keys] for name, service in seen.items()}

    def served(self):
        """What web's two places and its process have."""
        return [self.host.read("/etc/web/version").strip(),
                self.host.read("/etc/web-more/version").strip(), self.host.seen()[-1]]

    def prepare(self, point):
        """Everything is well, and at the next commit the agent is killed at this place."""
        host = self.host
        now = host.service("web")
        if (now.get("state"), now.get("hash")) != ("OK", host.repository.head()):  # a test failed
            host.start_agent_again()
            host.ctl("unfreeze", "web")
            host.wait_service("web", state="OK", hash=self.commit())
        host.start_agent_to_crash(point)
        host.await_agent()
        host.run("rm /run/web.seen; echo none > /run/web.seen")

    def logs(self, lines):
        return self.host.logs(lines=lines)

    def check_others(self):
        assert self.others() == self.kept
        for name in ("db", "app"):
            assert self.host.seen(name)[-1] == "start 1"
            assert self.host.read(f"/etc/{name}/version") == "1\n"


@pytest.fixture(name="site", scope="module")
def site_fixture(machine):
    yield Site(machine)
    machine.forget("web", "db", "app", "web-more")


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_publication_the_next_start_converges(site, point):
    host = site.host
    site.prepare(point)
    commit = site.commit()
    host.await_crash()
    assert host.active("web") == "active"
    host.start_agent_again()
    host.wait_service("web", state="OK", hash=commit, stateInfo="")
    new = str(site.version)
    assert site.served() == [new, new, f"start {new}"]
    assert host.seen().count(f"start {new}") == RESTARTS[point]
    mounts = host.run("grep -cE ' /etc/web(-more)? ' /proc/self/mountinfo").stdout.strip()
    assert mounts == "2", "no mount is left behind"
    site.check_others()
    newest = host.service("web")["changes"][0]
    assert (newest["toHash"], newest["toState"]) == (commit, "OK")


# The second time is that of the way back.
@pytest.mark.parametrize("point", ["before-action", "after-action", "after-activate", "before-fallback",
                                   "before-exchange:2", "between-exchanges:2", "after-exchange:2",
                                   "before-action:2", "after-action:2"])
def test_killed_while_a_revision_fails_the_old_one_is_served_again(site, point):
    host = site.host
    site.prepare(point)
    good, before = str(site.version), host.repository.head()
    bad = site.commit("bad")
    host.await_crash()
    host.start_agent_again()

    def returned():
        # Before the old revision is active again, the info has the failure alone.
        service = host.service("web")
        is_there = (service["state"], service["hash"]) == ("BROKEN", before) and bad in service["stateInfo"]
        return service if is_there else None

    assert "status 3" in host.wait_for(returned)["stateInfo"]
    # In between it is tried again.
    host.wait_for(lambda: site.served() == [good, good, f"start {good}"]
                  and host.active("web") == "active")
    fixed = site.commit()
    host.wait_service("web", state="OK", hash=fixed, stateInfo="")
    assert site.served()[2] == f"start {site.version}"
    site.check_others()


@pytest.mark.parametrize("point", ["before-publish", "after-exchange", "before-action", "after-action",
                                   "after-activate", "after-activated-stored"])
def test_killed_at_a_rollback_the_next_start_ends_it_and_keeps_the_pin(site, point):
    host = site.host
    site.prepare(point)
    newest = host.repository.head()
    assert not host.ctl("rollback", "web", site.first, check=False).ok
    host.await_crash()
    host.start_agent_again()
    host.wait_service("web", state="FREEZE", stateInfo=f"ROLLBACK: {site.first}", hash=site.first)
    # While the unit is still being restarted it is pinned already.
    host.wait_for(lambda: site.served() == ["1", "1", "start 1"])
    site.check_others()
    host.ctl("unfreeze", "web")
    host.wait_service("web", state="OK", hash=newest)
