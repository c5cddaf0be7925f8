"""A self-made certificate for 127.0.0.1 and localhost, for tests of TLS."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.services.places import ServiceMissingError


@dataclass(frozen=True)
class Certificate:
    """Two PEM files: the certificate (also its own authority) and the private key."""

    certificate: Path
    key: Path


def make_certificate(directory: Path) -> Certificate:
    """Write a certificate valid for two days; raises `ServiceMissingError` without openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise ServiceMissingError("There is no openssl; run .ci/services to install it.")
    made = Certificate(directory / "certificate.pem", directory / "key.pem")
    request = ["req", "-x509", "-nodes", "-days", "2"]
    algorithm = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run([openssl, *request, *algorithm, *names, *files], check=True, capture_output=True)
    return made
