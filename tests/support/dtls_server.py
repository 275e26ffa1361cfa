"""A collector over DTLS: openssl s_server, which writes what it decrypts to a file."""
import os
import socket
import subprocess
import time


class DtlsServer:
    """openssl s_server on a free port; what it decrypts goes to OUTPUT."""

    def __init__(self, output, files, port=0, prefix=()):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", port))
            self.port = sock.getsockname()[1]
        self.path = f"{output}.0"
        self.log = f"{output}.log"
        with open(self.path, "wb") as out, open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                list(prefix)
                + ["openssl", "s_server", "-dtls1_2", "-accept", str(self.port), "-cert",
                   str(files[0]), "-key", str(files[1]), "-CAfile", str(files[2]), "-Verify", "2",
                   "-verify_return_error", "-quiet"],
                stdin=subprocess.PIPE, stdout=out, stderr=log)

    def __enter__(self):
        return self

    def kill(self):
        self.__exit__()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait_octets(self, octets, timeout=20):
        end = time.monotonic() + timeout
        while time.monotonic() < end and os.path.getsize(self.path) < octets:
            time.sleep(0.02)
