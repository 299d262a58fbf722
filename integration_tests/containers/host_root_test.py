"""An agent in a container manages its host: podman runs it on a host with systemd, as docs/how-to/containers.md says."""

import shutil
import tempfile

import pytest
import suite_images
from agent_host import AgentHost, SIMPLE

pytestmark = pytest.mark.long  # builds images
AGENT = suite_images.name("agent")
OPTIONS = ["--detach", "--name", "agent", "--read-only", "--privileged", "--pid=host", "--network=host"]
VOLUMES = ["/:/host:rshared", "/var/lib/gitops-agent:/var/lib/gitops-agent", "/etc/gitops:/etc/gitops:ro"]


class ContainerHost(AgentHost):
    """A host that has neither our programs nor git, and an agent in a container."""

    def __init__(self, directory):
        self._graph = tempfile.mkdtemp(dir="/var/tmp")  # beside the machine's own, on a disk that has overlays
        super().__init__(directory, base=suite_images.podman_host_image())
        self._mounts |= suite_images.image_store(self._graph)

    def __enter__(self):
        super().__enter__()
        self.run("rm /usr/local/bin/gitops-agent /usr/bin/git; mkdir -p /etc/gitops /var/lib/gitops-agent")
        return self

    def remove(self):
        super().remove()
        shutil.rmtree(self._graph, ignore_errors=True)

    def start_agent(self):
        self.run_agent()
        self.await_agent()

    def run_agent(self, options=(), volumes=tuple(VOLUMES), without=()):
        chosen = [option for option in OPTIONS if option not in without]
        mounts = [word for volume in [*volumes, f"{self.directory}:{self.directory}"] for word in ("--volume", volume)]
        self.run(["podman", "run", *chosen, *options, *mounts, AGENT])

    def refusal(self, **options):
        """What the agent says that does not start."""
        self.run_agent(**options)
        status = self.run(["podman", "wait", "agent"]).stdout.strip()
        said = self.run("podman logs agent 2>&1").stdout
        self.run("podman rm --force agent")
        assert status == "2", said
        return said

    def agent_logs(self):
        return self.run("podman logs agent 2>&1", check=False).stdout[-6000:]


@pytest.fixture(name="host", scope="module")
def running_host(tmp_path_factory):
    suite_images.build("agent")
    with ContainerHost(tmp_path_factory.mktemp("host")) as started:
        started.new_repository({"web/version": "1\n", "db/version": "1\n"})
        yield started


@pytest.fixture(autouse=True)
def clean(host):
    yield
    print(host.agent_logs())
    host.run("podman rm --force --time 5 agent", check=False)
    host.forget("web", "db")
    host.run("mkdir -p /var/lib/gitops-agent /etc/gitops")
    host.new_repository({"web/version": "1\n", "db/version": "1\n"})


def set_version(host, version):
    return host.repository.commit({"web/version": f"{version}\n"})


CONFINED = SIMPLE + "ProtectSystem=strict\nPrivateTmp=yes\nReadWritePaths=/run\n"


@pytest.mark.parametrize("way", ["beneath", "propagation"])
def test_commit_is_published_in_the_host_and_its_unit_is_reloaded(host, way):
    host.add_unit("web", CONFINED)
    host.follow(host.spec("web", action="reload"), start=False)
    host.run_agent(options=["--env", f"GITOPS_MOUNT_EXCHANGE={way}"])
    host.wait_service("web", state="OK", hash=host.repository.head())
    assert host.seen() == ["start 1"]
    for version in range(2, 5):
        host.wait_service("web", state="OK", hash=set_version(host, version))
        host.wait_for(lambda: host.seen()[-1] == f"reload {version}")
        assert host.read("/etc/web/version") == f"{version}\n"
    # Nothing piles up in the host.
    mounts = [line for line in host.read("/proc/self/mountinfo").splitlines() if line.split()[4] == "/etc/web"]
    assert len(mounts) == 1, mounts


def test_agent_that_is_started_again_goes_on_without_touching_what_is_served(host):
    host.add_unit("web")
    first = host.repository.head()
    host.follow(host.spec("web", action="restart"))
    host.wait_service("web", state="OK", hash=first)
    before = host.properties("web", "InvocationID", "MainPID")
    host.run("podman rm --force --time 10 agent")
    assert host.read("/etc/web/version") == "1\n"
    host.start_agent()
    host.wait_service("web", state="OK", hash=first)
    assert host.properties("web", "InvocationID", "MainPID") == before
    second = set_version(host, 2)
    host.wait_service("web", state="OK", hash=second)
    host.ctl("rollback", "web", first)
    host.wait_service("web", state="FREEZE", hash=first)
    assert (host.read("/etc/web/version"), host.seen()[-1]) == ("1\n", "start 1")


def package_repository(host):
    """One package, whose account exists only once it is installed."""
    host.run("mkdir -p /srv/repo /root/web/DEBIAN")
    host.write("/root/web/DEBIAN/control", "Package: web-server\nVersion: 1\nArchitecture: all\n"
               "Maintainer: test <test@localhost>\nDescription: a test\n")
    host.write("/root/web/DEBIAN/postinst", "#!/bin/sh\nuseradd --system webby\nsystemctl start web\n", "0755")
    host.run("dpkg-deb --build /root/web /srv/repo/web.deb")
    size, digest = host.run("stat -c %s /srv/repo/web.deb; sha256sum < /srv/repo/web.deb").stdout.split()[:2]
    host.write("/srv/repo/Packages", f"{host.read('/root/web/DEBIAN/control')}Filename: ./web.deb\nSize: {size}\n"
               f"SHA256: {digest}\n\n")
    host.write("/etc/apt/sources.list", "deb [trusted=yes] file:/srv/repo ./\n")


def test_package_is_installed_in_the_host_and_git_runs_as_the_account_that_it_makes(host):
    package_repository(host)
    host.add_unit("web")
    host.follow(host.spec("web", package="web-server", user="webby", action="reload"))
    host.wait_service("web", state="OK", hash=host.repository.head(), seconds=90)
    assert host.run("dpkg-query -W -f '${db:Status-Status}' web-server").stdout == "installed"
    assert host.run("stat -c %U /etc/web/version").stdout == "webby\n"
    # Of the first start, which was the package's, and of the first publication.
    assert host.seen()[-1].endswith(" 1")


def test_health_of_the_container_is_that_of_the_agent(host):
    host.follow(host.spec("web"))
    host.run("podman healthcheck run agent")
    assert not host.run("podman exec agent healthy 9", check=False).ok  # where nothing listens


def test_container_without_what_it_needs_says_what_to_add(host):
    host.follow(host.spec("web"), start=False)
    assert "--pid=host" in host.refusal(without=["--pid=host"])
    private = ["/:/host:rprivate", *VOLUMES[1:]]
    assert "--volume /:DIRECTORY:rshared" in host.refusal(volumes=private)
    assert "--volume /var/lib/gitops-agent:/var/lib/gitops-agent" in host.refusal(volumes=[VOLUMES[0], VOLUMES[2]])
    assert "--host-root: open /nowhere" in host.refusal(options=["--env", "GITOPS_HOST_ROOT=/nowhere"])
