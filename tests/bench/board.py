#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fifty open boards: what they add to holdfastd's processor time, and to the time
until a park is answered, while slots change 200 times a second. SIPp parks and
hangs up; rounds with and without boards take turns in the same run, on the other
CPU. --media memory: only signalling and HTTP are measured.

	tests/bench/board.py BUILD OUT.json
"""
import glob
import json
import os
import platform
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import wave

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BOARDS, CALLS_PER_S, ROUNDS, SECONDS = 50, 75, 5, 8   # a call is three changes of a slot
SIP, HTTP, CALLER = 25160, 25180, 25170

CONFIG = """
sip: {{ listen: [ "udp:127.0.0.1:{sip}" ], domain: park.example.com, trusted: [ 127.0.0.0/8 ],
  internal: [ "1???@pbx.example.com" ] }}
media: {{ addresses: [ {{ address: 127.0.0.1, interface: lo }} ], ports: 30000-33999 }}
audio: {{ memory_mib: 8, clips: [ {{ name: default, file: s.wav }} ] }}
control: {{ socket: {folder}/sock, state_dir: {folder}/state }}
http: {{ listen: [ "127.0.0.1:{http}" ], anonymous: view }}
lots: [ {{ name: main, park: "700", slots: 7001-7400, timeout_s: 0 }} ]
"""


def pin(cpu):
    return lambda: os.sched_setaffinity(0, {cpu % os.cpu_count()})


def start_daemon(build, folder):
    with open(os.path.join(folder, "c.yaml"), "w") as f:
        f.write(CONFIG.format(sip=SIP, http=HTTP, folder=folder))
    with wave.open(os.path.join(folder, "s.wav"), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(8000)
        w.writeframes(bytes(16000))
    daemon = subprocess.Popen([os.path.join(build, "holdfastd"), "--config", os.path.join(folder, "c.yaml"),
                               "--instance", "bench-board", "--media", "memory"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=pin(0))
    for line in daemon.stdout:
        if line.split()[-1:] == ["ready"]:
            return daemon
    raise SystemExit("board: holdfastd did not start")


def cpu_ns(pid):
    total = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        with open(path) as f:
            total += int(f.read().split()[0])
    return total


class Boards:
    """Readers of the events, in a process of their own."""

    def __init__(self, count):
        ready, told = os.pipe()
        self.result, result = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            pin(1)()
            os.nice(19)    # boards are on other machines: none takes SIPp's time
            self.read(count, told, result)
            os._exit(0)
        os.close(told)
        os.close(result)
        if os.read(ready, 1) != b"!":
            raise SystemExit("board: the boards did not open")
        os.close(ready)

    @staticmethod
    def read(count, told, result):
        stop = []
        signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
        poll, sockets = select.epoll(), {}
        for _ in range(count):
            s = socket.create_connection(("127.0.0.1", HTTP))
            s.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            sockets[s.fileno()] = s
            poll.register(s, select.EPOLLIN)
        live, seen, gone = set(), {fd: 0 for fd in sockets}, 0
        while not stop:
            for fd, _ in poll.poll(0.2):
                data = sockets[fd].recv(262144)
                if not data:
                    gone += 1
                    poll.unregister(fd)
                    continue
                seen[fd] += data.count(b"event: slot")
                if b"event: live" in data and fd not in live:
                    live.add(fd)
                    if len(live) == count:
                        seen = dict.fromkeys(seen, 0)
                        os.write(told, b"!")
        os.write(result, json.dumps([min(seen.values()), max(seen.values()), gone]).encode())

    def end(self):
        os.kill(self.pid, signal.SIGTERM)
        answer = json.loads(os.read(self.result, 1000))
        os.waitpid(self.pid, 0)
        os.close(self.result)
        return answer


def scenario(folder):
    with open(os.path.join(ROOT, "tests/e2e/sipp/park.xml")) as f:
        text = f.read()
    text = text.replace('<send retrans="500"><![CDATA[\nINVITE', '<send retrans="500" start_rtd="1"><![CDATA[\nINVITE')
    text = text.replace('<recv response="200" rrs="true"/>', '<recv response="200" rrs="true" rtd="1"/>')
    path = os.path.join(folder, "park.xml")
    with open(path, "w") as f:
        f.write(text)
    return path


def round_of(daemon, folder, xml, boards):
    readers = Boards(BOARDS) if boards else None
    for old in glob.glob(os.path.join(folder, "*_rtt.csv")):
        os.unlink(old)
    before, begin = cpu_ns(daemon.pid), time.monotonic()
    done = subprocess.run(["sipp", "127.0.0.1:%d" % SIP, "-sf", xml, "-i", "127.0.0.1", "-p", str(CALLER), "-r",
                           str(CALLS_PER_S), "-m", str(CALLS_PER_S * SECONDS), "-trace_rtt", "-rtt_freq", "1",
                           "-nostdin", "-timeout", "60"], cwd=folder, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, preexec_fn=pin(1))
    took = time.monotonic() - begin
    used = cpu_ns(daemon.pid) - before
    low, high, gone = readers.end() if readers else (0, 0, 0)
    times = []
    for path in glob.glob(os.path.join(folder, "*_rtt.csv")):
        with open(path) as f:
            times += [float(line.split(";")[1]) for line in f.read().splitlines()[1:] if line]
    if done.returncode or len(times) < CALLS_PER_S * SECONDS or gone:
        raise SystemExit("board: a round failed (SIPp %d, %d parks, %d boards dropped)" % (
            done.returncode, len(times), gone))
    times.sort()
    return {"cpu": used / took / 1e7, "p50": statistics.median(times), "p99": times[int(len(times) * 0.99)],
            "mean": statistics.fmean(times),
            "changes": low / took, "uneven": high - low}


def machine():
    cpu = "unknown CPU"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    return "%s, %d CPUs, Linux %s" % (cpu, os.cpu_count(), platform.release())


def main():
    build, out = os.path.abspath(sys.argv[1]), sys.argv[2]
    folder = tempfile.mkdtemp(prefix="holdfast-bench-board-")
    daemon = None
    try:
        daemon = start_daemon(build, folder)
        xml = scenario(folder)
        round_of(daemon, folder, xml, True)     # warm
        pairs = [(round_of(daemon, folder, xml, False), round_of(daemon, folder, xml, True))
                 for _ in range(ROUNDS)]
    finally:
        if daemon:
            daemon.terminate()
            daemon.wait()
        shutil.rmtree(folder)
    rows = []

    def row(metric, value, unit, ratio_to=None, ratio=None):
        rows.append({"metric": metric, "value": round(value, 3), "unit": unit, "ratio_to": ratio_to,
                     "ratio": ratio and round(ratio, 3)})
        print("%-28s %10.3f %-12s %s" % (metric, value, unit, "%.3f x %s" % (ratio, ratio_to) if ratio else ""))

    print("board on " + machine())
    mid = lambda values: statistics.median(list(values))
    row("slot_changes_per_s", mid(b["changes"] for _, b in pairs), "1/s")
    row("cpu_without_boards", mid(a["cpu"] for a, _ in pairs), "% of a core")
    row("cpu_added_by_50_boards", mid(b["cpu"] - a["cpu"] for a, b in pairs), "% of a core")
    # SIPp counts whole milliseconds: what is less is seen in the mean alone.
    for key in ("mean", "p50", "p99"):
        row("park_200_%s_without" % key, mid(a[key] for a, _ in pairs), "ms")
        row("park_200_%s_with" % key, mid(b[key] for _, b in pairs), "ms", "park_200_%s_without" % key,
            mid(b[key] / a[key] for a, b in pairs) if all(a[key] for a, _ in pairs) else None)
        # What two rounds of the same kind differ by: less than this means nothing.
        apart = [a[key] for a, _ in pairs]
        row("park_200_%s_spread" % key, max(apart) - min(apart), "ms", "park_200_%s_without" % key,
            (max(apart) - min(apart)) / mid(apart) if mid(apart) else None)
    with open(out, "w") as f:
        json.dump({"bench": "board", "machine": machine(), "rows": rows}, f, indent=1)


if __name__ == "__main__":
    main()
