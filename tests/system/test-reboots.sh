#!/bin/bash
# SPDX-License-Identifier: MIT
# The host goes down in the middle of a cycle, in order or by a power cut, under both strategies: at
# boot one color alone starts as a primary, on the right release, and whatever was acknowledged before
# was executed once. REBOOT_PHASES=all: in each row of the tables, both ways.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

# ROW/HOW
declare -A PHASES=(
	[fallback]="restart/power-cut observe/reboot healthy-fallback/power-cut"
	[swap]="healthy/reboot observe/power-cut window/reboot"
)

# The supervisor stands still as soon as it has recorded the row (or, if that takes no time, one soon
# behind it), so that the host goes down in that and no other.
freeze_at() { # ROW
	inside timeout 60 python3 -c '
import json, os, re, signal, subprocess, sys, time
plan = json.loads(subprocess.check_output(["bluegreenctl", "plan", "--json"]))["steps"]
rows = [step["step"] for step in plan]
rows = rows[rows.index(sys.argv[1]):]
pid = int(subprocess.check_output(["systemctl", "show", "-P", "MainPID", "app-bluegreen"]))
print("ready", flush=True)
while True:
    with open("/var/lib/app-bluegreen/app/cycle", encoding="utf-8") as file:
        text = file.read()
    if re.search("^STEP=(.*)$", text, re.M)[1] in rows and "OUTCOME=running\n" in text:
        break
    time.sleep(0.0005)
os.kill(pid, signal.SIGSTOP)
print("frozen", flush=True)' "$1" >"$RESULTS/freeze" &
	FREEZER=$!
	await 20 grep -q ready "$RESULTS/freeze" >/dev/null
}

cycle_is_over() { [ "$(cycle_of 'c["outcome"]')" != running ]; }

boot_in() { # STRATEGY ROW HOW
	local what="$1, $2, $3" id=boot-$1-$2-$3 load=$1-$2-$3 outcome row reason told primary
	COUNT=$((COUNT + 1))
	release_make "v$COUNT"
	load_begin "$load" --keepalive 6 --close 2 --writes 30 --think 40 --cut-ok --log "$(files)$EXECUTED"
	freeze_at "$2"
	deploy_begin deploy "v$COUNT"
	check "$what: the row is reached" await 60 grep -q frozen "$RESULTS/freeze"
	row=$(sed -n 's/^STEP=//p' "$(files)/var/lib/app-bluegreen/app/cycle")
	go_down "$3"
	wait "$FREEZER" "$DEPLOY_PID" 2>/dev/null || true
	load_end "$load" >/dev/null
	check "$what: the port answers" await 10 answers
	check "$what: a write is executed" await 15 write_is_executed "$id"
	check "$what: no cycle is left running" await 60 cycle_is_over
	check "$what: both colors are healthy" await 20 both_healthy
	outcome=$(cycle_of 'c["outcome"]') reason=$(cycle_of 'c["reason"]') told=$(processes)
	note "$what: down at $row, up at $(inside cut -d. -f1 /proc/uptime) s: $outcome $reason"
	[ "$outcome" != succeeded ] || SERVED=v$COUNT
	check_matches "$what: the record says what is true" '^(succeeded|interrupted)$' "$outcome"
	primary=$(sed -n 's/ primary .*//p' <<<"$told")
	check_equal "$what: one is the primary, the other one the fallback, on the right release" \
		"$(printf '%s\n' "$primary primary $SERVED" "$(other "$primary") fallback $SERVED" | sort)" "$told"
	check_equal "$what: since the boot no other one was started as a primary" "$primary" \
		"$(inside sed -n 's/ primary$//p' /run/starts | sort -u)"
	check_equal "$what: the write was executed once, by it" "$id $primary primary POST" \
		"$(grep "^$id " "$(files)$EXECUTED")"
	check_equal "$what: of the writes before, none that was acknowledged is lost" 0 "$(lost "$load")"
	check_equal "$what: and none was executed twice, or by a fallback" 0 \
		"$(($(executed_twice "$load") + $(executed_by_fallback "$load")))"
}

boot_in_each() { # STRATEGY
	local phases=${PHASES[$1]} phase row
	inside tee /etc/app-bluegreen/app.conf.d/strategy.conf >/dev/null <<<$'[App]\nStrategy='"$1"
	inside systemctl restart app-bluegreen
	check "$1: it begins well" await 30 both_healthy
	if [ "${REBOOT_PHASES-}" = all ]; then
		phases=
		for row in $(inside bluegreenctl plan --json | python3 -c '
import json, sys
print(*(step["step"] for step in json.load(sys.stdin)["steps"]))'); do
			phases+=" $row/reboot $row/power-cut"
		done
	fi
	for phase in $phases; do
		boot_in "$1" "${phase%/*}" "${phase#*/}"
	done
}

begin full
releases_begin <<-END
	Window=10s
	[Drain]
	Streams=2s
END
inside tee /etc/systemd/system/app@.service.d/starts.conf >/dev/null <<'END'
[Service]
ExecStartPre=+/bin/sh -c 'echo "$BLUEGREEN_COLOR $BLUEGREEN_ROLE" >>/run/starts'
END
inside systemctl daemon-reload
COUNT=1 SERVED=v1
release_make v1
deploy deploy v1
check_equal "the first release is deployed" 0 "$DEPLOY_STATUS"
boot_in_each fallback
boot_in_each swap
end
