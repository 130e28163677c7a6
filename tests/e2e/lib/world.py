# SPDX-License-Identifier: GPL-2.0-or-later
"""A wall clock that jumps and a disk that is slow, for one holdfastd: what
tests/tools/world.c, preloaded, makes it see."""
import os
import struct

from . import net


def _library():
    """Compiled once per tree."""
    source = os.path.join(net.ROOT, "tests/tools/world.c")
    target = os.path.join(os.environ.get("HF_BUILD", os.path.join(net.ROOT, "build")),
                          "tools/world.so")
    if (not os.path.exists(target) or
            os.path.getmtime(target) < os.path.getmtime(source)):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        part = "%s.%d" % (target, os.getpid())
        net.run("gcc", "-O2", "-shared", "-fPIC", "-o", part, source)
        os.replace(part, target)
    return target


class World:
    """Of each holdfastd that is started with its `env`."""

    def __init__(self, scene):
        self.path = os.path.join(scene.folder, "world")
        self.ahead = self.sync = 0
        self._write()
        self.env = {"HF_WORLD": self.path, "LD_PRELOAD": _library(),
                    # the sanitizer's library need not be the first
                    "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:verify_asan_link_order=0"}

    def _write(self):
        # In place: it is mapped.
        with open(self.path, "r+b" if os.path.exists(self.path) else "w+b") as f:
            f.write(struct.pack("=qq", self.ahead, self.sync))

    def set_clock(self, hours):
        """How far the wall clock is ahead of the true one, from now on."""
        self.ahead = int(hours * 3600)
        self._write()

    def slow_disk(self, ms):
        """Each sync takes that much longer, from the next on."""
        self.sync = ms
        self._write()
