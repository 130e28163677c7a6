#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that somebody removes while they are in use: pins, and what the media
keeper has beside the control socket."""
import os
import re
import shutil
import time

from lib import net, ua
from lib.testing import check, equal, main, scenario

OUTSIDE, OUTSIDE_2 = "4930111111", "4930222222"


def keepers(s):
    """Their process ids; there is one."""
    return s.stage.keepers()


def says(anchor, pattern, seconds=10):
    net.wait_for(lambda: re.search(pattern, anchor.process.text()), seconds,
                 "the log says %s" % pattern)


@scenario
def pins_removed_while_running(s):
    "pins that are removed while calls wait are made again, and the next start takes the calls up"
    anchor, peer = s.anchor(), s.peer()
    silent = s.caller()
    peer.park(OUTSIDE, silent)
    anchor.wait_slot(701, "parked")
    silent.wait_packets(10)
    folder = os.path.join("/sys/fs/bpf/holdfast", anchor.instance)
    before = sorted(os.listdir(folder))
    shutil.rmtree(folder)
    says(anchor, "pins of instance '%s' were removed while in use; they are pinned again" %
         anchor.instance)
    equal(sorted(os.listdir(folder)), before, "what is pinned")
    silent.wait_packets(25, 10, since=time.time())
    other = s.caller()
    peer.park(OUTSIDE_2, other)
    anchor.wait_slot(702, "parked")
    other.wait_packets(25, 10)
    anchor.kill()
    anchor.again()
    for slot in (701, 702):
        equal(anchor.slot(slot)["state"], "parked", "slot %d after a kill" % slot)
    silent.wait_packets(25, 10, since=time.time())
    other.wait_packets(25, 10, since=time.time())
    phone = s.phone()
    equal(peer.call("701", "1002", phone).status(), 200, "the answer to the pick-up")
    phone.play()
    silent.wait_packets(10, match=ua.from_media(phone))


@scenario
def keeper_files_removed(s):
    "lock and socket of the media keeper, removed while it works, are made again by it: no second one comes"
    anchor, peer = s.anchor(), s.peer()
    caller = s.caller()
    peer.park(OUTSIDE, caller)
    anchor.wait_slot(701, "parked")
    caller.wait_packets(10)
    before = net.wait_for(lambda: keepers(s), 5, "a media keeper")
    equal(len(before), 1, "media keepers")
    files = [os.path.join(s.folder, "mediad-%s.%s" % (anchor.instance, end))
             for end in ("lock", "sock")]
    for gone in (files[:1], files[1:], files):
        for path in gone:
            os.remove(path)
        net.wait_for(lambda: all(os.path.exists(p) for p in files), 10, "the files again")
        # Longer than holdfastd takes to notice that none is there.
        begin = caller.count()
        caller.wait_packets(begin + 175, 20)
        equal(keepers(s), before, "media keepers")
    started = len(re.findall("ready: keeping the media", anchor.process.text()))
    check(started <= 1, "%d media keepers were started" % started)
    check("another holdfast-mediad serves" not in anchor.process.text(), anchor.process.text())


if __name__ == "__main__":
    raise SystemExit(main())
