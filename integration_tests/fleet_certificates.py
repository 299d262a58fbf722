"""A certificate authority of the fleet, made with openssl: certificates of gitops://ROLE/NAME."""

import pathlib
import subprocess

CONFIG = """[ca]
default_ca = fleet
[fleet]
dir = {directory}
database = {directory}/index.txt
new_certs_dir = {directory}/issued
certificate = {directory}/ca.crt
private_key = {directory}/ca.key
default_md = sha256
default_crl_days = 30
rand_serial = yes
unique_subject = no
policy = any
[any]
commonName = supplied
[req]
distinguished_name = name
x509_extensions = authority
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""


class FleetAuthority:
    def __init__(self, directory, name="fleet"):
        self.directory = pathlib.Path(directory)
        (self.directory / "issued").mkdir(parents=True)
        (self.directory / "index.txt").touch()
        self.config = self.directory / "openssl.cnf"
        self.config.write_text(CONFIG.format(directory=self.directory))
        self.certificate = self.directory / "ca.crt"
        self.made = 0
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                     "-days", "30", "-subj", f"/CN={name}", "-config", self.config,
                     "-keyout", self.directory / "ca.key", "-out", self.certificate)

    @staticmethod
    def openssl(*arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def issue(self, identity, into=None, dates=("-days", "30"), names="", authority=None):
        """A --tls-dir with a certificate of "ROLE/NAME": a new directory, or the files of `into` are replaced,
        each by a rename. `names`: further entries of the subject's alternative names."""
        self.made += 1
        directory = pathlib.Path(into or self.directory / f"tls{self.made}")
        directory.mkdir(exist_ok=True)
        request, extensions = self.directory / "request", self.directory / "extensions"
        extensions.write_text("keyUsage = digitalSignature\nextendedKeyUsage = serverAuth, clientAuth\n"
                              f"subjectAltName = URI:gitops://{identity}{names}\n")
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                     "-subj", f"/CN={identity.replace('/', ' ')}", "-keyout", directory / "tls.key.new",
                     "-out", request)
        self.openssl("ca", "-batch", "-config", self.config, "-in", request, "-extfile", extensions, *dates,
                     "-notext", "-out", directory / "tls.crt.new")
        (directory / "ca.crt.new").write_bytes((authority or self).certificate.read_bytes())
        for name in ("ca.crt", "tls.key", "tls.crt"):
            (directory / f"{name}.new").rename(directory / name)
        return directory

    def expired(self, identity):
        return self.issue(identity, dates=("-startdate", "20200101000000Z", "-enddate", "20200201000000Z"))

    def revoke(self, directory, served):
        """Revokes the certificate in `directory`, and gives the server of `served` the list."""
        self.openssl("ca", "-config", self.config, "-revoke", pathlib.Path(directory) / "tls.crt")
        fresh = pathlib.Path(served) / "crl.pem.new"
        self.openssl("ca", "-config", self.config, "-gencrl", "-out", fresh)
        fresh.rename(pathlib.Path(served) / "crl.pem")
