"""A real Kubernetes API for Flux's objects: Debian's etcd and Kubernetes's apiextensions-apiserver, the part of an
API server that serves custom resources. The program is built from its pinned source at the first use, which takes some
minutes and the network, and is kept in the user's cache.

What such a server asks the core of a cluster, whose token it was shown and whether an account may do something
(TokenReview, SubjectAccessReview), a small server of the test answers.
"""

import base64
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import threading

from harness import wait_for

VERSION = "v0.34.2"
LEAST_GO = (1, 24)
TOOLCHAIN = "v0.0.1-go1.24.9.linux-amd64"  # for a Go that is older
CACHE = pathlib.Path.home() / ".cache" / "gitops" / "kubernetes" / VERSION


def run_go(go, *arguments, **environment):
    done = subprocess.run(["nice", "-n", "10", go, *arguments], capture_output=True, text=True, cwd=CACHE, check=False,
                          env={**os.environ, "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local", **environment})
    if done.returncode != 0:
        raise AssertionError(
            f"cannot build apiextensions-apiserver {VERSION}; this test builds it at its first run, from the Go module "
            f"proxy, and keeps it in {CACHE}. `go {' '.join(arguments)}` said:\n{done.stderr[-2000:]}")
    return done.stdout


def find_go():
    """A Go that is new enough: the system's, or one that the system's fetches."""
    go = shutil.which("go")
    assert go, "go is missing: run tools/install-deps --long"
    version = re.search(r"go(\d+)\.(\d+)", run_go(go, "version"))
    if tuple(map(int, version.groups())) >= LEAST_GO:
        return go
    fetched = json.loads(run_go(go, "mod", "download", "-json", f"golang.org/toolchain@{TOOLCHAIN}"))
    root = CACHE / "go"
    shutil.copytree(fetched["Dir"], root, dirs_exist_ok=True)
    subprocess.run(["chmod", "-R", "u+wx", root], check=True)  # modules have no executable files
    return str(root / "bin" / "go")


