"""Publishing seen from beside: a reader in the host, through many publications."""

import ast
import subprocess

import pytest

from agent_host import REVISIONS

FILES = 12
PUBLICATIONS = 200

# Opens the directory once for each round and its files by openat, until it is told to end. Prints
# what it saw: rounds, the versions, and everything that was wrong. The host has python3-minimal only.
READER = """\
import os, sys, time
directory, files = sys.argv[1], int(sys.argv[2])
rounds, versions, wrong = 0, {}, []
os.set_blocking(0, False)
def told_to_end():
    try: return os.read(0, 1) is not None
    except BlockingIOError: return False
print("reading", flush=True)
while not told_to_end():
    rounds += 1
    try:
        held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        wrong.append(f"{directory}: {error}")
        continue
    seen = []
    for i in range(files):
        # Gives an exchange the time to come in between.
        if rounds % 4 == 0: time.sleep(0.0005)
        try:
            file = os.open(f"file{i}", os.O_RDONLY, dir_fd=held)
            seen.append(os.read(file, 100).decode().strip())
            os.close(file)
        except OSError as error:
            wrong.append(f"file{i}: {error}")
    os.close(held)
    if len(set(seen)) > 1: wrong.append(f"a mix of {seen}")
    versions.update((version, True) for version in seen)
print({"rounds": rounds, "versions": list(versions), "wrong": wrong[:20]}, flush=True)
"""


@pytest.fixture(name="reader")
def reader_fixture(host):
    """Starts a reader of a directory; gives a function that ends it and returns what it saw."""
    started = []

    def start(directory):
        process = host.popen(["python3", "-c", READER, directory, FILES], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == "reading\n"
        return lambda: ast.literal_eval(process.communicate("end\n", timeout=60)[0])

    yield start
    for process in started:
        process.kill()
        process.wait()


def commits(host, count):
    """Adds version 0, and makes that many more, in whose files stands their number, to publish later."""
    host.repository.commit({f"web/file{i}": "0\n" for i in range(FILES)})
    stream = []
    for version in range(1, count + 1):
        text = f"{version}\n"
        stream += [f"commit refs/heads/to-come\ncommitter Test <test@localhost> {version} +0000\n"
                   f"data {len(text)}\n{text}"]
        stream += ["from refs/heads/main\n"] if version == 1 else []
        stream += [f"M 100644 inline web/file{i}\ndata {len(text)}\n{text}" for i in range(FILES)]
    host.repository.git("fast-import", "--quiet", input="".join(stream))
    return host.repository.git("rev-list", "--reverse", "main..to-come").split()


@pytest.mark.parametrize("way", ["auto", "propagation"])
def test_reader_never_sees_a_mix_or_a_missing_file_through_many_publications(host, reader, way):
    host.agent_variables(GITOPS_MOUNT_EXCHANGE=way)
    to_come = commits(host, PUBLICATIONS)
    host.follow(host.spec("web"), poll="10ms")
    host.wait_service("web", state="OK", hash=host.repository.head("main"))
    end = reader("/etc/web")
    for version, commit in enumerate(to_come, 1):
        host.repository.git("update-ref", "refs/heads/main", commit)
        host.wait_for(lambda: host.read("/etc/web/file0") == f"{version}\n")
    host.wait_service("web", state="OK", hash=to_come[-1])
    seen = end()
    assert seen["wrong"] == []
    assert seen["versions"] == sorted(seen["versions"], key=int), "none came back"
    assert len(seen["versions"]) > PUBLICATIONS * 0.9 and seen["rounds"] > PUBLICATIONS, seen
    mounts = host.run("grep -c ' /etc/web ' /proc/self/mountinfo").stdout
    assert mounts.strip() == "1", "no mount stays behind"
    assert len(host.service("web")["revisions"]) <= 5
    kept = host.run(f"find {REVISIONS}/web -name file0 | wc -l").stdout
    assert int(kept) <= 5, "old revisions are removed"


def test_both_ways_of_exchanging_follow_each_other_over_restarts(host):
    """As on a host whose kernel is upgraded, and one that goes back."""
    host.follow(host.spec("web"), start=False)
    for way in ("propagation", "beneath", "auto", "propagation"):
        host.agent_variables(GITOPS_MOUNT_EXCHANGE=way)
        host.start_agent()
        commit = host.repository.commit({"web/version": f"{way}\n"})
        host.wait_service("web", state="OK", hash=commit)
        assert host.read("/etc/web/version") == f"{way}\n"
        assert host.run("grep -c ' /etc/web ' /proc/self/mountinfo").stdout.strip() == "1"


def test_way_that_does_not_exist_is_refused_with_those_that_do(host):
    host.follow(host.spec("web"), start=False)
    host.agent_variables(GITOPS_MOUNT_EXCHANGE="sideways")
    host.run("systemctl start gitops-agent", check=False)
    host.wait_for(lambda: "propagation" in host.logs("gitops-agent", lines=30))
    assert "GITOPS_MOUNT_EXCHANGE" in host.logs("gitops-agent", lines=30)
