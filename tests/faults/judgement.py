# SPDX-License-Identifier: MIT
"""What is judged when a cell has come to rest: the record, the caller, the processes, the answers.

Knows what the cell said that its fault may do (its fields); what a fault is, it does not know.
"""

import json

import stand
from host import wait_until

SERVED_SECONDS = 10
RECORD_SECONDS = 15


class Judgement:
    """The half of a cell that looks; Cell has the fields."""

    def judge_cycles(self, status):
        """I6: the record has an end, the caller was told the same, and status agrees."""
        cycle = status.get("cycle") or {}

        def agree():
            nonlocal cycle
            now = self.host.status()
            # One of the supervisor's own may have begun since, to put something right.
            if not now or stand.is_in_cycle(now):
                return False
            record, cycle = self.host.record(), now.get("cycle") or {}
            return not record or (record["ID"] == cycle.get("id") and
                                  record["OUTCOME"] == cycle.get("outcome"))

        # An end that could not be written is written as soon as there is room, within seconds.
        if not wait_until(RECORD_SECONDS, agree):
            record = self.host.record()
            self.problem(f"I6: the record says {record['ID']} {record['OUTCOME']}, status says "
                         f"{cycle.get('id')} {cycle.get('outcome')}")
        # The supervisor may have begun one of its own behind it, to put right what was left.
        if self.ids and self.ids[0] != cycle.get("id") and "itself" in str(cycle.get("asked_by")):
            self.note(f"then one by the supervisor itself: {cycle.get('outcome')}")
            cycle = stand.show_cycle(self.host, self.ids[0])
            if not cycle:
                if "none" not in self.outcomes:
                    self.problem(f"I6: the cycle {self.ids[0]} that was asked for is not in the history")
                return
        if self.asked and self.phase != "P9":
            if cycle.get("id", self.last_id) == self.last_id:
                if "none" not in self.outcomes:
                    self.problem("I6: a cycle was asked for and none is recorded")
            elif cycle["outcome"] not in self.outcomes:
                self.problem(f"I6: the cycle ended as {cycle['outcome']} ({cycle['reason']}), and "
                             f"not as {' or '.join(sorted(self.outcomes))}")
        if len(self.asked) == 1 and cycle.get("id", self.last_id) != self.last_id:
            words, child = self.asked[0]
            good = cycle["outcome"] == "succeeded"
            # 3: not known, see status. 0 and 1 must be true.
            if child.returncode not in ((0, 3) if good else (1, 3)):
                self.problem(f"I6: bluegreenctl {words} ended with {child.returncode}, the cycle as "
                             f"{cycle['outcome']}: {child.words[-300:]}")
        if cycle.get("id", self.last_id) != self.last_id:
            self.note(f"hit at {self.hit}; the cycle {cycle.get('outcome')}: {cycle.get('reason')}")
        elif self.hit:
            self.note(f"hit at {self.hit}")

    def repair(self):
        """What the fault was is taken away; one cycle more must end well. Its preflight may start
        a fallback anew that is sick."""
        self.disturbed |= set(stand.COLORS)
        stand.set_knobs(self.host)
        self.host.shell(f"rm -f {stand.APP}/broken {stand.RELEASES}/*/broken")
        child = self.host.spawn("timeout", "60", "bluegreenctl", "reload")
        output, _ = child.communicate()
        if child.returncode != 0:
            self.problem(f"after the repair a reload failed: {output[-400:]}")

    def judge_steady(self):
        """Steady again; what is said of it is what is."""
        last = []
        if not wait_until(SERVED_SECONDS, lambda: last.append(self.host.status())
                          or stand.is_steady(last[-1]), 0.05):
            self.problem("it is not steady in the end: " + json.dumps(last[-1])[:900])
            return
        status = last[-1]
        roles = [status["colors"][color]["role"] for color in stand.COLORS]
        if sorted(roles) != ["fallback", "primary"]:
            self.problem(f"I3: the roles are {roles}")
        for color in stand.COLORS:
            pid = self.host.show(stand.unit_of(color), "MainPID")
            if pid != str(status["colors"][color]["pid"]):
                self.problem(f"{color} is process {pid}, the supervisor says "
                             f"{status['colors'][color]['pid']}")
            self.wrong += stand.judge_release(self.host, color, stand.primary_of(status))
        code, head = self.host.ask("POST", "/notes", b"title=last")
        if code != 201 or f"X-Color: {stand.primary_of(status)}" not in head:
            self.problem(f"I3: a write was not executed by the primary: {code} {head[:200]}")
        code, head = self.host.ask()
        if code != 200:
            self.problem(f"I1: a read was answered {code}")

    def judge_restarts(self):
        """Nobody crashed who was not killed."""
        for unit, expected in self.restarts.items():
            grown = int(self.host.show(unit, "NRestarts") or 0) - self.restarts_before[unit]
            if grown > expected:
                self.problem(f"{unit} ended {grown} times by itself; {expected} were expected")
