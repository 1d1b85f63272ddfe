#!/bin/bash
# SPDX-License-Identifier: MIT
# Twenty applications on one host, each with a little load; one of them is deployed again and again.
# The other nineteen notice nothing: no request of theirs fails, and no process of theirs is another.
# What twenty supervisors and relays need is measured and told.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

APPS=${APPS:-20}
DEPLOYS=${DEPLOYS:-3}
MEASURE_SECONDS=${MEASURE_SECONDS:-10}
DEPLOYED=a01
FIGURES=$RESULTS/figures.json
NAMES=(app)
for ((i = 1; i < APPS; i++)); do
	NAMES+=("$(printf 'a%02d' "$i")")
done

# A port for clients each, and two for the instances, for the n-th that is made.
client_port() { echo $((8100 + 10#${1#a})); }

make_one() { # NAME
	local number=$((10#${1#a}))
	# As for the first one: a test has no time for what people are given.
	inside mkdir -p "/etc/app-bluegreen/$1.conf.d"
	inside cp /etc/app-bluegreen/app.conf.d/quick.conf "/etc/app-bluegreen/$1.conf.d"
	inside cp /etc/app-bluegreen/app.conf.d/probation.conf "/etc/app-bluegreen/$1.conf.d"
	inside bluegreenctl new "$1" --listen "$(client_port "$1")" \
		--ports "$((9100 + 2 * number)),$((9101 + 2 * number))" --user www-data \
		--exec '/usr/bin/env START_DELAY=0 /usr/bin/python3 /srv/notes/abrupt.py'
}

make_all() {
	local name
	for name in "${NAMES[@]:1}"; do
		make_one "$name" || return 1
	done
}

all_steady() {
	inside bluegreenctl apps --json | python3 -c '
import json, sys
apps = json.load(sys.stdin)
bad = [a["app"] + ": " + a["state"] + ": " + a["reason"] for a in apps if a["state"] != "steady"]
print(len(apps), bad)
sys.exit(len(apps) != int(sys.argv[1]) or bool(bad))' "$APPS"
}

# One line a unit that is not of the one that is deployed; only its supervisor and relay are.
processes() {
	local name units=()
	for name in "${NAMES[@]}"; do
		units+=("$name-bluegreen.service" "$name-bluegreen-relay.service")
		[ "$name" = "$DEPLOYED" ] || units+=("$name@blue.service" "$name@green.service")
	done
	inside systemctl show -P MainPID "${units[@]}"
}

# Memory and processor time of all supervisors and of all relays, over so many seconds.
measure() { # SECONDS
	inside python3 - "$1" >"$FIGURES" <<-'END'
		import glob, json, os, sys, time
		pids = {"supervisor": [], "relay": []}
		for path in glob.glob("/proc/[0-9]*/exe"):
		    try:
		        exe = os.readlink(path)
		    except OSError:
		        continue
		    for who in pids:
		        if exe == "/usr/libexec/app-bluegreen/" + who:
		            pids[who].append(path.split("/")[2])
		def spent(of):
		    return sum(int(open(task).read().split()[0])
		               for pid in of for task in glob.glob(f"/proc/{pid}/task/*/schedstat")) / 1e6
		def pss(pid, name):
		    with open(f"/proc/{pid}/smaps_rollup") as lines:
		        return sum(int(line.split()[1]) for line in lines if line.startswith(name + ":"))
		before, began = {who: spent(pids[who]) for who in pids}, time.monotonic()
		time.sleep(float(sys.argv[1]))
		passed = time.monotonic() - began
		print(json.dumps({who: {
		    "count": len(pids[who]),
		    "ms": (spent(pids[who]) - before[who]) / passed,
		    "pss": sum(pss(pid, "Pss") for pid in pids[who]),
		    "own": sum(pss(pid, "Pss_Anon") for pid in pids[who])} for who in pids}))
	END
}

of_figures() { # PYTHON-EXPRESSION over `f`
	python3 -c '
import json, sys
f = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$FIGURES" "$1"
}

begin full
app_begin abrupt quick
began=$(now_ms)
check "$((APPS - 1)) more applications are made" make_all
note "it took $((($(now_ms) - began) / (APPS - 1))) ms for each"
check "all $APPS of them become steady" await 60 all_steady

load_begin app --keepalive 1 --writes 1 --think 200 --log "$(executed_log)"
for name in "${NAMES[@]:1}"; do
	load_begin "$name" --url "http://127.0.0.1:$(client_port "$name")" --keepalive 1 --writes 1 --think 200
done
sleep 2
before=$(processes)
good=0
for ((i = 1; i <= DEPLOYS; i++)); do
	if inside systemctl reload "$DEPLOYED-bluegreen"; then
		good=$((good + 1))
	fi
done
check_equal "one of them is deployed $DEPLOYS times, under load, and well" "$DEPLOYS" "$good"
check_equal "no process of the others is another one" "$before" "$(processes)"
measure "$MEASURE_SECONDS"
load_end "${NAMES[@]}" >"$RESULTS/verdicts"
failures=0 answers=0 fewest=
for name in "${NAMES[@]}"; do
	of_this=$(answered "$name")
	failures=$((failures + $(failed "$name"))) answers=$((answers + of_this))
	if [ -z "$fewest" ] || [ "$of_this" -lt "$fewest" ]; then
		fewest=$of_this
	fi
done
note "$answers requests answered, by no application fewer than $fewest"
check_equal "no request to any of the $APPS failed" 0 "$failures"
check_at_least "each answered twenty and more" 20 "$fewest"
check "all are steady afterwards" await 30 all_steady
for who in supervisor relay; do
	check_equal "$APPS processes of the $who run" "$APPS" "$(of_figures "f['$who']['count']")"
	note "$who: $(of_figures "'%.1f MiB (Pss), %.1f MiB of them their own (anonymous); %.1f ms of a processor a second' % (f['$who']['pss'] / 1024, f['$who']['own'] / 1024, f['$who']['ms'])"), all $APPS together"
done
check_at_most "all supervisors and relays need less than 6 MiB of their own an application (KiB)" \
	$((APPS * 6144)) "$(of_figures "f['supervisor']['own'] + f['relay']['own']")"

began=$(now_ms)
inside bluegreenctl remove "$DEPLOYED" >"$RESULTS/removed" 2>&1 || true
check_equal "one of them is removed" "$DEPLOYED is removed with its state." "$(cat "$RESULTS/removed")"
check_equal "the user stays, because the others run as it" www-data \
	"$(inside getent passwd www-data | cut -d : -f 1)"
APPS=$((APPS - 1))
check "and the others are as steady as before" await 10 all_steady
end
