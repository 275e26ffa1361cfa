"""TLS in front of a mock broker, which speaks none: decrypts, passes on, and in the broker's
answers puts its own port in the place of the broker's, so that clients come back here."""
import socket
import ssl
import struct
import threading


class BrokerProxy:
    """Demands a certificate of AUTHORITY from clients. Use as a context manager."""

    def __init__(self, broker, papers, authority):
        self.host, port = broker.split(":")
        self.port = int(port)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*(str(path) for path in papers))
        self.context.load_verify_locations(str(authority))
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, plain):
        try:
            client = self.context.wrap_socket(plain, server_side=True)
            broker = socket.create_connection((self.host, self.port))
        except OSError:
            plain.close()
            return
        self.connections += 1
        threading.Thread(target=self._pass_on, args=(broker, client, True), daemon=True).start()
        self._pass_on(client, broker, False)

    def _pass_on(self, source, target, answers):
        host = self.host.encode()
        named = struct.pack(">H", len(host)) + host
        old = named + struct.pack(">i", self.port)
        new = named + struct.pack(">i", int(self.address.split(":")[1]))
        try:
            while True:
                data = source.recv(1 << 16)
                if not data:
                    break
                target.sendall(data.replace(old, new) if answers else data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
