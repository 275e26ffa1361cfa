"""A wall clock that a test can set, for one process: tests/tools/shifted_clock.c, preloaded."""
import os
import pathlib
import struct
import time

from support import probe

LIBRARY = probe.BUILD / "tests" / "tools" / "shifted_clock.so"


class ShiftedClock:
    """.environment is for the process whose clock it is. SPEED: how fast time passes in it."""

    def __init__(self, folder, speed=1):
        self.path = pathlib.Path(folder, "shift")
        self.path.write_bytes(struct.pack("=q", 0))
        self.seconds = 0
        self.environment = dict(os.environ, LD_PRELOAD=str(LIBRARY), SHIFTED_CLOCK=str(self.path),
                                CLOCK_SPEED=str(speed))

    def set(self, seconds):
        """So many seconds ahead of the machine's clock, negative: behind."""
        self.seconds = seconds
        with open(self.path, "r+b") as file:
            os.pwrite(file.fileno(), struct.pack("=q", seconds * 10**9), 0)

    def now(self):
        return time.time() + self.seconds
