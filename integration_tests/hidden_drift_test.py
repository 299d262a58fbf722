"""A changed file cannot be hidden by its own access: an exclusive lease that its user holds is a
difference, beside all others, and is corrected like them."""

import contextlib
import os
import subprocess
import sys

import pytest

from harness import Repository, as_root, wait_for
from local_host import Host

NOBODY = 65534
HOLDER = """
import fcntl, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)  # sent when somebody wants to open the file
file = os.open(sys.argv[1], os.O_WRONLY)
fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
os.write(file, b"CHANGED")
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def leased(path):
    """Another account's process holds an exclusive lease of the file, and has changed it under that."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], user=NOBODY, group=NOBODY, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == "held\n"
        yield
        holder.stdin.close()


def serve(tmp_path, drift):
    # The other account has to reach the file.
    for directory in [tmp_path, *tmp_path.parents][:4]:
        if directory.stat().st_uid == os.geteuid() and directory != directory.parent:
            directory.chmod(0o755)
    repository = Repository(tmp_path / "upstream")
    repository.commit({"web/a": "content\n", "web/b": "content\n"})
    host = Host(tmp_path, repository)
    return host, host.agent(host.config(host.spec("web", drift=drift), poll="1s"))


def change_and_hide(host):
    hidden = host.local("web") / "a"
    os.chown(hidden, NOBODY, NOBODY)
    return leased(hidden)


@pytest.mark.skipif(not as_root(), reason="needs root, to be another account")
def test_a_file_behind_a_lease_is_a_difference_and_hides_no_other(tmp_path):
    host, agent = serve(tmp_path, "report")
    with agent:
        agent.wait_service("web", state="OK")
        with change_and_hide(host):
            (host.local("web") / "b").write_text("changed\n")
            info = agent.wait_diff("web", "unreadable")
            assert "/web/b" in info, info
            differences = agent.ctl("diff", "web", "-o", "json", check=False).json()["differences"]
            assert [(each["kind"], each["path"][-2:]) for each in differences] == [
                ("UNREADABLE", "/a"), ("MODIFIED", "/b")]


@pytest.mark.skipif(not as_root(), reason="needs root, to be another account")
def test_a_file_behind_a_lease_is_corrected(tmp_path):
    host, agent = serve(tmp_path, "correct")
    with agent:
        agent.wait_service("web", state="OK")
        with change_and_hide(host):
            # Another file, on which there is no lease; reading the former one would wait for its holder.
            hidden = (host.local("web") / "a").stat().st_ino
            wait_for(lambda: (host.local("web") / "a").stat().st_ino != hidden, 30, "the corrected file")
            assert host.read("web/a") == "content\n"
            agent.wait_service("web", state="OK")
