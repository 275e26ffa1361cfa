"""A whole probe that is configured over NETCONF: spanflowd with its NETCONF process in a namespace
that the test itself has entered, and clients of it. Needs root.
"""
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

from support import control, namespace, netconf_client, probe

PROGRAM = "spanflow-netconf"
SPANFLOW = "urn:spanflow:params:xml:ns:yang:spanflow"
NACM = "urn:ietf:params:xml:ns:yang:ietf-netconf-acm"
NMDA = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
SECONDS = 30


def enter(space):
    """This program and what it starts from now on are in the namespace SPACE."""
    with open(f"/run/netns/{space.name}", "rb") as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_for(condition, what, seconds=SECONDS):
    """Until CONDITION returns something true, which is returned."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise TimeoutError(f"no {what} within {seconds} s")


def ended(process):
    """Whether the process of this id is over; one that nobody has waited for is, too."""
    try:
        status = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
        return status.rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


class Probe:
    """A probe with a store. Use as a context manager; start() starts the daemon, again if it was
    ended. CONFIGURATION is what stands in the container spanflow, OTHERS what is beside it."""

    def __init__(self, folder, configuration, others=None):
        self.folder = pathlib.Path(folder)
        self.file = self.folder / "start.json"
        self.store = self.folder / "store"
        self.socket = str(self.folder / "run" / "control.sock")
        self.log = self.folder / "log"
        self.words = control.with_user(folder) + [probe.SPANFLOWD]
        self.process = None
        self.write(configuration, others)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process:
            self.kill()
        if kind:
            print(self.said()[-3000:])

    def write(self, configuration, others=None):
        """Writes what -c gives."""
        self.file.write_text(json.dumps({"spanflow:spanflow": configuration, **(others or {})}),
                             encoding="ascii")

    def start(self, *words):
        """WORDS before the usual ones, for example -c and the file."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.words, *words, "--control", self.socket, "--store", str(self.store)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_open()

    def start_with_file(self):
        self.start("-c", str(self.file))

    def wait_open(self):
        """Until a session can be had."""
        def tried():
            if self.process.poll() is not None:
                raise OSError(f"the daemon ended: {self.said()[-600:]}")
            try:
                self.local().close()
                return True
            except (OSError, netconf_client.Closed):
                return False
        wait_for(tried, "session on the local socket")

    def child(self):
        """The process id of the NETCONF process, None if there is none just now."""
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        try:
            for word in path.read_text(encoding="ascii").split():
                name = pathlib.Path(f"/proc/{word}/comm").read_text(encoding="ascii")
                if name.startswith(PROGRAM[:15]):
                    return int(word)
        except OSError:
            pass
        return None

    def kill_child(self):
        """kill -9 of the NETCONF process; returns when another one serves."""
        before = wait_for(self.child, "NETCONF process")
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: self.child() not in (None, before), "new NETCONF process")
        self.wait_open()

    def kill(self):
        """kill -9 of the daemon; its NETCONF process ends by itself."""
        child = self.child()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if child:
            wait_for(lambda: ended(child), "end of the NETCONF process")

    def stop(self):
        """Ends the daemon in order and returns its status."""
        child = self.child()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(SECONDS)
        if child:
            wait_for(lambda: ended(child), "end of the NETCONF process")
        return status

    def said(self):
        return self.log.read_text(errors="replace")

    def local(self):
        return netconf_client.local(self.socket)

    def stored(self):
        """The stored running configuration."""
        return json.loads((self.store / "running.json").read_text(encoding="utf-8"))

    def versions(self):
        """The numbers of the stored versions."""
        return sorted(int(path.stem) for path in (self.store / "versions").glob("*.json"))

    def audit(self):
        """The lines of the audit log."""
        text = (self.store / "audit.log").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


# ---- words of operations ----

def edit(inside, operation="merge", options=""):
    """An edit-config of candidate; INSIDE stands in the container spanflow."""
    return (f"<edit-config><target><candidate/></target><default-operation>{operation}"
            f"</default-operation>{options}<config><spanflow xmlns=\"{SPANFLOW}\" xmlns:nc="
            f"\"{netconf_client.BASE}\">{inside}</spanflow></config></edit-config>")


def get_config(source, inside=""):
    return (f"<get-config><source><{source}/></source><filter><spanflow xmlns=\"{SPANFLOW}\">"
            f"{inside}</spanflow></filter></get-config>")


def timeout(seconds):
    """A change that is easily seen: the active timeout of the cache."""
    return (f"<cache><name>default</name><activeTimeout>{seconds}</activeTimeout></cache>")


def timeout_in(client, source="running"):
    """The active timeout that SOURCE has, None if it has none."""
    text = client.rpc(get_config(source, "<cache/>"))
    found = re.search(r"<activeTimeout>(\d+)</activeTimeout>", text)
    return int(found[1]) if found else None


def problem(reply, *wanted):
    """Reasons why REPLY is not an rpc-error that has every word of WANTED; without any, not ok.
    Paths are meant as netconf_client.short_paths() makes them."""
    reply = netconf_client.short_paths(reply)
    if not wanted:
        return [] if "<ok/>" in reply or "<rpc-error>" not in reply else [reply[-500:]]
    missing = [word for word in wanted if word not in reply]
    if "<rpc-error>" not in reply:
        missing.append("rpc-error")
    return [f"no {missing} in {reply[-500:]}"] if missing else []
