"""A host whose agent runs as root and is attacked by other accounts of the host: by the one that its services
belong to, and by one that has nothing to do with them."""

import contextlib
import os
import pathlib
import pwd
import subprocess
import sys

import grpc

import protos
from harness import Agent, Repository, fleet_config, wait_for
from mount_namespace import MountNamespace

# Accounts that every Debian has, and that own nothing.
OWNER = "games"  # of the services' files
STRANGER = "news"
ATTACKS = pathlib.Path(__file__).with_name("attacks.py").read_text()


def ids(account):
    found = pwd.getpwnam(account)
    return found.pw_uid, found.pw_gid


class Attacker:
    """A process of an account that runs an attack of attacks.py in the host's mount namespace."""

    def __init__(self, host, account, attack, *arguments, data=None):
        uid, gid = ids(account)
        command = [*host.wrapper, "setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs",
                   sys.executable, "-I", "-c", ATTACKS, attack, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, cwd="/")
        if data is not None:
            self.process.stdin.write(data)
        self.process.stdin.close()
        self.said = []
        for line in self.process.stdout:
            if line == b"ready\n":
                break
            self.said.append(line.decode())
        else:
            raise AssertionError(f"{attack} failed: {self.process.stderr.read().decode()}")

    def ended(self):
        return self.process.poll() is not None

    def stop(self):
        """Ends it; returns what it said, line by line."""
        self.process.kill()
        self.said += self.process.stdout.read().decode().splitlines()
        self.process.wait()
        return self.said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()


class AttackedHost:
    """The service "web" is published to home/app/bin, where home and what is in it belong to OWNER. Beside it
    lies root's own directory, vault, which has a bin too. Everybody may pass through all directories."""

    def __init__(self, base, mounts=True, **global_keys):
        self.base = pathlib.Path(base)
        self.mounts = mounts
        self.global_keys = global_keys
        self.repository = Repository(self.base / "upstream")
        self.repository.commit({"web/index.html": "version 1\n"})
        self.home = self.base / "home"
        self.local = self.home / "app" / "bin"
        self.revisions = self.base / "revisions"
        for directory in (self.home, self.home / "app"):
            self.make(directory, OWNER)
        self.vault = self.base / "vault"
        (self.vault / "bin").mkdir(parents=True)
        (self.vault / "bin" / "tool").write_text("root's\n")
        self.trap = self.home / "trap"
        self.trap.symlink_to(self.vault)
        os.chown(self.trap, *ids(OWNER), follow_symlinks=False)
        self.namespace = MountNamespace()
        self.agent = None
        self.channel = None
        self.pb = protos.messages("gitops/v1/agent")

    @property
    def wrapper(self):
        return self.namespace.wrapper

    @staticmethod
    def make(directory, account, mode=0o755):
        directory.mkdir()
        os.chown(directory, *ids(account))
        directory.chmod(mode)
        return directory

    def service(self, name="web", **keys):
        return {"machine": "web1", "service": name, "user": OWNER,
                "dirs": [{"local": self.local, "link": "web"}], **keys}

    def config(self, *services):
        keys = {"upstream": self.repository.url, "branch": "main", "mount": self.revisions, "poll": "100ms",
                **self.global_keys}
        return fleet_config(keys, services or [self.service()])

    @contextlib.contextmanager
    def running(self, *services, wrapper=(), text=""):
        """The agent, with these services."""
        with self.namespace:
            self.agent = Agent(self.base / "agent", self.config(*services) + text, root=self.mounts,
                               wrapper=(*self.wrapper, *wrapper))
            self.agent.state.mkdir(exist_ok=True)
            self.agent.directory.chmod(0o755)
            with self.agent, grpc.insecure_channel(self.agent.address()) as self.channel:
                try:
                    yield self.agent
                except BaseException:
                    self.agent.kill()  # what failed counts, not that it does not end
                    raise

    def attacker(self, attack, *arguments, account=OWNER, **options):
        return Attacker(self, account, attack, *arguments, **options)

    # The host as its processes see it.

    def seen(self, path):
        return self.namespace.path(path)

    def read(self, name="index.html"):
        return self.seen(self.local / name).read_text()

    def read_if_nobody_waits(self, name="index.html"):
        """What a file says, or None while somebody's lease would make the reader wait."""
        try:
            file = os.open(self.seen(self.local / name), os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return None
        with open(file, encoding="utf-8") as opened:
            return opened.read()

    def mount_points(self, below):
        return sorted(self.namespace.mounts_below(below))

    # Calls, without a process for each.

    def call(self, method, seconds=30, **fields):
        """The answer; None where the agent says that it could not."""
        request = getattr(self.pb, f"{method}Request")(**fields)
        send = self.channel.unary_unary(
            f"/gitops.v1.AgentService/{method}", request_serializer=type(request).SerializeToString,
            response_deserializer=getattr(self.pb, f"{method}Response").FromString)
        try:
            return send(request, timeout=seconds)
        except grpc.RpcError as error:
            assert error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), error
            return None

    def service_now(self, name="web"):
        return self.agent.service(name)

    def commit(self, version, **more):
        return self.repository.commit({"web/index.html": f"version {version}\n", **more})

    def assert_follows(self, version, name="web", seconds=30):
        """Nothing that was done to it keeps it from its next commits, and from a rollback."""
        former = self.repository.head()
        self.agent.wait_service(name, seconds=seconds, state="OK", hash=former)
        newest = self.commit(version)
        self.agent.wait_service(name, seconds=seconds, state="OK", hash=newest)
        assert self.read() == f"version {version}\n"
        self.agent.ctl("rollback", name, former)
        self.agent.ctl("unfreeze", name)
        wait_for(lambda: self.agent.service(name)["hash"] == newest, seconds, "the newest again")


def listing_with_modes(directory):
    """What lies beneath, with owner and mode: {path: (uid, mode)}."""
    directory = pathlib.Path(directory)
    return {str(path.relative_to(directory)): (path.lstat().st_uid, oct(path.lstat().st_mode))
            for path in [directory, *directory.rglob("*")]}
