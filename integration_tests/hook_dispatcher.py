"""The real hook dispatcher, and endpoints of hooks for it to call."""

import http.server
import json
import pathlib
import re
import signal
import socket
import subprocess
import threading

import grpc

import protos
from harness import BIN, everyone_may_do_everything, toml, wait_for

DISPATCHER = BIN / "services" / "hook_dispatcher" / "gitops-hook-dispatcher"
pb = protos.messages("gitops/v1/hooks")
POINTS = [f"{when}-{step}" for step in ("select", "deploy", "reboot", "healthchecks")
          for when in ("pre", "post")]
SELECT_POINTS = POINTS[:2]
WEB1 = {"host": "web1", "actions": ["push", "switch"]}
LARGEST = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)]


class Request:
    """What an endpoint was sent."""

    def __init__(self, handler):
        self.method = handler.command
        self.path = handler.path
        self.headers = handler.headers
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))

    def json(self):
        return json.loads(self.body)


class Endpoint:
    """An HTTP server on a thread of its own. `answer` is asked for each request, and returns what
    is said: a body alone (bytes, text, or something for JSON), (status, body), or (status, body,
    headers). It may also use the handler itself, and return None."""

    def __init__(self, answer=lambda request, handler: request.body, tls=None):
        self.answer = answer
        self.requests = []
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = Request(self)
                endpoint.requests.append(request)
                self.close_connection = True
                try:
                    endpoint.say(self, endpoint.answer(request, self))
                except OSError:
                    pass  # the dispatcher has had enough of it

            do_GET = do_PUT = do_POST

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # failed handshakes are part of some tests

        self.server = Server(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if tls:
            self.scheme = "https"
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @staticmethod
    def say(handler, said):
        if said is None:
            return
        if not isinstance(said, tuple):
            said = (200, said)
        status, body, headers = (*said, {})[:3]
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        body = body.encode() if isinstance(body, str) else body
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    @property
    def url(self):
        return f"{self.scheme}://localhost:{self.server.server_address[1]}/hook"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def hang_up(handler):
    """Ends a connection without another word."""
    handler.connection.shutdown(socket.SHUT_RDWR)


def says(*said):
    """An endpoint's answer: these in turn, the last one for ever."""
    left = list(said)
    return lambda request, handler: left.pop(0) if len(left) > 1 else left[0]


def hook(endpoint, name="drain", points=("pre-deploy",), **keys):
    return {"name": name, "points": list(points), "url": getattr(endpoint, "url", endpoint),
            "retries": 0, **keys}


def hooks_config(*hooks):
    """The text of a config: one [[hooks]] for each dict."""
    lines = []
    for hook in hooks:
        lines += ["[[hooks]]"] + [f"{key} = {toml(value)}" for key, value in hook.items()] + [""]
    return "\n".join(lines)


class Dispatcher:
    """A real gitops-hook-dispatcher. Used as a context manager, it is stopped at the end."""

    def __init__(self, directory, config, flags=(), env=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config = self.directory / "hooks.toml"
        self.addresses = self.directory / "addresses"
        self.log = self.directory / "log"
        self.flags = list(flags)
        self.env = env or {}
        self.process = None
        self.config.write_text(config)

    def start(self):
        self.addresses.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(DISPATCHER), "--config", str(self.config), "--listen", "127.0.0.1:0",
                 "--metrics-listen", "127.0.0.1:0", "--address-file", str(self.addresses),
                 *self.flags], env={**everyone_may_do_everything(self.flags), **self.env}, stdout=log, stderr=log)
        wait_for(lambda: self.addresses.exists() or self.process.poll() is not None,
                 what="the dispatcher's address file")
        assert self.addresses.exists(), f"it ended at its start:\n{self.logged()}"
        self.channel = grpc.insecure_channel(self.address(), options=LARGEST)
        self.stub = protos.stubs("gitops/v1/hooks").HookDispatcherServiceStub(self.channel)
        return self

    def address(self, kind="grpc"):
        return re.search(f"^{kind}=(.*)$", self.addresses.read_text(), re.M).group(1)

    def logged(self):
        return self.log.read_text(errors="replace")

    def reload(self, config, expect="config reloaded"):
        """Writes another config, sends SIGHUP, and waits until that is in the log."""
        before = self.logged().count(expect)
        self.config.write_text(config)
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: self.logged().count(expect) > before, what=f"the log to say {expect}")

    def request(self, point="pre-deploy", hosts=None, **fields):
        hosts = {"web1": ["push", "switch"]} if hosts is None else hosts
        pairs = hosts.items() if isinstance(hosts, dict) else hosts
        return pb.DispatchHookRequest(
            point=point, hosts=[pb.HostPayload(host=host, actions=actions) for host, actions in pairs],
            **fields)

    def dispatch(self, point="pre-deploy", hosts=None, timeout=60, **fields):
        return self.stub.DispatchHook(self.request(point, hosts, **fields), timeout=timeout)

    def stop(self, with_signal=signal.SIGTERM, seconds=30):
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
        return self.process.wait(timeout=seconds)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.channel.close()
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.stop(signal.SIGKILL)
            raise


def answered(response):
    """The hosts of an answer, as a list of (host, actions)."""
    return [(host.host, list(host.actions)) for host in response.hosts]
