#!/bin/bash
# SPDX-License-Identifier: MIT
# CYCLES deployments in a row under load: good releases, broken ones (that end at their start, that
# answer 500 to the probes, that answer 500 to one request of twenty) and slow ones; the first half under
# strategy fallback, the second under swap. Nobody may notice but those whom the flaky release answered,
# and supervisor and relay may not grow: 6 cycles in a minute, 200 by `make check-long`.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

CYCLES=${CYCLES:-6}
# One of three is broken, by turns in these ways.
BREAKS=(exit flaky error)
SAMPLES=$RESULTS/cycles.json

# Latency is not looked at: in half a second one stall of a busy machine is the slowest hundredth.
settings() { # STRATEGY
	configure <<-END
		[App]
		Strategy=$1
		[Probe]
		Path=/healthz
		Interval=200ms
		Timeout=1s
		StartTimeout=4s
		Rise=1
		Soak=100ms
		[Gate]
		Probation=500ms
		MinRequests=20
		MaxLatencyRatio=off
		[Drain]
		Requests=2s
		Streams=2s
		[Release]
		Directory=$RELEASES
		Keep=3
		Window=500ms
	END
}

# How supervisor and relay stand after a cycle, its receipt, and who answers: a JSON object a line.
sample() { # TAG KIND
	inside python3 - "$1" "$2" "$DEPLOY_STATUS" >>"$SAMPLES" <<-'END'
		import json, os, subprocess, sys, urllib.request
		def told(command):
		    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
		def target(link):
		    try:
		        return os.readlink(link)
		    except FileNotFoundError:  # closed meanwhile
		        return None
		with open("/proc/net/tcp") as table:
		    # Sockets whose other end is 127.0.0.1:9000 or :9001.
		    to_colors = {f"socket:[{line.split()[9]}]" for line in table
		                 if line.split()[2] in ("0100007F:2328", "0100007F:2329")}
		def process(unit):
		    pid = told(["systemctl", "show", "-P", "MainPID", unit]).strip()
		    with open(f"/proc/{pid}/smaps_rollup") as rollup:
		        sizes = dict(line.split()[:2] for line in rollup if " kB" in line)
		    fds = [name for fd in os.listdir(f"/proc/{pid}/fd") if (name := target(f"/proc/{pid}/fd/{fd}"))]
		    pooled = sum(fd in to_colors for fd in fds)
		    return {"pid": int(pid), "fds": len(fds) - pooled, "pooled": pooled,
		            "pss": int(sizes["Pss:"]), "own": int(sizes["Pss_Anon:"])}
		def answer(port):
		    with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as page:
		        return page.read().decode().strip()
		print(json.dumps({
		    "tag": sys.argv[1], "kind": sys.argv[2], "status": int(sys.argv[3]),
		    "supervisor": process("app-bluegreen.service"),
		    "relay": process("app-bluegreen-relay.service"),
		    "answers": sorted([answer(9000), answer(9001)]),
		    "receipt": json.loads(told(["bluegreenctl", "show", "--json"])),
		}))
	END
}

runs() { [ "$(cycle_of 'c["release"], c["outcome"]')" = "('$1', 'running')" ]; }

# One cycle with a release of its own.
cycle() { # NUMBER
	local kind broken=
	case $(($1 % 3)) in
	0) kind=good ;;
	1) kind=broken broken=${BREAKS[$1 / 3 % 3]} ;;
	2) kind=slow ;;
	esac
	release_make "r$1" "$broken"
	[ "$kind" != slow ] || inside tee "$RELEASES/r$1/delay" >/dev/null <<<1.5
	# In the middle of a cycle, which is not concerned: it goes on as it has begun.
	if [ "$1" = $((CYCLES / 2 - 1)) ]; then
		deploy_begin deploy "r$1"
		check "the strategy is changed while a cycle runs" await 30 runs "r$1"
		settings swap
		deploy_wait
	else
		deploy deploy "r$1"
	fi
	sample "r$1" "${broken:-$kind}"
}

# A whole number, or a word, by python expression over the samples `cycles`.
of_cycles() { # EXPRESSION
	python3 - "$SAMPLES" "$1" <<-'END'
		import json, statistics, sys
		cycles = [json.loads(line) for line in open(sys.argv[1])]
		refused = ("exit", "error", "flaky")
		def serves(index):
		    """The release that must be left after this cycle: its own, or the last good one."""
		    tags = ["r"] + [s["tag"] for s in cycles[:index + 1] if s["kind"] not in refused]
		    return tags[-1]
		def left(index):
		    words = [answer.split() for answer in cycles[index]["answers"]]
		    return (sorted(w[2] for w in words) == ["fallback", "primary"]
		            and all(w[3] == serves(index) for w in words))
		def own():
		    return sorted(s["receipt"]["supervisor_seconds"] * 1000 for s in cycles
		                  if "supervisor_seconds" in s["receipt"])
		def grown(who, what):
		    """Medians of the last fifth and the first, of the cycles from the 20th on."""
		    values = [s[who][what] for s in cycles[20:]]
		    fifth = max(len(values) // 5, 1)
		    return statistics.median(values[-fifth:]) - statistics.median(values[:fifth])
		def ends(who, what):
		    return f"{cycles[min(20, len(cycles) - 1)][who][what]} -> {cycles[-1][who][what]}"
		found = eval(sys.argv[2])
		print("none" if found == [] else found)
	END
}

counted_errors() { status_of 'sum(s["relay"]["counters"][c]["errors"] for c in ("blue", "green"))'; }

# Whatever is there, but what is meant to be: nothing half-written, nothing half-unpacked.
leftovers() {
	inside find /var/lib/app-bluegreen/app -mindepth 1 -maxdepth 1 -not -name releases \
		-not -name history -not -name cycle -not -name blue -not -name green -not -name primary \
		-not -name example -not -name 'memory*'
	inside find /var/lib/app-bluegreen/app/history -mindepth 1 -not -name '*.json'
	inside find "$RELEASES" -mindepth 1 -maxdepth 1 -name '.*'
	inside find /run/app-bluegreen/app -mindepth 1 -name '*.tmp*'
}

begin full
START_DELAY=0.3 releases_begin </dev/null
settings fallback
release_make r
deploy deploy r
check_equal "the first release is deployed" 0 "$DEPLOY_STATUS"
load_begin mixed --keepalive 16 --close 4 --writes 10 --think 50 --log "$(executed_log)"
load_begin readers --keepalive 4 --think 20
sleep 1
for ((i = 0; i < CYCLES; i++)); do
	cycle "$i"
done
sleep 2
errors=$(counted_errors)
load_end mixed readers

# What the deployers were told, and what is left.
check_equal "each of $CYCLES cycles ends as its release deserves" none \
	"$(of_cycles '[(s["tag"], s["kind"], s["status"], s["receipt"]["outcome"]) for s in cycles
		if (s["status"], s["receipt"]["outcome"]) != ((1, "failed") if s["kind"] in refused else (0, "succeeded"))]')"
