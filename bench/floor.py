"""What a commit costs at the least: the git and file operations of the agent by hand, in a loop of their own, with no
agent. They are not verified, recorded or served; nothing is kept, flushed or cleaned up."""

import os
import pathlib
import subprocess
import threading
import time

from harness import GIT_ENVIRONMENT, wait_for
from upstream import MARKER


class Objects:
    """One long-lived `git cat-file`."""

    def __init__(self, mirror):
        self.process = subprocess.Popen(["git", "-C", mirror, "cat-file", "--batch-command", "--buffer"],
                                        env=GIT_ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def read(self, names):
        asking = threading.Thread(target=self._ask, args=(names,))
        asking.start()
        for _ in names:
            size = int(self.process.stdout.readline().split()[2])
            content = self.process.stdout.read(size)
            self.process.stdout.read(1)
            yield content
        asking.join()

    def _ask(self, names):
        self.process.stdin.write(b"".join(b"contents " + name.encode() + b"\n" for name in names) + b"flush\n")
        self.process.stdin.flush()

    def tree(self, name):
        """Its entries: (is a directory, name, object)."""
        [data] = self.read([name])
        at, entries = 0, []
        while at < len(data):
            end = data.index(b"\0", at)
            mode, entry = data[at:end].split(b" ", 1)
            entries.append((mode == b"40000", entry.decode(), data[end + 1:end + 21].hex()))
            at = end + 21
        return entries

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class ByHand:
    """A follower like those of peers.py, of the directory `app`."""

    name = "by hand"

    def __init__(self, directory, upstream, period, copies=1):
        self.root = pathlib.Path(directory)
        self.mirror = self.root / "mirror"
        self.upstream, self.period = upstream, period
        self.known, self.tip = set(), ""
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.loop)

    def git(self, *arguments, data=None):
        return subprocess.run(["git", "-C", self.mirror, *arguments], env=GIT_ENVIRONMENT, input=data, text=True,
                              check=True, capture_output=True).stdout

    def __enter__(self):
        self.root.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", "--bare", self.mirror], env=GIT_ENVIRONMENT, check=True)
        for key, value in {"gc.auto": "0", "remote.origin.url": self.upstream.url, "remote.origin.promisor": "true",
                           "remote.origin.partialclonefilter": "blob:none",
                           "fetch.negotiationAlgorithm": "noop"}.items():
            self.git("config", key, value)
        self.objects = Objects(self.mirror)
        self.thread.start()
        wait_for(self.marker().exists, 120, "the first files by hand")
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        self.objects.close()

    def marker(self):
        return self.root / "current" / "app" / MARKER

    def loop(self):
        while not self.ending.is_set():
            began = time.monotonic()
            tip = self.git("ls-remote", "-q", "origin", "refs/heads/main").split()[0]
            if tip != self.tip:
                self.take(tip)
            self.ending.wait(max(0, self.period - (time.monotonic() - began)))

    def take(self, tip):
        self.git("fetch", "-q", "--no-tags", "--depth=1", "--filter=blob:none", "origin", tip)
        files = []
        [commit] = self.objects.read([tip])
        root = commit.split(maxsplit=2)[1].decode()
        self.walk(next(entry[2] for entry in self.objects.tree(root) if entry[1] == "app"), "app", files)
        missing = [blob for _, blob in files if blob not in self.known]
        self.git("fetch", "-q", "--no-tags", "--filter=blob:none", "--stdin", "origin", data="\n".join(missing) + "\n")
        self.known.update(missing)
        self.write(self.root / tip, files)
        os.symlink(tip, self.root / "next")
        os.rename(self.root / "next", self.root / "current")
        self.tip = tip

    def walk(self, tree, path, files):
        for directory, name, entry in self.objects.tree(tree):
            if directory:
                self.walk(entry, f"{path}/{name}", files)
            else:
                files.append((f"{path}/{name}", entry))

    def write(self, directory, files):
        for (path, _), content in zip(files, self.objects.read([blob for _, blob in files])):
            file = directory / path
            try:
                made = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            except FileNotFoundError:
                file.parent.mkdir(parents=True)
                made = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            os.write(made, content)
            os.close(made)
