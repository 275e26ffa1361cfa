"""A NETCONF client with nothing between it and its octets, for tests of framing and transports.

Client works on anything with sendall() and recv(): a socket, a TLS socket, a channel of paramiko.
"""
import re
import socket
import ssl

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
END = b"]]>]]>"
SECONDS = 20


def hello(versions=("1.0", "1.1")):
    capabilities = "".join(f"<capability>urn:ietf:params:netconf:base:{it}</capability>"
                           for it in versions)
    return (f'<hello xmlns="{BASE}"><capabilities>{capabilities}</capabilities></hello>'.encode()
            + END)


def short_paths(text):
    """TEXT, whose paths of errors have a prefix at each name, with those left out that say nothing:
    as people write a path, and as tests compare it."""
    def shorten(found):
        last = [None]

        def name(part):
            same, last[0] = part[2] == last[0], part[2]
            return part[1] if same else part[0]
        return "<error-path>" + re.sub(r"([/\[])([\w.-]+):", name, found[1])
    return re.sub("<error-path[^>]*>([^<]*)", shorten, text)


class Closed(Exception):
    """The server ended the connection."""


class Client:
    """A session, from the hello on. VERSIONS are the base versions that the client says it has."""

    def __init__(self, stream, versions=("1.0", "1.1")):
        self.stream = stream
        self.data = b""
        self.number = 0
        self.chunked = "1.1" in versions
        self.send(hello(versions))
        text = self._until(END)
        refusal = re.search(r"<rpc-error>.*?<error-message[^>]*>([^<]*)", text)
        if refusal:
            raise Closed(refusal[1])
        self.capabilities = re.findall(r"<capability>(.*?)</capability>", text)
        self.session = int(re.search(r"<session-id>(\d+)</session-id>", text)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()

    def send(self, octets):
        try:
            self.stream.sendall(octets)
        except OSError as error:
            raise Closed(str(error)) from error

    def _more(self):
        try:
            piece = self.stream.recv(1 << 16)
        except (ConnectionError, ssl.SSLError) as error:
            raise Closed(str(error)) from error
        if not piece:
            raise Closed("end of stream")
        self.data += piece

    def _until(self, delimiter):
        while delimiter not in self.data:
            self._more()
        text, self.data = self.data.split(delimiter, 1)
        return text.decode()

    def _exactly(self, length):
        while len(self.data) < length:
            self._more()
        text, self.data = self.data[:length], self.data[length:]
        return text

    def frame(self, text):
        octets = text.encode()
        if self.chunked:
            return b"\n#%d\n%s\n##\n" % (len(octets), octets)
        return octets + END

    def receive(self):
        """The next message of the server."""
        if not self.chunked:
            return self._until(END)
        message = b""
        while True:
            assert self._exactly(2) == b"\n#", "a chunk begins wrongly"
            size = self._until(b"\n")
            if size == "#":
                return message.decode()
            message += self._exactly(int(size))

    def rpc(self, operation):
        """Sends one operation and returns the reply."""
        self.number += 1
        self.send(self.frame(f'<rpc message-id="{self.number}" xmlns="{BASE}">{operation}</rpc>'))
        return self.receive()

    def get_schema(self, name="notifications"):
        """An operation that needs no datastore."""
        return self.rpc(f'<get-schema xmlns="{MONITORING}"><identifier>{name}</identifier>'
                        "</get-schema>")


def local(path, **words):
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(SECONDS)
    stream.connect(path)
    return Client(stream, **words)


def tls(port, papers, authority, **words):
    """PAPERS: the client's certificate and key, or None."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(authority))
    context.check_hostname = False
    if papers:
        context.load_cert_chain(*(str(path) for path in papers))
    plain = socket.create_connection(("127.0.0.1", port), SECONDS)
    return Client(context.wrap_socket(plain), **words)


def ends(stream):
    """Whether the server ends the connection of STREAM, once all it still says has been read."""
    try:
        while stream.recv(1 << 16):
            pass
    except (ConnectionError, ssl.SSLError):
        pass
    except TimeoutError:
        return False
    return True
