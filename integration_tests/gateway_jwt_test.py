"""CI jobs at the gateway with JWTs of their issuer: a real gateway in front of a real fleet, and an issuer
whose keys and signatures are made by openssl."""

import base64
import http.server
import json
import pathlib
import subprocess
import threading
import time

import pytest

from fleet import Fleet
from gateway import Gateway
from harness import ctl, wait_for

AUDIENCE = "https://gitops.example"
JOB = "repo:acme/ops:ref:refs/heads/main"


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """OpenID discovery and keys, as GitHub's and GitLab's issuers serve them."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(exist_ok=True)
        self.keys = {}
        self.new_key("first")
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                answers = {"/.well-known/openid-configuration":
                           {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"},
                           "/keys": {"keys": list(issuer.keys.values())}}
                body = json.dumps(answers.get(self.path, {})).encode()
                self.send_response(200 if self.path in answers else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _openssl(self, *arguments, text=None):
        return subprocess.run(["openssl", *map(str, arguments)], input=text, check=True, capture_output=True,
                              timeout=60).stdout

    def new_key(self, name):
        """From now on tokens are signed with this key; the others are no longer served."""
        self.name, self.key = name, self.directory / f"{name}.pem"
        self._openssl("genrsa", "-out", self.key, "2048")
        modulus = self._openssl("rsa", "-in", self.key, "-noout", "-modulus").decode().strip()
        number = bytes.fromhex(modulus.partition("=")[2])
        self.keys = {name: {"kty": "RSA", "kid": name, "use": "sig", "alg": "RS256",
                            "n": encode(number), "e": "AQAB"}}

    def token(self, header=None, **claims):
        now = int(time.time())
        header = {"alg": "RS256", "typ": "JWT", "kid": self.name, **(header or {})}
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": JOB, "repository": "acme/ops",
                  "ref": "refs/heads/main", "iat": now, "exp": now + 300, **claims}
        text = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(claims).encode())}"
        signature = self._openssl("dgst", "-sha256", "-sign", self.key, text=text.encode())
        return f"{text}.{encode(signature)}"

    def rows(self):
        return f"""
[[issuers]]
name = "ci"
issuer = "{self.url}"
audience = "{AUDIENCE}"
[[issuers.rules]]
claims = {{ repository = "acme/ops", ref = "refs/heads/main" }}
role = "operator"
on = ["web1"]
[[issuers.rules]]
claims = {{ repository = "acme/*" }}
role = "viewer"
"""


def ask(gateway, token, path="/v1/hosts", body=None):
    return gateway.request("GET" if body is None else "POST", path, body, token=None,
                           headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    directory = tmp_path_factory.mktemp("jwt")
    issuer = Issuer(directory / "issuer")
    with Fleet(directory / "fleet", hosts={"web1": {}, "web2": {}}) as fleet:
        fleet.commit("1")
        assert fleet.deploy("sync").status == 0
        gateway = Gateway(directory / "gateway", ["--planner", f"unix:{fleet.sockets}/planner",
                                                  "--promotion-receiver", "", "--rate-limit", "0"])
        with open(gateway.tokens, "a") as tokens:
            tokens.write(issuer.rows())
        with gateway:
            wait_for(lambda: ask(gateway, issuer.token()).status == 200)
            yield fleet, gateway, issuer
    issuer.close()


def test_a_job_of_the_branch_may_change_its_hosts_and_is_named_in_the_history(suite):
    fleet, gateway, issuer = suite
    answer = ask(gateway, issuer.token(), "/v1/hosts/web1/services/app:freeze", {"reason": "ci"})
    assert answer.status == 200, answer.body
    history = ctl("history", "app", "@web1", "--planner", f"unix:{fleet.sockets}/planner", "-o", "json").out
    assert f"ci:{JOB} from 127.0.0.1 (operator) through the gateway" in history.replace("ipv4:", ""), history
    refused = ask(gateway, issuer.token(), "/v1/hosts/web2/services/app:freeze", {"reason": "ci"})
    assert refused.status == 403


def test_a_job_of_another_branch_only_reads(suite):
    _, gateway, issuer = suite
    token = issuer.token(ref="refs/pull/1/merge", sub="repo:acme/ops:pull_request")
    assert ask(gateway, token).status == 200
    assert ask(gateway, token, "/v1/hosts/web1/services/app:freeze", {"reason": "ci"}).status == 403
    stranger = ask(gateway, issuer.token(repository="evil/ops"))
    assert stranger.status == 403
    assert "no rule of the issuer" in stranger.json["detail"]


@pytest.mark.parametrize("header,claims,told", [
    ({"alg": "none"}, {}, "not signed by"),
    ({"alg": "HS256"}, {}, "not signed by"),
    ({"jku": "https://evil.example/keys"}, {}, "jku"),
    ({}, {"aud": "https://other.example"}, "not for the audience"),
    ({}, {"iss": "https://other.example"}, "not of an issuer"),
    ({}, {"exp": 1_700_000_000}, "expired at 2023-11-14T22:13:20Z; the clock of this machine says"),
    ({}, {"nbf": 4_000_000_000}, "not valid before"),
])
def test_a_token_that_is_not_valid_is_refused_with_the_reason(suite, header, claims, told):
    _, gateway, issuer = suite
    token = issuer.token(header, **claims)
    answer = ask(gateway, token)
    assert answer.status == 401
    assert told in answer.json["detail"]
    assert "evil" not in answer.json["detail"] and token not in gateway.logged()


def test_a_token_in_the_url_is_refused(suite):
    _, gateway, issuer = suite
    token = issuer.token()
    answer = ask(gateway, token, f"/v1/hosts?access_token={token}")
    assert answer.status == 400
    assert token not in gateway.logged()


def test_a_new_key_of_the_issuer_is_taken_up(suite):
    _, gateway, issuer = suite
    issuer.new_key("second")
    token = issuer.token()
    first = ask(gateway, token)
    assert first.status in (200, 503), first.body
    wait_for(lambda: ask(gateway, token).status == 200, 30)
