"""Other servers that take a signed event, as yardsticks for the gateway: Debian's webhook and nginx, and a handler in
Go. Each is measured if it is installed."""

import json
import os
import pathlib
import shutil
import socket
import subprocess

from harness import wait_for

HERE = pathlib.Path(__file__).resolve().parent
# nginx is where the PATH of users who are not root does not look.
SEARCHED = os.environ["PATH"] + ":/usr/sbin"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Peer:
    """A server at 127.0.0.1. Used as a context manager. `path` and `expect`: where it takes events, and the status of
    its answer."""

    name = ""
    program = None  # None: not installed
    path, expect = "/event", 200

    def __init__(self, directory, key_file):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.key_file = key_file
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"

    def __enter__(self):
        command = self.command()
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            cwd=self.directory)
        try:
            self.await_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def await_ready(self):
        wait_for(self.listens, 20, f"{self.name} at {self.address}")

    def listens(self):
        assert self.process.poll() is None, f"{self.name} ended: {(self.directory / 'log').read_text()}"
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0


class Webhook(Peer):
    """Answers when the rule holds, and then runs the command."""

    name = "webhook"
    program = shutil.which("webhook", path=SEARCHED)
    path = "/hooks/event"
    runs = "/bin/true"

    def command(self):
        rule = {"match": {"type": "payload-hmac-sha256", "secret": pathlib.Path(self.key_file).read_text(),
                          "parameter": {"source": "header", "name": "X-Signature"}}}
        hooks = self.directory / "hooks.json"
        hooks.write_text(json.dumps([{"id": "event", "execute-command": self.runs, "trigger-rule": rule}]))
        return [self.program, "-hooks", str(hooks), "-ip", "127.0.0.1", "-port", str(self.port)]


class WebhookWithoutCommand(Webhook):
    """Its answers are the same, and then it logs that there is no such command."""

    name = "webhook that runs nothing"
    runs = ""


class Nginx(Peer):
    name = "nginx"
    program = shutil.which("nginx", path=SEARCHED)
    expect = 204

    def command(self):
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = "".join(f"{name}_temp_path {self.directory}/{name};"
                            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = self.directory / "nginx.conf"
        config.write_text(f"""{user}
daemon off;
worker_processes auto;
pid {self.directory}/pid;
error_log {self.directory}/error.log;
events {{}}
http {{
  access_log off;
  keepalive_requests 1000000000;
  {temporary}
  server {{ listen {self.address}; location / {{ return 204; }} }}
}}
""")
        return [self.program, "-p", str(self.directory), "-c", str(config)]


class GoHandler(Peer):
    name = "Go handler"
    # Debian's, where several are installed.
    program = shutil.which("go", path="/usr/bin") or shutil.which("go")
    expect = 202

    def command(self):
        binary = self.directory / "peer_event"
        subprocess.run([self.program, "build", "-o", str(binary), str(HERE / "peer_event.go")], check=True,
                       env={"PATH": os.environ["PATH"], "HOME": str(self.directory), "GO111MODULE": "off",
                            "GOCACHE": str(self.directory / "cache"), "GOTOOLCHAIN": "local"})
        return [str(binary), str(self.key_file)]

    def await_ready(self):
        self.address = self.process.stdout.readline().decode().strip()
        assert self.address, f"{self.name} ended: {(self.directory / 'log').read_text()}"


def peers():
    return [kind for kind in (Webhook, WebhookWithoutCommand, Nginx, GoHandler) if kind.program]


def versions():
    """One line for the page."""
    def said(program, flag):
        done = subprocess.run([program, flag], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout.strip()

    asked = [(Webhook, "-version"), (Nginx, "-v"), (GoHandler, "version")]
    return ", ".join(said(kind.program, flag) for kind, flag in asked if kind.program)
