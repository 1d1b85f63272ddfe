# SPDX-License-Identifier: MIT
"""What was measured, in words: for the terminal, and as the table of the README."""

import json
import os
import platform
import statistics

import goals
from measure import FLAT, WARM_UP

METRICS = ("rps", "p50_us", "p99_us", "cpu_ms_per_1000", "rss_kib")
STRANGERS_MAX = 0.05  # of the processors; above it, figures are not the proxies' alone
CLIENT_MAX = 0.9  # of a processor; above it, the client's limit is measured
HTTP_NAMES = ("relay", "nginx", "haproxy")
BYTES_NAMES = ("nginx-stream", "socket-proxyd")


def medians(rounds):
    values = {key: statistics.median(r[key] for r in rounds) for key in METRICS}
    return {key: round(v, 3 if key == "cpu_ms_per_1000" else 0) for key, v in values.items()}


def median(rounds, key):
    return statistics.median(r[key] for r in rounds)


def describe_machine(options, contestants):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    print(f"{os.cpu_count()} x {model}, Linux {platform.release()}, load {os.getloadavg()[0]:.2f}")
    print("; ".join(proxy.version() for proxy in contestants))
    placed = "the proxy pinned to a processor of its own" if options.pin else "nothing pinned"
    print(
        f"{options.workers} workers each, {placed}; medians of {options.rounds} interleaved rounds"
        f" of {options.seconds} s after {WARM_UP} s; connections to the backend are kept"
        " (but the relay opens one for each POST). *: bytes only, no HTTP"
    )


def row(name, rounds, direct):
    s = medians(rounds)
    spread = f"{min(r['rps'] for r in rounds):.0f}-{max(r['rps'] for r in rounds):.0f}"
    of_direct = f"{s['rps'] / direct:.2f}" if direct else ""
    cost = ("", "") if name == "direct" else (
        f"{s['cpu_ms_per_1000']:.2f} ms",
        f"{s['rss_kib'] / 1024:.1f} MiB",
    )
    return (
        f"  {name + '*' * (name in BYTES_NAMES):14} {s['rps']:10.0f} {of_direct:>9} {spread:>15}"
        f" {s['p50_us'] / 1000:7.2f} ms {s['p99_us'] / 1000:7.2f} ms"
        f" {cost[0]:>10} {cost[1]:>9} {sum(r['errors'] for r in rounds):7}"
    )


def print_workload(workload, name, results):
    print(f"\n{name}: {workload.title}")
    print(
        f"  {'':14} {'requests/s':>10} {'of direct':>9} {'spread':>15} {'p50':>10} {'p99':>10}"
        f" {'CPU/1000':>10} {'RSS':>9} {'errors':>7}"
    )
    direct = median(results["direct"], "rps") if "direct" in results else 0
    for proxy, rounds in results.items():
        print(row(proxy, rounds, direct))
    relay = results["relay"]
    print(
        f"  beside the relay, for 1,000 requests: client {median(relay, 'client_ms_per_1000'):.2f}"
        f" ms ({median(relay, 'client_share'):.0%} of a processor),"
        f" backend {median(relay, 'backend_ms_per_1000'):.2f} ms"
    )
    if workload.idle:
        for proxy, rounds in results.items():
            print(
                f"  {proxy}: {median(rounds, 'rss_started_kib'):,.0f} KiB when started,"
                f" {median(rounds, 'bytes_per_client'):,.0f} bytes more for each client"
            )
    warn(workload, results)


def warn(workload, results):
    worst = max(r["strangers"] for rounds in results.values() for r in rounds)
    if worst > STRANGERS_MAX:
        print(
            f"  Other programs took up to {worst:.0%} of the processors meanwhile:"
            " compare CPU/1000, not requests/s or times."
        )
    for proxy, rounds in results.items():
        if proxy != "direct" and median(rounds, "client_share") > CLIENT_MAX:
            print(f"  The client was at its limit beside {proxy}: requests/s are the client's.")
    if workload.wanted > workload.connections:
        print(
            f"  {workload.connections:,} connections instead of {workload.wanted:,}: more"
            " descriptors a process are not to be had here (RLIMIT_NOFILE)."
        )


def cell(summary, direct):
    if not summary:
        return ""
    text = f"{summary['cpu_ms_per_1000']:.1f} ms"
    return text + (f", {summary['rps'] / direct['rps']:.2f}" if direct else "")


def print_markdown(path):
    """The README's table, from the last run's report."""
    with open(path, encoding="ascii") as file:
        report = json.load(file)
    names = HTTP_NAMES + BYTES_NAMES
    print("| | " + " | ".join(name + " \\*" * (name in BYTES_NAMES) for name in names) + " |")
    print("|---" * (len(names) + 1) + "|")
    titles = {
        "keepalive": "64 kept connections, 5 bytes",
        "close": "a connection for each request",
        "large": "1 MiB",
        "post": "POST, 64 kept connections",
        **{name: f"{int(name[6:]):,} kept connections" for name in FLAT},
    }
    workloads = report["workloads"]
    for name, title in titles.items():
        of_all = workloads.get(name, {})
        cells = (cell(of_all.get(who), of_all.get("direct")) for who in names)
        if of_all:
            print(f"| {title} | " + " | ".join(cells) + " |")
    for name, title in {
        "half-load": "p99 at half load",
        "large": "p99 of 1 MiB at full load",
    }.items():
        of_all = workloads.get(name, {})
        cells = (f"{of_all[n]['p99_us'] / 1000:.1f} ms" if n in of_all else "" for n in names)
        if of_all:
            print(f"| {title} | " + " | ".join(cells) + " |")
    print("\n| goal | limit | reached | from - to | |\n|---|---|---|---|---|")
    for goal in report["goals"]:
        amount, spread, limit = goals.line_of(goal)
        verdict = "met" if goal["met"] else "**not met**"
        print(f"| {goal['name']} | {limit} | {amount} | {spread} | {verdict} |")
    return 0
