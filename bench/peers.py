"""Others that follow a branch, as yardsticks: the plain shell loop, and git-sync where it is
installed. Each serves one directory, so N services need N of them."""

import pathlib
import shutil
import signal
import subprocess

from harness import GIT_ENVIRONMENT, wait_for
from upstream import MARKER

LOOP = pathlib.Path(__file__).resolve().parent / "peer_loop.sh"


class Peer:
    """Copies of one program, each following main. Used as a context manager."""

    name = ""

    def __init__(self, directory, upstream, period, copies=1):
        self.directory = pathlib.Path(directory)
        self.upstream = upstream
        self.period = period
        self.copies = copies
        self.processes = []
        self.roots = []

    def __enter__(self):
        for number in range(self.copies):
            root = self.directory / f"copy{number}"
            root.mkdir(parents=True)
            self.roots.append(root)
            with open(root / "log", "wb") as log:
                self.processes.append(subprocess.Popen(
                    self.command(root), env={**GIT_ENVIRONMENT, "HOME": str(self.directory), "TMPDIR": str(root)},
                    stdout=log, stderr=log, start_new_session=True))
        for number in range(self.copies):
            wait_for(self.marker(number).exists, 120, f"{self.name}'s first checkout")
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def pids(self):
        return [process.pid for process in self.processes]

    def marker(self, number=0):
        return self.roots[number] / "current" / "app" / MARKER

    def polls(self, copies=None):
        """Idle polls so far, of the first so many copies, or of all, together."""
        return sum(self.polls_of(root) for root in self.roots[:copies])


class ShellLoop(Peer):
    name = "shell loop"

    def command(self, root):
        return [str(LOOP), self.upstream.url, "main", str(root), str(self.period)]

    def polls_of(self, root):
        polls = root / "polls"
        return polls.stat().st_size if polls.exists() else 0


class GitSync(Peer):
    name = "git-sync"
    program = shutil.which("git-sync")

    def command(self, root):
        return [self.program, f"--repo={self.upstream.url}", "--ref=main", f"--root={root}/root",
                f"--link={root}/current", f"--period={int(self.period * 1000)}ms", "--verbose=2",
                "--max-failures=-1", "--stale-worktree-timeout=1h"]

    def polls_of(self, root):
        return (root / "log").read_text(errors="replace").count("update not required")


def peers():
    return [ShellLoop] + ([GitSync] if GitSync.program else [])
