# SPDX-License-Identifier: GPL-2.0-or-later
"""The scenario framework. A scenario is a function, its docstring the sentence:

    @scenario
    def empty_slot(s):
        "an empty slot that is dialled gives 404"
        ...
    if __name__ == "__main__":
        main()

`s` is a Scene: a stage with helpers to put an anchor and peers on it. Prints
"ok SENTENCE", "not ok SENTENCE" or "skip SENTENCE: reason"; an argument runs
only the scenarios whose sentence or name contains it. Everything a failed
scenario left (logs, captures) stays in build/e2e/NAME/.
"""
import json
import os
import select
import shutil
import sys
import time
import traceback

from . import anchor, net, ua, wire

_scenarios = []


class Skip(Exception):
    """Raised with the reason."""


class Wrong(AssertionError):
    """Raised by check()."""


def scenario(function):
    _scenarios.append(function)
    return function


def check(condition, what):
    if not condition:
        raise Wrong(what)


def equal(have, want, what):
    if have != want:
        raise Wrong("%s is %r, not %r" % (what, have, want))


class Scene:
    """The stage of one scenario."""

    def __init__(self, name, folder):
        self.folder = folder
        self.stage = net.Stage(name[:6], folder)
        self.anchors = []

    def anchor(self, start=True, env=None, **changes):
        """Start holdfastd; changes as for anchor.config()."""
        new = anchor.Anchor(self.stage, anchor.config(**changes), start, env=env)
        self.anchors.append(new)
        return new

    def peer(self, **how):
        return ua.Peer(self.stage, **how)

    def caller(self, **how):
        """RTP of an outside caller."""
        return ua.Media(self.stage, self.stage.caller, net.CALLER, **how)

    def phone(self, **how):
        """RTP of a phone in the office."""
        return ua.Media(self.stage, self.stage.phone_b, net.PHONE_B, **how)

    def trace(self, prefix=""):
        return wire.Trace(self.stage, prefix)

    def finish(self):
        """What must hold at the end of every scenario."""
        for namespace, wrong in self.stage.udp_checksum_errors().items():
            equal(wrong, 0, "UdpInCsumErrors in the %s namespace" % namespace)
        for running in self.anchors:
            running.tear_down()
            report = running.sanitizer_report()
            if report:
                raise Wrong("the sanitizer found an error:\n" + report[:3000])


def run_one(function, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    scene = None
    try:
        scene = Scene(function.__name__, folder)
        function(scene)
        scene.finish()
        return "ok", None
    except Skip as reason:
        return "skip", str(reason)
    except (Wrong, net.Failed) as error:
        place = traceback.extract_tb(error.__traceback__)
        lines = ["%s:%d" % (os.path.basename(f.filename), f.lineno) for f in place[1:]]
        return "not ok", "%s [%s]" % (error, " < ".join(reversed(lines)))
    except Exception:  # a broken scenario is a failed one
        return "not ok", traceback.format_exc()
    finally:
        if scene:
            scene.stage.close()


def _apart(function, folder):
    """run_one() in a process of its own: the end of a pipe that tells how it
    went. Threads, sockets and namespaces of scenarios do not mix."""
    ours, theirs = os.pipe()
    if os.fork() == 0:
        result = "not ok", "the scenario's process died"
        try:
            os.close(ours)
            result = run_one(function, folder)
        finally:
            os.write(theirs, json.dumps(result).encode())
            os._exit(0)
    os.close(theirs)
    return ours


def _in_parallel(jobs, at_once):
    """(function, folder, seconds, result) as they end, so many at a time."""
    jobs, running = list(jobs), {}
    while jobs or running:
        while jobs and len(running) < at_once:
            function, folder = jobs.pop(0)
            running[_apart(function, folder)] = function, folder, time.monotonic()
        for pipe in select.select(list(running), [], [])[0]:
            function, folder, start = running.pop(pipe)
            with os.fdopen(pipe) as told:
                text = told.read()
            os.wait()
            result = json.loads(text) if text else ("not ok", "the scenario's process died")
            yield function, folder, time.monotonic() - start, result


def _one_by_one(jobs):
    for function, folder in jobs:
        start = time.monotonic()
        result = run_one(function, folder)
        yield function, folder, time.monotonic() - start, result


def main(at_once=1):
    """at_once: for scenarios that mostly wait, how many to play at a time."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    base = os.path.join(os.environ.get("HF_BUILD", os.path.join(net.ROOT, "build")), "e2e")
    failed = False
    if not os.access(os.path.join(anchor.programs(), "holdfastd"), os.X_OK):
        print("not ok %s finds holdfastd in %s" % (
            os.path.basename(sys.argv[0]), anchor.programs()))
        return 1
    jobs = [(f, os.path.join(base, f.__name__)) for f in _scenarios
            if wanted in " ".join(f.__doc__.split()) or wanted in f.__name__]
    done = _in_parallel(jobs, at_once) if at_once > 1 else _one_by_one(jobs)
    for function, folder, seconds, (result, why) in done:
        sentence = " ".join(function.__doc__.split())
        if result == "skip":
            print("skip %s: %s" % (sentence, why))
        else:
            print("%s %s" % (result, sentence))
        if result == "not ok":
            failed = True
            for line in why.splitlines():
                print("# " + line)
            print("# (%.1f s; logs in %s)" % (seconds, folder))
        elif os.environ.get("HF_KEEP_LOGS") is None:
            shutil.rmtree(folder, ignore_errors=True)
        sys.stdout.flush()
    return 1 if failed else 0
