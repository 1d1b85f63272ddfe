# SPDX-License-Identifier: MIT
"""One cell of the matrix: load, a cycle on its way to a phase, the fault there, and the judgement.

Each of the invariants I1 to I7 is judged from outside: by the load client, by the files, by the
processes of the units; what the supervisor says is only compared with them.
"""

import json
import os
import subprocess
import threading
import time

import stand
from host import RELAY, STATE, SUPERVISOR, HostTrouble, wait_until
from judgement import SERVED_SECONDS, Judgement
from load import Load

# Which rows of the two tables a phase is. A momentary row is not waited for if one that lasts
# belongs to the same phase.
PHASES = {
    "P0": (),
    "P1": ("fetch", "snapshot", "preflight", "before"),
    "P2": ("restart", "start"),
    "P3": ("healthy", "soak", "warm-up"),
    "P4": ("ramp", "return", "switch", "observe", "commit"),
    "P5": ("settle", "drain", "drain-old", "vacate"),
    "P6": ("drain-green", "drain-fallback", "window", "restart-green", "restart-fallback",
           "healthy-green", "healthy-fallback", "after", "prune"),
    "P7": (),
    "P8": (),
    "P9": (),
}
# What makes a phase last as long as a fault needs to happen in it.
LASTING = {
    "P1": {"HOOK_DELAY": "0.6"},
    "P2": {"STOP_DELAY": "0.6"},
    "P3": {"START_DELAY": "1"},
    "P6": {"STOP_DELAY": "0.6"},
    "P7": {"START_DELAY": "0.8", "STOP_DELAY": "0.3"},
}
CYCLE_SECONDS = 45


