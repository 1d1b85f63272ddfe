# SPDX-License-Identifier: MIT
"""Where the time of one contestant goes in one workload: system calls a request (strace),
instructions a request in user space (callgrind, the relay only), and symbols of both spaces
(perf, sampling the processor's clock). Counts do not depend on how busy the machine is."""

import os
import re
import shutil
import signal
import subprocess

import measure
import proxies

TOP = 25
# Requests that are counted; connections are opened once, so enough for that not to matter.
COUNT = 20000
COUNT_LARGE = 1000
CALLGRIND_COUNT = 2000
CALLGRIND_COUNT_LARGE = 50
TRACE_DEADLINE = 120


def say(title):
    print(f"\n{title}", flush=True)


def counted(options, proxy, workload, count):
    """Exactly so many requests, and all connections closed again."""
    command = [os.path.join(options.build, "tests/bench/client"), *workload.arguments()]
    command = [word for word in command if word != "--idle"]
    command += [f"--count={count}", f"--seconds={TRACE_DEADLINE}", str(proxy.port)]
    client = measure.Client(command)
    client.hear(TRACE_DEADLINE + measure.CLIENT_DEADLINE)
    client.end()


def scaled(workload, count, large):
    return max(large if workload.large else count, 2 * workload.connections)


def system_calls(options, proxy, workload):
    count = scaled(workload, COUNT, COUNT_LARGE)
    say(f"System calls of {proxy.name} a request, in {count:,} requests (strace -c):")
    proxy.start(workload.connections)
    try:
        path = os.path.join(options.directory, "strace.out")
        command = ["strace", "-f", "-c", "-U", "calls,errors,name", "-o", path]
        command += [word for pid in proxy.pids() for word in ("-p", str(pid))]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            strace.stderr.readline()  # "Process N attached"
            counted(options, proxy, workload, count)
            strace.send_signal(signal.SIGINT)
            strace.communicate(timeout=proxies.DEADLINE)
    finally:
        proxy.stop()
    with open(path, encoding="ascii") as file:
        rows = [line.split() for line in file if re.match(r"\s*\d+\s", line)]
    for row in rows[:TOP]:
        calls, name = int(row[0]), row[-1]
        errors = f"{int(row[1]) / count:8.3f} of them in vain" if len(row) == 3 else ""
        if calls / count >= 0.001:
            print(f"  {calls / count:8.3f} {name:16}{errors}")


def callgrind_run(options, proxy, workload, count):
    """Instructions of each function. One worker, so that runs are alike."""
    path = os.path.join(options.directory, "callgrind.out")
    proxy.wrapper = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={path}"]
    proxy.workers = 1
    proxy.start(workload.connections)
    try:
        counted(options, proxy, workload, count)
    finally:
        proxy.stop()
        proxy.wrapper, proxy.workers = [], options.workers
    command = ["callgrind_annotate", "--threshold=100", "--auto=no", path]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = {}
    for line in text.splitlines():
        match = re.match(r"\s*([\d,]+) \(\s*[\d.]+%\)\s+(\S.*)$", line)
        if match:
            name = re.sub(r"^\S*/", "", match[2].split(" [")[0]).replace("PROGRAM TOTALS", "total")
            found[name] = found.get(name, 0) + int(match[1].replace(",", ""))
    return found


def instructions(options, proxy, workload):
    few = scaled(workload, CALLGRIND_COUNT, CALLGRIND_COUNT_LARGE)
    say(f"Instructions of {proxy.name} a request in user space (callgrind, {4 * few:,} requests):")
    before = callgrind_run(options, proxy, workload, few)
    after = callgrind_run(options, proxy, workload, 5 * few)
    a_request = {name: (n - before.get(name, 0)) / (4 * few) for name, n in after.items()}
    for name, n in sorted(a_request.items(), key=lambda item: -item[1])[:TOP]:
        if n >= 1:
            print(f"  {n:10.1f} {name}")


def symbols(options, proxy, workload):
    say(f"Symbols of {proxy.name}, user space and kernel (perf, cpu-clock, part of its time):")
    path = os.path.join(options.directory, "perf.data")
    proxy.start(workload.connections)
    try:
        client = measure.Client(measure.client_command(options, proxy, workload))
        client.hear(measure.CLIENT_DEADLINE)  # counting, or idle
        if workload.idle:
            client.go_on()
        pids = ",".join(map(str, proxy.pids()))
        record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "4999", "-p", pids, "-o", path]
        subprocess.run(
            [*record, "--", "sleep", str(options.seconds * 0.9)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        client.process.stdin.close()
        client.process.wait(measure.CLIENT_DEADLINE)
    finally:
        proxy.stop()
    report = ["perf", "report", "-q", "--stdio", "--no-children", "-s", "symbol", "-i", path]
    text = subprocess.run(report, capture_output=True, text=True, check=True).stdout
    print("\n".join([line for line in text.splitlines() if line.strip()][:TOP]))


def profile(options, proxy, workload):
    steps = [("strace", system_calls), ("valgrind", instructions), ("perf", symbols)]
    options.seconds = max(options.seconds, 3)
    for program, step in steps:
        if step is instructions and proxy.name != "relay":
            continue
        if shutil.which(program):
            step(options, proxy, workload)
        else:
            package = {"perf": "linux-perf"}.get(program, program)
            say(f"{program} is not installed (apt-get install {package}).")
    return 0
