# SPDX-License-Identifier: MIT
"""What was measured, in words: for the terminal, and as the table of the README."""

import json
import os
import platform
import statistics

import goals
from measure import FLAT, WARM_UP

METRICS = ("rps", "p50_us", "p99_us", "cpu_ms_per_1000", "rss_kib")
IDLE_METRICS = ("clients", "rss_started_kib", "bytes_per_client")
STRANGERS_MAX = 0.05  # of the processors; above it, figures are not the proxies' alone
CLIENT_MAX = 0.9  # of a processor; above it, the client's limit is measured
BYTES_NAMES = ("nginx-stream", "socket-proxyd")
NAMES = ("relay", "nginx", "haproxy") + BYTES_NAMES


def medians(rounds, metrics=METRICS):
    values = {key: statistics.median(r[key] for r in rounds) for key in metrics}
    return {key: round(v, 3 if key == "cpu_ms_per_1000" else 0) for key, v in values.items()}


def summary(workload, rounds):
    """What the report keeps of a contestant's rounds."""
    return medians(rounds, METRICS + IDLE_METRICS if workload.idle else METRICS)


def median(rounds, key):
    return statistics.median(r[key] for r in rounds)


def describe_machine(options, contestants):
    """The lines at the head of a run, which its report keeps."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    placed = "the proxy pinned to a processor of its own" if options.pin else "nothing pinned"
    return [
        f"{os.cpu_count()} x {model}, Linux {platform.release()}, load {os.getloadavg()[0]:.2f}",
        "; ".join(proxy.version() for proxy in contestants),
        f"{options.workers} workers each, {placed}; medians of {options.rounds} interleaved rounds"
        f" of {options.seconds} s after {WARM_UP} s",
    ]


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
    relay = results.get("relay")
    if relay:
        print_ends(relay)
    if workload.idle:
        for proxy, rounds in results.items():
            print(
                f"  {proxy}: {median(rounds, 'rss_started_kib'):,.0f} KiB when started,"
                f" {median(rounds, 'bytes_per_client'):,.0f} bytes more for each client"
            )
    warn(workload, results)


def print_ends(relay):
    print(
        f"  beside the relay, for 1,000 requests: client {median(relay, 'client_ms_per_1000'):.2f}"
        f" ms ({median(relay, 'client_share'):.0%} of a processor),"
        f" backend {median(relay, 'backend_ms_per_1000'):.2f} ms"
    )


def warn(workload, results):
    worst = max((r["strangers"] for rounds in results.values() for r in rounds), default=0)
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


def cost(figures, direct):
    text = f"{figures['cpu_ms_per_1000']:.1f} ms"
    return text + (f", {figures['rps'] / direct['rps']:.2f}" if direct else "")


def p99(figures, _):
    return f"{figures['p99_us'] / 1000:.1f} ms"


def memory(figures, _):
    return f"{figures['rss_kib'] / 1024:.1f} MiB"


def started(figures, _):
    return f"{figures['rss_started_kib'] / 1024:.1f} MiB"


def a_client(figures, _):
    return f"{figures['bytes_per_client']:,.0f} bytes (at {figures['clients']:,.0f})"


# Of the README's table: the row's title, the workload, what of it.
ROWS = (
    ("64 kept connections, 5 bytes", "keepalive", cost),
    ("a connection for each request", "close", cost),
    ("1 MiB", "large", cost),
    ("POST, 64 kept connections", "post", cost),
    *((f"{int(name[6:]):,} kept connections", name, cost) for name in FLAT),
    ("p99 at half load", "half-load", p99),
    ("p99 of 1 MiB, at full load", "large", p99),
    ("resident, 64 clients at full load", "keepalive", memory),
    ("resident, nobody there", "idle-50000", started),
    ("an idle client adds", "idle-50000", a_client),
)


def markdown_row(title, of_all, words):
    cells = (words(of_all[who], of_all.get("direct")) if who in of_all else "" for who in NAMES)
    return f"| {title} | " + " | ".join(cells) + " |"


def print_markdown(path):
    """The README's tables, from the last run's report."""
    with open(path, encoding="ascii") as file:
        report = json.load(file)
    print("\n".join(report["about"]) + "\n")
    print("| | " + " | ".join(name + " \\*" * (name in BYTES_NAMES) for name in NAMES) + " |")
    print("|---" * (len(NAMES) + 1) + "|")
    for title, workload, words in ROWS:
        if workload in report["workloads"]:
            print(markdown_row(title, report["workloads"][workload], words))
    print("\n| goal | | reached | least to greatest | |\n|---|---|---|---|---|")
    for goal in report["goals"]:
        amount, spread, limit = goals.line_of(goal)
        verdict = "met" if goal["met"] else "**not met**"
        print(f"| {goal['name']} | {limit} | {amount} | {spread} | {verdict} |")
    return 0
