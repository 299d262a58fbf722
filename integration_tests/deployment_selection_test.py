"""Selection and order of hosts: contracts, section 4, through gitopsctl. A plan needs no host to be online."""

import pytest

from fleet import Fleet, HookEndpoint
from harness import Agent, ctl

# In the order of the file.
TAGS = {
    "db2": ["prod", "db", "slave"],
    "web10": ["prod", "web"],
    "web2": ["prod", "web", "rack-1"],
    "db1": ["prod", "db", "master"],
    "stage1": ["web", "rack-1"],
    "web1": ["prod", "web", "rack-2"],
    "cache1": [],
}
# In the order of [fleet] order_by_tags: hosts with neither tag come last, in the order of the file.
ORDERED = ["db1", "db2", "web10", "web2", "stage1", "web1", "cache1"]


@pytest.fixture(scope="module")
def endpoint():
    endpoint = HookEndpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture(scope="module")
def fleet(tmp_path_factory, endpoint):
    fleet = Fleet(tmp_path_factory.mktemp("selection"), hosts={n: {"tags": t} for n, t in TAGS.items()},
                  order_by_tags=["master", "slave"],
                  hooks=[{"name": "select", "points": ["pre-select", "post-select"], "url": endpoint}])
    try:
        yield fleet.start(agents=False)
    finally:
        fleet.stop()


def planned(fleet, *arguments, **options):
    plan = fleet.ctl("plan", "freeze", "-o", "json", *arguments, **options).json()
    return [host["host"] for host in plan["hosts"]]


@pytest.mark.parametrize("arguments, hosts", [
    pytest.param([], ORDERED, id="the whole fleet"),
    # --on
    pytest.param(["--on", "web1"], ["web1"], id="a name"),
    pytest.param(["--on", "web*"], ["web10", "web2", "web1"], id="star"),
    pytest.param(["--on", "web?"], ["web2", "web1"], id="question mark"),
    pytest.param(["--on", "db[1-9]"], ["db1", "db2"], id="range"),
    pytest.param(["--on", "web[!1]*"], ["web2"], id="negated set"),
    pytest.param(["--on", "{db,cache}*"], ["db1", "db2", "cache1"], id="alternatives"),
    pytest.param(["--on", "web1", "--on", "db1"], ["db1", "web1"], id="one of several"),
    pytest.param(["--on", "WEB1"], [], id="no host matches"),
    # --tagged
    pytest.param(["--tagged", "rack-1"], ["web2", "stage1"], id="tag"),
    pytest.param(["--tagged", "web,prod"], ["web10", "web2", "web1"], id="all of the tags"),
    pytest.param(["--on", "web*", "--tagged", "rack-2"], ["web1"], id="name and tag"),
    # ordering
    pytest.param(["--order-by-tags", "rack-2,rack-1"],
                 ["web1", "web2", "stage1", "db2", "web10", "db1", "cache1"], id="order of tags"),
    pytest.param(["--order-by-tags", "prod"],
                 ["db2", "web10", "web2", "db1", "web1", "stage1", "cache1"], id="stable"),
    pytest.param(["--order-by-tags", "nobody"], list(TAGS), id="the file's order"),
    # --skip before --every before --limit, after ordering
    pytest.param(["--skip", "2"], ORDERED[2:], id="skip"),
    pytest.param(["--every", "3"], ["db1", "web2", "cache1"], id="every"),
    pytest.param(["--every", "1"], ORDERED, id="every one"),
    pytest.param(["--limit", "2"], ["db1", "db2"], id="limit"),
    pytest.param(["--limit", "100"], ORDERED, id="limit beyond the end"),
    pytest.param(["--skip", "100"], [], id="skip all"),
    pytest.param(["--limit", "2", "--every", "2", "--skip", "1"], ["db2", "web2"],
                 id="skip before every before limit"),
    pytest.param(["--tagged", "prod", "--order-by-tags", "rack-1", "--skip", "1", "--limit", "1"],
                 ["db2"], id="all of them"),
])
def test_selection_is_by_name_then_tag_then_order_then_skip_every_limit(fleet, endpoint, arguments,
                                                                        hosts):
    endpoint.calls.clear()
    allowed = [] if hosts else ["--allow-empty"]
    assert planned(fleet, *arguments, *allowed) == hosts
    listed = fleet.ctl("list", "hosts", "-o", "name", *arguments, *allowed).out.split()
    assert listed == hosts
    # The select hooks see exactly this.
    assert endpoint.seen() == [
        "pre-select " + " ".join(f"{name}=freeze" for name in TAGS),
        ("post-select " + " ".join(f"{name}=freeze" for name in hosts)).strip()]


@pytest.mark.parametrize("arguments, told", [
    pytest.param(["--on", "web[1"], "web[1", id="bad glob"),
    pytest.param(["--skip", "-1"], "skip", id="negative skip"),
    pytest.param(["--every", "-2"], "every", id="negative every"),
    pytest.param(["--limit", "many"], "many", id="no number"),
])
def test_a_selection_that_makes_no_sense_is_a_usage_error(fleet, arguments, told):
    done = fleet.ctl("plan", "freeze", *arguments, check=False)
    assert done.status == 2, done
    assert told in done.err


