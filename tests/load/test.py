#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proves that the load client judges: a server lies to it in one way at a time, and the client
must report exactly as many lies as were told, of that sort and of no other. TAP."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from liar import Liar, new_log

LOAD = sys.argv[1]
DEADLINE = 20  # seconds; no run here needs more than two
USUAL = ["--keepalive", "3", "--think", "8", "--duration", "0.5", "--timeout", "3"]
ALL_WRITES = ["--writes", "100"]

results = []


def check(sentence, good, why=""):
    results.append(good)
    print(f"{'ok' if good else 'not ok'} {len(results)} - {sentence}", flush=True)
    if not good:
        print("".join(f"# {line}\n" for line in str(why).splitlines()), end="", flush=True)


class Run:
    """One run of the client against a liar of its own."""

    def __init__(self, directory, path="/", options=(), log=True, setup=None, stop_after=None):
        self.liar = Liar(new_log(directory, "executed"))
        if setup:
            setup(self.liar)
        report = os.path.join(directory, "report.json")
        command = [LOAD, "--url", f"http://127.0.0.1:{self.liar.port}", "--json", report]
        command += ["--read-path", path, "--write-path", path, *(options or USUAL)]
        command += ["--log", self.liar.log] if log else []
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if stop_after:
            time.sleep(stop_after)
            process.send_signal(signal.SIGTERM)
        self.text = process.communicate(timeout=DEADLINE)[0]
        self.status = process.returncode
        with open(report, encoding="ascii") as file:
            self.report = json.load(file)
        self.outcomes = self.report["outcomes"]
        self.log = self.report["log"]

    def failures(self):
        """The outcomes that are failures and were counted."""
        fine = ("answered", "held-refused", "cut")
        return {k: n for k, n in self.outcomes.items() if n and k not in fine}

    def disagreements(self):
        keys = (
            "lost executed_twice by_fallback other_color refused_executed"
            " unacknowledged_executed reads_executed unknown garbled"
        )
        return {k: self.log[k] for k in keys.split() if self.log[k]}


def expect_good(directory, sentence, path, options=(), also=None, **more):
    run = Run(directory, path, options, **more)
    good = (
        run.status == 0
        and run.report["good"]
        and not run.failures()
        and run.outcomes["answered"] + run.outcomes["held-refused"] > 0
        and run.liar.lies + (path == "/") > 0
        and (also is None or also(run))
    )
    check(sentence, good, run.text + json.dumps(run.outcomes))


def expect_outcome(directory, sentence, path, outcome, options=(), **more):
    run = Run(directory, path, options, **more)
    good = (
        run.status == 1
        and not run.report["good"]
        and run.liar.lies > 0
        and run.failures() == {outcome: run.liar.lies}
    )
    check(sentence, good, f"{run.liar.lies} lies told\n{run.text}")


def expect_in_log(directory, sentence, path, found, outcomes=(), options=()):
    """found: what the log must show, once for each lie; outcomes: what was seen on the wire."""
    run = Run(directory, path, [*USUAL, *ALL_WRITES, *options])
    lies = run.liar.lies
    good = (
        run.status == 1
        and lies > 0
        and run.disagreements() == {key: lies for key in found}
        and run.failures() == {key: lies for key in outcomes}
    )
    check(sentence, good, f"{lies} lies told\n{run.text}{json.dumps(run.log)}")


def truths(d):
    expect_good(d, "an honest server is believed", "/")
    expect_good(d, "honest writes are believed", "/", [*USUAL, *ALL_WRITES])
    expect_good(d, "an interim answer and chunks, byte by byte, are one good answer", "/dribble")
    expect_good(d, "an answer that ends with its connection is whole", "/until-close")
    expect_good(d, "an announced close is no failure", "/announced-close")
    expect_good(
        d,
        "a kept connection closed between requests is opened anew, and counted",
        "/idle-close",
        ["--keepalive", "1", "--rate", "20", "--duration", "0.8"],
        lambda run: run.report["connections"]["idle_eof"] >= 10,
    )
    expect_good(
        d,
        "clients that close open a connection for every request",
        "/",
        ["--close", "3", "--think", "8", "--duration", "0.5"],
        lambda run: run.report["connections"]["opened"] == run.outcomes["answered"]
        and run.report["connections"]["announced"] == run.outcomes["answered"],
    )
    expect_good(
        d,
        "503 with Retry-After is held-refused under --hold-ok",
        "/held",
        [*USUAL, "--hold-ok"],
        lambda run: run.outcomes["held-refused"] == run.liar.lies,
    )


