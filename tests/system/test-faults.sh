#!/bin/bash
# SPDX-License-Identifier: MIT
# What is around the supervisor fails for a while: polkit refuses, the disk is full, the record is
# garbage. No request fails, each reload says what was in its way, and what follows needs nobody.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

RULES=/usr/share/polkit-1/rules.d/app-bluegreen.rules
STATE=/var/lib/app-bluegreen/app

polkit_refuses() { inside mv "$RULES" /root/app-bluegreen.rules; }

polkit_allows() { inside mv /root/app-bluegreen.rules "$RULES"; }

writes_work() {
	[ "$(outside curl -s -m 3 -o /dev/null -w '%{http_code}' -H 'Accept: text/plain' \
		-d 'id=by-hand&title=By+hand&text=x' "$BASE/notes")" = 201 ]
}

supervisor_kill() { inside systemctl kill -s KILL --kill-who=main app-bluegreen.service; }

# The state directory on a small disk of its own.
disk_begin() {
	inside mount -t tmpfs -o size=20m,mode=755 small "$STATE"
	inside chown app-bluegreen: "$STATE"
	inside systemctl restart app-bluegreen
	await 20 both_healthy
}

disk_fill() { inside sh -c "cat /dev/zero >$STATE/fill 2>/dev/null || true"; }

begin full
app_begin abrupt

inside systemctl stop app-bluegreen
polkit_refuses
inside systemctl start app-bluegreen
sleep 3
check_equal "as long as polkit refuses, nothing is started" "0 0" "$(color_pid blue) $(color_pid green)"
polkit_allows
check "once it does not, both colors are started and get well, and nobody asked" await 15 both_healthy
check "and writes are served" writes_work

load_begin faults --keepalive 16 --close 4 --writes 10 --think 60 --log "$(executed_log)"
sleep 1
blue=$(color_pid blue)
configure <<<$'[App]\nBluePort=9100'
polkit_refuses
reload
polkit_allows
check_equal "a reload whose restart is refused fails" 1 "$RELOAD_STATUS"
check_matches "and says who refused" 'failed at restart: systemd refused to restart app@blue.service.*polkit' \
	"$RELOAD_WORDS"
check_equal "blue was not touched" "$blue" "$(color_pid blue)"
check "blue serves writes on, on the port where it listens" await 5 writes_work
check_equal "which is the former one" 9000 "$(status_of 's["colors"]["blue"]["port"]')"
reload
check_equal "the next reload ends well" 0 "$RELOAD_STATUS"
check_equal "and blue has moved" 9100 "$(status_of 's["colors"]["blue"]["port"]')"

disk_begin
disk_fill
blue=$(color_pid blue) green=$(color_pid green)
reload
check_equal "with a full disk a reload fails" 1 "$RELOAD_STATUS"
check_matches "and says so" 'failed at preflight: .*disk' "$RELOAD_WORDS"
check_equal "and restarted nothing" "$blue $green" "$(color_pid blue) $(color_pid green)"
inside rm "$STATE/fill"

inside sh -c "head -c 300 /dev/urandom >$STATE/cycle"
supervisor_kill
check "a record of garbage: the supervisor comes back all the same" await 10 both_healthy
check "what it was is kept for who wants to know" inside test -s "$STATE/cycle.bad"
reload
check_equal "and a reload ends well" 0 "$RELOAD_STATUS"

load_end faults
check_equal "no request failed in any of it" 0 "$(failed faults)"
check_equal "no write was executed twice" 0 "$(executed_twice faults)"
check_equal "no write was lost" 0 "$(lost faults)"
end
