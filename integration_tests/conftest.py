"""Fixtures of the integration tests."""

import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import Repository  # noqa: E402
from local_host import Host  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures wall time; tools/test runs it when nothing else runs")
    config.addinivalue_line("markers", "long: only in tools/test --long")


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


@pytest.fixture
def host(tmp_path, repository):
    host = Host(tmp_path, repository)
    yield host
    for agent in host.agents:
        agent.kill()
