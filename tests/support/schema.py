"""The configuration's schema as yanglint prints it with everything resolved: what nodes there are,
of which types, with which values. Tests make their edits from it, so that no leaf is forgotten."""
import re
import subprocess

from support import probe

YANG = probe.ROOT / "config" / "yang"
STANDARD = "/usr/share/yuma/modules/ietf"
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|([{};])|([^\s{};"\']+)|//[^\n]*')
BOUNDS = {"uint8": (0, 2**8 - 1), "uint16": (0, 2**16 - 1), "uint32": (0, 2**32 - 1),
          "uint64": (0, 2**64 - 1)}


class Statement:
    """A YANG statement: keyword, argument, the statements in it."""

    def __init__(self, keyword, argument):
        self.keyword = keyword
        self.argument = argument
        self.inner = []

    def all(self, keyword):
        return [it for it in self.inner if it.keyword == keyword]

    def one(self, keyword, default=None):
        found = self.all(keyword)
        return found[0].argument if found else default


def parse(text):
    """The statements of TEXT."""
    tokens = [match for match in TOKEN.finditer(text) if any(match.groups())]
    root = Statement("", "")
    open_ones, words = [root], []
    for match in tokens:
        quoted, single, mark, word = match.groups()
        if not mark:
            words.append(quoted if quoted is not None else single if single is not None else word)
            continue
        if mark == "}":
            open_ones.pop()
            continue
        statement = Statement(words[0], words[1] if len(words) > 1 else "")
        open_ones[-1].inner.append(statement)
        if mark == "{":
            open_ones.append(statement)
        words = []
    return root.inner


class Node:
    """A data node: NAME, KIND (container, list, leaf, leaf-list), its path and parent."""

    def __init__(self, statement, parent, case=None):
        self.name = statement.argument
        self.kind = statement.keyword
        self.parent = parent
        self.case = case  # the choice that it is a part of, None if of none
        self.path = f"{parent.path}/{self.name}" if parent else f"/{self.name}"
        self.presence = bool(statement.all("presence"))
        self.mandatory = statement.one("mandatory") == "true"
        self.default = statement.one("default")
        self.maximum = int(statement.one("max-elements", "1000000").replace("unbounded", "1000000"))
        self.minimum = int(statement.one("min-elements", "0"))
        self.key = (statement.one("key") or "").strip(", ") or None
        types = statement.all("type")
        self.type = types[0] if types else None
        self.children = []
        self._add(statement, None)

    def _add(self, statement, case):
        for inner in statement.inner:
            if inner.one("config") == "false":
                continue
            if inner.keyword in ("container", "list", "leaf", "leaf-list"):
                self.children.append(Node(inner, self, case))
            elif inner.keyword == "choice":
                self._add(inner, inner.argument)
            elif inner.keyword == "case":
                self._add(inner, case)

    def is_leaf(self):
        return self.kind in ("leaf", "leaf-list")

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def child(self, name):
        return next((it for it in self.children if it.name == name), None)

    def is_key(self):
        return self.parent is not None and self.parent.key == self.name

    def enums(self):
        return [it.argument for it in self.type.all("enum")]

    def ranges(self):
        """The ranges of a number's or a string's length: [(low, high)], None if it has none."""
        kind = self.type.argument
        text = self.type.one("range") if kind in BOUNDS else self.type.one("length")
        if text is None:
            return [BOUNDS[kind]] if kind in BOUNDS else None
        low, high = BOUNDS.get(kind, (0, 2**16))
        parts = []
        for part in text.split("|"):
            ends = [it.strip() for it in part.split("..")]
            parts.append((low if ends[0] == "min" else int(ends[0]),
                          high if ends[-1] == "max" else int(ends[-1])))
        return parts


def load():
    """The container spanflow."""
    text = subprocess.run(
        ["yanglint", "-p", str(YANG), "-p", STANDARD, "-f", "info", str(YANG / "spanflow.yang")],
        check=True, capture_output=True, text=True, timeout=60).stdout
    module = parse(text)[0]
    return Node(next(it for it in module.all("container") if it.argument == "spanflow"), None)
