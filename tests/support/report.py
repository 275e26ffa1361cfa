"""Lines that every test program prints: ok NAME, not ok NAME reason, skip NAME reason.

Used by the programs tests/*/test_*; safe to call from several threads.
"""
import sys
import threading


class Report:
    """Counts and prints results; exit_code() is what the program returns."""

    def __init__(self):
        self.lock = threading.Lock()
        self.failed = 0
        self.passed = 0

    def _line(self, text):
        with self.lock:
            print(" ".join(text.split()), flush=True)

    def ok(self, name, detail=""):
        self.passed += 1
        self._line(f"ok {name} {detail}")

    def fail(self, name, reason):
        with self.lock:
            self.failed += 1
        self._line(f"not ok {name} {reason}")

    def skip(self, name, reason):
        self._line(f"skip {name} {reason}")

    def check(self, name, problems, detail=""):
        """PROBLEMS: a list of reasons; none means ok."""
        if problems:
            self.fail(name, "; ".join(str(problem) for problem in problems[:4]))
        else:
            self.ok(name, detail)
        return not problems

    def exit_code(self):
        return 1 if self.failed else 0

    def finish(self):
        sys.exit(self.exit_code())


def skip_all(name, reason):
    """One skip line; the program ends without failure."""
    print(f"skip {name} {reason}", flush=True)
    sys.exit(0)
