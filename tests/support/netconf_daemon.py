"""The daemon's side of the control channel, for tests of the program spanflow-netconf alone.

Starts the program with one end of a socket pair as descriptor 3 and answers what it asks.
"""
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import threading
import time

HEADER = struct.Struct("=IHHI")
HELLO, NOTIFY, OK, ERROR, APPLY, STATE, RPC = range(1, 8)
SECONDS = 30


class Daemon:
    """Use as a context manager. CONFIGURATION is what stands in the container spanflow; who has
    come may do everything."""

    def __init__(self, folder, configuration, volatile=False, wrapper=()):
        self.folder = pathlib.Path(folder)
        self.socket = str(self.folder / "control.sock")
        self.log = self.folder / "log"
        build = pathlib.Path(os.environ.get("SPANFLOW_BUILD", "build")).resolve()
        program = build / "config/netconf/spanflow-netconf"
        ours, theirs = socket.socketpair()
        self.channel = ours
        self.requests = []
        self.answers = {}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, "/bin/sh", "-c", f'exec "$0" 3<&{theirs.fileno()}', str(program)],
                pass_fds=[theirs.fileno()], stderr=log, stdin=subprocess.DEVNULL)
        theirs.close()
        self._send(HELLO, 0, {"volatile": volatile, "store": str(self.folder),
                              "socket": self.socket, "version": "test",
                              "configuration": {"spanflow:spanflow": configuration,
                                                "ietf-netconf-acm:nacm": {"enable-nacm": False}}})
        threading.Thread(target=self._answer, daemon=True).start()

    def __enter__(self):
        wait_for(lambda: self.listens() or self.process.poll() is not None, "the local socket")
        assert self.process.poll() is None, self.words()
        return self

    def __exit__(self, kind, *_):
        self.end()
        if kind:
            print(self.words())

    def end(self):
        """Goes away, as a daemon does, and returns the status of the program."""
        if self.channel:
            self.channel.shutdown(socket.SHUT_RDWR)
            self.channel.close()
            self.channel = None
        try:
            status = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        found = self.words().find("Sanitizer")
        assert found < 0, self.words()[max(0, found - 200):found + 4000]
        return status

    def _send(self, kind, number, body):
        text = json.dumps(body).encode() if body is not None else b""
        self.channel.sendall(HEADER.pack(len(text), kind, 0, number) + text)

    def _exactly(self, channel, length):
        data = b""
        while len(data) < length:
            piece = channel.recv(length - len(data))
            if not piece:
                raise OSError("closed")
            data += piece
        return data

    def _answer(self):
        channel = self.channel
        try:
            while True:
                length, kind, flags, number = HEADER.unpack(self._exactly(channel, HEADER.size))
                body = self._exactly(channel, length)
                self.requests.append((kind, flags, body))
                self._send(OK, number, self.answers.get(kind))
        except (OSError, AttributeError):
            pass

    def words(self):
        return self.log.read_text(errors="replace")

    def memory_peak_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1])

    def listens(self):
        with socket.socket(socket.AF_UNIX) as stream:
            return stream.connect_ex(self.socket) == 0

    def alive(self):
        return self.process.poll() is None


def wait_for(condition, what, seconds=SECONDS):
    """Until CONDITION returns something true, which is returned."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"no {what} within {seconds} s")
