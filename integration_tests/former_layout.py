"""A host as an agent of the former layout left it, whose directories of revisions had the name of their commit,
with the manifest beside them: the directories, the mounts and the stored records.

The records are stored_state/aace12d/agent.db, which an agent of that commit wrote:

    GITOPS_BIN_DIR=bazel-bin integration_tests/former_layout.py agent.db
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

from harness import GIT_ENVIRONMENT, Agent, Repository, fleet_config
from mount_namespace import MountNamespace

STORED = pathlib.Path(__file__).resolve().parent / "stored_state" / "aace12d" / "agent.db"
# Of which the first follows, the second is frozen and the third is rolled back.
SERVICES = ["follows", "frozen", "pinned"]
FILES = ["a", "deep/b", "run.sh"]


class FormerHost:
    """Two commits that are the same wherever they are made."""

    def __init__(self, base):
        self.base = pathlib.Path(base)
        self.repository = Repository(self.base / "upstream")
        self.commits = [self.commit(version) for version in (1, 2)]
        self.published = dict(zip(SERVICES, [self.commits[1], self.commits[0], self.commits[0]]))

    def commit(self, version):
        for service in SERVICES:
            for name in FILES:
                file = self.repository.path / service / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(f"{name} of {service}, version {version}\n")
                file.chmod(0o755 if name == "run.sh" else 0o644)
        self.repository.git("add", "-A")
        date = f"2026-11-0{version} 12:00:00 +0000"
        subprocess.run(["git", "-C", self.repository.path, "commit", "-q", "-m", f"version {version}"], check=True,
                       env={**GIT_ENVIRONMENT, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date})
        return self.repository.head()

    def local(self, service):
        return self.base / "etc" / service

    def config(self, **keys):
        return fleet_config(
            {"upstream": self.repository.url, "branch": "main", "mount": self.base / "revisions", "poll": "100ms"},
            [{"machine": "web1", "service": service, "dirs": [{"local": self.local(service), "link": service}],
              **keys} for service in SERVICES])

    def agent(self, namespace, **keys):
        return Agent(self.base / "agent", self.config(**keys), root=True, wrapper=namespace.wrapper)

    def lay_out(self, namespace, database):
        """Revisions, manifests, mounts and records, as they were left."""
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        for service in SERVICES:
            for sequence, commit in enumerate(self.commits, 1):
                self.write_revision(service, commit, sequence, boot)
            self.local(service).mkdir(parents=True)
            shown = self.base / "revisions" / service / self.published[service] / service
            namespace.run("mount", "--bind", shown, self.local(service))
        state = self.base / "agent" / "state"
        state.mkdir(parents=True, mode=0o700)
        shutil.copy(STORED, state / database)

    def write_revision(self, service, commit, sequence, boot):
        wrapper = self.base / "revisions" / service
        lines = ["gitops-manifest 1", f"sequence {sequence}", f"boot {boot}", f"covers dir {service} {self.local(service)}"]
        for name in FILES:
            path = f"{service}/{name}"
            file = wrapper / commit / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.repository.git("show", f"{commit}:{path}") + "\n")
            file.chmod(0o755 if name == "run.sh" else 0o644)
            status = file.stat()
            lines.append(f"e 100{file.stat().st_mode & 0o777:03o} {self.repository.head(f'{commit}:{path}')} "
                         f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino} {path}")
        (wrapper / f"{commit}.manifest").write_text("\n".join([*lines, f"end {len(FILES)}"]) + "\n")


def use(host, agent):
    """What the records tell of."""
    host.repository.git("reset", "-q", "--hard", host.commits[0])
    agent.start()
    for service in SERVICES:
        agent.wait_service(service, state="OK", hash=host.commits[0])
    agent.ctl("freeze", "frozen", "--reason", "release day")
    host.repository.git("reset", "-q", "--hard", host.commits[1])
    for service in ("follows", "pinned"):
        agent.wait_service(service, state="OK", hash=host.commits[1])
    agent.ctl("rollback", "pinned", host.commits[0], "--reason", "two is bad")
    agent.wait_service("pinned", state="FREEZE", hash=host.commits[0])


def main(target):
    sys.path.append(str(STORED.parent.parent))
    from stored import keep  # beside the makers of stored state
    with tempfile.TemporaryDirectory() as directory, MountNamespace() as namespace:
        host = FormerHost(directory)
        agent = host.agent(namespace)
        use(host, agent)
        agent.kill()
        keep(next(agent.state.glob("*.db")), pathlib.Path(target))


if __name__ == "__main__":
    main(sys.argv[1])
