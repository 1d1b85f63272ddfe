#!/bin/bash
# SPDX-License-Identifier: MIT
# The new code is broken in four ways. Each time: the reload fails and says why, green serves reads,
# writes are held and then told 503 with Retry-After, and after the repair the next reload ends well.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

# What the relay counts as refused after their wait.
refused_by_us() { status_of 's["relay"]["counters"]["hold_expired"]'; }

break_and_repair() { # BREAK WHAT-IT-DOES WORDS-OF-THE-REASON
	local green refused told
	green=$(color_pid green)
	load_begin "$1" --keepalive 12 --close 4 --writes 10 --think 60 --hold-ok --log "$(executed_log)"
	load_begin "$1-readers" --keepalive 8 --think 40
	sleep 1
	app_break "$1"
	told=$(refused_by_us)
	reload
	check_fails "$2: the reload fails" test "$RELOAD_STATUS" = 0
	check_matches "$2: it says which step failed and what the probe was answered" "$3" "$RELOAD_WORDS"
	check_matches "$2: it says where to look" 'journalctl -u app@blue' "$RELOAD_WORDS"
	check_equal "$2: green is the process it was" "$green" "$(color_pid green)"
	check_equal "$2: the state is called degraded" degraded "$(status_of 's["state"]')"
	sleep 3
	check_matches "$2: a read is served, by green" green "$(outside curl -sS -m 5 "$BASE/" -D -)"
	app_repair
	reload
	check_equal "$2: after the repair the next reload ends well" 0 "$RELOAD_STATUS"
	check "$2: then both colors are healthy" await 30 both_healthy
	check_equal "$2: and the state is no longer degraded" steady "$(status_of 's["state"]')"
	sleep 2
	told=$(($(refused_by_us) - told))
	load_end "$1" "$1-readers"
	refused=$(held_refused "$1")
	check_equal "$2: no read failed" 0 "$(($(failed_reads "$1") + $(failed "$1-readers")))"
	check_at_most "$2: reads flowed all the time, never a second without one" 1000 "$(silence_ms "$1-readers")"
	check_equal "$2: no write failed but those that were told to come back" 0 "$(failed "$1")"
	check_equal "$2: no write was lost" 0 "$(lost "$1")"
	check_equal "$2: none was executed twice" 0 "$(executed_twice "$1")"
	check_equal "$2: none that was refused was executed" 0 "$(refused_executed "$1")"
	check_at_least "$2: some writes had to be refused" 1 "$refused"
	check_equal "$2: as many are counted as were refused" "$refused" "$told"
}

begin full
app_begin flask-reader quick
# A start deadline that a test can wait for, of which the app needs a part. A short hold, so that writes are
# refused and not only held.
configure <<-END
	[Probe]
	StartTimeout=9s
	Timeout=2s
	[Hold]
	Limit=6s
END
reload
check_equal "the shorter limits are taken over" 0 "$RELOAD_STATUS"
break_and_repair exit "code that ends at its start" 'healthy'
break_and_repair error "code that answers 500" '500'
break_and_repair silent "code that never answers" 'answer|timed out|timeout'
break_and_repair hang "code that never listens" 'refused|connect'
end
