"""A real gitops-gateway, and a client of its REST.

    with Gateway(tmp_path / "gateway", ["--planner", address]) as gateway:
        assert gateway.get("/v1/hosts").json["hosts"] == []
        assert gateway.get("/v1/hosts", token=None).status == 401

It has a token for each role, "viewer", "operator", "approver" and "admin"; requests have the admin's
unless they name another.
"""

import hashlib
import http.client
import json

from fleet import Program
from harness import BIN

GATEWAY = BIN / "gateway/gitops-gateway"
ROLES = ("viewer", "operator", "approver", "admin")


def token_row(name, role, token, more=""):
    digest = hashlib.sha256(token.encode()).hexdigest()
    return f'[[tokens]]\nname = "{name}"\nrole = "{role}"\nsha256 = "{digest}"\n{more}\n'


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def lines(self):
        """The objects of newline-delimited JSON."""
        return [json.loads(line) for line in self.body.splitlines()]


class Stream:
    """An open stream of server-sent events."""

    def __init__(self, connection, response):
        self.connection = connection
        self.response = response

    def event(self):
        """The next event as {"id", "event", "data"}, with data parsed; None at the end. Heartbeats
        are skipped."""
        event = {}
        while True:
            line = self.response.readline()
            if not line:
                return None
            line = line.decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if line:
                name, _, value = line.partition(": ")
                event[name] = json.loads(value) if name == "data" else value
            elif event:
                return event

    def events_until(self, wanted):
        """All events up to the first for which `wanted` is true."""
        events = []
        while True:
            event = self.event()
            assert event is not None, f"the stream ended after {events}"
            events.append(event)
            if wanted(event):
                return events

    def close(self):
        self.connection.close()


class Gateway(Program):
    def __init__(self, directory, flags, env=None):
        super().__init__(GATEWAY, directory, ["--listen", "127.0.0.1:0", *flags], env)
        self.tokens = self.directory / "tokens.toml"
        self.tokens.write_text("".join(token_row(role, role, f"token-{role}") for role in ROLES))
        self.flags += ["--tokens", str(self.tokens)]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    # An ssl.SSLContext if the gateway serves HTTPS.
    tls = None

    def connect(self):
        address = self.address("http").rsplit(":", 1)
        if self.tls:
            return http.client.HTTPSConnection(*address, timeout=30, context=self.tls)
        return http.client.HTTPConnection(*address, timeout=30)

    def _send(self, connection, method, path, body, token, headers):
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer token-{token}"
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        connection.request(method, path, body=body, headers=headers)
        return connection.getresponse()

    def request(self, method, path, body=None, token="admin", headers=None):
        connection = self.connect()
        try:
            return Answer(self._send(connection, method, path, body, token, headers))
        finally:
            connection.close()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.request("POST", path, body, **options)

    def stream(self, path, token="admin", headers=None):
        connection = self.connect()
        response = self._send(connection, "GET", path, None, token,
                              {"Accept": "text/event-stream", **(headers or {})})
        assert response.status == 200, response.read()
        return Stream(connection, response)
