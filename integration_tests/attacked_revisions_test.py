"""Other accounts of the host reach for revisions before they are published, for the mirror, and for the files
that are published: only what was committed is ever published, and drift is seen."""

import hashlib
import os
import subprocess
import zlib

import pytest

from attacked_host import OWNER, STRANGER, AttackedHost, ids
from harness import GIT_ENVIRONMENT, as_root, wait_for

pytestmark = pytest.mark.skipif(not as_root(), reason="needs root, mounts and other accounts")

FORGED = "forged\n"


@pytest.fixture
def attacked(open_directory):
    return AttackedHost(open_directory)


@pytest.fixture(params=[True, False], ids=["mounts", "symlinks"])
def either(request, open_directory):
    return AttackedHost(open_directory, mounts=request.param)


# Revisions that are not published yet.

def prepare_as_stranger(host, commit):
    """A revision of this commit, complete in every layout that there was, with content of the stranger's."""
    forged = subprocess.run(["git", "hash-object", "--stdin"], input=FORGED, env=GIT_ENVIRONMENT, check=True,
                            capture_output=True, text=True).stdout.strip()
    wrapper = host.revisions / "web"
    for tree, manifest in [(wrapper / commit, wrapper / f"{commit}.manifest"),
                           *((wrapper / f"{commit}-{seq}" / "tree", wrapper / f"{commit}-{seq}" / "manifest")
                             for seq in (1, 2))]:
        (tree / "web").mkdir(parents=True)
        (tree / "web" / "index.html").write_text(FORGED)
        status = (tree / "web" / "index.html").stat()
        first = "gitops-manifest 2\ncommit " + commit if tree.name == "tree" else "gitops-manifest 1\nsequence 1"
        manifest.write_text(f"{first}\nboot none\ncovers web\ne 100644 {forged} {status.st_size} {status.st_mtime_ns} "
                            f"{status.st_ctime_ns} {status.st_ino} web/index.html\nend 1\n")
    subprocess.run(["chown", "-R", f"{STRANGER}:", wrapper], check=True)


def test_a_revision_that_another_account_prepared_is_not_published(either):
    host = either
    host.make(host.revisions, "root", 0o1777)
    prepare_as_stranger(host, host.repository.head())
    with host.running() as agent:
        wait_for(lambda: host.service_now()["state"] != "OK" or host.seen(host.local / "index.html").exists(), 15,
                 "a decision")
        assert not host.seen(host.local / "index.html").exists(), host.read()
        assert str(host.revisions / "web") in agent.wait_diff("web", STRANGER)
        assert (host.revisions / "web").stat().st_uid == ids(STRANGER)[0], "nothing of the stranger's is changed"
        subprocess.run(["rm", "-r", host.revisions / "web"], check=True)
        host.assert_follows(2, seconds=60)
        assert STRANGER not in agent.service("web")["stateInfo"]


def test_a_mount_that_everybody_may_write_to_works_with_a_warning(either):
    host = either
    host.make(host.revisions, "root", 0o1777)
    with host.running() as agent:
        agent.wait_service("web", state="OK")
        warned = [line for line in agent.logged().splitlines() if "warn" in line.lower() and str(host.revisions) in line]
        assert warned, agent.logged()
        wrapper = (host.revisions / "web").stat()
        assert (wrapper.st_uid, wrapper.st_mode & 0o7777) == (0, 0o700 if host.mounts else 0o711)


def names_of(commits):
    """What their revisions may be called."""
    return ",".join([f"{commit}{seq}" for commit in commits for seq in ("", "-1", "-2", "-3")] + [".new-1", ".new-2"])


def treasures_of(host, count):
    """Directories of OWNER's that no simple way of removal gets through."""
    treasures = host.make(host.home / "treasures", OWNER)
    for number in range(count):
        with host.attacker("deep", host.make(treasures / str(number), OWNER), 300, 200):
            pass
    return treasures


def test_a_revision_that_waits_to_be_published_is_nobodys(either):
    host = either
    host.local.write_text("a file where the directory should be\n")
    os.chown(host.local, *ids(OWNER))
    with host.running() as agent:
        agent.wait_diff("web", "in the way")
        treasures = treasures_of(host, 1)
        for account in (OWNER, STRANGER):
            with host.attacker("push_into", treasures, host.revisions / "web", names_of([host.repository.head()]), 3,
                               account=account) as attacker:
                wait_for(attacker.ended, what="the end of the attempts")
                assert attacker.stop() == []
        host.local.unlink()
        host.assert_follows(2, seconds=60)


