#!/bin/bash
# SPDX-License-Identifier: MIT
# kill -9 of the supervisor, in the steady state and at each step of a cycle: no request fails, and
# within ten seconds of its restart reads and writes are served again, without anybody's help.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

supervisor_pid() { unit_pid app-bluegreen; }

# Kills it as soon as the step has begun: the supervisor says so by a signal on the bus. (A step that
# takes no time may have ended before the kill arrives; then it hits the one behind it.)
kill_at_step() { # STEP
	inside timeout 60 python3 -c '
import json, os, signal, subprocess, sys
pid = int(subprocess.check_output(["systemctl", "show", "-P", "MainPID", "app-bluegreen"]))
bus = subprocess.Popen(["busctl", "monitor", "--json=short", "--match",
    "type=signal,interface=app.bluegreen.Supervisor,member=Progress"], stdout=subprocess.PIPE)
for line in bus.stdout:
    message = json.loads(line)
    if message.get("member") != "Progress":
        continue
    event = json.loads(message["payload"]["data"][0])
    if event["step"] == sys.argv[1] and event["state"] == "begun":
        os.kill(pid, signal.SIGKILL)
        break
bus.kill()' "$1" &
	KILLER=$!
}

# Every row of the table.
steps() {
	inside bluegreenctl plan --json | python3 -c '
import json, sys
for step in json.load(sys.stdin)["steps"]:
    print(step["step"])'
}

writes_work() {
	[ "$(outside curl -s -m 3 -o /dev/null -w '%{http_code}' -H 'Accept: text/plain' \
		-d 'id=by-hand&title=By+hand&text=x' "$BASE/notes")" = 201 ]
}

served_again() { # SENTENCE-PREFIX
	check "$1: the supervisor is back within ten seconds" await 10 supervisor_changed
	check "$1: within ten more a write is served" await 10 writes_work
	check "$1: and both colors get well" await 40 both_healthy
}

supervisor_changed() {
	local pid
	pid=$(supervisor_pid)
	[ "$pid" != 0 ] && [ "$pid" != "$OLD" ]
}

begin full
app_begin abrupt quick
load_begin killed --keepalive 16 --close 4 --writes 10 --think 80 --log "$(executed_log)"
load_begin readers --keepalive 6 --think 40
sleep 2

OLD=$(supervisor_pid) blue=$(color_pid blue) green=$(color_pid green) relay=$(unit_pid app-bluegreen-relay)
inside systemctl kill -s KILL --kill-who=main app-bluegreen.service
served_again "killed in the steady state"
check_equal "killed in the steady state: instances and relay are the same" "$blue $green $relay" \
	"$(color_pid blue) $(color_pid green) $(unit_pid app-bluegreen-relay)"

for step in $(steps); do
	OLD=$(supervisor_pid)
	kill_at_step "$step"
	sleep 0.5
	reload
	wait "$KILLER" || true
	note "killed at step $step: reload ended with $RELOAD_STATUS after $RELOAD_MS ms: $(tail -n 1 <<<"$RELOAD_WORDS")"
	check_fails "killed at step $step: it was killed" test "$OLD" = "$(supervisor_pid)"
	served_again "killed at step $step"
done
reload
check_equal "the next reload ends well" 0 "$RELOAD_STATUS"
sleep 1
load_end killed readers
check_equal "no request failed in any of it" 0 "$(($(failed killed) + $(failed readers)))"
check_equal "no write was executed twice" 0 "$(executed_twice killed)"
check_equal "no write was lost" 0 "$(lost killed)"
check_at_most "reads flowed all the time, never a second without one" 1000 "$(silence_ms readers)"
end
