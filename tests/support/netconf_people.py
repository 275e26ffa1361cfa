"""Users of a probe over SSH and TLS: their keys, certificates and groups, and sessions of theirs.

One key serves all users: who comes is a matter of the name.
"""
import hashlib
import os
import pathlib
import ssl
import subprocess

import paramiko
from ncclient import manager

from support import certificates, control, netconf_client, netconf_probe


def run(*words):
    subprocess.run([str(word) for word in words], check=True, timeout=60, capture_output=True)


def fingerprint(certificate):
    octets = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).digest()
    return ":".join(f"{it:02X}" for it in octets)


class People:
    """GROUPS: user -> group or None. configuration() and access() go into a Probe."""

    def __init__(self, folder, groups):
        self.groups = groups
        self.ssh_port, self.tls_port = netconf_probe.free_port(), netconf_probe.free_port()
        self.key, self.stranger = pathlib.Path(folder, "id"), pathlib.Path(folder, "id_stranger")
        for key in (self.key, self.stranger):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        self.authority = certificates.Authority(pathlib.Path(folder), "ca")
        self.server = self.authority.issue("server", "DNS:localhost")
        os.chmod(self.server[1], 0o600)
        os.chown(self.server[1], *control.user_ids())
        self.client = self.authority.issue("client", "DNS:client")

    def configuration(self, tls_user):
        """The container netconf. Who has the certificate comes as TLS_USER."""
        public = self.key.with_suffix(".pub").read_text().strip()
        return {
            "sshServer": [{"name": "s", "address": "127.0.0.1", "port": self.ssh_port}],
            "tlsServer": [{"name": "t", "address": "127.0.0.1", "port": self.tls_port,
                           "certificate": str(self.server[0]), "privateKey": str(self.server[1]),
                           "certificationAuthority": str(self.authority.certificate),
                           "certToName": [{"id": 1, "fingerprint": fingerprint(self.client[0]),
                                           "user": tls_user}]}],
            "user": [{"name": name, "authorizedKey": [public]} for name in self.groups]}

    def ssh(self, user, key=None):
        """A session of ncclient."""
        return manager.connect(host="127.0.0.1", port=self.ssh_port, username=user,
                               key_filename=str(key or self.key), hostkey_verify=False,
                               look_for_keys=False, allow_agent=False, timeout=30)

    def raw_ssh(self, user):
        """A session of the raw client; ending the stream's transport ends it."""
        transport = paramiko.Transport(("127.0.0.1", self.ssh_port))
        transport.connect(username=user,
                          pkey=paramiko.Ed25519Key.from_private_key_file(str(self.key)))
        channel = transport.open_session()
        channel.settimeout(netconf_probe.SECONDS)
        channel.invoke_subsystem("netconf")
        client = netconf_client.Client(channel)
        client.close = transport.close
        return client

    def tls(self):
        """A session of the raw client."""
        return netconf_client.tls(self.tls_port, self.client, self.authority.certificate)


def access(initial, groups):
    """The access rules INITIAL with the users of GROUPS in their groups."""
    rules = initial["ietf-netconf-acm:nacm"]
    for group in rules["groups"]["group"]:
        names = [user for user, name in groups.items() if name == group["name"]]
        if names:
            group["user-name"] = names
    return {"ietf-netconf-acm:nacm": rules}
