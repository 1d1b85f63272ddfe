#!/bin/bash
# SPDX-License-Identifier: MIT
# What a steady state costs in which nobody asks anything: processor time, wake-ups and memory of
# supervisor and relay, as shipped, over IDLE_SECONDS after as long a pause. A wake-up is a voluntary
# context switch of any thread. `make check-long` looks for two minutes.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

IDLE_SECONDS=${IDLE_SECONDS:-10}
FIGURES=$RESULTS/idle.json

# Processor time and switches are of every thread; both programs are single processes.
measure() {
	inside python3 - "$1" >"$FIGURES" <<-'END'
		import glob, json, subprocess, sys, time
		def told(*command):
		    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
		def table(path):
		    with open(path) as lines:
		        return dict(line.split(":")[0:2] for line in lines if ":" in line)
		def size(pid, file, name):
		    return int(table(f"/proc/{pid}/{file}")[name].split()[0])
		def spent(pid):
		    tasks = glob.glob(f"/proc/{pid}/task/*")
		    seconds = sum(int(open(task + "/schedstat").read().split()[0]) for task in tasks) / 1e9
		    return seconds, sum(int(table(task + "/status")["voluntary_ctxt_switches"]) for task in tasks)
		pids = {who: told("systemctl", "show", "-P", "MainPID", unit) for who, unit in (
		    ("supervisor", "app-bluegreen.service"), ("relay", "app-bluegreen-relay.service"))}
		pause = float(sys.argv[1])
		time.sleep(pause)
		before = {who: spent(pid) for who, pid in pids.items()}
		began = time.monotonic()
		time.sleep(pause)
		minutes = (time.monotonic() - began) / 60
		figures = {}
		for who, pid in pids.items():
		    seconds, switches = (b - a for a, b in zip(before[who], spent(pid)))
		    figures[who] = {
		        "cpu_ms": seconds * 1000 / minutes, "wakeups": switches / minutes,
		        "rss": size(pid, "status", "VmRSS"), "pss": size(pid, "smaps_rollup", "Pss"),
		        "own": size(pid, "smaps_rollup", "Pss_Anon")}
		print(json.dumps(figures))
	END
}

idle() { # supervisor|relay FIELD
	python3 -c '
import json, sys
print(round(json.load(open(sys.argv[1]))[sys.argv[2]][sys.argv[3]]))' "$FIGURES" "$1" "$2"
}

begin full
install_deb >"$RESULTS/install" 2>&1
check "the package serves" await 60 answers
check "both colors are healthy" await 60 both_healthy
check "supervisor and relay are looked at for $IDLE_SECONDS s" measure "$IDLE_SECONDS"
for who in supervisor relay; do
	note "$who, idle: $(idle $who cpu_ms) ms of a processor and $(idle $who wakeups) wake-ups a minute; resident $(idle $who rss) KiB, Pss $(idle $who pss) KiB, of it anonymous memory $(idle $who own) KiB"
done
# Two colors are asked once a second, and a question takes two wake-ups: when it is due, and when its
# answer is there. A busy machine may make more of them, not many times more.
check_at_most "the supervisor wakes five times a probe at most (a minute)" 600 "$(idle supervisor wakeups)"
check_at_most "it takes half a hundredth of a processor at most (ms a minute)" 300 "$(idle supervisor cpu_ms)"
check_at_most "the relay sleeps: it wakes once a second at most (a minute)" 60 "$(idle relay wakeups)"
check_at_most "it takes next to nothing (ms a minute)" 20 "$(idle relay cpu_ms)"
check_at_most "both need less than 10 MiB together (Pss, KiB)" 10240 "$(($(idle supervisor pss) + $(idle relay pss)))"
end