def api_server():
    """The path of the program; builds it if it is not there."""
    program = CACHE / "apiextensions-apiserver"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        building = CACHE / f"building.{os.getpid()}"
        try:
            run_go(find_go(), "install", f"k8s.io/apiextensions-apiserver@{VERSION}", GOBIN=str(building))
            (building / program.name).rename(program)
        finally:
            shutil.rmtree(building, ignore_errors=True)
            shutil.rmtree(CACHE / "go", ignore_errors=True)
    return program


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Certificates:
    """An authority of the test."""

    def __init__(self, directory):
        self.directory = directory
        directory.mkdir(parents=True)
        self.ca = directory / "ca.crt"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "7",
                      "-keyout", directory / "ca.key", "-out", self.ca, "-subj", "/CN=test authority")

    def issue(self, name, subject):
        """A certificate and its key, for 127.0.0.1 and for clients."""
        key, request, certificate = (self.directory / f"{name}.{end}" for end in ("key", "csr", "crt"))
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                      "-out", request, "-subj", subject)
        extensions = self.directory / "extensions"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.directory / "ca.key",
                      "-CAcreateserial", "-days", "7", "-out", certificate, "-extfile", extensions)
        return certificate, key

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def kubeconfig(path, server, authority, user):
    """Writes one; `authority` and `user` are the fields of its cluster and user. JSON is YAML."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": server, **authority}}],
        "users": [{"name": "test", "user": user}]}))
    fresh.rename(path)
    return path


def encoded(path):
    return base64.b64encode(path.read_bytes()).decode()


class Core:
    """Who holds which token, and what accounts may do."""

    def __init__(self, certificate, key):
        self.tokens = {}  # the account of each
        self.forbidden = set()  # namespaces
        core = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                review["status"] = core.review(review["kind"], review["spec"])
                body = json.dumps(review).encode()
                self.send_response(201)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def review(self, kind, spec):
        if kind == "TokenReview":
            account = self.tokens.get(spec["token"])
            if account is None:
                return {"authenticated": False, "error": "the token has expired"}
            return {"authenticated": True, "user": {"username": account, "groups": ["system:authenticated"]}}
        if spec["user"] == "system:anonymous":
            return {"allowed": False}
        wanted = spec.get("resourceAttributes")
        if wanted is None:  # discovery
            return {"allowed": spec["nonResourceAttributes"]["verb"] == "get"}
        return {"allowed": wanted["verb"] == "get" and wanted.get("namespace") not in self.forbidden}

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class KubernetesApi:
    """The API, with an administrator's client of it. Started by `with`."""

    def __init__(self, directory):
        etcd = shutil.which("etcd")
        assert etcd, "etcd is missing: run tools/install-deps --long"
        self.directory = directory
        self.certificates = Certificates(directory / "certificates")
        serving = self.certificates.issue("server", "/CN=localhost")
        self.admin = self.certificates.issue("admin", "/O=system:masters/CN=admin")
        self.core = Core(*serving)
        store, peers, self.port = free_port(), free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.authority = {"certificate-authority": str(self.certificates.ca)}
        admin = {"client-certificate": str(self.admin[0]), "client-key": str(self.admin[1])}
        itself = kubeconfig(directory / "itself", self.url, self.authority, admin)
        core = kubeconfig(directory / "core", self.core.url, self.authority, {})
        self._commands = {
            "etcd": [etcd, "--data-dir", directory / "etcd", "--listen-client-urls", f"http://127.0.0.1:{store}",
                     "--advertise-client-urls", f"http://127.0.0.1:{store}",
                     "--listen-peer-urls", f"http://127.0.0.1:{peers}",
                     "--initial-advertise-peer-urls", f"http://127.0.0.1:{peers}",
                     "--initial-cluster", f"default=http://127.0.0.1:{peers}"],
            "api": [api_server(), f"--etcd-servers=http://127.0.0.1:{store}", f"--secure-port={self.port}",
                    "--bind-address=127.0.0.1", f"--tls-cert-file={serving[0]}",
                    f"--tls-private-key-file={serving[1]}", f"--client-ca-file={self.certificates.ca}",
                    "--authentication-skip-lookup", "--enable-priority-and-fairness=false", f"--kubeconfig={itself}",
                    f"--authentication-kubeconfig={core}", f"--authorization-kubeconfig={core}",
                    "--authentication-token-webhook-cache-ttl=1s", "--authorization-webhook-cache-authorized-ttl=1s",
                    "--authorization-webhook-cache-unauthorized-ttl=1s",
                    "--disable-admission-plugins=ValidatingAdmissionPolicy,MutatingAdmissionPolicy,"
                    "NamespaceLifecycle,MutatingAdmissionWebhook,ValidatingAdmissionWebhook"]}
        self._processes = {}
        self._context = ssl.create_default_context(cafile=self.certificates.ca)
        self._context.load_cert_chain(*self.admin)

    def __enter__(self):
        try:
            self._start("etcd")
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        self._stop("etcd")
        self.core.stop()

    def start(self):
        process = self._start("api")

        def ready():
            assert process.poll() is None, (self.directory / "api.log").read_text()[-4000:]
            try:
                return self.request("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")[0] == 200
            except OSError:
                return False

        wait_for(ready, 60, "the API server")

    def stop(self):
        self._stop("api")

    def _start(self, name):
        with open(self.directory / f"{name}.log", "ab") as log:
            process = subprocess.Popen([str(part) for part in self._commands[name]], stdout=log, stderr=log,
                                       cwd=self.directory)
        self._processes[name] = process
        return process

    def _stop(self, name):
        process = self._processes.pop(name, None)
        if process is not None:
            process.kill()
            process.wait()

    def request(self, method, path, body=None, content_type="application/json"):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self._context)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": content_type})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ask(self, method, path, body=None, **options):
        status, answer = self.request(method, path, body, **options)
        assert status in (200, 201), f"{method} {path}: {status} {answer.decode()}"
        return json.loads(answer)

    def patch(self, path, body):
        return self.ask("PATCH", path, body, content_type="application/merge-patch+json")


