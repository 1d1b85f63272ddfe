# SPDX-License-Identifier: MIT
"""What the relay has to reach, beside its peers in the same run. A ratio is one of neighbours in
time: of one round, in which both were measured within seconds; of the rounds' ratios the median
counts, because a slow moment of the machine falls on both or spoils one round alone."""

import statistics

from measure import FLAT


def by_round(rounds, metric):
    return {r["round"]: r[metric] for r in rounds}


def side_by_side(columns):
    """The values of each round that all of them have."""
    common = set.intersection(*map(set, columns))
    return [[column[number] for column in columns] for number in sorted(common)]


class Goal:
    """relay's metric / the best of the peers', or an amount where there are no peers."""

    def __init__(self, name, workload, metric, peers, limit, **more):
        self.name, self.workload, self.metric = name, workload, metric
        self.peers, self.limit = peers, limit
        self.at_least = more.get("at_least", False)
        self.unit = more.get("unit", "")

    def round_values(self, results):
        """A value a round; results: of all workloads, {workload: {contestant: [round, ...]}}."""
        of_all = results.get(self.workload, {})
        columns = [by_round(of_all.get(who, []), self.metric) for who in ("relay", *self.peers)]
        best = max if self.at_least else min
        return [
            mine / max(best(theirs), 1e-9) if theirs else mine
            for mine, *theirs in side_by_side(columns)
        ]

    def words(self, value):
        if self.unit:
            return f"{value:,.0f} {self.unit}"
        return f"{value:.2f} x {' or '.join(self.peers)}" if self.peers else f"{value:.2f} x"

    def judge(self, results):
        """None if what it needs was not measured."""
        values = self.round_values(results)
        if not values:
            return None
        reached = statistics.median(values)
        return {
            "name": self.name,
            "limit": self.words(self.limit),
            "at_least": self.at_least,
            "reached": round(reached, 3),
            "from": round(min(values), 3),
            "to": round(max(values), 3),
            "met": reached >= self.limit if self.at_least else reached <= self.limit,
        }


class Flatness(Goal):
    """The dearest number of connections / the cheapest, in each round."""

    def __init__(self, name, limit):
        super().__init__(name, "", "cpu_ms_per_1000", (), limit)

    def round_values(self, results):
        columns = [
            by_round(results.get(name, {}).get("relay", []), self.metric) for name in FLAT
        ]
        return [max(values) / max(min(values), 1e-9) for values in side_by_side(columns)]


CPU = "cpu_ms_per_1000"
BOTH = ("nginx", "haproxy")
# The quotients are those of the machine on which they were set: milliseconds for 1,000 requests.
GOALS = (
    Goal("keep-alive CPU", "keepalive", CPU, ("nginx",), 7.0 / 9.7),
    Goal("keep-alive throughput", "keepalive", "rps", BOTH, 1.25, at_least=True),
    Goal("connection per request, CPU", "close", CPU, ("nginx",), 15.0 / 17.3),
    Goal("connection per request, throughput", "close", "rps", ("nginx",), 1.1, at_least=True),
    Goal("1 MiB, CPU", "large", CPU, ("socket-proxyd",), 104.0 / 104.0),
    Goal("1 MiB, CPU", "large", CPU, ("haproxy",), 104.0 / 267.0),
    Goal("1 MiB, p99", "large", "p99_us", ("haproxy",), 1.0),
    Goal("half load, p99", "half-load", "p99_us", BOTH, 1.0),
    Goal("resident when idle", "keepalive", "rss_started_kib", (), 3 * 1024, unit="KiB"),
    Goal("an idle client", "idle-50000", "bytes_per_client", (), 4096, unit="bytes"),
    Flatness("CPU from 10 to 10,000 connections", 1.15),
)


def judge(results):
    return [verdict for verdict in (goal.judge(results) for goal in GOALS) if verdict]


def line_of(goal):
    amount = f"{goal['reached']:,.0f}" if goal["reached"] >= 100 else f"{goal['reached']:.2f}"
    spread = " to ".join(
        f"{goal[end]:,.0f}" if goal["reached"] >= 100 else f"{goal[end]:.2f}"
        for end in ("from", "to")
    )
    relation = "at least " if goal["at_least"] else ""
    return amount, spread, relation + goal["limit"]


def print_goals(goals):
    print("\nGoals; of the ratios of each round the median, and from the least to the greatest:")
    for goal in goals:
        amount, spread, limit = line_of(goal)
        verdict = "met" if goal["met"] else "not met"
        print(f"  goal {goal['name']}: {limit}, reached {amount} ({spread}): {verdict}")
