"""Fixtures of the integration tests."""

import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import Agent, Repository, fleet_config  # noqa: E402


@pytest.fixture
def repository(tmp_path):
    """An upstream with one commit: web/index.html and db/db.conf."""
    repository = Repository(tmp_path / "upstream")
    repository.commit({"web/index.html": "version 1\n", "db/db.conf": "size = 1\n"}, "first")
    return repository


@pytest.fixture
def open_directory():
    """A directory that every account may pass through; pytest closes its own at each of its runs."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="gitops-test."))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


class Host:
    """Where one host's services are published, and the agent that does it."""

    def __init__(self, tmp_path, repository):
        self.base = tmp_path / "host"
        self.repository = repository
        self.agents = []

    def local(self, name):
        return self.base / "etc" / name

    def read(self, name):
        return (self.base / "etc" / name).read_text()

    def spec(self, service="web", link=None, **keys):
        return {"machine": "web1", "service": service,
                "dirs": [{"local": self.local(service), "link": link or service}], **keys}

    def config(self, *services, **global_keys):
        keys = {"upstream": self.repository.url, "branch": "main",
                "mount": self.base / "revisions", "poll": "100ms", **global_keys}
        return fleet_config(keys, services or [self.spec()])

    def agent(self, config=None, **options):
        agent = Agent(self.base / "agent", config or self.config(), **options)
        self.agents.append(agent)
        return agent


@pytest.fixture
def host(tmp_path, repository):
    host = Host(tmp_path, repository)
    yield host
    for agent in host.agents:
        agent.kill()
