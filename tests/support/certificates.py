"""Certificates for the tests of TLS and DTLS, made by the program openssl."""
import pathlib
import subprocess


class Authority:
    """An authority with its own key; issue() makes certificates of it."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder, name)
        self.folder.mkdir(parents=True)
        self.certificate = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                      "-nodes", "-keyout", self.key, "-out", self.certificate, "-days", "30",
                      "-subj", f"/CN={name}")

    def issue(self, name, alternatives, days=30):
        """(certificate, key) for the comma-separated ALTERNATIVES, such as DNS:localhost."""
        key, request = self.folder / f"{name}.key", self.folder / f"{name}.csr"
        certificate, extension = self.folder / f"{name}.pem", self.folder / f"{name}.ext"
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                      "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        extension.write_text(f"subjectAltName={alternatives}\n", encoding="ascii")
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                      "-CAcreateserial", "-out", certificate, "-days", str(days), "-extfile",
                      extension)
        return certificate, key

    @staticmethod
    def _openssl(*words):
        subprocess.run(["openssl"] + [str(word) for word in words], check=True, timeout=60,
                       capture_output=True)
