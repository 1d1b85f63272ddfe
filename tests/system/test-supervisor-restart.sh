#!/bin/bash
# SPDX-License-Identifier: MIT
# Restart and crash of the supervisor leave instances, relay and connections alone, an upgrade
# instances and connections. A stop stops the instances and leaves the port: who comes waits, and is then told to come back.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

instances() { echo "blue $(color_pid blue), green $(color_pid green)"; }

pids() { echo "$(instances), relay $(unit_pid app-bluegreen-relay)"; }

stopped() { [ "$(inside systemctl show -P ActiveState "$1")" = inactive ]; }

# It runs the file that is there, not one that was replaced.
supervisor_is_installed() {
	local program
	program=$(inside readlink "/proc/$(unit_pid app-bluegreen)/exe")
	[ "$program" = /usr/libexec/app-bluegreen/supervisor ]
}

begin full
app_begin abrupt
before=$(pids) both=$(instances)
supervisor=$(unit_pid app-bluegreen)
# A WebSocket each color's end would cut, kept connections, and connections for every request.
load_begin steady --keepalive 16 --close 4 --websocket 4 --sse 2 --writes 20 --think 50 --log "$(executed_log)"
sleep 1

inside systemctl restart app-bluegreen
check_equal "a restart of the supervisor changes neither instances nor relay" "$before" "$(pids)"
check "it serves" answers
check "both colors are called healthy within ten seconds" await 10 both_healthy

inside systemctl kill -s KILL --kill-who=main app-bluegreen
sleep 1
check_equal "a crash of it changes neither" "$before" "$(pids)"
check "both colors are called healthy within ten seconds of the crash" await 10 both_healthy

host_copy "$NAME" "$(deb)" /root
check "apt installs the same version again" apt install --reinstall "/root/$(basename "$(deb)")"
check_equal "that changes no instance" "$both" "$(instances)"

supervisor=$(unit_pid app-bluegreen)
later=$(later_deb)
host_copy "$NAME" "$later" /root
rm -rf "$(dirname "$later")"
check "apt installs a later version" apt install /root/app-bluegreen-later.deb
check_equal "the upgrade changes no instance" "$both" "$(instances)"
check "the supervisor is the new one" await 10 supervisor_is_installed
check_equal "in the same process" "$supervisor" "$(unit_pid app-bluegreen)"
check "both colors are called healthy within ten seconds of the upgrade" await 10 both_healthy

before=$(pids)
inside systemctl daemon-reload
inside systemctl daemon-reexec
check_equal "systemd itself read anew and executed anew changes neither" "$before" "$(pids)"
sleep 1
load_end steady
check_equal "in all of it no request failed and no connection was cut" 0 "$(failed steady)"
check_equal "no kept connection was closed by the server" 0 "$(figure steady 'r["connections"]["idle_eof"] + r["connections"]["idle_reset"]')"
check_equal "no write was lost" 0 "$(lost steady)"
check_equal "no write was executed twice" 0 "$(executed_twice steady)"
reload
check_equal "a reload ends well after the upgrade" 0 "$RELOAD_STATUS"

printf '[Hold]\nLimit=4s\n' | configure
inside systemctl restart app-bluegreen
await 15 both_healthy
inside systemctl stop app-bluegreen
check "a stop of the supervisor stops blue" await 40 stopped app@blue.service
check "and green" await 40 stopped app@green.service
check "the relay goes on" inside systemctl is-active app-bluegreen-relay
check_equal "the socket too" active "$(inside systemctl is-active app-bluegreen.socket)"
began=$(now_ms)
head=$(outside curl -s -m 20 -o /dev/null -D - "$BASE/")
took=$(($(now_ms) - began))
check_matches "a request is then told 503" '^HTTP/1.1 503' "$head"
check_matches "and when to come back" '^[Rr]etry-[Aa]fter: [0-9]+' "$head"
check_at_least "after it had waited for the hold's limit" 3500 "$took"
check_at_most "and not much longer" 6000 "$took"
check_equal "nothing of it started again by itself" "inactive inactive" \
	"$(inside systemctl show -P ActiveState app@blue.service | tr '\n' ' ')$(inside systemctl show -P ActiveState app@green.service)"
inside systemctl start app-bluegreen
check "after a start it serves" outside curl -s -f -m 20 -o /dev/null "$BASE/"

inside systemctl stop app-bluegreen.socket
check_equal "a stop of the socket closes the port" 000 \
	"$(outside curl -s -m 5 -o /dev/null -w '%{http_code}' "$BASE/" || true)"
inside systemctl start app-bluegreen.socket
check "and a start opens it" await 20 answers
end
