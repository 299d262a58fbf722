"""Logins go to the server that they are for, and to no other; proxies are used as configured."""

import base64
import http.client
import http.server
import threading
import urllib.parse

import pytest
from git_http_server import GitHttpServer
from harness import wait_for

SECRET = "s3cr3t-of-the-netrc"
PROXY_SECRET = "s3cr3t-of-the-pr0xy"


@pytest.fixture
def server(tmp_path):
    with GitHttpServer(tmp_path) as server:
        yield server


class Proxy:
    """An HTTP proxy that forwards, and may want a login."""

    def __init__(self):
        self.requests = []  # URLs
        self.login = None
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.forward(None)

            def do_POST(self):
                self.forward(self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def forward(self, body):
                owner.requests.append(self.path)
                if owner.login is not None:
                    wanted = base64.b64encode(":".join(owner.login).encode()).decode()
                    if self.headers.get("Proxy-Authorization") != f"Basic {wanted}":
                        self.answer(407, [("Proxy-Authenticate", 'Basic realm="proxy"')], b"")
                        return
                url = urllib.parse.urlsplit(self.path)
                connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
                headers = {name: value for name, value in self.headers.items()
                           if not name.lower().startswith("proxy-")}
                connection.request(self.command, url._replace(scheme="", netloc="").geturl(), body,
                                   headers)
                response = connection.getresponse()
                answer = response.read()
                self.answer(response.status, response.getheaders(), answer)

            def answer(self, status, headers, body):
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def url(self, userinfo=""):
        return f"http://{userinfo}127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def proxy():
    with Proxy() as proxy:
        yield proxy


@pytest.mark.parametrize("asked_for", [(), ("GET", "POST"), ("POST",)])
def test_a_redirect_to_another_port_does_not_carry_the_urls_login(host, server, tmp_path, asked_for):
    server.login = ("deploy", SECRET)
    with GitHttpServer(tmp_path) as other:
        # Whoever listens there may ask for it, at once or later.
        other.login, other.login_for = ("deploy", SECRET), asked_for
        server.redirect = ("/", other.url(path=""))
        with host.agent(host.config(upstream=server.url(userinfo=f"deploy:{SECRET}@"))) as agent:
            agent.wait_service("web", state="DIFF")
            wait_for(lambda: len(other.requests) > 2, what="some more polls")
        assert server.logins and other.logins == []


def test_the_proxy_key_is_used_and_its_password_shown_to_nobody(host, repository, server, proxy):
    proxy.login = ("me", PROXY_SECRET)
    config = host.config(upstream=server.url(), proxy=proxy.url(f"me:{PROXY_SECRET}@"))
    with host.agent(config, env={"no_proxy": "*", "http_proxy": "http://127.0.0.1:1"}) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        assert proxy.requests and proxy.requests[0].startswith(server.url())
        proxy.login = ("me", "another")
        refused = agent.wait_diff("web", "proxy")
        assert PROXY_SECRET not in repr(refused) + agent.logged() + agent.metrics()


def test_a_service_may_have_a_proxy_of_its_own(host, repository, server, proxy):
    web = host.spec("web", proxy=proxy.url())
    with host.agent(host.config(web, upstream=server.url())) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        assert proxy.requests


def test_the_environments_proxy_is_honoured_and_its_exceptions_too(host, repository, server, proxy):
    config = host.config(upstream=server.url())
    with host.agent(config, env={"http_proxy": proxy.url(), "no_proxy": "127.0.0.1"}) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
        assert proxy.requests == []
    second = repository.commit({"web/index.html": "version 2\n"})
    with host.agent(config, env={"http_proxy": proxy.url()}) as agent:
        agent.wait_service("web", state="OK", hash=second)
        assert proxy.requests


def test_a_proxy_that_does_not_answer_is_said(host, server):
    config = host.config(upstream=server.url(), proxy="http://127.0.0.1:1")
    with host.agent(config) as agent:
        agent.wait_diff("web", "onnect")


def test_no_netrc_is_left_for_git_to_find(host, repository, server, tmp_path):
    server.login = ("deploy", SECRET)
    config = host.config(upstream=server.url(userinfo=f"deploy:{SECRET}@"))
    with host.agent(config) as agent:
        agent.wait_service("web", state="OK", hash=repository.head())
    mirror, = (host.base / "agent").rglob("repository.git")
    (mirror.parent / "home" / ".netrc").write_text(f"machine 127.0.0.1 login x password {SECRET}\n")
    second = repository.commit({"web/index.html": "version 2\n"})
    with host.agent(config) as agent:
        agent.wait_service("web", state="OK", hash=second)
    assert not (mirror.parent / "home" / ".netrc").exists()
