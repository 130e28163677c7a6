#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Three parked calls with real phones, played, shown and proved.

scripts/demo builds everything and runs this. The parts on stage are those of
the end-to-end tests (tests/e2e/lib); what is proved is read from the wire and
from the phones' own recordings, not from what holdfastd says about itself.
"""
import json
import os
import shutil
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from lib import anchor, audio, net, pbxctl, phone, wire  # noqa: E402

FOLDER = os.path.join(os.environ.get("HF_BUILD", os.path.join(ROOT, "build")), "demo")
KEPT = os.path.join(FOLDER, "kept.json")
CALLER_TONE, A_TONE, B_TONE = 440, 620, 880
OUTSIDE = "4930123456"
PARK_TIMER_S = 3
GUEST = "198.51.100.13"
FRAME_MS = 20


def stay(seconds):
    """Let the parties talk, or listen, for a while."""
    threading.Event().wait(seconds)


class Checks:
    """The table at the end, and summary.json."""

    def __init__(self):
        self.rows = []

    def add(self, name, passed, figure, unit):
        self.rows.append({"name": name, "passed": bool(passed),
                          "figure": figure, "unit": unit})

    def print(self):
        print("\nChecks")
        for row in self.rows:
            print("  %-4s  %-62s %10s %s" % ("ok" if row["passed"] else "FAIL", row["name"],
                                             row["figure"], row["unit"]))

    def ok(self):
        return bool(self.rows) and all(r["passed"] for r in self.rows)


class Demo:
    def __init__(self):
        self.checks = Checks()
        self.begin = time.time()
        self.stage = net.Stage("demo", FOLDER)

    def say(self, what):
        print("  %6.2f s  %s" % (time.time() - self.begin, what), flush=True)

    def show(self, *command):
        """What holdfastctl prints, indented."""
        text = self.anchor.ctl(*command, json_=False)
        print("            $ holdfastctl %s" % " ".join(command))
        for line in text.rstrip().splitlines():
            print("            | " + line)
        sys.stdout.flush()

    def set_up(self):
        stage = self.stage
        self.trace = wire.Trace(stage)
        self.signalling = wire.Capture(stage, stage.pbx, "eth0",
                                       os.path.join(FOLDER, "signalling.pcap"), "pbx",
                                       "port 5060")
        self.pbx = pbxctl.Pbx(stage, {"1001": net.PHONE_A, "1002": net.PHONE_B,
                                      OUTSIDE: net.CALLER})
        self.caller = phone.Phone(stage, stage.caller, "caller", OUTSIDE, "Carla Caller",
                                  net.CALLER, CALLER_TONE)
        self.a = phone.Phone(stage, stage.phone_a, "phone-a", "1001", "Anna", net.PHONE_A,
                             A_TONE)
        self.b = phone.Phone(stage, stage.phone_b, "phone-b", "1002", "Bert", net.PHONE_B,
                             B_TONE)
        self.anchor = anchor.Anchor(stage, anchor.config(
            lot__timeout_s=PARK_TIMER_S,
            lot__recall={"ring_s": 10, "attempts": 2,
                         "fallback": ["sip:1002@" + pbxctl.DOMAIN], "finally": "repeat"}))

    # The parts of a call

    def caller_reaches_a(self):
        """The caller is answered by phone A. Returns the call's marks."""
        call = {"start": time.time(), "pbx": self.pbx.mark(),
                "files": {p: set(p.recordings()) for p in (self.caller, self.a, self.b)}}
        marks = self.caller.mark(), self.a.mark()
        self.caller.dial("1001")
        self.say("the caller dials phone A")
        self.a.wait("CALL_INCOMING", since=marks[1])
        self.a.answer()
        self.caller.wait("CALL_ESTABLISHED", since=marks[0])
        self.say("phone A answers; they talk (straight through the anchor's IP stack)")
        return call

    def a_parks(self, call):
        self.a.transfer("700")
        self.say("phone A transfers the caller to 700 (a REFER; the PBX sends the new INVITE)")
        self.pbx.wait("joined", since=call["pbx"])
        self.anchor.wait_slot(701, "parked")
        call["parked"] = time.time()
        self.say("the caller waits in slot 701")
        self.show("slot", "list")

    def slot_is_free(self, call, name):
        start = time.time()
        self.anchor.wait_slot(701, "free")
        call["end"] = time.time()
        for p in call["files"]:
            call["files"][p] = sorted(set(p.recordings()) - call["files"][p])
        self.checks.add(name, True, round((call["end"] - start) * 1000), "ms")
        self.say("slot 701 is free again")

    def call_a(self):
        print("\nCall (a): parked, picked up from another phone")
        call = self.caller_reaches_a()
        stay(0.6)
        self.a_parks(call)
        stay(1.6)
        mark = self.b.mark()
        self.b.dial("701")
        self.say("phone B dials 701")
        self.b.wait("CALL_ESTABLISHED", since=mark)
        self.say("phone B and the caller talk, relayed by XDP")
        stay(0.4)
        self.show("call", "list")
        stay(0.8)
        mark = self.b.mark()
        self.caller.hang_up()
        self.say("the caller hangs up")
        self.b.wait("CALL_CLOSED", since=mark)
        self.slot_is_free(call, "(a) the slot is free after the call")
        return call

    def call_b(self):
        print("\nCall (b): nobody comes, the call rings back")
        call = self.caller_reaches_a()
        stay(0.4)
        mark = self.a.mark()
        self.a_parks(call)
        self.a.wait("CALL_CLOSED", since=mark)
        mark = self.a.mark()
        self.a.wait("CALL_INCOMING", PARK_TIMER_S + 5, since=mark)
        call["ringing"] = time.time()
        self.say("phone A rings: the park timer (%d s) is over" % PARK_TIMER_S)
        self.show("slot", "list")
        stay(0.8)
        call["recall_answered"] = time.time()
        self.a.answer()
        self.a.wait("CALL_ESTABLISHED", since=mark)
        self.say("phone A answers and talks with the caller again")
        stay(1.2)
        mark = self.caller.mark()
        self.a.hang_up()
        self.say("phone A hangs up")
        self.caller.wait("CALL_CLOSED", since=mark)
        self.slot_is_free(call, "(b) the slot is free after the call")
        return call

    def call_c(self):
        print("\nCall (c): the caller gives up")
        call = self.caller_reaches_a()
        stay(0.4)
        self.a_parks(call)
        stay(1.0)
        call["hung_up"] = time.time()
        self.caller.hang_up()
        self.say("the caller hangs up while parked")
        self.slot_is_free(call, "(c) the slot is free after the caller gave up")
        self.show("slot", "list")
        return call

    # Proving it

    def collect(self, call, letter):
        """The recordings of this call, under names that say what they are."""
        heard = {}
        for p in (self.caller, self.a, self.b):
            for i, f in enumerate(call["files"][p]):
                name = "call-%s-%s-heard%s.wav" % (letter, p.name, "-%d" % (i + 1) if i else "")
                shutil.copyfile(f, os.path.join(FOLDER, name))
                heard.setdefault(p.name, []).append(audio.read_wav(f))
        return heard

    def from_anchor(self, call, to):
        own = (net.ANCHOR_TRUNK, net.ANCHOR_OFFICE)
        return [p for p in self.trace.rtp(dst=to, since=call["start"],
                                          until=call["end"] + 0.2) if p.src[0] in own]

    def sip_time(self, call, first_line, src, dst, after=0.0, needle=""):
        """When such a message went between two hosts, on the wire."""
        for at, s, d, line, text in self.trace.sip(since=max(call["start"], after)):
            if line.startswith(first_line) and s[0] == src and d[0] == dst and needle in text:
                return at
        raise net.Failed("no %s from %s to %s on the wire" % (first_line, src, dst))

    def prove_stream(self, call, letter):
        """The one stream towards the caller."""
        packets = self.from_anchor(call, net.CALLER)
        audio.write_wav(os.path.join(FOLDER, "call-%s-caller-wire.wav" % letter),
                        wire.sound(packets))
        add = self.checks.add
        ssrcs = wire.streams(packets)
        add("(%s) the caller sees one SSRC from the anchor" % letter, len(ssrcs) == 1,
            len(ssrcs), "SSRC")
        gaps = wire.gaps(packets)
        add("(%s) its sequence has no gap in %d packets" % (letter, len(packets)),
            len(packets) > 50 and not gaps, len(gaps), "gaps")
        return packets

    def prove_clock(self, letter, packets, said=()):
        """Timestamps follow real time. A talker whose first packet was late (its
        machine was busy) is ahead of the clock by that much ever after."""
        clock = wire.clock_of_sources(packets)
        worst = max(map(abs, clock), default=1e9)
        late = abs(wire.clock_of_sources(said)[0]) if said else 0
        self.checks.add("(%s) timestamps follow real time over %d switches" % (
            letter, len(clock) - 1), worst <= 40 + late, round(worst, 1), "ms at worst")

    def prove_hold(self, letter, packets, first, last, source, what="hold audio"):
        """Every packet of a stretch plays the source, in order, no frame twice."""
        held = [p for p in packets if first <= p.time <= last]
        if not held:
            self.checks.add("(%s) %s is heard" % (letter, what), False, 0, "packets")
            return
        sound = wire.sound(held)
        reference = audio.through_codec(source, held[0].pt)
        _, correlation = audio.find(sound, reference)
        self.checks.add("(%s) %s is its source, over %.1f s" % (
            letter, what, len(sound) / audio.RATE), correlation >= 0.99,
            round(correlation, 4), "correlation")

    def prove_first_packet(self, call, letter, packets):
        """200 OK of the park to the first hold packet."""
        invite = self.sip_time(call, "INVITE sip:700", net.PBX, net.ANCHOR_TRUNK)
        ok = self.sip_time(call, "SIP/2.0 200", net.ANCHOR_TRUNK, net.PBX, invite, "INVITE")
        delay = min((p.time - ok for p in packets if p.time >= ok), default=9) * 1000
        self.checks.add("(%s) from the 200 OK to the first hold packet" % letter,
                        delay <= 40, round(delay, 2), "ms, 40 allowed")

    def prove_switch(self, call, letter, acked, talker, packets):
        """From the ACK to the first packet of the talker that is passed on. One
        packet time is what the talker itself took between two packets then; a
        talker that begins only after the ACK is waited for."""
        said = [p for p in self.trace.rtp(src=talker, since=acked - 0.3, until=call["end"])
                if p.dst[0] in (net.ANCHOR_TRUNK, net.ANCHOR_OFFICE)]
        voices = {p.payload for p in said}
        relayed = [p for p in packets if p.time >= acked and p.payload in voices]
        if not relayed:
            self.checks.add("(%s) the talker is relayed" % letter, False, 0, "packets")
            return acked
        begun = acked if any(p.time < acked for p in said) else said[0].time
        around = [(b.time - a.time) * 1000 for a, b in zip(said, said[1:])
                  if a.time - 0.05 <= relayed[0].time <= b.time + 0.05]
        waited = (begun - acked) * 1000
        allowed = waited + max([FRAME_MS] + around)
        delay = (relayed[0].time - acked) * 1000
        self.checks.add("(%s) from the ACK to the first relayed packet" % letter,
                        delay <= allowed, round(delay, 2),
                        "ms, a packet time (%.1f) after the talker begins (%.1f) allowed"
                        % (allowed - waited, waited))
        # No longer than the talker itself was silent, and a moment at the switch.
        pause = wire.longest_pause(packets)
        own = max(wire.longest_pause(said), (begun - acked) * 1000)
        self.checks.add("(%s) the caller is never left in silence" % letter,
                        pause <= own + 60, round(pause, 1), "ms at most")
        self.prove_clock(letter, packets, [p for p in said if p.time >= begun])
        return relayed[0].time

    def prove_tone(self, letter, who, sounds, hertz, whose):
        best = max((audio.share_of_tone(w, hertz) for s in sounds for w in audio.windows(s)),
                   default=0.0)
        self.checks.add("(%s) %s hears %s (%d Hz)" % (letter, who, whose, hertz), best >= 0.95,
                        round(best, 3), "of the energy")

    def prove_recorded_hold(self, letter, sounds, source):
        """In the phone's own recording: the music, in pieces, since a jitter
        buffer may drop or repeat a frame where the stream begins."""
        reference = audio.through_codec(source, 0)
        scores = [audio.find(w, reference)[1] for s in sounds for w in audio.windows(s)]
        good = [s for s in scores if s >= 0.99]
        self.checks.add("(%s) the caller's phone recorded the hold audio" % letter,
                        len(good) >= 2, round(0.4 * len(good), 1), "s of it")

    def prove_all(self, a, b, c):
        source = audio.read_wav(self.anchor.audio_path)
        heard = {letter: self.collect(call, letter)
                 for letter, call in (("a", a), ("b", b), ("c", c))}

        packets = self.prove_stream(a, "a")
        self.prove_first_packet(a, "a", packets)
        pick_up = self.sip_time(a, "INVITE sip:701", net.PBX, net.ANCHOR_TRUNK)
        acked = self.sip_time(a, "ACK", net.PBX, net.ANCHOR_TRUNK, pick_up)
        switched = self.prove_switch(a, "a", acked, net.PHONE_B, packets)
        self.prove_hold("a", packets, a["start"], acked, source)
        self.prove_recorded_hold("a", heard["a"].get("caller", []), source)
        self.prove_tone("a", "the caller", heard["a"].get("caller", []), A_TONE, "phone A")
        self.prove_tone("a", "the caller", [wire.sound([p for p in packets
                                                        if p.time >= switched])],
                        B_TONE, "phone B")
        self.prove_tone("a", "phone B", heard["a"].get("phone-b", []), CALLER_TONE,
                        "the caller")

        packets = self.prove_stream(b, "b")
        self.prove_first_packet(b, "b", packets)
        invite = self.sip_time(b, "INVITE sip:1001", net.ANCHOR_TRUNK, net.PBX)
        acked = self.sip_time(b, "ACK", net.ANCHOR_TRUNK, net.PBX, invite)
        switched = self.prove_switch(b, "b", acked, net.PHONE_A, packets)
        self.prove_hold("b", packets, invite, acked, source, "hold audio while phone A rings")
        self.prove_hold("b", packets, b["start"], acked, source)
        waited = invite - self.sip_time(b, "SIP/2.0 200", net.ANCHOR_TRUNK, net.PBX,
                                        b["start"], "INVITE")
        self.checks.add("(b) it rings back when the park timer is over",
                        abs(waited - PARK_TIMER_S) <= 0.5, round(waited, 2),
                        "s, set to %d" % PARK_TIMER_S)
        self.prove_tone("b", "the caller", [wire.sound([p for p in packets
                                                        if p.time >= switched])],
                        A_TONE, "phone A")
        self.prove_tone("b", "phone A", heard["b"].get("phone-a", [])[-1:], CALLER_TONE,
                        "the caller")

        packets = self.prove_stream(c, "c")
        self.prove_clock("c", packets)
        self.prove_first_packet(c, "c", packets)
        self.prove_hold("c", packets, c["start"], c["hung_up"], source)
        after = [p for p in packets if p.time > c["end"]]
        self.checks.add("(c) nothing more is sent to a caller who has gone", not after,
                        len(after), "packets")
        self.prove_machine()

    def prove_machine(self):
        own = (net.ANCHOR_TRUNK, net.ANCHOR_OFFICE)
        sent = [d for d in self.trace.datagrams() if d.src[0] in own and d.src[1] != 5060]
        wrong = [d for d in sent if not d.checksum_ok]
        self.checks.add("UDP checksums of %d datagrams from the anchor" % len(sent),
                        sent and not wrong, len(wrong), "wrong")
        errors = sum(self.stage.udp_checksum_errors().values())
        self.checks.add("UdpInCsumErrors in all namespaces", errors == 0, errors, "errors")
        modes = self.xdp_modes()
        self.checks.add("XDP runs in native mode on both devices",
                        modes == {"trunk0": "xdp", "office0": "xdp"},
                        " ".join(sorted(set(modes.values()))) or "none", "(xdp = native)")

    def xdp_modes(self):
        """Device to "xdp" (native), "xdpgeneric" or nothing, as the kernel says."""
        found = {}
        for link in json.loads(self.stage.anchor.ip("-j", "-d", "link", "show")):
            if link.get("xdp"):
                mode = {1: "xdp", 2: "xdpgeneric", 3: "xdpoffload"}.get(link["xdp"]["mode"])
                if link["ifname"] in ("trunk0", "office0"):
                    found[link["ifname"]] = mode
        return found

    def play(self):
        print("Holdfast demo: three calls between real phones\n")
        self.set_up()
        self.say("trunk (caller, PBX) -- anchor (holdfastd) -- office (phones A and B) are up")
        self.show("status")
        calls = self.call_a(), self.call_b(), self.call_c()
        stay(0.2)
        print("\nPacket counters")
        self.show("stats")
        self.trace.stop()
        self.signalling.stop()
        self.prove_all(*calls)

    def report(self):
        self.checks.print()
        with open(os.path.join(FOLDER, "summary.json"), "w") as f:
            json.dump({"checks": self.checks.rows}, f, indent=1)
            f.write("\n")
        short = os.path.relpath(FOLDER)
        print("\nRecordings  %s/call-*-heard.wav (the phones'), call-*-wire.wav (from the wire)"
              % short)
        print("Captures    %s/trunk.pcap, office.pcap, signalling.pcap" % short)
        print("Summary     %s/summary.json" % short)
        failed = sum(not r["passed"] for r in self.checks.rows)
        print("\n%s: %d checks, %d failed, %.0f s" % (
            "All held" if self.checks.ok() else "NOT all held", len(self.checks.rows), failed,
            time.time() - self.begin))

    def keep(self):
        """Leave everything running; say how to use it and how to end it."""
        home = self.stage.party("guest", GUEST)
        guest = phone.Phone(self.stage, home, "guest", "1003", "Guest", GUEST, 1000,
                            start=False, seconds=300)
        with open(os.path.join(guest.folder, "config"), "a") as f:
            f.write("module stdio.so\n")
        with open(KEPT, "w") as f:
            json.dump({"instance": self.anchor.instance,
                       "holdfastd": self.anchor.process.pid,
                       "namespaces": [n.name for n in self.stage._namespaces]}, f)
        inside = "nsenter --net=" + home.path
        print("""
Everything is left running. Dial in from the office, as user 1003:
  park yourself   %s baresip -f %s -e '/dial sip:700@%s'
  pick up         the same with sip:701@%s
  (that baresip records to its folder; set audio_player and audio_source in its
   config to alsa,default to hear and talk)
Look at it:
  nsenter --net=%s %s --socket %s slot list
Stop it:
  scripts/demo --stop""" % (inside, guest.folder, pbxctl.DOMAIN, pbxctl.DOMAIN,
                            self.stage.anchor.path,
                            os.path.join(anchor.programs(), "holdfastctl"),
                            self.anchor.socket))


