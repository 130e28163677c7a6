#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls whose hold audio the kernel module sends; scene.py runs these."""
import ctypes
import mmap
import os
import re
import struct
import time

from scene import (CALLER6, CALLS, SECONDS, Ear, Skip, alone, anchor, check, drops, exact,
                   insmod, listen, lost_between, net, rmmod, scenario, ua)


@scenario
def module_sends(s):
    "the module sends each parked caller a frame every 20 ms, each exactly once"
    reason = s.module()
    check(reason.startswith("the module holdfast"), reason)
    s.park(CALLS)
    before = drops(s.stage)
    ear = Ear(s.stage)
    listen(SECONDS)
    streams = ear.finish()
    lost = lost_between(before, drops(s.stage))
    packets, skipped = exact(streams, CALLS, lost)
    paced = s.anchor.ctl("stats")["counters"]
    print("# %d calls: %d frames heard in %d s, %d skipped, %d lost behind the module; "
          "%d paced in all" % (CALLS, packets, SECONDS, skipped, lost, paced["hold_paced"]))
    check(paced["hold_paced"] >= packets, "the counters know less than was heard")
    check(paced["hold_turned"] == 0, "the callers were silent, but frames were turned around")


@scenario
def picked_up(s):
    "a caller parked on the module is picked up, talks, is held again and hangs up"
    s.module()
    s.park(5)       # company
    caller = ua.Media(s.stage, s.stage.caller, net.CALLER)
    phone = ua.Media(s.stage, s.stage.phone_b, net.PHONE_B)
    s.peer.park("4930222", caller)
    caller.wait_packets(50, 10)
    slot = next(n for n, line in s.anchor.slots().items() if line["caller_number"] == "4930222")
    pick = s.peer.call(slot, "1002", phone)
    check(pick.status() == 200, "the pick-up was answered %s" % pick.status())
    phone.play()
    caller.play()
    caller.wait_packets(50, 10, match=ua.from_media(phone))
    phone.wait_packets(50, 10, match=ua.from_media(caller))
    answer = pick.reinvite(phone.sdp(direction="sendonly", version=2))
    check(answer.status == 200, "hold was answered %s" % answer.status)
    phone.stop()
    since = time.time() + 0.1
    caller.wait_packets(30, 10, since=since, match=lambda d: not ua.from_media(phone)(d))
    caller.stop()
    pick.bye()
    net.wait_for(lambda: len(s.anchor.calls()) == len(s.calls), 10, "the call is over")


@scenario
def what_the_module_leaves(s):
    "status says who sends to a caller of IPv6 beside the module, and a capture what it cannot see"
    s.module()
    s.stage.caller.ip("-6", "addr", "add", CALLER6 + "/64", "dev", "eth0", "nodad")
    caller, caller6 = (ua.Media(s.stage, s.stage.caller, a) for a in (net.CALLER, CALLER6))
    calls = [s.peer.park("4930223", c) for c in (caller, caller6)]
    for media in (caller, caller6):
        media.wait_packets(30, 20)
        numbers = [struct.unpack_from("!H", d, 2)[0] for _, d in list(media.received)]
        check(all(b - a & 0xffff == 1 for a, b in zip(numbers, numbers[1:])), "a hole: %s" % numbers)
    reason = s.wait_engine("kmod")
    check("holdfast-mediad sends to 1 leg of IPv6, which the module cannot" in reason, reason)
    notes = {}
    for leg in s.anchor.ctl("leg", "list"):
        shown = s.anchor.ctl("leg", "show", str(leg["leg"]))
        if shown["remote_port"] not in (caller.port, caller6.port):
            continue
        path = os.path.join(s.stage.folder, "leg-%d.pcapng" % leg["leg"])
        done = net.run(*s.stage.anchor.argv(
            anchor.programs() + "/holdfastctl", "--socket", s.anchor.socket, "--instance",
            s.anchor.instance, "leg", "capture", str(leg["leg"]), "--file", path, "--seconds",
            "1"), check=False)
        if "cannot hook" in done:
            print("# no capture here: " + done.strip())
            break
        notes[shown["remote_port"]] = done
    else:
        # Of the 50 frames in a second: a report may be among them, or one that was late.
        seen = int(re.search(r"(\d+) went out", notes[caller.port]).group(1))
        check(seen < 10 and "frames that the kernel module paces are not in it" in notes[caller.port],
              notes[caller.port])
        check("kernel module" not in notes[caller6.port] and " 0 went out" not in notes[caller6.port],
              notes[caller6.port])
    for call in calls:
        call.bye()
    net.wait_for(lambda: len(s.anchor.calls()) == len(s.calls), 10, "the calls are over")


