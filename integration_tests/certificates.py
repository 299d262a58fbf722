"""A certificate authority for tests: Authority(directory) makes directory/ca.crt; issue(name) makes a
directory of tls.crt, tls.key and ca.crt for 127.0.0.1 and localhost."""

import pathlib
import ssl
import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.certificate = self.directory / "ca.crt"
        self.key = self.directory / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2,
                "-subj", "/CN=test authority", "-keyout", self.key, "-out", self.certificate)

    def issue(self, name):
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        request, extensions = directory / "request", directory / "extensions"
        extensions.write_text("subjectAltName = IP:127.0.0.1, DNS:localhost\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                f"/CN={name}", "-keyout", directory / "tls.key.new", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                "-days", 2, "-extfile", extensions, "-out", directory / "tls.crt.new")
        (directory / "tls.crt.new").rename(directory / "tls.crt")
        (directory / "tls.key.new").rename(directory / "tls.key")
        (directory / "ca.crt").write_bytes(self.certificate.read_bytes())
        return directory

    def client_context(self):
        return ssl.create_default_context(cafile=self.certificate)
