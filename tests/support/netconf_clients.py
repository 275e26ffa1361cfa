"""NETCONF clients of other people: ncclient and libnetconf2's, both asked in the same words.

A request is an operation and its parameters as text, see OPERATIONS; the answer a Reply. XPath
filters have the names of modules as prefixes.
"""
import dataclasses
import re
import socket
import ssl
import subprocess
import tempfile
from xml.sax.saxutils import escape

import ncclient.transport.ssh
from ncclient import manager
from ncclient.devices.default import DefaultDeviceHandler
from ncclient.operations import RPCError
from ncclient.operations.errors import MissingCapabilityError, OperationError
from ncclient.transport.errors import SSHError, SessionCloseError, TransportError
from ncclient.xml_ import to_ele

from support import netconf_client, probe
from support.netconf_probe import NACM, NMDA, SPANFLOW, wait_for

TOOL = probe.BUILD / "tests/tools/netconf2_client"
SECONDS = 30
BASE = netconf_client.BASE
DATASTORES = "urn:ietf:params:xml:ns:yang:ietf-datastores"
NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
ORIGIN = "urn:ietf:params:xml:ns:yang:ietf-origin"
PREFIXES = {"spanflow": SPANFLOW, "ietf-netconf-acm": NACM}
ncclient.transport.ssh.TICK = 0.001  # how long a request waits before it is sent


@dataclasses.dataclass
class Reply:
    """KIND: ok, data, error, unsent (the client knows that the server cannot) or closed. TEXT: XML,
    or tag, path and message."""
    kind: str
    text: str = ""

    def __str__(self):
        return f"{self.kind} {self.text[:400]}"