class Cell(Judgement):
    def __init__(self, host, fault, phase, directory):
        self.host = host
        self.name = f"{fault} at {phase}"
        self.phase = phase
        self.directory = directory
        self.wrong = []
        self.notes = []
        # What this cell may do to the world; a fault says so, everything else is a finding.
        self.outcomes = {"succeeded"}
        self.broken = 0
        self.hold_ok = False
        self.silence_ms = 2000
        self.writes_wait = False
        self.disturbed = set()
        self.repairs = False
        self.asked = []
        # Cycles in the order in which the record knew them.
        self.ids = []
        self.streams = []
        self.restarts = {SUPERVISOR: 0, RELAY: 0}
        self.load = None
        self.loads = []
        self.hit = None
        self.dpkg = None
        self.aborting = None
        self.killed_supervisor = []
        self.released = None
        self.watching = False

    def problem(self, sentence):
        self.wrong.append(sentence)

    def note(self, sentence):
        self.notes.append(sentence)

    # The beginning: steady, with load, known who is who

    def begin(self):
        host = self.host
        status = host.status()
        if not stand.is_steady(status):
            raise HostTrouble("not steady at the beginning of a cell")
        self.primary = stand.primary_of(status)
        self.fallback = stand.other(self.primary)
        swap = stand.has_releases(host) and host.strategy == "swap"
        # Who restarts first on the new code, and who serves meanwhile.
        self.new = self.fallback if swap else self.primary
        self.last = stand.other(self.new)
        self.last_id = (status.get("cycle") or {}).get("id", "")
        self.pids = {color: host.main_pid(stand.unit_of(color)) for color in stand.COLORS}
        self.restarts_before = {unit: int(host.show(unit, "NRestarts") or 0)
                                for unit in self.restarts}
        self.cursor = host.shell("journalctl -q -n 1 --show-cursor | sed -n 's/^-- cursor: //p'").strip()
        self.new_load()
        time.sleep(0.4)
        self.watching = True
        self.watcher = threading.Thread(target=self.watch)
        self.watcher.start()

    def new_load(self, *options):
        if self.load:
            self.load.abandon()
        self.load = Load(self.host, os.path.join(self.directory, str(len(self.loads))), *options)
        self.loads.append(self.load)

    def watch(self):
        """I4: who serves is not stopped before the commit is on the disk. Processes are looked at
        before the record: if one is gone and the record that is read later knows no commit, it
        was stopped before."""
        known, before = self.last_id, self.pids[self.last]
        while self.watching:
            pid = self.host.main_pid(stand.unit_of(self.last))
            record = self.host.record()
            if record and record["ID"] != known:
                self.ids.append(record["ID"])
                known, before = record["ID"], pid if self.last_id != known else before
            if (pid != before and self.last not in self.disturbed and record
                    and record["OUTCOME"] == "running" and record["COMMITTED"] == "no"
                    # Roles change: in a cycle that follows, the idle color is another one.
                    and record.get("FRESH") != self.last
                    and self.watching):
                self.problem(f"I4: {self.last} was stopped at {record['STEP']}, before the commit")
                self.disturbed.add(self.last)
            time.sleep(0.02)

    # The way to a phase

    def release(self):
        """The release that is not the one before."""
        running = os.path.basename(self.host.run(
            "readlink", f"{STATE}/{self.primary}", check=False).strip())
        return "r2" if running == "r1" else "r1"

    def ask(self, *words):
        """A caller who waits for his cycle."""
        if not words:
            words = (("deploy", self.release()) if stand.has_releases(self.host) else ("reload",))
        child = self.host.spawn("timeout", "90", "bluegreenctl", *words)
        self.asked.append((" ".join(words), child))
        return child

    def row(self):
        """The row that is under way, by the record; None if no cycle of this cell runs."""
        record = self.host.record()
        if record.get("OUTCOME") != "running" or record.get("ID") == self.last_id:
            return None
        return record["STEP"]

    def reach(self, *rows, **knobs):
        """Starts a cycle and returns in the phase, or in one of the rows if they are named."""
        if self.phase == "P0" and not rows:
            return
        stand.set_knobs(self.host, **(LASTING.get(self.phase, {}) | knobs))
        rows = rows or PHASES[self.phase] or PHASES["P3"]
        if "settle" in rows or "vacate" in rows or "drain-old" in rows:
            self.open_streams()
        if self.phase == "P9":
            self.upgrade_begin()
            return
        self.ask()
        self.await_row(rows)
        if self.phase == "P7":
            self.walk_back()
        elif self.phase == "P8":
            self.come_back()

    def await_row(self, rows):
        began = time.monotonic()
        seen = []
        while time.monotonic() < began + CYCLE_SECONDS:
            row = self.row()
            if row and (not seen or seen[-1] != row):
                seen.append(row)
            if row in rows:
                self.hit = row
                return
            if self.asked[-1][1].poll() is not None and row is None:
                break
            time.sleep(0.001)
        self.problem(f"the phase was not reached; rows seen: {' '.join(seen)}")

    def walk_back(self):
        """P7: the cycle is on its way back, because somebody said so."""
        self.outcomes = {"aborted"}
        self.aborting = self.host.spawn("timeout", "60", "bluegreenctl", "abort")
        if not wait_until(10, lambda: self.host.record().get("UNDOING") == "yes", 0.001):
            self.problem("the cycle was told to walk back, and did not")
        self.hit = "undoing " + (self.row() or "")

    def come_back(self):
        """P8: the supervisor was killed in the middle and is finding out how things stand."""
        self.kill_supervisor()
        if not self.await_supervisor():
            self.problem("I5: the supervisor was not started again")
        self.outcomes |= {"interrupted"}
        self.hit = "back at " + (self.row() or "?")

    def upgrade_begin(self):
        """P9: dpkg is replacing the package."""
        self.restarts[SUPERVISOR] += 99
        deb = "/root/" + os.path.basename(self.host.deb)
        self.dpkg = self.host.spawn("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "-i", deb)
        old = self.program()
        if not wait_until(20, lambda: self.program() != old, 0.002):
            self.problem("dpkg did not replace the supervisor's program within 20 s")
        self.hit = "unpacked, not configured"

    def program(self):
        """Which file the supervisor's program is."""
        try:
            return os.stat(self.host.root + "/usr/libexec/app-bluegreen/supervisor").st_ino
        except OSError:
            return 0

    # Tools of the faults

    def open_streams(self):
        """What the drain has to wait for."""
        for _ in range(2):
            stream = self.host.connect()
            stream.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\nX-Request-Id: stream\r\n\r\n")
            self.streams.append(stream)
        socket = self.host.connect()
        socket.sendall(b"GET /ws HTTP/1.1\r\nHost: a\r\nX-Request-Id: ws\r\nConnection: Upgrade\r\n"
                       b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                       b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        self.streams.append(socket)
        for stream in self.streams:
            stream.recv(4096)

    def kill_supervisor(self):
        self.killed_supervisor = self.host.signal(SUPERVISOR)
        self.restarts[SUPERVISOR] += 1

    def await_supervisor(self):
        def back():
            pids = self.host.pids(SUPERVISOR)
            return pids and not set(pids) & set(self.killed_supervisor)
        return wait_until(SERVED_SECONDS, back, 0.005)

    def kill_relay(self):
        self.host.signal(RELAY)
        self.restarts[RELAY] += 1
        self.broken += 200

    def kill_color(self, color):
        self.disturbed.add(color)
        self.broken += 120
        return self.host.signal(stand.unit_of(color))

    def release_fault(self):
        """From now on the ten seconds of I5 count."""
        self.released = time.monotonic()

    def words_of(self, child):
        """What it said; waits for its end."""
        if not hasattr(child, "words"):
            child.words, _ = child.communicate(timeout=CYCLE_SECONDS)
        return child.words

    def await_first_asker(self):
        """Its cycle is over; what comes behind it has begun."""
        for _, child in self.asked[:1]:
            wait_until(CYCLE_SECONDS, lambda: child.poll() is not None, 0.05)

    # The end

    def end(self):
        """Judges, and puts everything back. Returns the sentences of what was wrong."""
        host = self.host
        self.released = self.released or time.monotonic()
        self.await_served()
        self.await_askers()
        if self.phase == "P9" and self.dpkg:
            output = self.words_of(self.dpkg)
            if self.dpkg.returncode != 0:
                self.problem(f"I7: dpkg ended with {self.dpkg.returncode}: {output[-300:]}")
        status = self.await_rest()
        if status:
            self.judge_cycles(status)
        if status and not stand.is_steady(status) and self.repairs:
            self.repair()
        self.judge_steady()
        self.watching = False
        self.watcher.join()
        for stream in self.streams:
            stream.close()
        self.load.stop()
        self.wrong += self.load.judge(self.broken, self.hold_ok, self.silence_ms)
        for load in self.loads[:-1]:
            load.stop()
            self.wrong += load.judge_log()
        self.judge_restarts()
        self.note(self.load.words())
        return self.wrong

    def await_served(self):
        """I5: without anybody's help, ten seconds after the fault is over."""
        left = self.released + SERVED_SECONDS - time.monotonic()
        if not wait_until(left, self.host.read_works):
            self.problem(f"I5: no read was answered within {SERVED_SECONDS} s")
        left = max(self.released + SERVED_SECONDS - time.monotonic(), 0.1)
        if not self.writes_wait and not wait_until(
                left, lambda: self.host.ask("POST", "/notes", b"title=x", SERVED_SECONDS)[0] == 201):
            self.problem(f"I5: no write was answered within {SERVED_SECONDS} s")
        self.note(f"served {time.monotonic() - self.released:.1f} s after the fault")

    def await_askers(self):
        for words, child in self.asked:
            try:
                self.words_of(child)
            except subprocess.TimeoutExpired:
                self.host.kill(child)
                child.words, _ = child.communicate()
                self.problem(f"I6: bluegreenctl {words} never ended")

        if self.aborting:
            self.words_of(self.aborting)

    def await_rest(self):
        """No cycle runs, and it is said how things stand."""
        last = []

        def rests():
            last[:] = [self.host.status()]
            return (last[0] and not stand.is_in_cycle(last[0])
                    and last[0]["state"] in ("steady", "degraded"))
        if wait_until(CYCLE_SECONDS, rests, 0.05):
            # From degraded to steady by itself, where that is the way.
            if not self.repairs:
                wait_until(SERVED_SECONDS, lambda: rests() and stand.is_steady(last[0]), 0.05)
            return last[0]
        self.problem("I5: no stable state was reached: " + json.dumps(last[0])[:600])
        return None

    def keep(self):
        """For a person who was not there."""
        os.makedirs(self.directory, exist_ok=True)
        with open(os.path.join(self.directory, "findings"), "w", encoding="utf-8") as file:
            file.write("\n".join([self.name, *self.wrong, *self.notes]) + "\n")
            for words, child in self.asked:
                file.write(f"\n$ bluegreenctl {words}: {child.returncode}\n{getattr(child, 'words', '')}")
        try:
            journal = self.host.run("journalctl", "--no-pager", "-o", "short-precise", check=False,
                                    *(["--after-cursor", self.cursor] if self.cursor else []))
            with open(os.path.join(self.directory, "journal"), "w", encoding="utf-8") as file:
                file.write(journal)
        except HostTrouble:
            pass
