"""Runs in a host: https://git.example serves the repositories of /srv/git to whoever has the token TOKEN, with a
certificate that the host trusts."""

import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from git_http_server import Certificate, GitHttpServer  # noqa: E402

TRUSTED = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")

if __name__ == "__main__":
    certificate = Certificate(pathlib.Path("/run/git.example"), "git.example")
    with TRUSTED.open("a", encoding="utf-8") as trusted:
        trusted.write(certificate.ca.read_text())
    with GitHttpServer("/srv/git", certificate, port=443) as server:
        server.login = ("TOKEN", "x-oauth-basic")
        threading.Event().wait()
