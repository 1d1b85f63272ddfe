#!/bin/bash
# SPDX-License-Identifier: MIT
# WebSockets and event streams through the relay: undisturbed in the steady state, the first event
# at once, and ended in order by a reload that does not wait for them for ever.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

begin full
app_begin abrupt
load_begin calm --websocket 8 --sse 8 --think 50 --duration 8
load_wait calm
check_equal "no echo and no event is wrong or missing" 0 "$(failed calm)"
check_at_least "WebSockets echoed" 200 "$(figure calm 'r["echoes"]')"
check_at_least "event streams told" 50 "$(figure calm 'r["events"]')"
check_at_most "the first event comes as soon as the app sends it" 100 "$(figure calm 'r["kinds"]["events"]["all"]["longest_us"] / 1000')"

# As shipped a stream may go on for five minutes before a reload ends it.
printf '[Drain]\nStreams=10s\n' | configure
load_begin moved --websocket 4 --sse 4 --keepalive 8 --writes 20 --think 50 --cut-ok --log "$(executed_log)"
sleep 1
reload
check_equal "a reload with open streams ends well" 0 "$RELOAD_STATUS"
check_at_most "it does not wait for them longer than it was told" 45000 "$RELOAD_MS"
check_equal "its receipt tells the streams that it ended ..." True \
	"$(cycle_of 'c["cut_streams"] >= 4')"
check_equal "... and that no plain request was cut" 0 "$(cycle_of 'c["cut"] - c["cut_streams"]')"
check_matches "who reads it finds them" '[0-9]+ exchanges by the limits of a drain, [1-9][0-9]* of them streams' \
	"$(inside bluegreenctl show)"
sleep 2
load_end moved
check_equal "no request failed" 0 "$(failed moved)"
check_at_least "streams were moved to the new instances" 8 "$(figure moved 'r["connections"]["streams_ended"] + r["connections"]["streams_cut"]')"
end
