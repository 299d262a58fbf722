"""The five providers of pull requests, as their documentation describes them: one real repository behind
`git http-backend`, and the part of each API that is about pull requests.

    with GitProvider(tmp_path / "shop", "gitea") as provider:
        provider.fail(Fault("POST", status=500))
        ... a promotion with provider.url() ...
        assert provider.pulls[0]["title"] == "Promote shopping/search in prod to 1.1.0"
"""

import base64
import http.server
import json
import pathlib
import re
import ssl
import subprocess
import threading
import time
import urllib.parse

from git_http_server import run_backend
from harness import GIT_ENVIRONMENT

KINDS = ("github", "gitlab", "bitbucket-server", "azure-devops", "gitea")
CLONE = {"github": "/acme/shop.git", "gitlab": "/acme/team/shop.git", "bitbucket-server": "/scm/AC/shop.git",
         "azure-devops": "/acme/team/_git/shop", "gitea": "/acme/shop.git"}
LIST = {"github": "/api/v3/repos/acme/shop/pulls", "gitlab": "/api/v4/projects/acme%2Fteam%2Fshop/merge_requests",
        "bitbucket-server": "/rest/api/1.0/projects/AC/repos/shop/pull-requests",
        "azure-devops": "/acme/team/_apis/git/repositories/shop/pullrequests",
        "gitea": "/api/v1/repos/acme/shop/pulls"}
HTML = ("text/html; charset=utf-8", b"<html><body>Sign in to continue</body></html>")


class Fault:
    """What happens to calls whose "METHOD target" contains `match`, the first `times` of them after `skip`
    others: the given answer instead of the provider's; with `hang` nothing until mend(), then the
    provider's answer; with `done_first` the provider carries the call out before it hangs; `before` is
    called before the provider's answer; `cut` ends the connection in the middle of it."""

    def __init__(self, match, status=None, headers=(), body=b'{"message": "out of order"}',
                 content_type="application/json", times=1 << 30, skip=0, hang=False, done_first=False,
                 before=None, cut=False):
        self.match, self.status, self.headers, self.body = match, status, list(headers), body
        self.content_type, self.times, self.hang, self.done_first = content_type, times, hang, done_first
        self.before, self.cut, self.skip = before, cut, skip
        self.reached, self.released = threading.Event(), threading.Event()


