"""Operations one after the other on one session, and what is not as it should be, collected."""
import re

from support.netconf_probe import problem

# Of an rpc-error, in the order of RFC 6241, appendix B.
ELEMENTS = ("type", "tag", "severity", "app-tag", "path", "message", "info")


def find(pattern, text):
    found = re.search(pattern, text, re.S)
    return found[1] if found else None


class Steps:
    """Asks and collects what is not as it should be."""

    def __init__(self, client):
        self.client = client
        self.problems = []

    def good(self, operation):
        reply = self.client.rpc(operation)
        self.problems += problem(reply)
        return reply

    def bad(self, operation, *words):
        reply = self.client.rpc(operation)
        self.problems += problem(reply, *words)
        order = [ELEMENTS.index(it) for it in re.findall("<error-([a-z-]+)", reply)]
        if order != sorted(order) or {"type", "tag", "severity"} - {ELEMENTS[it] for it in order}:
            self.problems.append(f"not in the order of RFC 6241: {reply}")
        return reply

    def same(self, what, got, want):
        if got != want:
            self.problems.append(f"{what}: {got}, want {want}")

    def has(self, text, *words):
        self.problems += [f"no {word} in {text[:400]}" for word in words if word not in text]

    def hasnt(self, text, *words):
        self.problems += [f"{word} in {text[:400]}" for word in words if word in text]