def test_what_is_pushed_at_revisions_while_they_are_made_does_not_stop_the_next(attacked):
    host = attacked
    with host.running() as agent:
        agent.wait_service("web", state="OK")
        treasures = treasures_of(host, 5)
        with host.attacker("push_into", treasures, host.revisions / "web", "", 1 << 30) as attacker:
            for version in range(2, 22):
                newest = host.commit(version)
                host.call("PullService", service="web")
                assert not attacker.ended(), "all of it was pushed in"
            agent.wait_service("web", state="OK", hash=newest)
            assert attacker.stop() == []
        host.assert_follows(30)


def test_read_only_holds_by_every_path(attacked):
    host = attacked
    with host.running(host.service(writable=False)) as agent:
        agent.wait_service("web", state="OK")
        files = [str(path) for path in host.revisions.rglob("index.html")]
        assert files
        with host.attacker("write_to", *files, host.local / "index.html") as attacker:
            assert not [line for line in attacker.said if line.startswith("changed")], attacker.said
        assert host.read() == "version 1\n"


# The mirror, which belongs to the service's account, as git runs as it.

def loose(kind, content):
    """The name and the bytes of a loose object."""
    data = f"{kind} {len(content)}\0".encode() + content
    return hashlib.sha1(data).hexdigest(), zlib.compress(data)


BLOB = loose("blob", FORGED.encode())
WEB = loose("tree", b"100644 index.html\0" + bytes.fromhex(BLOB[0]))
ROOT = loose("tree", b"40000 web\0" + bytes.fromhex(WEB[0]))


def forged_commit(host, commit):
    text = subprocess.run(["git", "-C", host.repository.path, "cat-file", "commit", commit], env=GIT_ENVIRONMENT,
                          capture_output=True, check=True).stdout
    return loose("commit", b"tree " + ROOT[0].encode() + text[text.index(b"\n"):])


def overwrite(host, name, data):
    """Puts this in the place of an object, which comes out of its pack for that."""
    path = next(host.agent.state.glob("mirrors/*/repository.git"))
    for each, content in [BLOB, WEB, ROOT, (name, data)]:
        with host.attacker("overwrite", path, each, data=content):
            pass


@pytest.mark.parametrize("what", ["web/index.html", "web", "", "commit"])
def test_a_forged_object_in_the_mirror_is_never_published(attacked, what):
    """The account overwrites an object of a commit that is not on disk, and to which somebody rolls back."""
    host = attacked
    with host.running(host.service(keep_revisions=1)) as agent:
        first = host.repository.head()
        agent.wait_service("web", state="OK", hash=first)
        second = host.commit(2)
        agent.wait_service("web", state="OK", hash=second)
        subprocess.run(f"rm -rf {host.revisions}/web/{first}*", shell=True, check=True)
        name = first if what == "commit" else host.repository.head(f"{first}:{what}")
        overwrite(host, name, {"web/index.html": BLOB, "web": WEB, "": ROOT,
                               "commit": forged_commit(host, first)}[what][1])
        answer = host.call("RollbackService", service="web", hash=first)
        assert host.read() in ("version 1\n", "version 2\n"), "what was forged is published"
        assert "forged" not in agent.ctl("diff", "web", check=False).out
        if answer is None:
            assert host.read() == "version 2\n"
        else:
            assert (answer.service.hash, host.read()) == (first, "version 1\n")
        host.call("UnfreezeService", service="web")
        host.assert_follows(3, seconds=60)


# Files that are published.

@pytest.mark.parametrize("drift", ["report", "correct"])
def test_a_lease_does_not_hide_drift(attacked, drift):
    host = attacked
    host.repository.commit({"web/z": "version 1\n"})
    with host.running(host.service(drift=drift)) as agent:
        agent.wait_service("web", state="OK", hash=host.repository.head())
        # Of the same size, so that only who reads it knows; what comes after it is compared too.
        with host.attacker("lease", host.local / "index.html", "version 9\n"):
            with host.attacker("write_to", host.local / "z"):
                pass
            if drift == "report":
                wait_for(lambda: host.service_now()["state"] == "DIFF", 15, "DIFF")
                diff = agent.ctl("diff", "web", check=False)
                assert diff.status == 1 and "index.html" in diff.out and str(host.local / "z") in diff.out, diff
            else:
                wait_for(lambda: host.read_if_nobody_waits() == "version 1\n", 15, "the correction in spite of it")
                wait_for(lambda: host.read("z") == "version 1\n", 15, "the correction of the other")
        newest = host.commit(2)
        agent.wait_service("web", state="OK", hash=newest, stateInfo="")
        assert host.read() == "version 2\n"
