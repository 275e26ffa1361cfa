"""A probe that is configured over its local socket: configurations as dicts, one commit each."""
import copy
import os
import pathlib
import pwd
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

from support import netconf_client, probe

MODEL = "urn:spanflow:params:xml:ns:yang:spanflow"
BASE = netconf_client.BASE
WORDS = {"nc": BASE, "sf": MODEL}
SECONDS = 60


def element(name, value):
    """VALUE, of a dict as in JSON (RFC 7951), as XML."""
    if isinstance(value, list):
        return "".join(element(name, it) for it in value)
    if isinstance(value, dict):
        return f"<{name}>{''.join(element(*it) for it in value.items())}</{name}>"
    if isinstance(value, bool):
        return f"<{name}>{str(value).lower()}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>"


class Refused(Exception):
    """An rpc-error: tag, path and message."""

    def __init__(self, error):
        self.tag = error.findtext("nc:error-tag", "", WORDS)
        path = f"<error-path>{error.findtext('nc:error-path', '', WORDS)}"
        self.path = netconf_client.short_paths(path).removeprefix("<error-path>")
        self.message = error.findtext("nc:error-message", "", WORDS)
        super().__init__(f"{self.tag} {self.path}: {self.message}")


class Session:
    """A session of the local socket."""

    def __init__(self, path):
        end = time.monotonic() + SECONDS
        while True:
            try:
                self.client = netconf_client.local(str(path))
                break
            except (OSError, netconf_client.Closed):
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)
        self.client.stream.settimeout(SECONDS)

    def call(self, operation):
        """The reply as an element tree; Refused if it is an error."""
        reply = ElementTree.fromstring(self.client.rpc(operation))
        error = reply.find("nc:rpc-error", WORDS)
        if error is not None:
            raise Refused(error)
        return reply

    def edit(self, inner, operation="replace"):
        """Replaces the container spanflow of the candidate by INNER, XML."""
        self.call("<edit-config><target><candidate/></target><config>"
                  f'<spanflow xmlns="{MODEL}" xmlns:nc="{BASE}" nc:operation="{operation}">'
                  f"{inner}</spanflow></config></edit-config>")

    def commit(self, configuration):
        """Makes the dict CONFIGURATION the running one; Refused leaves the candidate clean."""
        self.commit_xml("".join(element(*it) for it in configuration.items()))

    def commit_xml(self, inner):
        try:
            self.edit(inner)
            self.call("<commit/>")
        except Refused:
            self.call("<discard-changes/>")
            raise

    def running(self):
        """The running configuration as it is sent, octet for octet."""
        self.client.number = 0
        return self.client.rpc("<get-config><source><running/></source></get-config>")

    def candidate(self):
        self.client.number = 0
        return self.client.rpc("<get-config><source><candidate/></source></get-config>")

    def ledger(self):
        """The account now: balanced, and the packets of each term and reason of drops."""
        reply = self.call(f'<ledger xmlns="{MODEL}"/>').find(".//sf:ledger", WORDS)
        packets = {}
        for term in ("observed", "metered", "exported", "cached", "lost"):
            packets[term] = int(reply.findtext(f"sf:{term}/sf:packets", "0", WORDS))
        for term in ("filtered", "ignored", "dropped"):
            packets[term] = sum(int(it.text) for it in
                                reply.findall(f"sf:{term}/sf:packets", WORDS))
        for row in reply.findall("sf:dropped", WORDS):
            reason = "dropped: " + row.findtext("sf:reason", "", WORDS)
            packets[reason] = int(row.findtext("sf:packets", "0", WORDS))
        return reply.findtext("sf:balanced", "", WORDS) == "true", packets

    def state(self, *path):
        """The text of a leaf of the state."""
        tags = "".join(f"<{it}>" for it in path) + "".join(f"</{it}>" for it in reversed(path))
        reply = self.call('<get><filter type="subtree">'
                          f'<spanflow xmlns="{MODEL}"><state>{tags}</state></spanflow>'
                          "</filter></get>")
        return reply.findtext(".//" + "/".join(f"sf:{it}" for it in ("state",) + path), None,
                              WORDS)

    def states(self, name, leaf):
        """The texts of LEAF in every entry of the list NAME of the state."""
        reply = self.call('<get><filter type="subtree">'
                          f'<spanflow xmlns="{MODEL}"><state><{name}/></state></spanflow>'
                          "</filter></get>")
        return [it.text for it in reply.findall(f".//sf:state/sf:{name}/sf:{leaf}", WORDS)]

    def counts(self):
        """How often a configuration was applied, and how often the probe was made anew."""
        return tuple(int(self.state("probe", it)) for it in ("applied", "rebuilt"))


def user_is_there():
    try:
        pwd.getpwnam("spanflow")
        return True
    except KeyError:
        done = subprocess.run(
            ["systemd-sysusers", str(probe.ROOT / "packaging" / "spanflow.sysusers.conf")],
            check=False, capture_output=True)
        return done.returncode == 0


class Managed:
    """A daemon with a store of its own. Use as a context manager."""

    def __init__(self, folder, prefix, words=()):
        self.folder = pathlib.Path(folder)
        os.chmod(folder, 0o755)
        self.prefix = list(prefix)
        self.words = list(words)
        self.log_path = self.folder / "log"
        self.socket = self.folder / "run" / "control.sock"
        self.process = None

    def __enter__(self):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                self.prefix + [probe.SPANFLOWD, "--store", str(self.folder / "store"), "--control",
                               str(self.socket)] + self.words,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def session(self):
        return Session(self.socket)

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        """Ends it and returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")


def changed(base, *path_and_value):
    """A copy of BASE in which the node at the path has the value; None removes it. Numbers in the
    path choose an entry of a list."""
    *path, last, value = path_and_value
    whole = copy.deepcopy(base)
    here = whole
    for step in path:
        here = here[step] if isinstance(step, int) else here.setdefault(step, {})
    if value is None:
        here.pop(last, None)
    else:
        here[last] = value
    return whole
