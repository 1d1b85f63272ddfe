#!/bin/bash
# SPDX-License-Identifier: MIT
# With nothing running but the socket, the first connection starts everything and is answered.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

all_down() {
	inside systemctl stop app-bluegreen.service
	inside systemctl stop app-bluegreen-relay.service app@blue.service app@green.service
}

begin full
app_begin flask-reader
check "it serves" await 30 both_healthy

all_down
check_equal "nothing runs but the sockets" "" \
	"$(inside systemctl list-units --plain --no-legend --state=running 'app*.service')"
check_equal "the socket listens" active "$(inside systemctl is-active app-bluegreen.socket)"
check_equal "the first connection is answered, not refused" 200 \
	"$(outside curl -s -m 25 -o /dev/null -w '%{http_code}' "$BASE/")"
check "both colors become healthy" await 30 both_healthy

all_down
# A hundred at once, a third of them writes: each waits and is answered once.
load_begin crowd --keepalive 60 --close 40 --writes 33 --think 2000 --log "$(executed_log)"
sleep 15
load_end crowd
check_equal "of a hundred clients at the closed door none fails" 0 "$(failed crowd)"
check_equal "no write of theirs is executed twice" 0 "$(executed_twice crowd)"
check_equal "no write of theirs is lost" 0 "$(lost crowd)"
check_at_least "all of them were answered" 100 "$(answered crowd)"
check_at_most "the longest wait is the start of the app and five seconds" 9000 "$(figure crowd 'max(r["kinds"][k]["all"]["longest_us"] for k in ("get", "post")) / 1000')"
end
