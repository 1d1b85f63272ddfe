#!/bin/bash
# SPDX-License-Identifier: MIT
# The strategy in which roles change: no write waits, the old release stays warm for a while, and to go
# back is one route change, whose time is measured from the command to the first response of the old
# release.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

# Inside the host: the milliseconds from the start of `bluegreenctl rollback' until a kept connection
# is answered by the release.
rollback_ms() { # RELEASE
	inside python3 - "$1" <<-'END'
		import http.client, subprocess, sys, time
		connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=10)
		began = time.monotonic()
		command = subprocess.Popen(["bluegreenctl", "rollback"], stdout=subprocess.DEVNULL)
		while time.monotonic() < began + 30:
		    connection.request("GET", "/")
		    answer = connection.getresponse()
		    answer.read()
		    if answer.headers["X-Release"] == sys.argv[1]:
		        print("%.1f" % ((time.monotonic() - began) * 1000))
		        sys.exit(command.wait(timeout=60))
		    time.sleep(0.0005)
		sys.exit("never")
	END
}

begin full
releases_begin <<-END
	Window=12s
	[Drain]
	Streams=3s
	[App]
	Strategy=swap
END
release_make v1
deploy deploy v1
check_equal "the first release ever is deployed" 0 "$DEPLOY_STATUS"
release_make v2
load_begin mixed --keepalive 24 --close 8 --websocket 4 --writes 10 --think 100 --cut-ok --log "$(executed_log)"
load_begin readers --keepalive 8 --think 40
sleep 1
primary=$(status_of 's["cycle"]["primary"]')
process=$(color_pid "$primary")
deploy_begin deploy v2
check "the release is accepted, and the one before stays warm" await 60 step_is window
check_matches "the new one serves" '^X-Release: v2' "$(outside curl -sS -m 5 "$BASE/" -D - -o /dev/null)"
took=$(rollback_ms v1)
check_matches "a rollback brings the release before back" '^[0-9.]+$' "$took"
note "rollback: $took ms from the command to the first response of the old release"
deploy_wait
check_equal "whoever deployed is told that it was taken back" 1 "$DEPLOY_STATUS"
check_matches "and by whom" 'rolled back by' "$DEPLOY_WORDS"
check_equal "the outcome is called aborted" aborted "$(cycle_of 'c["outcome"]')"
check "then both colors are healthy" await 30 both_healthy
check_equal "the old primary serves as before" "ok $primary primary v1" "$(told_by "$primary")"
check_equal "and was never restarted" "$process" "$(color_pid "$primary")"

deploy deploy v2
check_equal "deployed again, it stays" 0 "$DEPLOY_STATUS"
check_equal "no write was held by it" 0 "$(cycle_of 'c["held"]["count"]')"
other=$([ "$primary" = blue ] && echo green || echo blue)
check_equal "the roles have changed" "ok $other primary v2" "$(told_by "$other")"
check_equal "the old color is the fallback, on the new release" "ok $primary fallback v2" "$(told_by "$primary")"

release_make v3 exit
deploy deploy v3
check_equal "a release that ends at its start fails" 1 "$DEPLOY_STATUS"
check_equal "the one before serves on" "ok $other primary v2" "$(told_by "$other")"
check_equal "and has a fallback again" "ok $primary fallback v2" "$(told_by "$primary")"
check_equal "no write was held by that either" 0 "$(cycle_of 'c["held"]["count"]')"

release_make v4
deploy_begin deploy v4
check "the window of the next one opens" await 60 step_is window
inside systemctl kill -s KILL "app@$primary.service"
deploy_wait
check_equal "a release that crashes in its window is taken back" 1 "$DEPLOY_STATUS"
check "then both colors are healthy" await 30 both_healthy
check_equal "by the one before" "ok $other primary v2" "$(told_by "$other")"
inside systemctl restart app-bluegreen
check "a supervisor that was restarted knows who the primary is" await 30 both_healthy
check_matches "and routes to it" "writes=$other:100" "$(status_of 's["route"]')"

sleep 1
load_end mixed readers
note "$(answered mixed) + $(answered readers) answered, longest read $(longest_read_ms mixed) ms, longest write $(longest_write_ms mixed) ms"
# What was on the crashed color at that moment dies with it; nothing else may.
check_at_most "no request failed but those in flight on the one that was killed" 8 \
	"$(($(failed mixed) + $(failed readers)))"
check_equal "no write was executed twice" 0 "$(executed_twice mixed)"
check_equal "none was executed by a fallback" 0 "$(executed_by_fallback mixed)"
end