class GitProvider:
    def __init__(self, directory, kind, files=None, certificate=None, address=("127.0.0.1", 0)):
        self.kind = kind
        self.directory = pathlib.Path(directory)
        self.path = self.directory / "shop.git"
        self.work = self.directory / "work"
        self.git_tokens = self.api_tokens = {"the-token"}
        self.pulls = []
        self.calls = []  # (monotonic time, "METHOD target"), in order
        self.faults = []
        self.certificate = certificate
        self.lock = threading.RLock()
        self._address = address
        self._init(files or {"apps/search.yaml": app("1.0.0")})
        self.server = None

    # The server.

    def start(self):
        owner = self

        class Handler(_Handler):
            provider = owner

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

        self.server = Server(self._address, Handler)
        self._address = self.server.server_address  # the same after a stop
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate.chain, self.certificate.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.mend()
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    def url(self):
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{self._address[0]}:{self._address[1]}{CLONE[self.kind]}"

    def fail(self, fault):
        with self.lock:
            self.faults.append(fault)
        return fault

    def mend(self):
        with self.lock:
            faults, self.faults = self.faults, []
        for fault in faults:
            fault.released.set()

    def times(self, match):
        with self.lock:
            return [when for when, call in self.calls if match in call]

    def open_pulls(self):
        with self.lock:
            return [pull for pull in self.pulls if pull["state"] == "open"]

    # The repository.

    def _init(self, files):
        self.directory.mkdir(parents=True)
        self._run("init", "-q", "--bare", "-b", "main", str(self.path))
        self.git("config", "http.receivepack", "true")
        self._run("clone", "-q", str(self.path), str(self.work))
        self.commit(files)

    @staticmethod
    def _run(*arguments, check=True):
        done = subprocess.run(["git", *arguments], env=GIT_ENVIRONMENT, capture_output=True, text=True)
        assert not check or done.returncode == 0, (arguments, done.stderr)
        return done.stdout.strip()

    def git(self, *arguments):
        return self._run("-C", str(self.path), *arguments)

    def commit(self, files, branch="main", anew=False):
        """Pushes a commit of a person; `anew`: in place of the branch's history."""
        work = ("-C", str(self.work))
        self._run(*work, "fetch", "-q", "origin")
        exists = self.tip(branch) is not None
        if anew or not exists:
            self._run(*work, "checkout", "-q", "--detach", check=False)  # the first has no commit to go to
            self._run(*work, "branch", "-q", "-D", "anew", check=False)
            self._run(*work, "checkout", "-q", "--orphan", "anew")
        else:
            self._run(*work, "checkout", "-q", "--detach", f"origin/{branch}")
        for name, text in files.items():
            file = self.work / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self._run(*work, "add", "-A")
        self._run(*work, "commit", "-q", "--allow-empty", "-m", "by a person")
        self._run(*work, "push", "-q", "-f", "origin", f"HEAD:refs/heads/{branch}")
        return self._run(*work, "rev-parse", "HEAD")

    def tip(self, branch):
        return self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}") or None

    def hook(self, name, text):
        file = self.path / "hooks" / name
        file.write_text("#!/bin/sh\n" + text)
        file.chmod(0o755)

    # The API.

    def put(self, **members):
        """Adds a pull request that somebody made."""
        with self.lock:
            pull = {"id": len(self.pulls) + 1, "state": "open", "base": "main", "description": "", "version": 0,
                    "reviewers": [], **members}
            self.pulls.append(pull)
            return pull

    def may(self, header, git):
        tokens = self.git_tokens if git else self.api_tokens
        if header.startswith("Basic "):
            user, _, password = base64.b64decode(header[6:]).decode().partition(":")
            return password in tokens if git or self.kind == "azure-devops" else f"{user}:{password}" in tokens
        word = "token" if self.kind == "gitea" else "Bearer"
        return not git and header.split(" ", 1)[0] == word and header.split(" ", 1)[1] in tokens

    def element(self, pull):
        kind, site, number = self.kind, self.url().split("/acme")[0], pull["id"]
        if kind in ("github", "gitea"):
            merged = pull["state"] == "merged"
            return {"number": number, "state": "open" if pull["state"] == "open" else "closed", "title": pull["title"],
                    "html_url": f"{site}/acme/shop/pull/{number}",
                    "merged_at": "2026-11-30T00:00:00Z" if merged else None,
                    **({"merged": merged} if kind == "gitea" else {}),
                    "head": {"ref": pull["branch"], "repo": {"full_name": "acme/shop"}}, "base": {"ref": pull["base"]}}
        if kind == "gitlab":
            return {"iid": number, "title": pull["title"],
                    "state": {"open": "opened"}.get(pull["state"], pull["state"]),
                    "web_url": f"{site}/acme/team/shop/-/merge_requests/{number}", "source_branch": pull["branch"],
                    "target_branch": pull["base"], "source_project_id": 7, "target_project_id": 7}
        if kind == "azure-devops":
            return {"pullRequestId": number, "title": pull["title"],
                    "status": {"open": "active", "closed": "abandoned", "merged": "completed"}[pull["state"]],
                    "sourceRefName": f"refs/heads/{pull['branch']}", "targetRefName": f"refs/heads/{pull['base']}"}
        place = {"slug": "shop", "project": {"key": "AC"}}
        return {"id": number, "version": pull["version"], "title": pull["title"], "description": pull["description"],
                "state": {"open": "OPEN", "closed": "DECLINED", "merged": "MERGED"}[pull["state"]],
                "reviewers": [{"user": {"name": name}} for name in pull["reviewers"]],
                "fromRef": {"id": f"refs/heads/{pull['branch']}", "repository": place},
                "toRef": {"id": f"refs/heads/{pull['base']}", "repository": place}}

    def listed(self, query, pull):
        ref = f"refs/heads/{pull['branch']}"
        if self.kind == "github":
            return query.get("state") == "all" and query.get("head") == f"acme:{pull['branch']}"
        if self.kind == "gitlab":
            return query.get("source_branch") == pull["branch"]
        if self.kind == "bitbucket-server":
            return query.get("at") == ref and query.get("direction") == "OUTGOING" and query.get("state") == "ALL"
        if self.kind == "azure-devops":
            return query.get("searchCriteria.sourceRefName") == ref and query.get("searchCriteria.status") == "all"
        return query.get("state") == ("open" if pull["state"] == "open" else "closed")  # Gitea cannot filter by branch

    def list(self, query):
        with self.lock:
            found = [self.element(pull) for pull in reversed(self.pulls) if self.listed(query, pull)]
        size = int(query.get("limit") or query.get("per_page") or len(found) or 1)
        start = (int(query.get("page", 1)) - 1) * size
        part = found[start:start + size]
        if self.kind == "bitbucket-server":
            return 200, {"isLastPage": True, "values": part}
        return 200, {"count": len(part), "value": part} if self.kind == "azure-devops" else part

    def create(self, body):
        if self.kind == "gitlab":
            branch, base, description = body["source_branch"], body["target_branch"], body["description"]
        elif self.kind == "bitbucket-server":
            branch, base, description = body["fromRef"]["id"], body["toRef"]["id"], body["description"]
        elif self.kind == "azure-devops":
            branch, base, description = body["sourceRefName"], body["targetRefName"], body["description"]
        else:
            branch, base, description = body["head"], body["base"], body["body"]
        branch, base = (name.removeprefix("refs/heads/") for name in (branch, base))
        if not self.tip(branch):
            return 422, {"message": "head does not exist"}
        with self.lock:
            if any((pull["branch"], pull["base"]) == (branch, base) for pull in self.open_pulls()):
                return 422 if self.kind == "github" else 409, {"message": f"A pull request already exists for {branch}"}
            return 201, self.element(self.put(title=body["title"], branch=branch, base=base, description=description))

    def update(self, number, method, body):
        with self.lock:
            pull = next((pull for pull in self.pulls if str(pull["id"]) == number), None)
            if pull is None:
                return 404, {"message": "Not Found"}
            if method == "GET":
                return 200, self.element(pull)
            if method != ("PUT" if self.kind in ("gitlab", "bitbucket-server") else "PATCH"):
                return 405, {"message": "Method Not Allowed"}
            if self.kind == "bitbucket-server":
                if body.get("version") != pull["version"]:
                    return 409, {"message": "out of date"}
                pull["version"] += 1
                # What is left out is removed.
                pull["description"] = body.get("description", "")
                pull["reviewers"] = [reviewer["user"]["name"] for reviewer in body.get("reviewers", [])]
            pull["title"] = body["title"]
            return 200, self.element(pull)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    provider = None
    timeout = 120

    def log_message(self, *_):
        pass

    def do_GET(self):
        owner = self.provider
        with owner.lock:
            owner.calls.append((time.monotonic(), f"{self.command} {self.path}"))
        body = self.read_body()
        try:
            fault = self.take_fault()
            if fault is None:
                self.answer(*self.serve(body))
                return
            done = self.serve(body) if fault.done_first else None
            fault.reached.set()
            if fault.before is not None:
                fault.before()
            if fault.hang:
                fault.released.wait(120)
            if fault.cut:
                status, headers, answer = done or self.serve(body)
                self.begin(status, headers, len(answer))
                self.wfile.write(answer[:len(answer) // 2])
                self.close_connection = True
            elif fault.status is not None:
                self.answer(fault.status, [("Content-Type", fault.content_type), *fault.headers], fault.body)
            else:
                self.answer(*(done or self.serve(body)))
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    do_POST = do_PUT = do_PATCH = do_GET

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def take_fault(self):
        with self.provider.lock:
            for fault in self.provider.faults:
                if fault.times > 0 and fault.match in f"{self.command} {self.path}":
                    fault.skip -= 1
                    if fault.skip < 0:
                        fault.times -= 1
                        return fault
        return None

    def serve(self, body):
        """(status, headers, body) of the provider."""
        owner = self.provider
        path, _, query = self.path.partition("?")
        git = path.startswith(CLONE[owner.kind] + "/")
        if not owner.may(self.headers.get("Authorization", ""), git):
            if git:
                return 401, [("WWW-Authenticate", 'Basic realm="git"')], b"who are you?\n"
            if owner.kind == "azure-devops":
                return 203, [("Content-Type", HTML[0])], HTML[1]
            return 401, [("Content-Type", "application/json")], b'{"message": "Bad credentials"}'
        if git:
            return self.run_backend(path.removeprefix(CLONE[owner.kind]), query, body)
        if not path.startswith(LIST[owner.kind]):
            status, answer = 404, {"message": "Not Found"}
        elif rest := path.removeprefix(LIST[owner.kind]).strip("/"):
            status, answer = owner.update(rest, self.command, json.loads(body or b"{}"))
        elif self.command == "GET":
            status, answer = owner.list(dict(urllib.parse.parse_qsl(query)))
        else:
            status, answer = owner.create(json.loads(body))
        return status, [("Content-Type", "application/json; charset=utf-8")], json.dumps(answer).encode()

    def run_backend(self, path, query, body):
        return run_backend(self, self.provider.path, path, query, body, REMOTE_USER="robot",
                           HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""))

    def begin(self, status, headers, length):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def answer(self, status, headers, body):
        self.begin(status, headers, len(body))
        self.wfile.write(body)


def app(version, pipeline="search"):
    return f'image:\n  tag: {version}  # {{"$promotion": "shopping:{pipeline}:prod"}}\n'


def version_in(text):
    return re.search(r"tag: (\S+)", text).group(1)
