"""The daemon's control channel, spoken by the test itself: a copy of spanflowd in a folder of its
own finds tests/tools/control_client in the place of spanflow-netconf, which joins the channel to a
UNIX socket. The user spanflow, where the machine has none, is made in a mount namespace."""
import json
import os
import pathlib
import pwd
import shutil
import socket
import struct
import time

from support import probe

HELLO, NOTIFY, OK, ERROR, APPLY, STATE, RPC, KEEP, TAKEN = range(1, 10)
TEST = 1  # flag of APPLY
HEADER = struct.Struct("=IHHI")
MADE_ID = 977  # of the user spanflow where there is none
CLIENT = probe.BUILD / "tests" / "tools" / "control_client"


def make_place(folder):
    """FOLDER with a copy of the daemon, the client beside it and the files of users. Returns the
    words that start the daemon."""
    folder = pathlib.Path(folder)
    (folder / "tools").mkdir()
    (folder / "config" / "netconf").mkdir(parents=True)
    shutil.copy2(probe.SPANFLOWD, folder / "tools" / "spanflowd")
    shutil.copy2(CLIENT, folder / "config" / "netconf" / "spanflow-netconf")
    return with_user(folder) + [str(folder / "tools" / "spanflowd")]


def user_ids():
    """User and group of the NETCONF process of a daemon that is root."""
    try:
        entry = pwd.getpwnam("spanflow")
        return entry.pw_uid, entry.pw_gid
    except KeyError:
        return MADE_ID, MADE_ID


def with_user(folder):
    """Words before a command that needs the user spanflow; FOLDER is opened to that user."""
    os.chmod(folder, 0o755)
    try:
        pwd.getpwnam("spanflow")
        return []
    except KeyError:
        pass
    for name, line in (("passwd", f"spanflow:x:{MADE_ID}:{MADE_ID}::/nonexistent:/bin/false\n"),
                       ("group", f"spanflow:x:{MADE_ID}:\n")):
        text = pathlib.Path("/etc", name).read_text(encoding="utf-8")
        pathlib.Path(folder, name).write_text(text + line, encoding="utf-8")
    return ["unshare", "-m", "sh", "-c",
            f"mount --bind {folder}/passwd /etc/passwd && "
            f"mount --bind {folder}/group /etc/group && exec \"$@\"", "sh"]


class Refused(Exception):
    """The daemon answered with an error: tag, path, message."""

    def __init__(self, body):
        super().__init__(body)
        self.tag, self.path, self.message = body["tag"], body["path"], body["message"]


class Channel:
    """One end of the channel."""

    def __init__(self, path, timeout=30):
        self.notified = []
        self.answers = {}
        self.last = 0
        end = time.monotonic() + timeout
        while True:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.settimeout(timeout)
            try:
                self.socket.connect(str(path) + ".test")
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        kind, _, body = self.read()
        if kind != HELLO:
            raise ValueError(f"frame of type {kind} instead of a hello")
        self.hello = body

    def close(self):
        self.socket.close()

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise EOFError("the channel is closed")
            data += piece
        return data

    def read(self):
        """The next frame: type, id, body (None if empty)."""
        length, kind, _, number = HEADER.unpack(self._exactly(HEADER.size))
        body = self._exactly(length)
        return kind, number, json.loads(body) if body else None

    def send(self, kind, body=None, flags=0):
        """Sends a request; returns its id."""
        self.last += 1
        text = b"" if body is None else json.dumps(body).encode()
        self.socket.sendall(HEADER.pack(len(text), kind, flags, self.last) + text)
        return self.last

    def wait(self, number):
        """The answer to request NUMBER; notifications are kept."""
        while number not in self.answers:
            kind, which, body = self.read()
            if kind == NOTIFY:
                self.notified.append(body["event"])
            else:
                self.answers[which] = (kind, body)
        kind, body = self.answers.pop(number)
        if kind == ERROR:
            raise Refused(body)
        return body

    def call(self, kind, body=None, flags=0):
        return self.wait(self.send(kind, body, flags))

    def state(self, *sections):
        body = {"sections": list(sections)} if sections else None
        return self.call(STATE, body)["spanflow:spanflow"]["state"]

    def rpc(self, name, **words):
        """Calls an operation; _ in names of WORDS stands for -."""
        answer = self.call(RPC, {f"spanflow:{name}": words})
        return answer[f"spanflow:{name}"]

    def apply(self, configuration, test=False):
        return self.call(APPLY, {"spanflow:spanflow": configuration}, TEST if test else 0)

    def until(self, name, timeout=30):
        """The content of the next notification NAME."""
        end = time.monotonic() + timeout
        while True:
            for index, body in enumerate(self.notified):
                if f"spanflow:{name}" in body:
                    return self.notified.pop(index)[f"spanflow:{name}"]
            if time.monotonic() > end:
                raise TimeoutError(f"no notification {name}; there were {self.notified}")
            kind, which, body = self.read()
            if kind == NOTIFY:
                self.notified.append(body["event"])
            else:
                self.answers[which] = (kind, body)
