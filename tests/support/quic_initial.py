"""The first datagram of a client of QUIC (RFC 9000, RFC 9001). Needs python3-cryptography."""
import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SALT = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
DATAGRAM = 1200


def expand(secret, label, octets):
    """HKDF-Expand-Label of RFC 8446 section 7.1, for at most 32 octets."""
    label = b"tls13 " + label
    info = struct.pack(">HB", octets, len(label)) + label + b"\0\1"
    return hmac.new(secret, info, hashlib.sha256).digest()[:octets]


def datagram(hello, connection=b"\x83\x94\xc8\xf0\x3e\x51\x57\x08"):
    """An Initial packet with HELLO, a ClientHello without a record around it."""
    first = hmac.new(SALT, connection, hashlib.sha256).digest()
    client = expand(first, b"client in", 32)
    key, nonce, mask_key = (expand(client, *it) for it in (
        (b"quic key", 16), (b"quic iv", 12), (b"quic hp", 16)))
    header = (b"\xc3\0\0\0\1" + bytes([len(connection)]) + connection + b"\0\0")
    room = DATAGRAM - len(header) - 2 - 4 - 16
    plain = (b"\x06\0" + struct.pack(">H", 0x4000 | len(hello)) + hello).ljust(room, b"\0")
    header += struct.pack(">H", 0x4000 | (4 + room + 16)) + bytes(4)  # packet number 0
    sealed = AESGCM(key).encrypt(nonce, plain, header)
    cipher = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor()
    mask = cipher.update(sealed[:16])
    return bytes([header[0] ^ mask[0] & 15]) + header[1:-4] + mask[1:5] + sealed
