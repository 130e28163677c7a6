# SPDX-License-Identifier: GPL-2.0-or-later
"""The loop on which the test endpoint (sip.py) runs: sockets, timers, and calls from
other threads."""
import heapq
import itertools
import selectors
import socket
import threading
import time


class Timer:
    def __init__(self):
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


class Loop:
    """Sockets, timers and calls from other threads, on one thread."""

    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._timers = []
        self._order = itertools.count()
        self._calls = []
        self._lock = threading.Lock()
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._selector.register(self._wake_r, selectors.EVENT_READ, self._woken)
        self._running = True
        self._thread = None
        self.errors = []

    def watch(self, sock, function):
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, function)

    def unwatch(self, sock):
        self._selector.unregister(sock)

    def later(self, seconds, function, *args):
        timer = Timer()
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order),
                                      timer, function, args))
        return timer

    def call(self, function, *args):
        """From any thread: run function on the loop, return its value."""
        if threading.current_thread() is self._thread or not self._thread:
            return function(*args)
        done = threading.Event()
        result = []

        def wrapped():
            try:
                result.append((function(*args), None))
            except Exception as error:  # given to the calling thread
                result.append((None, error))
            done.set()
        with self._lock:
            self._calls.append(wrapped)
        self._wake_w.send(b"x")
        if not done.wait(10):
            raise TimeoutError("the loop does not answer")
        value, error = result[0]
        if error:
            raise error
        return value

    def _woken(self):
        self._wake_r.recv(4096)
        with self._lock:
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    def run(self):
        while self._running:
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                _, _, timer, function, args = heapq.heappop(self._timers)
                if not timer.cancelled:
                    self._guard(function, *args)
            wait = max(0, self._timers[0][0] - time.monotonic()) if self._timers else 1
            for key, _ in self._selector.select(min(wait, 1)):
                self._guard(key.data)

    def _guard(self, function, *args):
        try:
            function(*args)
        except Exception as error:  # one bad packet must not end the loop
            import traceback
            self.errors.append(error)
            traceback.print_exc()

    def start(self):
        self._thread = threading.Thread(target=self.run, daemon=True)
        self._thread.start()
        return self

    def stop(self):
        self._running = False
        try:
            self._wake_w.send(b"x")
        except OSError:
            pass
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(3)
