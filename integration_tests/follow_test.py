"""A host follows Git: what users rely on every day, with real git over file, and symlinks."""

import signal

from harness import ACCOUNT, wait_for


def test_a_commit_is_published_by_itself(host, repository):
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        assert host.read("web/index.html") == "version 1\n"
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)
        assert host.read("web/index.html") == "version 2\n"


def test_a_commit_outside_the_links_is_noted_and_touches_nothing(host, repository):
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        before = host.local("web").resolve()
        other = repository.commit({"db/db.conf": "size = 2\n"})
        agent.wait_service("web", state="OK", hash=other)
        assert host.local("web").resolve() == before


def test_each_service_follows_its_own_branch(host, repository):
    repository.git("branch", "canary")
    services = [host.spec("web"), host.spec("db", branch="canary")]
    with host.agent(host.config(*services)) as agent:
        first = repository.head()
        agent.wait_service("web", hash=first)
        agent.wait_service("db", hash=first)
        second = repository.commit({"db/db.conf": "size = 2\n", "web/index.html": "version 2\n"})
        agent.wait_service("web", hash=second)
        assert host.read("db/db.conf") == "size = 1\n"
        repository.git("branch", "-f", "canary", "main")
        agent.wait_service("db", hash=second)
        assert host.read("db/db.conf") == "size = 2\n"


def test_a_force_push_is_followed(host, repository):
    with host.agent() as agent:
        repository.commit({"web/index.html": "to be forgotten\n"})
        agent.wait_service("web", hash=repository.head())
        repository.git("reset", "-q", "--hard", "HEAD~1")
        rewritten = repository.commit({"web/index.html": "rewritten\n"})
        agent.wait_service("web", state="OK", hash=rewritten)
        assert host.read("web/index.html") == "rewritten\n"


def test_a_deleted_branch_is_diff_with_the_old_files_served_until_it_is_back(host, repository):
    repository.git("branch", "live")
    with host.agent(host.config(branch="live")) as agent:
        agent.wait_service("web", state="OK")
        repository.git("branch", "-D", "live")
        broken = agent.wait_service("web", state="DIFF")
        assert "live" in broken["stateInfo"]
        assert host.read("web/index.html") == "version 1\n"
        repository.git("branch", "live")
        agent.wait_service("web", state="OK", stateInfo="")


def test_an_upstream_that_is_gone_is_diff_and_one_that_is_back_is_followed(host, repository):
    with host.agent() as agent:
        agent.wait_service("web", state="OK")
        away = repository.path.with_name("away")
        repository.path.rename(away)
        agent.wait_service("web", state="DIFF")
        assert host.read("web/index.html") == "version 1\n"
        away.rename(repository.path)
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)


def test_an_upstream_that_appears_later_needs_no_restart(host, repository):
    away = repository.path.with_name("away")
    repository.path.rename(away)
    with host.agent() as agent:
        agent.wait_service("web", state="DIFF", hash="")
        away.rename(repository.path)
        agent.wait_service("web", state="OK", hash=repository.head())


def test_freeze_holds_through_commits_restarts_and_kill_nine(host, repository):
    agent = host.agent().start()
    first = repository.head()
    agent.wait_service("web", state="OK", hash=first)
    agent.ctl("freeze", "web", "--reason", "release day")
    repository.commit({"web/index.html": "version 2\n"})
    agent.kill()
    agent.start()
    frozen = agent.wait_service("web", state="FREEZE", hash=first)
    assert ACCOUNT in frozen["frozenBy"]
    assert host.read("web/index.html") == "version 1\n"
    agent.ctl("unfreeze", "web")
    agent.wait_service("web", state="OK", hash=repository.head())
    assert host.read("web/index.html") == "version 2\n"


def test_rollback_to_a_short_hash_pins_with_the_upstream_gone(host, repository):
    first = repository.head()
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=first)
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)
        repository.path.rename(repository.path.with_name("away"))
        agent.ctl("rollback", "web", first[:8])
        pinned = agent.service("web")
        assert (pinned["state"], pinned["stateInfo"]) == ("FREEZE", f"ROLLBACK: {first}")
        assert host.read("web/index.html") == "version 1\n"
        repository.path.with_name("away").rename(repository.path)
        third = repository.commit({"web/index.html": "version 3\n"})
        assert agent.service("web")["hash"] == first
        agent.ctl("unfreeze", "web")
        agent.wait_service("web", state="OK", hash=third)