# The fields of a status that matter here, as the versions of Flux's APIs have them. Others are dropped by the API.
CONDITION = {"type": "object", "properties": {
    name: {"type": "string"} for name in ("type", "status", "reason", "message", "lastTransitionTime")}}
COMMON = {"observedGeneration": {"type": "integer"}, "conditions": {"type": "array", "items": CONDITION},
          "lastAttemptedRevision": {"type": "string"}}
APPLIED = {"lastAppliedRevision": {"type": "string"}}
HISTORY = {"history": {"type": "array", "items": {"type": "object", "properties": {
    "version": {"type": "integer"}, "chartVersion": {"type": "string"}, "status": {"type": "string"},
    "ociDigest": {"type": "string"}}}}}
STATUS = {
    "HelmRelease": {"v2beta1": {**COMMON, **APPLIED}, "v2beta2": {**COMMON, **APPLIED, **HISTORY},
                    "v2": {**COMMON, **HISTORY}},
    "Kustomization": {"v1beta2": {**COMMON, **APPLIED}, "v1": {**COMMON, **APPLIED}},
}
GROUPS = {"HelmRelease": "helm.toolkit.fluxcd.io", "Kustomization": "kustomize.toolkit.fluxcd.io"}


class FluxKind:
    """A kind of Flux's objects in the API."""

    def __init__(self, api, kind):
        self.api, self.kind, self.group, self.plural = api, kind, GROUPS[kind], kind.lower() + "s"
        self.definition = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{self.plural}.{self.group}"
        self.version = None

    def serve(self, *versions):
        """Serves it in these versions; the first is the one in which objects are stored and written by this test."""
        self.version = versions[0]
        spec = {
            "group": self.group, "scope": "Namespaced",
            "names": {"kind": self.kind, "plural": self.plural, "singular": self.kind.lower()},
            "versions": [{
                "name": name, "served": name in versions, "storage": name == self.version,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "status": {"type": "object", "properties": status}}}}}
                for name, status in STATUS[self.kind].items()]}
        if self.api.request("GET", self.definition)[0] == 200:
            self.api.patch(self.definition, {"spec": spec})
        else:
            self.api.ask("POST", self.definition.rsplit("/", 1)[0],
                         {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                          "metadata": {"name": f"{self.plural}.{self.group}"}, "spec": spec})
        wait_for(lambda: self._served() == set(versions), what=f"{self.kind} to be served in {versions}")

    def _served(self):
        """The versions in which objects can be listed: the API begins and ends that some time after discovery."""
        return {name for name in STATUS[self.kind]
                if self.api.request("GET", f"/apis/{self.group}/{name}/{self.plural}")[0] == 200}

    def remove(self):
        self.api.ask("DELETE", self.definition)
        wait_for(lambda: self.api.request("GET", f"/apis/{self.group}")[0] == 404, 30, f"{self.kind} to be gone")

    def path(self, namespace, name=""):
        return f"/apis/{self.group}/{self.version}/namespaces/{namespace}/{self.plural}" + (name and f"/{name}")

    def create(self, namespace, name):
        self.api.ask("POST", self.path(namespace), {
            "apiVersion": f"{self.group}/{self.version}", "kind": self.kind,
            "metadata": {"name": name, "namespace": namespace}, "spec": {"interval": "5m"}})

    def change_spec(self, namespace, name, value):
        """A change that its controller has not seen: another generation."""
        self.api.patch(self.path(namespace, name), {"spec": {"change": value}})

    def set_status(self, namespace, name, status):
        """Replaces the status, as the controller does."""
        found = self.api.ask("GET", self.path(namespace, name))
        found["status"] = {"observedGeneration": found["metadata"]["generation"], **status}
        self.api.ask("PUT", self.path(namespace, name) + "/status", found)

    def delete(self, namespace, name):
        self.api.ask("DELETE", self.path(namespace, name))
