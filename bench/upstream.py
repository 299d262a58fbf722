"""The repository that everybody follows in the benchmarks."""

import os
import random

from harness import Repository

FILES = 500
CHANGED = 200
FILE_BYTES = 2000
# One service has the 500 files whose changes are timed; each of the others has these few.
OTHERS_FILES = 4
# Changes with each commit; everything else of a commit is there when its last file is.
MARKER = f"dir{(CHANGED - 1) // 50}/file{CHANGED - 1:03}"


def text():
    return "".join(f"{random.getrandbits(64):016x}\n" for _ in range(FILE_BYTES // 17))


def app_files(count):
    return {f"app/dir{number // 50}/file{number:03}": text() for number in range(count)}


class Upstream:
    """Commits are made ahead, on a branch that nobody follows, and released at one moment."""

    def __init__(self, path, services):
        self.repository = Repository(path)
        self.repository.git("config", "gc.auto", "0")
        files = app_files(FILES)
        for other in range(1, services):
            for number in range(OTHERS_FILES):
                files[f"{other_name(other)}/file{number}"] = text()
        self.first = self.repository.commit(files)
        # As a server has it; what comes later is loose, as it was pushed.
        self.repository.git("repack", "-a", "-d", "-q")
        self.repository.git("checkout", "-q", "-b", "ahead")
        self.ref = self.repository.path / ".git/refs/heads/main"

    @property
    def url(self):
        return self.repository.url

    def prepare(self):
        """A commit that changes 200 of the 500 files; returns it with the marker's new text."""
        files = app_files(CHANGED)
        return self.repository.commit(files), files[f"app/{MARKER}"]

    def release(self, commit):
        """Makes it the tip of main, by one rename."""
        fresh = self.ref.with_suffix(".fresh")
        fresh.write_text(commit + "\n")
        os.rename(fresh, self.ref)


def other_name(number):
    return f"other{number:03}"
