# SPDX-License-Identifier: MIT
"""What is run, and how one contestant is measured at it."""

import json
import os
import select
import subprocess
import time

import proxies

WARM_UP = 0.3
SETTLE = 0.3  # who forks is not done when it answers first
CLIENT_DEADLINE = 90  # beyond what is measured: opening connections, late answers

BOTH = ("direct", "relay", "nginx", "haproxy", "nginx-stream", "socket-proxyd")
HTTP = ("direct", "relay", "nginx", "haproxy")
PEERS = ("relay", "nginx", "haproxy")


class Workload:
    def __init__(self, title, *arguments, who=HTTP, connections=64, **more):
        self.title, self.who, self.own_arguments = title, who, arguments
        self.wanted = self.connections = connections
        # Processes that share the connections, where one would be at its limit before the proxy.
        self.clients = more.get("clients", 1)
        self.rated = more.get("rated", False)  # an open loop at half of the keep-alive throughput
        self.large = "--path=/large" in arguments
        self.idle = more.get("idle", False)
        self.peers_once = more.get("peers_once", False)  # in the first round only


    def limit_connections(self, room):
        self.connections = min(self.wanted, room)

    def arguments(self):
        return [*self.own_arguments, f"--connections={self.connections // self.clients}"]


def at_once(count):
    title = f"GET, 5 bytes, {count:,} kept connections, all with a request under way"
    return Workload(title, who=PEERS, connections=count, peers_once=True)


WORKLOADS = {
    "keepalive": Workload("GET, 5 bytes, 64 kept connections", who=BOTH),
    "close": Workload(
        "GET, 5 bytes, a connection for every request, 64 at once", "--close", who=BOTH, clients=2
    ),
    "large": Workload("GET, 1 MiB, 16 kept connections", "--path=/large", who=BOTH, connections=16),
    "post": Workload("POST, 5 bytes both ways, 64 kept connections", "--method=POST"),
    "half-load": Workload(
        "GET, 5 bytes, 64 kept connections, at random times, half of what the slowest of"
        " relay, nginx and haproxy can do",
        who=PEERS,
        rated=True,
    ),
    "conns-10": at_once(10),
    "conns-100": at_once(100),
    "conns-1000": at_once(1000),
    "conns-10000": at_once(10000),
    "idle-50000": Workload(
        "50,000 kept connections, idle after a request each; then one more each",
        "--idle",
        who=PEERS,
        connections=50000,
        idle=True,
        peers_once=True,
    ),
}

# The rounds of a group's workloads are interleaved: what is compared is measured side by side.
FLAT = ("conns-10", "conns-100", "conns-1000", "conns-10000")
GROUPS = (("keepalive",), ("close",), ("large",), ("post",), ("half-load",), FLAT, ("idle-50000",))


class Sample:
    """Processor time of proxy, client, backend and everything else, since it was made."""

    def __init__(self, *pids):
        self.pids = pids
        self.before = self.read()

    def read(self):
        ours = [proxies.cpu_seconds(pids) for pids in self.pids]
        busy, all_of_it = proxies.machine_seconds()
        return [*ours, busy - sum(ours), all_of_it]

    def take(self):
        return [b - a for a, b in zip(self.before, self.read())]


class Failed(Exception):
    """The client gave up; there are no figures."""


class Client:
    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def hear(self, seconds):
        """Its next line."""
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
            self.process.wait()
            raise Failed(f"nothing came from {' '.join(self.process.args)} for {seconds:.0f} s")
        return line

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self):
        self.process.stdin.close()
        self.process.wait(proxies.DEADLINE)
        self.process.stdout.close()


def warm_up(workload):
    """The start of many connections at once is a herd that has to spread first."""
    return WARM_UP + workload.connections / 20000


def client_command(options, proxy, workload, rate=None):
    command = [os.path.join(options.build, "tests/bench/client"), *workload.arguments()]
    command += [f"--warm-up={warm_up(workload)}", f"--seconds={options.seconds}"]
    return command + ([f"--rate={rate:.0f}"] if rate else []) + [str(proxy.port)]


def pinned(options, who):
    """The processors of the proxy (the last) or of the others; nothing if they share all."""
    if not options.pin or os.cpu_count() < 2:
        return []
    last = os.cpu_count() - 1
    return ["taskset", "-c", str(last) if who == "proxy" else f"0-{last - 1}"]


def pin(options, proxy):
    command = pinned(options, "proxy")
    for pid in proxy.pids() if command else []:
        subprocess.run(
            ["taskset", "-a", "-p", *command[1:], str(pid)], stdout=subprocess.DEVNULL, check=True
        )


def hear_results(clients, seconds):
    """What all of them found. Of the percentiles, the worse one's."""
    found = [json.loads(client.hear(seconds)) for client in clients]
    merged = {key: sum(one[key] for one in found) for key in ("requests", "errors")}
    worst = {key: max(one[key] for one in found) for key in ("seconds", "p50_us", "p99_us")}
    return {**merged, **worst}


def measure(options, proxy, workload, backend_pid, rate=None):
    """One contestant in one round: started, loaded, ended."""
    proxy.start(workload.connections)
    try:
        pin(options, proxy)
        if workload.idle:
            time.sleep(SETTLE)
        rss_started = proxy.rss_kib()
        command = pinned(options, "client") + client_command(options, proxy, workload, rate)
        clients = [Client(command) for _ in range(workload.clients)]
        rss_before = rss_started
        if workload.idle:
            clients[0].hear(CLIENT_DEADLINE)
            rss_before = proxy.rss_kib()
            clients[0].go_on()
        for client in clients:
            client.hear(CLIENT_DEADLINE)  # "counting"
        sample = Sample(proxy.pids(), [client.process.pid for client in clients], [backend_pid])
        found = hear_results(clients, options.seconds + CLIENT_DEADLINE)
        proxy_s, client_s, backend_s, strangers_s, all_s = sample.take()
        rss = rss_before if workload.idle else proxy.rss_kib()
        for client in clients:
            client.end()
    finally:
        proxy.stop()
    thousands = max(found["requests"], 1) / 1000
    return {
        "rps": found["requests"] / found["seconds"],
        "p50_us": found["p50_us"],
        "p99_us": found["p99_us"],
        "cpu_ms_per_1000": proxy_s * 1000 / thousands,
        "rss_kib": rss,
        "rss_started_kib": rss_started,
        "clients": workload.connections,
        "bytes_per_client": (rss - rss_started) * 1024 / workload.connections,
        "client_ms_per_1000": client_s * 1000 / thousands,
        "backend_ms_per_1000": backend_s * 1000 / thousands,
        "client_share": client_s / found["seconds"] / workload.clients,
        "errors": found["errors"],
        "strangers": max(0, strangers_s / all_s),
    }