def wire(d):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    command = [LOAD, "--url", f"http://127.0.0.1:{port}", "--keepalive", "2", "--duration", "0.3"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    good = run.returncode == 1 and "refused" in run.stdout.splitlines()[-1]
    check("a closed port is refused", good, run.stdout)
    close = ["--close", "3", "--think", "8", "--duration", "0.5"]
    for sentence, path, outcome, options in (
        ("a reset instead of the answer", "/reset", "reset", USUAL),
        ("a reset within the answer", "/reset-within", "reset", USUAL),
        ("a close instead of the answer", "/eof", "early-eof", USUAL),
        ("a close instead of the answer, on new connections", "/eof", "early-eof", close),
        ("a close within the head", "/eof-in-head", "early-eof", USUAL),
        ("a close within the body", "/truncated", "early-eof", USUAL),
        ("a close within a chunk", "/truncated-chunk", "early-eof", USUAL),
        ("a close before the last chunk", "/unfinished-chunks", "early-eof", USUAL),
        ("no answer", "/silence", "timeout", [*USUAL[:-1], "0.4"]),
        ("status 500", "/5xx", "5xx", USUAL),
        ("503 with Retry-After, without --hold-ok,", "/held", "5xx", USUAL),
        ("503 without Retry-After", "/refused-without-when", "5xx", [*USUAL, "--hold-ok"]),
        ("status 404", "/status", "status", USUAL),
        ("what is not HTTP", "/garbage", "bad-http", USUAL),
        ("two lengths", "/two-lengths", "bad-http", USUAL),
        ("a length and chunks", "/both-framings", "bad-http", USUAL),
        ("another's id", "/wrong-id", "wrong-body", USUAL),
        ("another's body", "/wrong-body", "wrong-body", USUAL),
        ("an empty body", "/empty-body", "wrong-body", USUAL),
        ("a color that the body denies", "/wrong-color", "wrong-body", USUAL),
        ("no color", "/no-color", "wrong-body", USUAL),
        ("the other method's answer", "/wrong-method", "wrong-body", USUAL),
        ("an answer twice at once", "/twice", "answered-twice", USUAL),
        ("an answer twice, later", "/twice-later", "answered-twice", USUAL),
        ("an answer twice before the end", "/twice", "answered-twice", close),
        ("one byte too much", "/one-byte-more", "answered-twice", USUAL),
    ):
        name = outcome if outcome != "answered-twice" else "answered twice"
        expect_outcome(d, f"{sentence} is counted as {name}", path, outcome, options, log=False)
    run = Run(d, "/twice-as-next", log=False)
    check(
        "an old answer to the next request is counted as answered twice",
        run.liar.lies > 0 and run.failures() == {"answered-twice": run.liar.lies},
        run.text,
    )


def log(d):
    for sentence, path, found, outcomes, options in (
        ("a write executed twice", "/executed-twice", ["executed_twice"], [], []),
        ("a write acknowledged and lost", "/lost", ["lost"], [], []),
        ("a write executed by a fallback", "/fallback-executed", ["by_fallback"], [], []),
        ("a write executed by the other color", "/other-color", ["other_color"], [], []),
        (
            "a write refused yet executed",
            "/refused-yet-executed",
            ["refused_executed"],
            [],
            ["--hold-ok"],
        ),
        (
            "a write executed whose answer never came",
            "/executed-then-gone",
            ["unacknowledged_executed"],
            ["early-eof"],
            [],
        ),
        ("a line of a write that was never sent", "/never-sent", ["unknown"], [], []),
        ("a line that cannot be read", "/garbled", ["garbled"], [], []),
    ):
        expect_in_log(d, f"{sentence} is found in the log", path, found, outcomes, options)
    run = Run(d, "/by-fallback", [*USUAL, *ALL_WRITES])
    check(
        "a write that a fallback acknowledges is counted as by-fallback",
        run.liar.lies > 0 and run.failures() == {"by-fallback": run.liar.lies},
        run.text,
    )
    run = Run(d, "/read-executed")
    check(
        "a read in the log of writes is found",
        run.liar.lies > 0 and run.disagreements() == {"reads_executed": run.liar.lies},
        run.text,
    )
    command = [LOAD, "--url", f"http://127.0.0.1:{Liar(os.devnull).port}", "--keepalive", "1"]
    command += ["--duration", "0.1", "--log", os.path.join(d, "absent")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    check("a log that cannot be read is no good run", run.returncode == 2, run.stderr)


def clock(d):
    options = ["--keepalive", "1", "--duration", "1.2", "--timeout", "3"]
    run = Run(d, "/stall", [*options, "--rate", "100"], log=False)
    gets = run.report["kinds"]["get"]["all"]
    check(
        "with --rate a stall of a second is felt by all that were due in it",
        run.status == 0 and gets["p50_us"] > 200000 and gets["answered"] >= 115,
        run.text,
    )
    check(
        "and the silence between two answers is told",
        950000 < run.report["read_silence_us"] < 1400000,
        run.text,
    )
    run = Run(d, "/stall", [*options, "--rate", "100", "--spare", "4"], log=False)
    gets = run.report["kinds"]["get"]["all"]
    check(
        "with --spare it is felt by one only",
        run.status == 0 and gets["longest_us"] > 950000 and gets["p99_us"] < 500000,
        run.text,
    )
    options = ["--keepalive", "1", "--rate", "50", "--duration", "60", "--timeout", "0.5"]
    run = Run(d, "/silence", options, log=False, stop_after=0.4)
    check(
        "a signal ends the run, and what was due and never sent has failed",
        run.status == 1 and run.outcomes["never-sent"] > 0 and run.outcomes["timeout"] > 0,
        run.text,
    )
    began = time.monotonic()
    run = Run(d, "/", ["--keepalive", "2", "--think", "10", "--duration", "60"], stop_after=0.3)
    check(
        "SIGTERM ends a long run early, with its verdict",
        run.status == 0 and time.monotonic() - began < 5,
        run.text,
    )


def streams(d):
    def ws(lie):
        return lambda liar: setattr(liar, "ws_lie", lie)

    def events(lie):
        return lambda liar: setattr(liar, "events_lie", lie)

    options = ["--websocket", "2", "--think", "10", "--duration", "0.4", "--timeout", "2"]
    for lie, sentence in (("", "echoes are believed"), ("ping", "a ping is answered")):
        run = Run(d, options=options, setup=ws(lie), log=False)
        good = run.status == 0 and run.report["echoes"] > 10
        check(f"WebSocket: {sentence}", good, run.text)
    run = Run(d, options=options, setup=ws("close"), log=False)
    check(
        "WebSocket: a close frame between echoes is a proper end",
        run.status == 0 and run.report["connections"]["streams_ended"] > 1,
        run.text,
    )
    for lie, outcome, sentence in (
        ("accept", "wrong-body", "an accept that does not prove the key"),
        ("status", "status", "200 instead of 101"),
        ("wrong", "wrong-body", "a wrong echo"),
        ("twice", "answered-twice", "an echo twice"),
        ("masked", "bad-http", "a masked frame from a server"),
        ("cut", "early-eof", "an end without the echo"),
    ):
        run = Run(d, options=options, setup=ws(lie), log=False)
        good = run.status == 1 and list(run.failures()) == [outcome]
        check(f"WebSocket: {sentence} is counted as {outcome}", good, run.text)
    run = Run(d, options=[*options, "--cut-ok"], setup=ws("cut"), log=False)
    good = run.status == 0 and run.outcomes["cut"] > 0
    check("WebSocket: with --cut-ok it is counted as cut", good, run.text)

    options = ["--sse", "2", "--duration", "0.9", "--timeout", "2"]
    run = Run(d, options=options, setup=events("end"), log=False)
    good = run.status == 0 and run.report["events"] >= 4
    check("events: an honest stream and its end are believed", good, run.text)
    run = Run(d, options=options, setup=events("late"), log=False)
    late = run.report["kinds"]["events"]["all"]["p50_us"]
    check("events: the time to the first event is told", 390000 < late < 900000, run.text)
    for lie, outcome, sentence in (
        ("status", "5xx", "status 500"),
        ("type", "wrong-body", "another content type"),
        ("wrong", "wrong-body", "another's first event"),
        ("cut", "early-eof", "a stream that is cut"),
    ):
        run = Run(d, options=options, setup=events(lie), log=False)
        good = run.status == 1 and list(run.failures()) == [outcome]
        check(f"events: {sentence} is counted as {outcome}", good, run.text)
    run = Run(d, options=[*options, "--cut-ok"], setup=events("cut"), log=False)
    good = run.status == 0 and run.report["connections"]["streams_cut"] > 0
    check("events: with --cut-ok a cut stream is only counted", good, run.text)


def transfers(d):
    size = "3000001"
    for option in ("--download", "--upload"):
        run = Run(d, options=[option, size], setup=None)
        check(f"{option[2:]}: a whole one is believed", run.status == 0, run.text)
    for option, lie, outcome, sentence in (
        ("--download", "byte", "wrong-body", "one wrong bit"),
        ("--download", "moved", "wrong-body", "4 KiB left out"),
        ("--download", "less", "wrong-body", "one byte less, declared"),
        ("--download", "short", "early-eof", "one byte less than declared"),
        ("--upload", "crc", "wrong-body", "a wrong bit received"),
        ("--upload", "size", "wrong-body", "a byte lost"),
    ):

        def setup(liar, lie=lie):
            liar.transfer_lie = lie

        run = Run(d, options=[option, size], setup=setup)
        good = run.status == 1 and run.failures() == {outcome: 1}
        check(f"{option[2:]}: {sentence} is counted as {outcome}", good, run.text)


def main():
    with tempfile.TemporaryDirectory() as directory:
        for part in (truths, wire, log, clock, streams, transfers):
            part(directory)
    print(f"1..{len(results)}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
