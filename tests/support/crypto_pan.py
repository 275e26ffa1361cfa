"""Crypto-PAn bit by bit, as its paper describes it, with the program openssl as the cipher."""
import ipaddress
import subprocess


def encrypt(key, blocks):
    """AES-128 of every block of 16 octets."""
    return subprocess.run(["openssl", "enc", "-aes-128-ecb", "-nopad", "-K", key.hex()],
                          input=blocks, capture_output=True, check=True, timeout=60).stdout


def anonymise(key, addresses):
    """Packed address -> its packed anonymised address, by a KEY of 32 octets."""
    addresses = sorted(set(addresses))
    pad = int.from_bytes(encrypt(key[:16], key[16:]), "big")
    blocks = []
    for packed in addresses:
        value = int.from_bytes(packed.ljust(16, b"\0"), "big")
        for known in range(8 * len(packed)):
            mask = (1 << 128) - (1 << (128 - known))
            blocks.append(((value & mask) | (pad & ~mask)).to_bytes(16, "big"))
    output = encrypt(key[:16], b"".join(blocks))
    result, at = {}, 0
    for packed in addresses:
        value = 0
        for _ in range(8 * len(packed)):
            value = value << 1 | output[at] >> 7
            at += 16
        value ^= int.from_bytes(packed, "big")
        result[packed] = value.to_bytes(len(packed), "big")
    return result


def common_bits(one, other):
    """Bits that two packed addresses share at their beginning."""
    differing = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return 8 * len(one) - differing.bit_length()


def text(packed):
    return str(ipaddress.ip_address(packed))