def test_an_empty_selection_asks_the_select_hooks_only_and_is_an_error_unless_it_is_allowed(fleet,
                                                                                            endpoint):
    endpoint.calls.clear()
    done = fleet.ctl("plan", "sync", "--on", "nobody", check=False)
    assert done.status == 1 and "no host matches --on nobody" in done.err, done
    assert endpoint.seen()[1:] == ["post-select"]
    assert fleet.deploy("sync", "--on", "nobody").status == 1
    endpoint.calls.clear()
    plan = fleet.ctl("plan", "sync", "--on", "nobody", "--allow-empty", "-o", "json").json()
    assert plan["token"] and plan["hosts"] == [] and plan["waveCount"] == 0
    assert endpoint.seen()[1:] == ["post-select"]
    done = fleet.deploy("sync", "--on", "nobody", "--allow-empty")
    assert done.status == 0, done
    assert fleet.latest()["hosts"] == [] and fleet.latest()["state"] == "SUCCEEDED"


# Whole-fleet changes.

@pytest.mark.parametrize("command", [["deploy", "freeze"], ["freeze", "app"], ["unfreeze", "app"],
                                     ["pull", "app"], ["rollback", "app", "abcd1234"]])
def test_changing_the_whole_fleet_needs_all_and_changes_need_yes_without_a_terminal(fleet, command):
    before = len(fleet.ctl("list", "deployments", "-o", "json").json()["deployments"])
    done = fleet.ctl(*command, "-y", check=False)
    assert done.status == 2 and "--all" in done.err, done
    done = fleet.ctl(*command, "--all", check=False)
    assert done.status == 2 and "-y" in done.err, done
    assert len(fleet.ctl("list", "deployments", "-o", "json").json()["deployments"]) == before


@pytest.mark.parametrize("command", [["cancel", "deployment", "x"], ["rollback", "deployment", "x"],
                                     ["break", "lock", "web1"]])
def test_what_is_destructive_needs_yes_without_a_terminal(fleet, command):
    done = fleet.ctl(*command, check=False)
    assert done.status == 2 and "-y" in done.err, done
    done = fleet.ctl(*command, "-y", check=False)
    assert done.status == 1 and command[-1] in done.err, done


# Waves, as planned.

@pytest.mark.parametrize("arguments, waves", [
    pytest.param([], [1] * 7, id="one wave"),
    pytest.param(["--canary", "2"], [1, 1, 2, 2, 2, 2, 2], id="canary"),
    pytest.param(["--batch", "3"], [1, 1, 1, 2, 2, 2, 3], id="batches"),
    pytest.param(["--batch", "25%"], [1, 1, 2, 2, 3, 3, 4], id="a share of all, rounded up"),
    pytest.param(["--canary", "1", "--batch", "50%"], [1, 2, 2, 2, 2, 3, 3], id="canary, then batches"),
    pytest.param(["--canary", "100"], [1] * 7, id="more canaries than hosts"),
])
def test_waves_are_a_canary_and_then_batches(fleet, arguments, waves):
    plan = fleet.ctl("plan", "freeze", "-o", "json", *arguments).json()
    assert [host["wave"] for host in plan["hosts"]] == waves
    assert plan["waveCount"] == max(waves)


@pytest.mark.parametrize("arguments", [
    ["--batch", "0"], ["--batch", "101%"], ["--batch", "x"], ["--canary", "-1"], ["--max-parallel", "0"],
    ["--max-failures", "-1"], ["--max-failures", "x%"], ["--pause-between", "soon"],
    ["--on-failure", "hope"]])
def test_a_rollout_that_makes_no_sense_is_a_usage_error(fleet, arguments):
    done = fleet.ctl("plan", "freeze", *arguments, check=False)
    assert done.status == 2, done
    assert arguments[0].lstrip("-") in done.err.replace("_", "-"), done


def test_a_planner_that_is_not_there_is_status_3():
    done = ctl("plan", "freeze", "--planner", "unix:/nonexistent/planner", check=False)
    assert done.status == 3, done


# These hosts stay known, so this test comes last.

def test_hosts_that_only_reported_come_last_by_name(fleet, tmp_path):
    strangers = [Agent(tmp_path / name, '[global]\nmount = "/nowhere"\n', host=name,
                       flags=["--planner", fleet.planner.address()]) for name in ("zeta", "alpha")]
    try:
        for agent in strangers:
            agent.start()
        fleet.await_online("zeta", "alpha")
        assert planned(fleet) == [*ORDERED, "alpha", "zeta"]
        assert planned(fleet, "--tagged", "web", "--on", "alpha", "--allow-empty") == []
        hosts = fleet.ctl("list", "hosts", "-o", "json").json()["hosts"]
        assert [h["host"] for h in hosts if not h["configured"]] == ["alpha", "zeta"]
    finally:
        for agent in strangers:
            agent.kill()