check_equal "each leaves a primary and a fallback, both on the last good release" none \
	"$(of_cycles '[(s["tag"], s["kind"], s["answers"]) for i, s in enumerate(cycles) if not left(i)]')"
check_equal "half of them were under each strategy" "$((CYCLES / 2)) $((CYCLES - CYCLES / 2))" \
	"$(of_cycles '" ".join(str(sum(s["receipt"]["strategy"] == x for s in cycles)) for x in ("fallback", "swap"))')"
check_equal "supervisor and relay are the processes that began" "1 1" \
	"$(of_cycles '" ".join(str(len({s[x]["pid"] for s in cycles})) for x in ("supervisor", "relay"))')"

# What the users saw.
users=$(($(server_errors mixed) + $(server_errors readers)))
note "$(answered mixed) + $(answered readers) answered, $users of a flaky release by 500; longest read $(longest_read_ms mixed) ms, longest write $(longest_write_ms mixed) ms"
check_equal "nobody saw a failure but those whom a flaky release answered" 0 \
	"$(($(failed mixed) + $(failed readers) - users))"
check_equal "those are the ones that the relay has counted" "$errors" "$users"
check_equal "all of them in cycles of flaky releases" "$errors" \
	"$(of_cycles 'sum(s["receipt"]["requests"][c]["errors"] for s in cycles if s["kind"] == "flaky" for c in ("blue", "green"))')"
check_at_least "the gate let each flaky release be seen" "$(of_cycles 'sum(s["kind"] == "flaky" for s in cycles)')" "$users"
check_equal "none was refused a connection, none told to come later" 0 \
	"$(($(refused mixed) + $(refused readers) + $(held_refused mixed)))"
check_equal "no write was executed twice" 0 "$(executed_twice mixed)"
check_equal "none was executed by a fallback" 0 "$(executed_by_fallback mixed)"
check_equal "every write acknowledged was executed exactly once by a primary" \
	"$(writes_acknowledged mixed)" "$(executed_once mixed)"
check_at_least "there were a hundred writes and more" 100 "$(writes_acknowledged mixed)"

# What is left behind.
check_equal "nothing is left over in the directories" "" "$(leftovers)"
check_at_most "the history has a hundred receipts at most" 100 \
	"$(inside bash -c 'ls /var/lib/app-bluegreen/app/history | wc -l')"
check_at_most "old releases are pruned" 6 "$(inside bash -c "ls $RELEASES | wc -l")"
note "supervisor's share of a cycle: median $(of_cycles 'f"{statistics.median(own()):.0f} ms, worst {own()[-1]:.0f} ms, of {len(own())} that succeeded"')"
check_at_most "the supervisor adds a tenth of a second to a cycle at most (median, ms)" 100 \
	"$(of_cycles 'int(statistics.median(own()))')"
if [ "$CYCLES" -ge 40 ]; then
	for who in supervisor relay; do
		note "$who, from the 20th cycle to the last: Pss $(of_cycles "ends('$who', 'pss')") KiB, of it anonymous memory $(of_cycles "ends('$who', 'own')") KiB, descriptors $(of_cycles "ends('$who', 'fds')")"
	done
	# Anonymous memory, because the share of a library's pages depends on who else on the machine
	# has them mapped. What malloc keeps for itself; in the supervisor also a kilobyte for each of
	# the last hundred cycles, of which eighty are still to come at the 20th.
	check_at_most "the supervisor's memory is flat (KiB)" 384 "$(of_cycles 'int(grown("supervisor", "own"))')"
	check_at_most "the relay's memory is flat (KiB)" 128 "$(of_cycles 'int(grown("relay", "own"))')"
	# Of a probe or a client that happens to be connected; the relay's pooled connections to the
	# colors, which come and go with the load, are not counted.
	check_at_most "the supervisor's descriptors are flat" 2 "$(of_cycles 'int(grown("supervisor", "fds"))')"
	check_at_most "the relay's descriptors are flat" 4 "$(of_cycles 'int(grown("relay", "fds"))')"
fi
end
