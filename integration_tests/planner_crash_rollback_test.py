"""The planner is killed while a failed wave is rolled back. See planner_crash_test.py."""

import pytest

from crashing_planner import cases, crashing, whole  # noqa: F401, two are fixtures

ROLLBACK = ["planner-before-rollback:2", "planner-after-rollback:2"]
MORE_OF_ROLLBACK = ["planner-before-rollback", "planner-before-rollback:3",
                    "planner-after-rollback", "planner-after-rollback:3"]


@pytest.mark.parametrize("point", cases(ROLLBACK, MORE_OF_ROLLBACK))
def test_a_wave_is_brought_back_once_whenever_the_planner_is_killed(crashing, whole, point):
    def deploy(killed_at):
        good = crashing.fleet.agents["web3"].service("app")["hash"]
        crashing.commit("bad-on-web3")
        outcome = crashing.deploy("sync", "--on-failure", "rollback", "--health-timeout", "500ms",
                                  killed_at=killed_at)
        for agent in crashing.fleet.agents.values():
            assert agent.service("app")["hash"] == good
        return outcome

    undisturbed = whole("rollback", deploy)
    assert undisturbed.facts["state"] == "FAILED"
    assert set(undisturbed.facts["hosts"].values()) == {"ROLLED_BACK"}
    outcome = deploy(killed_at=[point])
    assert outcome.facts == undisturbed.facts
    assert outcome.asked() == undisturbed.asked()
    assert outcome.asked_again() == []
