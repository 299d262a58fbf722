"""A real HAProxy in front of small HTTP servers, as the example hooks find it in a rack.

    with Haproxy(["web1", "web2"]) as proxy:
        assert proxy.get() in ("web1", "web2")
        assert proxy.state("web1") == "UP"
"""

import csv
import http.server
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading

from harness import wait_for

CONFIG = """\
global
  stats socket {directory}/admin.sock mode 600 level admin
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend site
  bind unix@{directory}/site.sock
  default_backend app
# The name of the frontend above, with the same servers: none of the hooks' business.
backend site
{servers}
backend app
  balance roundrobin
{servers}
"""


class Backend:
    """A server that answers with its host's name; to /slow only when it is let go."""

    def __init__(self, name):
        self.let_go = threading.Event()
        self.asked = threading.Event()
        backend = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if self.path == "/slow":
                    backend.asked.set()
                    backend.let_go.wait(60)
                self.send_response(200)
                self.send_header("Content-Length", str(len(name)))
                self.end_headers()
                self.wfile.write(name.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()


class Haproxy:
    def __init__(self, hosts):
        # Socket paths are short.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gitops-", dir="/tmp"))
        self.backends = {host: Backend(host) for host in hosts}
        self.process = None

    @property
    def socket(self):
        return self.directory / "admin.sock"

    def __enter__(self):
        servers = "\n".join(f"  server {host} 127.0.0.1:{backend.port}"
                            for host, backend in self.backends.items())
        config = self.directory / "haproxy.cfg"
        config.write_text(CONFIG.format(directory=self.directory, servers=servers))
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(["haproxy", "-db", "-f", str(config)], stdout=log, stderr=log)
        try:
            wait_for(lambda: self.process.poll() is not None or self._listens(), what="HAProxy serves")
            assert self.process.poll() is None, (self.directory / "log").read_text()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for backend in self.backends.values():
            backend.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _listens(self):
        try:
            return self.ask("show info")
        except OSError:
            return False

    def ask(self, command):
        """One command of the runtime API."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self.socket))
            connection.sendall(command.encode() + b"\n")
            answer = b""
            while data := connection.recv(65536):
                answer += data
        return answer.decode()

    def state(self, host, backend="app"):
        """UP, DRAIN, MAINT… as HAProxy tells it ("no check": it looks after no server by itself)."""
        rows = csv.DictReader(self.ask("show stat").lstrip("# ").splitlines())
        told = next(row["status"] for row in rows if (row["pxname"], row["svname"]) == (backend, host))
        return {"no check": "UP"}.get(told, told)

    def states(self):
        return {host: self.state(host) for host in self.backends}

    def open(self, path="/"):
        """Sends a request; gives the connection, to read the answer from."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        connection.connect(str(self.directory / "site.sock"))
        connection.sendall(f"GET {path} HTTP/1.0\r\nConnection: close\r\n\r\n".encode())
        return connection

    def occupy(self, host):
        """Opens sessions, one a host, until this host has one; they last until let_go().
        {host: connection}."""
        sessions = {}
        while host not in sessions:
            connection = self.open("/slow")
            name = wait_for(lambda: next((name for name, backend in self.backends.items()
                                          if backend.asked.is_set() and name not in sessions), None))
            sessions[name] = connection
        return sessions

    def let_go(self):
        for backend in self.backends.values():
            backend.let_go.set()

    @staticmethod
    def answer_of(connection):
        """The name of the host that answered, or the status line of what HAProxy said itself."""
        with connection:
            answer = b""
            while data := connection.recv(65536):
                answer += data
        head, _, body = answer.decode().partition("\r\n\r\n")
        return body if " 200 " in head.splitlines()[0] else head.splitlines()[0]

    def get(self):
        return self.answer_of(self.open())

    def answering(self, requests=12):
        """The hosts that answer to a number of requests."""
        return {self.get() for _ in range(requests)}
