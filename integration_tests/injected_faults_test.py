"""The agent as root, while the kernel refuses file operations (strace sees raw system calls too). Once the errors
stop, every service is as it should be: nothing that was acknowledged is forgotten, no revision is gone, and no
service was harmed."""

import contextlib
import itertools
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from harness import as_root, wait_for
from mount_namespace import MountNamespace

pytestmark = [
    pytest.mark.skipif(not as_root(), reason="needs root and mounts"),
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")]

# What may fail so, by the manual of each call.
CALLS = {
    "EMFILE": "openat,openat2,open_tree,pipe2",
    "EIO": "openat,openat2,pread64,pwrite64,getdents64,newfstatat,statx,readlinkat,fsync,fdatasync,linkat,renameat2",
    "ENOSPC": "pwrite64,mkdirat,linkat,symlinkat,renameat,renameat2,fsync,fdatasync,syncfs,ftruncate,fallocate",
    "ENOMEM": "openat,openat2,open_tree,move_mount,mount_setattr,getdents64,statx",
    "EACCES": "openat,openat2,newfstatat,statx,readlinkat,linkat",
}
NAMES = ["ok", "frozen", "pinned"]


class Injector:
    """Errors for a process, all its threads and what it starts, until stop(). With paths: only for calls that name
    one of them, or are relative to it."""

    def __init__(self, error, when, log, paths=(), calls=None):
        calls = calls or CALLS[error]
        self.options = ["strace", "-f", "-q", "-I", "2", "-o", str(log), f"--trace={calls}",
                        f"--inject={calls}:error={error}:when={when}",
                        *(f"--trace-path={path}" for path in paths)]
        self.log = log
        self.tracer = None

    def wrapper(self):
        """Begins with a process: strace is beside it then, not above it."""
        return [*self.options, "-D"]

    def attach(self, pid):
        self.tracer = subprocess.Popen([*self.options, "-p", str(pid)], stderr=subprocess.DEVNULL)
        wait_for(lambda: field_of(pid, "TracerPid") != "0", what="strace")

    def count(self):
        return self.log.read_text(errors="replace").count("INJECTED") if self.log.exists() else 0

    def stop(self, pid):
        """Lets the process go, also where strace itself waits for one of its threads."""
        tracer = int(field_of(pid, "TracerPid") or 0)
        for with_signal in (signal.SIGTERM, signal.SIGKILL):
            if tracer and field_of(tracer, "State") not in (None, "Z"):
                with contextlib.suppress(ProcessLookupError, AssertionError):
                    os.kill(tracer, with_signal)
                    # Gone itself: until then it keeps signals from the process.
                    wait_for(lambda: field_of(tracer, "State") in (None, "Z"), 5, "strace's end")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)  # a thread that strace had stopped
        if self.tracer:
            self.tracer.wait(timeout=20)