class Netconf2:
    """A session of libnetconf2's client; WORDS are those of the program."""

    def __init__(self, *words):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [str(TOOL), *(str(word) for word in words)], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log)
        line = self._line()
        if line == "waiting":
            line = self._line()
        if not line.startswith("connected"):
            self.close()
            self.log.seek(0)
            raise OSError(f"netconf2_client {words[0]}: no session: {self.log.read()}")
        self.session = int(line.split("\t")[1])

    def _line(self):
        return self.process.stdout.readline().rstrip("\n")

    def _ask(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except OSError:
            return Reply("closed", f"exit {self.process.poll()}")
        kind, _, text = self._line().partition("\t")
        return Reply(kind or "closed", text)

    def ask(self, operation, **parameters):
        words = [f"{name.replace('_', '-')}={text}" for name, text in parameters.items()]
        return self._ask("\t".join([operation, *words]))

    def take(self):
        """The XML of the next notification."""
        return self._ask("take").text

    def ended(self):
        """Whether the server has ended the session."""
        return self.ask("discard-changes").kind == "closed"

    def lose(self):
        """Ends without a word, as a machine does that loses its power."""
        self.process.kill()
        self.close()

    def close(self):
        """Ends the session in order; the exit status is 0."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        self.process.stdout.close()
        try:
            return self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


# ---- ncclient ----

class StreamSession(ncclient.transport.ssh.SSHSession):
    """ncclient's session on a connected socket, which this version of it has for SSH only."""

    def __init__(self, stream):
        super().__init__(DefaultDeviceHandler())
        self._channel = Channel(stream)
        self._transport = self._channel
        self._connected = True
        self._closing.clear()
        self._post_connect()
        self.parser = self._device_handler.get_xml_parser(self)


class Channel:
    """What ncclient needs of paramiko's channel and transport."""

    def __init__(self, stream):
        self.stream = stream
        self.active = True

    def fileno(self):
        return self.stream.fileno()

    def recv(self, length):
        octets = self.stream.recv(length)
        # What TLS has taken from the socket already would wake nobody.
        while isinstance(self.stream, ssl.SSLSocket) and self.stream.pending():
            octets += self.stream.recv(self.stream.pending())
        return octets

    def send(self, octets):
        self.stream.sendall(octets)
        return len(octets)

    def send_ready(self):
        return True

    def is_active(self):
        return self.active

    def close(self):
        """First for the transport: the session's thread sees the end. Then for the channel."""
        if not self.active:
            self.stream.close()
            return
        self.active = False
        try:
            self.stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def on_stream(stream):
    """A manager of ncclient on STREAM."""
    return manager.Manager(StreamSession(stream), DefaultDeviceHandler(), timeout=SECONDS)


def filter_of(text):
    """TEXT as ncclient wants a filter, None as none."""
    if not text:
        return None
    return ("subtree", text) if text.startswith("<") else ("xpath", (PREFIXES, text))


def in_config(inside):
    return to_ele(f'<nc:config xmlns:nc="{BASE}">{inside}</nc:config>')


def get(client, filter=None, defaults=None):
    return client.get(filter_of(filter), with_defaults=defaults)


def get_config(client, source, filter=None, defaults=None):
    return client.get_config(source, filter_of(filter), with_defaults=defaults)


def edit_config(client, target, config=None, default=None, test=None, error=None):
    return client.edit_config(in_config(config), target=target, test_option=test,
                              default_operation=default, error_option=error)


def copy_config(client, target, source=None, config=None):
    inline = to_ele(f'<nc:source xmlns:nc="{BASE}"><nc:config>{config}</nc:config></nc:source>')
    return client.copy_config(source=source or inline, target=target)


def validate(client, source=None, config=None):
    return client.validate(source or in_config(config))


def commit(client, confirmed=None, timeout=None, persist=None, persist_id=None):
    return client.commit(confirmed=bool(confirmed), timeout=timeout, persist=persist,
                         persist_id=persist_id)


def create_subscription(client, stream=None, filter=None, start=None, stop=None):
    # ncclient's own filter would have the namespace of other operations.
    inside = to_ele(f'<filter xmlns="{NOTIFICATION}" type="subtree">{filter}</filter>')
    return client.create_subscription(filter=inside if filter else None, stream_name=stream,
                                      start_time=start, stop_time=stop)


def get_schema(client, identifier, version=None, format=None):
    """Without FORMAT, an identity, which this version of ncclient writes without its prefix."""
    del format
    return client.get_schema(identifier, version)


def nmda(name, datastore, inside):
    """An operation of RFC 8526, which this version of ncclient has not; DATASTORE has a prefix."""
    return to_ele(f'<{name} xmlns="{NMDA}" xmlns:ietf-datastores="{DATASTORES}" xmlns:ietf-origin='
                  f'"{ORIGIN}"><datastore>{datastore}</datastore>{inside}</{name}>')


def get_data(client, datastore, filter=None, config_filter=None, origin=None, negated=None,
             depth=None, with_origin=None, defaults=None):
    inside = ""
    if filter and filter.startswith("<"):
        inside += f"<subtree-filter>{filter}</subtree-filter>"
    elif filter:
        spaces = " ".join(f'xmlns:{name}="{space}"' for name, space in PREFIXES.items())
        inside += f"<xpath-filter {spaces}>{escape(filter)}</xpath-filter>"
    if config_filter:
        inside += f"<config-filter>{config_filter}</config-filter>"
    if origin:
        name = "negated-origin-filter" if negated else "origin-filter"
        inside += f"<{name}>{origin}</{name}>"
    if depth:
        inside += f"<max-depth>{depth}</max-depth>"
    if with_origin:
        inside += "<with-origin/>"
    if defaults:
        inside += f"<with-defaults>{defaults}</with-defaults>"
    return client.rpc(nmda("get-data", datastore, inside))


def edit_data(client, datastore, config, default=None):
    inside = f"<default-operation>{default}</default-operation>" if default else ""
    return client.rpc(nmda("edit-data", datastore, f"{inside}<config>{config}</config>"))


OPERATIONS = {
    "get": get,
    "get-config": get_config,
    "edit-config": edit_config,
    "copy-config": copy_config,
    "delete-config": lambda client, target: client.delete_config(target),
    "validate": validate,
    "lock": lambda client, target: client.lock(target),
    "unlock": lambda client, target: client.unlock(target),
    "commit": commit,
    "cancel-commit": lambda client, persist_id=None: client.cancel_commit(persist_id),
    "discard-changes": lambda client: client.discard_changes(),
    "kill-session": lambda client, session: client.kill_session(session),
    "get-schema": get_schema,
    "create-subscription": create_subscription,
    "get-data": get_data,
    "edit-data": edit_data,
    "rpc": lambda client, xml: client.rpc(to_ele(xml)),
}


class Ncclient:
    """A session of ncclient; CLIENT is its manager."""

    def __init__(self, client):
        self.client = client
        self.session = int(client.session_id)

    def ask(self, operation, **parameters):
        try:
            reply = OPERATIONS[operation](self.client, **parameters)
        except RPCError as error:
            path = re.sub(r"\s", " ", error.path or "").strip()
            return Reply("error", f"{error.tag}\t{path}\t{error.message}")
        except (MissingCapabilityError, OperationError) as error:
            return Reply("unsent", f"{error}")
        except (SessionCloseError, SSHError, TransportError, OSError) as error:
            return Reply("closed", f"{type(error).__name__}: {error}")
        text = reply.xml
        return Reply("ok" if re.search(r"<(\w+:)?ok/>", text) else "data", text)

    def take(self):
        return self.client.take_notification(timeout=SECONDS).notification_xml

    def ended(self):
        """Whether the server ends the session; a request to one that just ends would wait long."""
        wait_for(lambda: not self.client.connected, "end of the session")
        return True

    def lose(self):
        """Ends without a word."""
        self.client._session.close()  # pylint: disable=protected-access

    def close(self):
        try:
            if self.client.connected:
                self.client.close_session()
        except (RPCError, SSHError, TransportError, OperationError, OSError):
            self.client._session.close()
        return 0
