"""Certificates minted for one test: an authority, server certificates, client certificates."""
import dataclasses
import pathlib
import subprocess


@dataclasses.dataclass
class ServerCertificate:
    cert: pathlib.Path
    key: pathlib.Path


class Authority:
    def __init__(self, folder, name="test authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key, self.cert = self.folder / "ca.key", self.folder / "ca.crt"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", self.key, "-out", self.cert, "-days", "2", "-subj", f"/CN={name}")

    def issue(self, name, names="DNS:localhost,IP:127.0.0.1", days="2") -> ServerCertificate:
        key, request, cert, extensions = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt", "ext"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                "-out", request, "-subj", f"/CN={name}")
        extensions.write_text(f"subjectAltName={names}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial",
                "-out", cert, "-days", days, "-extfile", extensions)
        return ServerCertificate(cert, key)


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
