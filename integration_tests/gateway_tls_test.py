"""The TLS of the real gateway: versions, HTTP/1.1 by ALPN, and rotation of the certificate."""

import shutil
import socket
import ssl

import pytest

from certificates import Authority
from gateway import Gateway
from harness import wait_for


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def gateway(authority, tmp_path):
    directory = shutil.copytree(authority.issue("first"), tmp_path / "tls")
    with Gateway(tmp_path / "gateway", ["--planner", "", "--promotion-receiver", "",
                                        "--tls-dir", directory]) as gateway:
        gateway.tls = authority.client_context()
        gateway.tls_dir = directory
        yield gateway


def handshake(gateway, context):
    with socket.create_connection(gateway.address("http").rsplit(":", 1), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            return (connection.version(), connection.selected_alpn_protocol(),
                    dict(part[0] for part in connection.getpeercert()["subject"])["commonName"])


def test_tls_1_2_and_1_3_are_spoken_and_nothing_older(gateway, authority):
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        context = authority.client_context()
        context.minimum_version = context.maximum_version = version
        assert handshake(gateway, context)[0] == name
    old = authority.client_context()
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(gateway, old)


def test_a_client_that_prefers_http_2_gets_http_1_1(gateway, authority):
    context = authority.client_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    assert handshake(gateway, context)[1] in ("http/1.1", None)
    assert gateway.get("/healthz").status == 200


def test_plain_http_on_the_tls_port_is_no_request(gateway):
    with socket.create_connection(gateway.address("http").rsplit(":", 1), timeout=15) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            answer = connection.recv(100)
        except ConnectionResetError:
            answer = b""
        assert b"200" not in answer


def test_a_rotated_certificate_is_taken_up_and_a_bad_one_is_not(gateway, authority):
    second = authority.issue("second")
    for name in ("tls.crt", "tls.key"):
        shutil.copy(second / name, gateway.tls_dir / f"{name}.new")
        (gateway.tls_dir / f"{name}.new").rename(gateway.tls_dir / name)
    context = authority.client_context()
    wait_for(lambda: handshake(gateway, context)[2] == "second", what="the new certificate")
    (gateway.tls_dir / "tls.crt").write_text("no certificate")

    def noticed():
        # The files are looked at when clients come.
        assert handshake(gateway, context)[2] == "second"
        return "tls.crt" in gateway.logged() and "stays in use" in gateway.logged()

    wait_for(noticed, what="the bad certificate in the log")
    assert handshake(gateway, context)[2] == "second"
    assert gateway.get("/healthz").status == 200