def field_of(pid, name):
    """The first word of a line of a process's status; None: it is gone."""
    try:
        return re.search(f"^{name}:\\s+(\\S+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M).group(1)
    except OSError:
        return None


class FaultyHost:
    """Three services: one follows, one is frozen, one is pinned; each with its own files and a history."""

    def __init__(self, host, repository, namespace):
        self.host = host
        self.repository = repository
        self.namespace = namespace
        self.version = 0
        self.config = host.config(*(host.spec(name) for name in NAMES))
        self.agent = host.agent(self.config, root=True, wrapper=namespace.wrapper)
        self.logs = (host.base / f"strace.{number}" for number in itertools.count())

    def commit(self):
        self.version += 1
        return self.repository.commit({f"{name}/{file}": f"version {self.version}\n"
                                       for name in NAMES for file in ("a", "deep/b", "deep/er/c")})

    def read(self, name, file="a"):
        return self.namespace.path(self.host.local(name) / file).read_text()

    def revisions(self):
        """Those on disk that have their manifest, in any layout: service and commit."""
        root = self.host.base / "revisions"
        names = [path.relative_to(root).parts for path in root.rglob("*manifest*") if path.is_file()]
        return {f"{service} {name[:40]}" for service, name, *_ in names if re.match("[0-9a-f]{40}", name)}

    def prepare(self):
        self.commits = [self.commit() for _ in range(1)]
        self.agent.start()
        for name in NAMES:
            self.agent.wait_service(name, state="OK", hash=self.commits[0])
        self.commits.append(self.commit())
        for name in NAMES:
            self.agent.wait_service(name, state="OK", hash=self.commits[1])
            self.namespace.path(self.host.local(name) / "made").write_text("by the service\n")
        self.agent.ctl("freeze", "frozen", "--reason", "release day")
        self.agent.ctl("rollback", "pinned", self.commits[0], "--reason", "two is bad")
        self.agent.wait_service("pinned", state="FREEZE", hash=self.commits[0])
        self.known = {name: self.agent.service(name)["changes"] for name in NAMES}
        self.kept = self.revisions()
        assert len(self.kept) == 6

    def ended_well(self):
        """Whether it has ended; where it was killed by a fault, that is a failure."""
        code = self.agent.process.poll()
        assert code is None or code >= 0, f"it was killed by {code}:\n{self.agent.logged()[-3000:]}"
        return code is not None

    def start_with(self, injector):
        """A start with errors, and the time until it has looked at its services; it may end: a service manager
        would try again."""
        self.agent.wrapper = [*self.namespace.wrapper, *injector.wrapper()]
        self.agent.start(wait=False)
        pid = self.agent.process.pid
        wait_for(lambda: self.agent.addresses.exists() or self.ended_well(), 60, "a start or its end")
        wait_for(lambda: self.ended_well() or self.agent.metrics().count("gitopper_service_info{") == len(NAMES), 60,
                 "the services")
        injector.stop(pid)
        self.agent.wrapper = self.namespace.wrapper
        self.assert_nothing_is_gone()

    def assert_nothing_is_gone(self):
        assert sorted(self.kept - self.revisions()) == [], "revisions were removed"
        for name in NAMES:
            assert self.read(name, "made") == "by the service\n"
            assert self.read(name, "deep/er/c") == self.read(name)

    def assert_well(self):
        """All is as if nothing had happened."""
        if self.agent.process.poll() is not None:
            self.agent.start()
        newest = self.repository.head()
        self.agent.wait_service("ok", seconds=60, state="OK", hash=newest, stateInfo="")
        frozen = self.agent.wait_service("frozen", seconds=60, state="FREEZE", hash=self.commits[1])
        pinned = self.agent.wait_service("pinned", seconds=60, state="FREEZE", hash=self.commits[0])
        assert pinned["stateInfo"] == f"ROLLBACK: {self.commits[0]}"
        assert frozen["frozenBy"] and pinned["frozenBy"]
        for name, changes in self.known.items():
            now = self.agent.service(name)["changes"]
            assert [change for change in changes if change not in now] == [], f"history of {name}"
        self.assert_nothing_is_gone()
        assert self.read("ok") == f"version {self.version}\n"
        self.agent.ctl("rollback", "ok", self.commits[0])
        assert self.read("ok") == "version 1\n"
        self.agent.ctl("unfreeze", "ok")
        self.agent.wait_service("ok", seconds=60, state="OK", hash=newest)


@pytest.fixture
def faulty(host, repository):
    with MountNamespace() as namespace:
        faulty = FaultyHost(host, repository, namespace)
        faulty.prepare()
        yield faulty
        faulty.agent.kill()


SOME = [("EMFILE", 7), ("EIO", 40), ("ENOSPC", 3)]
MANY = [(error, every) for error in CALLS for every in (2, 3, 5, 11, 23, 50, 100)
        # Few calls write, and strace counts those of each thread by themselves.
        if (error, every) not in SOME and (error != "ENOSPC" or every <= 5)]


@pytest.mark.parametrize("error, every", [*SOME, *(pytest.param(*case, marks=pytest.mark.long) for case in MANY)])
def test_errors_of_a_running_agent_pass_and_leave_nothing_behind(faulty, error, every):
    agent = faulty.agent
    injector = Injector(error, f"{every}+{every}", next(faulty.logs))
    injector.attach(agent.process.pid)
    try:
        faulty.commit()
        agent.ctl("diff", "ok", check=False)
        wait_for(lambda: injector.count() >= 10 or faulty.ended_well(), 60, "some errors")
    finally:
        injector.stop(agent.process.pid)
    assert not faulty.ended_well(), agent.logged()[-3000:]
    faulty.assert_nothing_is_gone()
    faulty.assert_well()


@pytest.mark.parametrize("error, every", [
    ("EMFILE", (3, 4)), ("EIO", (2, 3)), *(pytest.param(error, range(1, 30), marks=pytest.mark.long, id=f"{error}-all")
                                           for error in CALLS)])
def test_errors_while_revisions_are_looked_at_at_a_start_cost_none_of_them(faulty, error, every):
    """Only what lies in the directory of revisions fails: else the program would not even be loaded."""
    injected = 0
    paths = [faulty.host.base / "revisions", *(faulty.host.base / "revisions").rglob("*")]
    for number in every:
        faulty.agent.stop()
        injector = Injector(error, f"{number}+{number}", next(faulty.logs), paths)
        faulty.start_with(injector)
        injected += injector.count()
    assert injected or error == "ENOSPC", "nothing failed"  # a start writes little there
    faulty.commit()
    faulty.assert_well()


FILES = ("a", "deep/b", "deep/c")
TOLD = {"EIO": "Input/output error", "ENOMEM": "Cannot allocate memory"}


class ComparedHost:
    """One service whose files in one directory cannot be looked at, once its agent runs."""

    def __init__(self, host, repository, namespace, error, drift):
        self.host, self.namespace = host, namespace
        self.commit = repository.commit({f"web/{file}": "as committed\n" for file in FILES})
        self.agent = host.agent(host.config(host.spec(drift=drift)), root=True, wrapper=namespace.wrapper).start()
        self.before = self.agent.wait_service("web", state="OK", hash=self.commit)
        directories = [path for path in (host.base / "revisions").rglob("deep") if path.is_dir()]
        self.injector = Injector(error, "1+", host.base / "strace", [*directories, host.local("web") / "deep"],
                                 calls="newfstatat,statx")

    def path(self, file):
        return self.namespace.path(self.host.local("web") / file)

    def __enter__(self):
        self.inodes = {file: self.path(file).stat().st_ino for file in FILES}
        self.injector.attach(self.agent.process.pid)
        return self

    def __exit__(self, *_):
        self.injector.stop(self.agent.process.pid)

    def assert_as_it_was(self):
        assert {file: self.path(file).stat().st_ino for file in FILES} == self.inodes
        assert self.agent.service("web")["hash"] == self.commit


@pytest.mark.parametrize("error", TOLD)
def test_what_cannot_be_compared_is_told_and_corrects_nothing(host, repository, error):
    with MountNamespace() as namespace:
        compared = ComparedHost(host, repository, namespace, error, "correct")
        with compared:
            told = compared.agent.wait_diff("web", "not everything could be compared")
            assert f"{compared.host.local('web')}/deep/b: looking at it: {TOLD[error]}" in told
            compared.assert_as_it_was()
            assert "correcting drift" not in compared.agent.logged()
        compared.agent.wait_service("web", state="OK", stateInfo="")
        compared.assert_as_it_was()
        assert "correcting drift" not in compared.agent.logged()
        compared.agent.kill()


@pytest.mark.parametrize("error", TOLD)
def test_what_cannot_be_compared_ends_no_comparison(host, repository, error):
    with MountNamespace() as namespace:
        compared = ComparedHost(host, repository, namespace, error, "report")
        with compared:
            compared.path("a").write_text("edited\n")
            drift = f"changed on this host: {compared.host.local('web')}/a"
            compared.agent.wait_diff("web", f"^{drift}; not everything could be compared")
            compared.assert_as_it_was()
        compared.agent.wait_service("web", state="DIFF", stateInfo=drift)
        assert compared.path("a").read_text() == "edited\n"
        compared.agent.kill()
