#!/bin/bash
# SPDX-License-Identifier: MIT
# Nobody deploys anything: a primary that hangs, one that falls again and again, an administrator who
# stops and restarts colors by hand, both gone at once. Judged by clients from outside; the route is
# only looked at to know when the next thing may happen.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

# The limits that decide how long a client may wait for a primary that hangs.
INTERVAL_MS=500
TIMEOUT_MS=1000
FALL=3

reads_at() { # COLOR: the route gives it the reads, and the relay follows
	status_of 's["route"]' | grep -qE "reads=([a-z]+:[a-z0-9-]+,)*$1:100"
}

writes_at() { # COLOR
	status_of 's["route"]' | grep -qE "writes=([a-z]+:[a-z0-9-]+,)*$1:100"
}

steady() { [ "$(status_of 's["state"]')" = steady ]; }

both_serve() {
	both_healthy && reads_at blue && writes_at blue
}

tell_main() { inside systemctl kill -s "$2" --kill-who=main "app@$1.service"; }

is_dead() { [ "$(inside systemctl show -P ActiveState "app@$1.service")" = inactive ]; }

# Readers that must never fail, and writers, whose requests in flight die with a process.
clients_begin() { # NAME
	load_begin "$1-readers" --keepalive 12 --close 4 --think 30
	load_begin "$1-writers" --keepalive 4 --writes 100 --think 200 --hold-ok --log "$(executed_log)"
	sleep 1
}

# Whoever had a write in flight in a process that was killed cannot be served; nobody else is lost.
clients_end() { # NAME PROCESSES-KILLED
	sleep 1
	load_end "$1-readers" "$1-writers"
	note "$1: $(answered "$1-readers") reads, the longest $(longest_read_ms "$1-readers") ms; $(answered "$1-writers") writes, the longest $(longest_write_ms "$1-writers") ms, $(held_refused "$1-writers") told to come back"
	check_equal "$1: no read failed" 0 "$(failed "$1-readers")"
	check_at_most "$1: no write failed but what a killed process had in its hands" $(($2 * 4)) "$(failed "$1-writers")"
	check_equal "$1: none was refused a connection" 0 "$(($(refused "$1-readers") + $(refused "$1-writers")))"
	check_equal "$1: no write was executed twice" 0 "$(executed_twice "$1-writers")"
	check_equal "$1: none was executed by a fallback" 0 "$(executed_by_fallback "$1-writers")"
}

begin full
app_begin abrupt quick
configure <<-END
	[Probe]
	Interval=${INTERVAL_MS}ms
	Timeout=${TIMEOUT_MS}ms
	Fall=$FALL
END
reload
check_equal "the shorter limits are taken over" 0 "$RELOAD_STATUS"
check "everything is with blue" await 20 both_serve

# ---- a primary that hangs

clients_begin hung
blue=$(color_pid blue)
tell_main blue STOP
check "a primary that hangs loses the reads to the fallback" await 30 reads_at green
sleep $((TIMEOUT_MS / 1000 + 1))
check_matches "a read is served meanwhile, by green" green "$(outside curl -sS -m 5 "$BASE/" -D - -o /dev/null)"
check_equal "it was not killed for it" "$blue" "$(color_pid blue)"
tell_main blue CONT
check "once it goes on, everything returns to it" await 30 both_serve
clients_end hung 0
# Until it is called sick, every probe waits for its time-out; then what it has is called back, and
# that has the time-out as well. The rest is for a busy machine.
check_at_most "hung: no read waited longer than it takes to find out, and Timeout=" \
	$((FALL * (TIMEOUT_MS + INTERVAL_MS) + TIMEOUT_MS + 10000)) "$(longest_read_ms hung-readers)"
check_equal "hung: no write was lost" 0 "$(lost hung-writers)"

# ---- an administrator

clients_begin by-hand
inside systemctl stop app@green
sleep 2
check "green stopped by hand: nobody starts it again" is_dead green
check "green stopped by hand: blue has everything" reads_at blue
inside systemctl start app@green
check "green started by hand: it is taken back" await 20 both_serve
inside systemctl stop app@green
blue=$(color_pid blue)
reload
check_equal "green stopped by hand: a reload starts it first, because blue needs it meanwhile" 0 "$RELOAD_STATUS"
check "green stopped by hand: then blue is a new process" color_changed blue "$blue"
check "green stopped by hand: and both serve" await 20 both_serve
inside systemctl restart app@green
check "green restarted by hand: it is taken back" await 20 both_serve
inside systemctl stop app@blue
check "blue stopped by hand: reads go to green" await 10 reads_at green
sleep 2
check "blue stopped by hand: nobody starts it again" is_dead blue
check_equal "blue stopped by hand: the state is called degraded" degraded "$(status_of 's["state"]')"
inside systemctl start app@blue
check "blue started by hand: everything returns to it" await 20 both_serve
blue=$(color_pid blue)
inside systemctl restart app@blue
check "blue restarted by hand: everything returns to it" await 20 both_serve
check "blue restarted by hand: it is a new process" color_changed blue "$blue"
clients_end by-hand 2
check_at_most "by-hand: reads flowed all the time, never two seconds without one" 2000 "$(silence_ms by-hand-readers)"

# ---- one that falls again and again

clients_begin flapping
cursor=$(inside journalctl -q -n 1 --show-cursor | sed -n 's/^-- cursor: //p')
for fall in 1 2 3 4; do
	blue=$(color_pid blue)
	tell_main blue KILL
	check "fall $fall: systemd starts it again" await 15 color_changed blue "$blue"
	check "fall $fall: it gets well" await 15 both_healthy
done
check "when it has been steady for a while, it gets the reads again" await 30 both_serve
# Writes go to it: so it was healthy, and had no reads all the same.
check_matches "and not before, healthy or not" 'route: reads=green:100 writes=blue:100' \
	"$(inside journalctl -q --no-pager -o cat --after-cursor "$cursor" | grep '^route: ')"
check "and the state is steady" await 10 steady
clients_end flapping 4
check_at_most "flapping: reads flowed all the time, never two seconds without one" 2000 "$(silence_ms flapping-readers)"

# ---- both gone

clients_begin gone
inside systemctl kill -s KILL --kill-who=main app@blue.service app@green.service
check "both come back, and everything returns to blue" await 40 both_serve
sleep 1
inside systemctl stop app@blue.service app@green.service
code=$RESULTS/code
outside curl -s -m 25 -o /dev/null -D "$code" "$BASE/" &
waiting=$!
sleep 2
inside systemctl start app@green.service
wait "$waiting" || true
check_matches "stopped by hand, both of them: a read waits, and the first that is healthy answers it" \
	'X-Color: green' "$(cat "$code")"
inside systemctl start app@blue.service
check "and when blue is there again, it serves as before" await 30 both_serve
clients_end gone 3
check "nobody had to help the supervisor" steady
end