def test_rollback_to_an_older_commit_that_is_not_on_disk_fetches_it(host, repository):
    first = repository.head()
    repository.commit({"web/index.html": "version 2\n"})
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        agent.ctl("rollback", "web", first)
        assert host.read("web/index.html") == "version 1\n"


def test_rollback_to_an_unknown_hash_is_refused_and_changes_nothing(host, repository):
    with host.agent() as agent:
        before = agent.wait_service("web", state="OK", hash=repository.head())
        refused = agent.ctl("rollback", "web", "deadbeef", check=False)
        assert refused.status == 1
        assert "deadbeef" in refused.err
        after = agent.service("web")
        assert (after["state"], after["hash"]) == (before["state"], before["hash"])
        assert after["generation"] == before["generation"]


def test_pull_does_not_wait_for_the_poll(host, repository):
    with host.agent(host.config(poll="1h")) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.ctl("pull", "web")
        assert agent.service("web")["hash"] == second
        assert host.read("web/index.html") == "version 2\n"


def test_history_says_what_changed_why_and_by_whom(host, repository):
    first = repository.head()
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=first)
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)
        agent.ctl("rollback", "web", first, "--reason", "two is bad")
        newest, begun, moved = agent.service("web")["changes"][:3]
        assert (newest["fromHash"], newest["toHash"], newest["toState"]) == (second, first, "FREEZE")
        assert ACCOUNT in newest["actor"] and ACCOUNT in newest["principal"]["name"]
        assert "two is bad" in begun["reason"]
        assert (moved["fromHash"], moved["toHash"], moved["actor"]) == (first, second, "agent")
        assert moved["principal"] is None


def test_drift_is_reported_by_state_and_diff_and_corrected_where_asked(host, repository):
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        (host.local("web") / "index.html").write_text("edited by hand\n")
        (host.local("web") / "made-by-the-service").write_text("data\n")
        drifted = agent.wait_service("web", state="DIFF")
        assert "index.html" in drifted["stateInfo"]
        diff = agent.ctl("diff", "web", check=False)
        assert diff.status == 1
        assert "index.html" in diff.out and "made-by-the-service" in diff.out
        agent.write_config(host.config(host.spec(drift="correct")))
        agent.process.send_signal(signal.SIGHUP)
        agent.wait_service("web", state="OK")
        wait_for(lambda: host.read("web/index.html") == "version 1\n")
        assert host.read("web/made-by-the-service") == "data\n"


def test_files_that_the_service_made_are_carried_over(host, repository):
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        (host.local("web") / "cache.db").write_text("kept\n")
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)
        assert host.read("web/cache.db") == "kept\n"


def test_old_revisions_are_removed_and_never_the_one_in_use(host, repository):
    with host.agent(host.config(host.spec(keep_revisions=2))) as agent:
        for version in range(2, 6):
            commit = repository.commit({"web/index.html": f"version {version}\n"})
            agent.wait_service("web", state="OK", hash=commit)
        revisions = wait_for(lambda: len(agent.service("web")["revisions"]) == 2 and
                             agent.service("web")["revisions"])
        assert revisions[0] == repository.head()
        assert host.read("web/index.html") == "version 5\n"


def test_metrics_name_the_hash_and_drop_the_past_one(host, repository):
    first = repository.head()
    with host.agent() as agent:
        agent.wait_service("web", state="OK", hash=first)
        wait_for(lambda: f'gitopper_service_info{{hash="{first}",service="web",state="OK"}} 1'
                 in agent.metrics())
        second = repository.commit({"web/index.html": "version 2\n"})
        agent.wait_service("web", state="OK", hash=second)
        wait_for(lambda: f'hash="{second}"' in agent.metrics())
        text = agent.metrics()
        assert f'gitopper_service_info{{hash="{first}"' not in text
        assert "gitopper_machine_git_ops_total" in text
        assert "gitopper_machine_git_error_total" in text
        assert 'gitops_build_info{component="agent"' in text
