# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens, as `holdfastctl monitor` tells it."""
import json
import os

from . import net
from .anchor import programs


class Listener:
    """One holdfastctl monitor."""

    def __init__(self, s, name="monitor"):
        anchor = s.stage.anchor
        self.process = s.stage.spawn(anchor, name, os.path.join(programs(), "holdfastctl"), "-j",
                                     "--socket", os.path.join(s.folder, "control.sock"), "monitor")
        net.wait_for(lambda: self.lines(), 10, "the monitor's first line")

    def lines(self):
        out = []
        for line in self.process.text().splitlines():
            try:
                out.append(json.loads(line))
            except ValueError:
                pass
        return out
