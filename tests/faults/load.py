# SPDX-License-Identifier: MIT
"""The load client of a cell (../load), and what may be held against the project in its report."""

import json
import os
import signal
import subprocess

from host import EXECUTED, REPO

# What a client gets whose connection was cut with the process behind it.
BROKEN = ("reset", "early-eof", "5xx")
# Findings in the log of executed writes that nothing excuses.
WRONG_WRITES = ("executed_twice", "lost", "refused_executed", "reads_executed", "unknown", "garbled",
                "other_color")


class Load:
    """Reads and writes by the clock, with connections to spare while writes are held."""

    def __init__(self, host, directory, *more):
        os.makedirs(directory, exist_ok=True)
        self.path = os.path.join(directory, "load.json")
        self.report = None
        build = os.environ.get("BUILD", os.path.join(REPO, "build"))
        with open(os.path.join(directory, "load.txt"), "w", encoding="utf-8") as words:
            self.child = subprocess.Popen(
                ["nsenter", "-t", str(host.init), "-n", os.path.join(build, "tests/load/load"),
                 "--rate", "100", "--keepalive", "8", "--close", "6", "--spare", "400",
                 "--writes", "15", "--timeout", "40", "--duration", "3600",
                 "--log", host.files + EXECUTED, "--hold-ok", "--json", self.path, "--quiet", *more],
                stdin=subprocess.DEVNULL, stdout=words, stderr=subprocess.STDOUT)

    def stop(self):
        """It awaits what is under way, so that nothing is overlooked."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
        try:
            self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        try:
            with open(self.path, encoding="utf-8") as file:
                self.report = json.load(file)
        except (OSError, ValueError):
            self.report = None

    def abandon(self):
        """Its network is gone: what was under way is not judged."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
            try:
                self.child.wait(1)
            except subprocess.TimeoutExpired:
                self.child.send_signal(signal.SIGINT)

    def judge_log(self):
        """What must be true of any load, however it ended."""
        if not self.report:
            return ["the load client made no report"]
        log = self.report["log"] or {}
        wrong = [f"I2: {log[name]} writes: {name}" for name in WRONG_WRITES if log.get(name)]
        if log.get("by_fallback"):
            wrong.append(f"I3: {log['by_fallback']} writes were executed by a fallback")
        return wrong

    def judge(self, broken=0, hold_ok=False, silence_ms=2000):
        """Sentences of what was wrong. broken: so many requests may have ended with a process
        that was killed under them; they were then not acknowledged, and never executed twice."""
        report = self.report
        if not report:
            return ["the load client made no report"]
        wrong = []
        outcomes = dict(report["outcomes"])
        cut = sum(outcomes.get(name, 0) for name in BROKEN)
        if outcomes.get("refused"):
            wrong.append(f"I1: {outcomes['refused']} connections were refused")
        if not outcomes.get("answered"):
            wrong.append("I1: nothing was answered at all")
        if cut > broken:
            wrong.append(f"I2: {cut} requests were broken, at most {broken} could be")
        if not hold_ok and outcomes.get("held-refused"):
            wrong.append(f"I2: {outcomes['held-refused']} writes were told 503 after their wait")
        for name in set(outcomes) - set(BROKEN) - {"answered", "refused", "held-refused", "cut"}:
            if outcomes[name]:
                wrong.append(f"I2: {outcomes[name]} requests ended as {name}")
        log = report["log"] or {}
        if log.get("unacknowledged_executed", 0) > broken:
            wrong.append(f"I2: {log['unacknowledged_executed']} writes were executed and not answered")
        wrong += self.judge_log()
        if report["read_silence_us"] > silence_ms * 1000:
            wrong.append(f"I1: for {report['read_silence_us'] // 1000} ms no read was answered, "
                         f"at most {silence_ms} ms could be")
        return wrong

    def words(self):
        if not self.report:
            return ""
        outcomes = {k: v for k, v in self.report["outcomes"].items() if v}
        return (f"{outcomes}, reads were silent for {self.report['read_silence_us'] // 1000} ms, "
                f"longest write {self.report['kinds']['post']['all']['longest_us'] // 1000} ms")