def stop_kept():
    """Take down what --keep left."""
    if not os.path.exists(KEPT):
        return
    with open(KEPT) as f:
        kept = json.load(f)
    try:
        with open("/proc/%d/cmdline" % kept["holdfastd"]) as f:
            ours = kept["instance"] in f.read()
    except OSError:
        ours = False
    if ours:
        os.kill(kept["holdfastd"], 15)
        net.wait_for(lambda: not os.path.exists("/proc/%d" % kept["holdfastd"]), 10,
                     "holdfastd ends")
    for name in kept["namespaces"]:
        for pid in net.run("ip", "netns", "pids", name, check=False).split():
            if pid.isdigit():
                os.kill(int(pid), 9)
        net.run("ip", "netns", "del", name, check=False)
    shutil.rmtree(os.path.join("/sys/fs/bpf/holdfast", kept["instance"]), ignore_errors=True)
    os.remove(KEPT)


def main():
    os.makedirs(FOLDER, exist_ok=True)
    stop_kept()
    if "--stop" in sys.argv:
        return 0
    for old in os.listdir(FOLDER):
        if old.endswith((".wav", ".pcap", ".log")):
            os.remove(os.path.join(FOLDER, old))
    demo = Demo()
    kept = False
    try:
        try:
            demo.play()
        except (net.Failed, subprocess.SubprocessError) as error:
            print("\nThe demo broke off: %s" % error)
            demo.checks.add("the demo runs to its end", False, 0, "")
            print("Logs        %s/*.log" % os.path.relpath(FOLDER))
        demo.report()
        if "--keep" in sys.argv:
            demo.keep()
            kept = True
    finally:
        if not kept:
            demo.stage.close()
    sys.stdout.flush()
    if kept:
        # Leave the children alone: no destructors, no joining of threads.
        os._exit(0 if demo.checks.ok() else 1)
    return 0 if demo.checks.ok() else 1


if __name__ == "__main__":
    sys.exit(main())
