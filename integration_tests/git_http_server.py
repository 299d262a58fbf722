"""`git http-backend` behind Python's HTTP server, with the faults that upstreams really have.

A fault is put on one of two stages: "refs" is what a poll asks (the capabilities and the list of
branches), "pack" is a fetch."""

import base64
import gzip
import http.server
import os
import ssl
import subprocess
import threading

BACKEND = os.path.join(
    subprocess.run(["git", "--exec-path"], capture_output=True, text=True,
                   check=True).stdout.strip(), "git-http-backend")


def run_backend(request, root, path, query, body, **more):
    """What git's http-backend answers to a request: status, headers, body. `more`: variables."""
    environment = {
        "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent", "PATH_INFO": path, "QUERY_STRING": query,
        "REQUEST_METHOD": request.command, "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": "127.0.0.1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""), **more}
    done = subprocess.run([BACKEND], input=body, env=environment, capture_output=True)
    head, _, answer = done.stdout.partition(b"\r\n\r\n")
    headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n") if line]
    status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
    return status, [header for header in headers if header[0] != "Status"], answer


class Fault:
    """kind: "answer" (status, type and body instead of git's), "stream" (the same; the body is an iterator, whose
    end nobody is told), "hang" (no answer before release), "stall" (half of git's answer, the rest after release),
    "drip" (some bytes at a time before release) or "cut" (half, then the end)."""

    def __init__(self, kind, status=500, content_type="text/plain", body=b"out of order\n", headers=()):
        self.kind = kind
        self.headers = list(headers)
        self.status = status
        self.content_type = content_type
        self.body = body
        self.reached = threading.Event()
        self.released = threading.Event()


class GitHttpServer:
    """Serves every repository beneath `root`. Used as a context manager."""

    def __init__(self, root, certificate=None, port=0):
        self.root = str(root)
        self.login = None  # (user, password) that must be given; None: nobody is asked
        self.login_for = ("GET", "POST")  # for which methods
        self.redirect = None  # (from, to): prefixes of paths, or of a whole URL
        self.faults = {}  # stage: Fault
        self.requests = []  # "METHOD path", in order
        self.logins = []  # what came with an Authorization, in order
        owner = self

        class Handler(_Handler):
            server_owner = owner

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.chain, certificate.key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
            self.scheme = "https"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def url(self, path="upstream/.git", userinfo=""):
        return f"{self.scheme}://{userinfo}127.0.0.1:{self.server.server_address[1]}/{path}"

    def put(self, stage, fault):
        self.faults[stage] = fault
        return fault

    def mend(self):
        faults, self.faults = self.faults, {}
        for fault in faults.values():
            fault.released.set()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.mend()
        self.server.shutdown()
        self.server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_owner = None
    timeout = 120

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.serve(b"")

    def do_POST(self):
        self.serve(self.read_body())

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def serve(self, body):
        owner = self.server_owner
        owner.requests.append(f"{self.command} {self.path}")
        if "Authorization" in self.headers:
            owner.logins.append(self.headers["Authorization"])
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        try:
            if self.command in owner.login_for and not self.authorized(owner.login):
                self.answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"who are you?\n")
                return
            if owner.redirect and self.path.startswith(owner.redirect[0]):
                target = owner.redirect[1] + self.path[len(owner.redirect[0]):]
                self.answer(301, [("Location", target)], b"")
                return
            self.serve_git(owner.faults.get("pack" if b"command=fetch" in body else "refs"), body)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True

    def authorized(self, login):
        if login is None:
            return True
        expected = base64.b64encode(":".join(login).encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def serve_git(self, fault, body):
        if fault is not None and fault.kind == "answer":
            fault.reached.set()
            self.answer(fault.status, [("Content-Type", fault.content_type), *fault.headers], fault.body)
            return
        if fault is not None and fault.kind == "stream":
            self.stream(fault)
            return
        if fault is not None and fault.kind == "hang":
            fault.reached.set()
            fault.released.wait(120)
        status, headers, answer = self.run_backend(body)
        if fault is None or fault.kind == "hang":
            self.answer(status, headers, answer)
            return
        self.begin(status, headers, len(answer))
        if fault.kind == "drip":
            self.drip(fault, answer)
            return
        self.wfile.write(answer[:len(answer) // 2])
        self.wfile.flush()
        fault.reached.set()
        if fault.kind == "cut":
            self.close_connection = True
            return
        fault.released.wait(120)
        self.wfile.write(answer[len(answer) // 2:])

    def stream(self, fault):
        self.close_connection = True
        self.send_response(fault.status)
        for name, value in [("Content-Type", fault.content_type), ("Connection", "close"), *fault.headers]:
            self.send_header(name, value)
        self.end_headers()
        fault.reached.set()
        for piece in fault.body:
            if fault.released.is_set():
                return
            self.wfile.write(piece)

    def drip(self, fault, answer):
        fault.reached.set()
        sent = 0
        while sent < len(answer) and not fault.released.wait(0.1):
            self.wfile.write(answer[sent:sent + 100])
            self.wfile.flush()
            sent += 100
        self.wfile.write(answer[sent:])

    def run_backend(self, body):
        path, _, query = self.path.partition("?")
        return run_backend(self, self.server_owner.root, path, query, body)

    def begin(self, status, headers, length):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def answer(self, status, headers, body):
        self.begin(status, headers, len(body))
        self.wfile.write(body)


class Certificate:
    """A certificate authority and a certificate for an address, or a name, that it signed."""

    def __init__(self, directory, address="127.0.0.1"):
        directory.mkdir()
        self.ca = directory / "ca.pem"
        self.chain = directory / "server.pem"
        self.key = directory / "server.key"
        ca_key, request, names = directory / "ca.key", directory / "request", directory / "names"
        kind = "IP" if address.replace(".", "").isdigit() else "DNS"
        names.write_text(f"subjectAltName={kind}:{address}\n")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-keyout", ca_key, "-out", self.ca, "-days", "2", "-subj",
                     f"/CN=test authority {directory.name}")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-keyout", self.key, "-out", request, "-subj", f"/CN={address}")
        self.openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key,
                     "-CAcreateserial", "-days", "2", "-extfile", names, "-out", self.chain)

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
