"""One host that serves a hostile upstream, and what must hold whatever that upstream sends."""

import unicodedata

from harness import wait_for
from hostile_repository import TREE, Canary, HostileRepository, listing
from local_host import Host


class Served:
    """A host with two services of one upstream: "web", a directory and a single file, which is
    attacked; and "db", which has nothing to do with it."""

    def __init__(self, base, **options):
        self.canary = Canary(base / "outside")
        self.repository = HostileRepository(base / "upstream")
        self.repository.git("commit", "-q", "--allow-empty", "-m", "root")
        self.host = Host(base, self.repository)
        self.versions = 0
        self.good = self.commit_good()
        self.agent = self.host.agent(self.host.config(*self.services(), poll="50ms"), **options)

    def services(self):
        web = self.host.spec("web")
        web["dirs"].append({"local": self.host.local("db.conf"), "link": "db/db.conf", "file": True})
        return [web, self.host.spec("db", link="neighbour")]

    @property
    def local(self):
        return self.host.local("web")

    # Where the agent's mounts are seen: its own view of the file system.
    def seen(self, path):
        return f"/proc/{self.agent.process.pid}/root{path}" if self.agent.root else path

    def published(self):
        return listing(self.seen(self.local))

    def published_conf(self):
        with open(self.seen(self.host.local("db.conf"))) as file:
            return file.read()

    # Commits.

    def root(self, web=None, db=None, *others):
        """A root tree: what is not given is as it should be."""
        repository = self.repository
        self.versions += 1
        version = f"version {self.versions}\n"
        return sorted([
            web or repository.directory("web", repository.file("index.html", version)),
            db or repository.directory("db", repository.file("db.conf", version)),
            repository.directory("neighbour", repository.file("f", version)), *others],
            key=lambda entry: entry[1] + ("/" if entry[0] == TREE else ""))

    def commit_good(self):
        return self.repository.commit_root(*self.root())

    def commit_web(self, *entries):
        """Commits web/ of these entries, beside everything else as it should be."""
        return self.repository.commit_root(
            *self.root(web=self.repository.directory("web", *entries)))

    # What must hold.

    def publish(self, commit=None):
        """A commit is published: this one, or one that is good."""
        self.good = commit or self.commit_good()
        self.agent.wait_service("web", state="OK", stateInfo="", hash=self.good)

    def force_back(self):
        self.repository.git("update-ref", "refs/heads/main", self.good)

    def assert_published(self, commit):
        self.publish(commit)
        self.assert_canary()

    def assert_refused(self, commit, *reasons, broken=False, seconds=30):
        """The commit is refused for these reasons, the former one is served, and the next good one
        is published. broken: git itself cannot read the commit, so that nobody gets on from there
        until the upstream's owner has forced the branch back."""
        before = self.published(), self.published_conf()
        service = wait_for(lambda: self.decided(commit), seconds, f"a decision about {commit}")
        info = service["stateInfo"]
        assert (service["state"], service["hash"]) == ("DIFF", self.good), info
        assert all(reason in info for reason in reasons), info
        assert not [c for c in info if unicodedata.category(c) == "Cc"], "forges a line of a log"
        assert len(info) < 1000
        assert (self.published(), self.published_conf()) == before
        revisions = self.host.base / "revisions" / "web"
        assert not [path for path in revisions.iterdir() if path.name.startswith(commit)]
        if broken:
            self.force_back()
        else:
            self.agent.wait_service("db", state="OK", hash=commit)
        self.assert_canary()
        self.publish()

    def decided(self, commit):
        service = self.agent.service("web")
        refused = service["state"] != "OK" and commit[:12] in service["stateInfo"]
        return service if refused or service["hash"] == commit else None

    def assert_canary(self):
        for verb in (["get", "service", "web"], ["diff", "web"]):
            told = self.agent.ctl(*verb, check=False)
            self.canary.assert_not_in(told.out + told.err, f"gitopsctl {verb}")
        self.canary.assert_not_in(self.agent.logged(), "the log")
        self.canary.assert_not_in(repr(self.published()), "what is published")
        self.canary.assert_not_in(repr(listing(self.host.base / "revisions")), "a revision")
        self.canary.assert_untouched()
