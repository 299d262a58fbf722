"""Names and texts that are not UTF-8 blind no host: they are shown escaped wherever they come from, and
everything else goes on, also after a restart."""

import os
import sqlite3

from hostile_host import Served
from hostile_repository import SYMLINK

# A latin-1 é, and a backslash.
NAME = b"caf\xe9"
SHOWN = r"caf\xe9"


def everything_answers(served, differences):
    """All that looks at the host works; diff names these paths."""
    agent = served.agent
    assert {each["service"] for each in agent.ctl("list", "services", "-o", "json").json()["services"]} == {"web", "db"}
    assert agent.ctl("check", check=False).status in (0, 1)
    agent.ctl("pull", "db")
    for service in ("web", "db"):
        assert agent.service(service)["changes"]
    diff = agent.ctl("diff", "web", "-o", "json", check=False)
    found = {(each["kind"], each["path"].rsplit("/", 1)[-1]) for each in diff.json()["differences"]}
    assert found == set(differences), diff
    assert diff.status == (1 if differences else 0)


def restart(served):
    served.agent.stop()
    served.agent.start()


def local(served, name):
    return os.path.join(os.fsencode(served.local), name)


def with_latin1(tmp_path):
    """A host that serves a commit with such a name, and one with a backslash."""
    served = Served(tmp_path)
    repository = served.repository
    commit = repository.commit_root(*served.root(web=repository.directory(
        "web", repository.file(r"a\b"), repository.file(os.fsdecode(NAME)),
        repository.file("index.html"))))
    return served, commit


def test_a_tracked_file_with_such_a_name_can_be_edited(tmp_path):
    served, commit = with_latin1(tmp_path)
    with served.agent as agent:
        agent.wait_service("web", state="OK", hash=commit)
        with open(local(served, NAME), "ab") as file:
            file.write(b"edited\n")
        info = agent.wait_diff("web", "changed on this host")
        assert info.endswith("/" + SHOWN), info
        everything_answers(served, [("MODIFIED", SHOWN)])
        text = agent.ctl("diff", "web", check=False).out
        assert SHOWN in text and "\\\\xe9" not in text, "the table shows it as it is"
        restart(served)
        agent.wait_diff("web", "changed on this host")
        everything_answers(served, [("MODIFIED", SHOWN)])
        # It goes on.
        served.publish()


def test_a_real_backslash_is_doubled(tmp_path):
    served, commit = with_latin1(tmp_path)
    with served.agent as agent:
        agent.wait_service("web", state="OK", hash=commit)
        os.unlink(local(served, rb"a\b"))
        agent.wait_diff("web", r"a\\\\b")
        everything_answers(served, [("DELETED", r"a\\b")])


def test_the_service_may_make_such_a_file(tmp_path):
    served = Served(tmp_path)
    with served.agent as agent:
        served.publish()
        with open(local(served, NAME + b"\x1b[31m"), "wb"):
            pass
        everything_answers(served, [("UNTRACKED", SHOWN + r"\x1b[31m")])
        restart(served)
        agent.wait_service("web", state="OK")
        everything_answers(served, [("UNTRACKED", SHOWN + r"\x1b[31m")])
        served.publish()
        everything_answers(served, [("UNTRACKED", SHOWN + r"\x1b[31m")])


def test_a_commit_with_such_a_name_is_refused_in_words_that_can_be_read(tmp_path):
    served = Served(tmp_path)
    repository = served.repository
    with served.agent as agent:
        served.publish()
        repository.commit_root(*served.root(web=repository.directory(
            "web", (SYMLINK, os.fsdecode(NAME), repository.write("blob", b"../../etc/caf\xe9")))))
        info = agent.wait_diff("web", "leads out")
        assert SHOWN in info, info
        everything_answers(served, [])
        restart(served)
        agent.wait_diff("web", "leads out")
        everything_answers(served, [])
        served.publish()


def stored(served, key, value=None):
    """The bytes under a key of the stopped agent's store; replaces them."""
    with sqlite3.connect(served.agent.state / "agent.db") as store:
        if value is not None:
            store.execute("UPDATE entries SET value = ? WHERE key = ?", (value, key.encode()))
        return store.execute("SELECT value FROM entries WHERE key = ?", (key.encode(),)).fetchone()[0]


def test_a_record_that_an_earlier_agent_stored_with_such_text_keeps_its_pin(tmp_path):
    served = Served(tmp_path)
    with served.agent as agent:
        first = served.commit_good()
        served.publish(first)
        served.publish()
        agent.ctl("rollback", "web", first, "-y", check=False)
        agent.wait_service("web", state="FREEZE", hash=first, pinnedHash=first)
        agent.stop()
        record = stored(served, "agent/v1/service/web")
        damaged = record.replace(b"ROLLBACK", b"ROLL\xe9ACK")
        assert damaged != record
        for value, said in ((damaged, "UTF-8"), (b"\xff\xff", "its copy")):
            stored(served, "agent/v1/service/web", value)
            agent.start()
            service = agent.service("web")
            assert (service["state"], service["pinnedHash"], service["hash"]) == ("FREEZE", first, first)
            assert said in service["stateInfo"]
            assert "damaged" in agent.logged()
            assert len(service["changes"]) > 1
            agent.stop()
        agent.start()
        agent.ctl("unfreeze", "web")
        agent.wait_service("web", state="OK", hash=served.good)
