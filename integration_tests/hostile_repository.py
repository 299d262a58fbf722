"""Repositories that want something, and the canaries that tell whether they got it."""

import os
import pathlib
import stat
import subprocess

from harness import GIT_ENVIRONMENT, Repository

FILE, EXECUTABLE, SYMLINK, SUBMODULE, TREE = "100644", "100755", "120000", "160000", "40000"


class HostileRepository(Repository):
    """An upstream whose objects are written one by one: git itself would refuse to make most."""

    def write(self, kind, content):
        """Stores an object of any content, as bytes or text; returns its id."""
        data = content if isinstance(content, bytes) else content.encode()
        done = subprocess.run(
            ["git", "-C", str(self.path), "hash-object", "-t", kind, "-w", "--stdin", "--literally"],
            env=GIT_ENVIRONMENT, input=data, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def blob(self, content="harmless\n"):
        return self.write("blob", content)

    def tree(self, *entries):
        """A tree of exactly these (mode, name, id), in this order, names as they stand."""
        return self.write("tree", b"".join(
            mode.encode() + b" " + os.fsencode(name) + b"\0" + bytes.fromhex(oid)
            for mode, name, oid in entries))

    def file(self, name, content="harmless\n"):
        return FILE, name, self.blob(content)

    def symlink(self, name, target):
        return SYMLINK, name, self.blob(str(target))

    def directory(self, name, *entries):
        return TREE, name, self.tree(*entries)

    def commit_tree(self, tree, branch="main"):
        """Makes this tree the branch's newest; returns the commit."""
        commit = self.git("commit-tree", tree, "-p", self.head(branch), "-m", "change")
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def commit_root(self, *entries):
        return self.commit_tree(self.tree(*entries))


def listing(directory):
    """All that lies beneath a directory: {path: (mode, content or target)}."""
    directory = pathlib.Path(directory)
    found = {}
    for path in [pathlib.Path(root, name) for root, directories, files in os.walk(directory)
                 for name in directories + files]:
        try:
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            else:
                content = path.read_bytes() if stat.S_ISREG(status.st_mode) else None
        except FileNotFoundError:
            continue  # a draft that the agent has just removed
        found[str(path.relative_to(directory))] = (oct(status.st_mode), content)
    return found


class Canary:
    """Things beside a host's files: a secret nobody may read, a directory nobody may write to, a
    program nobody may run."""

    SECRET = "the canary's secret"

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.secret = self.directory / "secret"
        self.secret.write_text(self.SECRET)
        self.cage = self.directory / "cage"
        self.cage.mkdir()
        (self.cage / "index.html").write_text("nobody writes here")
        self.ran = self.directory / "ran"
        self.trap = self.directory / "trap"
        self.trap.write_text(f"#!/bin/sh\ntouch {self.ran}\nexit 1\n")
        self.trap.chmod(0o755)
        self.before = listing(self.directory)
        self.tells_reads = self._keeps_access_times()
        self._arm(self.secret)

    def _keeps_access_times(self):
        probe = self.directory.with_name("probe")
        probe.write_text("probe")
        self._arm(probe)
        probe.read_text()
        return probe.stat().st_atime != 0

    @staticmethod
    def _arm(path):
        """Makes the next read of the file show, also where the mount is relatime."""
        os.utime(path, (0, 1))

    def assert_untouched(self):
        if self.tells_reads:
            assert self.secret.stat().st_atime == 0, "the secret was read"
        assert not self.ran.exists(), "the trap was run"
        assert listing(self.directory) == self.before, "something was written"
        self._arm(self.secret)

    def assert_not_in(self, text, where):
        data = text if isinstance(text, bytes) else text.encode()
        assert self.SECRET.encode() not in data, f"the secret stands in {where}"


def usage(*directories):
    """Bytes on disk of all that lies beneath."""
    total = 0
    for directory in directories:
        for root, _, names in os.walk(directory):
            for name in names:
                try:
                    total += os.lstat(os.path.join(root, name)).st_blocks * 512
                except FileNotFoundError:
                    pass
    return total


def resident_memory(pid):
    """Resident bytes of a process and of all that it started."""
    parents, pages = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = pathlib.Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(entry)], pages[int(entry)] = int(fields[1]), int(fields[21])
    total = 0
    for process, count in pages.items():
        ancestor = process
        while ancestor and ancestor != pid:
            ancestor = parents.get(ancestor, 0)
        total += count if ancestor == pid else 0
    return total * os.sysconf("SC_PAGE_SIZE")