class Work:
    """The map `work` of the anchor, as the controller has it in its memory."""

    PACER = 24      # offset in struct hf_work (abi.h asserts it)
    ENGINES = {"auto": 0, "bpf": 1, "packet": 3}

    def __init__(self, instance):
        path = ctypes.create_string_buffer(
            ("/sys/fs/bpf/holdfast/%s/work" % instance).encode())
        request = struct.pack("=QIIQ", ctypes.addressof(path), 0, 0, 0)
        fd = ctypes.CDLL(None, use_errno=True).syscall(
            321, 7, ctypes.create_string_buffer(request), len(request))    # BPF_OBJ_GET
        check(fd >= 0, "the map 'work' cannot be opened")
        self.memory = mmap.mmap(fd, 4096)
        os.close(fd)

    def want(self, engine):
        struct.pack_into("=I", self.memory, self.PACER, self.ENGINES[engine])


@scenario
def engines_change(s):
    "callers hear every frame once while module, live frames and packets take turns"
    s.module()
    count = min(CALLS, 40)
    s.park(count)
    work = Work(s.stage.id)
    before = drops(s.stage)
    ear = Ear(s.stage)
    for _ in range(2):
        listen(1)
        rmmod()
        reason = s.wait_engine("bpf")
        check("the module was unloaded" in reason, reason)
        listen(1)
        work.want("packet")
        s.wait_engine("packet")
        listen(1)
        work.want("auto")
        s.wait_engine("bpf")
        work.want("packet")
        s.wait_engine("packet")
        insmod()
        s.wait_engine("kmod")
        work.want("auto")
    listen(1)
    streams = ear.finish()
    lost = lost_between(before, drops(s.stage))
    packets, skipped = exact(streams, count, lost)
    print("# %d frames over ten hand-overs, %d skipped, %d lost behind the module, "
          "%d behind a later one" % (packets, skipped, lost,
                                     sum(t["swapped"] for t in streams.values())))


@scenario
def all_processes_die(s):
    "with controller and media keeper killed the module goes on sending"
    s.module()
    s.park(20)
    net.wait_for(lambda: len(s.anchor.calls()) == 20, 10, "20 calls are left")
    net.wait_for(lambda: s.anchor.ctl("stats")["counters"]["hold_paced"] > 100, 20,
                 "the way to the callers is known")
    s.anchor.kill()
    for pid in s.stage.anchor.run("ip", "netns", "pids", s.stage.anchor.name).split():
        net.run("kill", "-9", pid, check=False)     # or gone already
    ear = Ear(s.stage)
    listen(3)
    packets, _ = exact(ear.finish(), 20)
    check(packets > 20 * 100, "only %d frames in 3 s" % packets)
    rmmod()


@alone
@scenario
def kmod_is_required(s):
    "pacer: kmod without the module refuses to start and says why"
    s.settings["media"]["pacer"] = "kmod"
    os.environ["HOLDFAST_MODPROBE"] = "/nonexistent"
    s.begin(start=False)
    status, said = s.anchor.run(20)
    check(status == 1, "exit status %s: %s" % (status, said))
    check("media.pacer is kmod, but: no module: there is no /nonexistent" in said, said)


@alone
@scenario
def lockdown_refuses(s):
    "under lockdown the module is refused and the status says so; bpf sends"
    lock = "/sys/kernel/security/lockdown"
    if not os.path.exists(lock):
        net.run("mount", "-t", "securityfs", "security", "/sys/kernel/security", check=False)
    if not os.path.exists(lock):
        raise Skip("this kernel has no lockdown")
    with open(lock, "w") as f:      # for good: this scenario comes last
        f.write("integrity")
    s.begin()
    reason = s.wait_engine("bpf")
    check("Operation not permitted" in reason, reason)
    s.park(3)
    ear = Ear(s.stage)
    listen(2)
    exact(ear.finish(), 3)
