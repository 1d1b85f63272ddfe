#!/bin/bash
# SPDX-License-Identifier: MIT
# An orderly reboot under clients that are in the middle of something: what is in flight is answered
# while the instances still live, what waits is told so, and the host is not kept longer than that.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

HERE=$(dirname "$0")

# Its last line goes to $RESULTS/NAME.
leave_begin() { # busy|held
	nsenter -t "$(host_init_pid "$NAME")" -n "$HERE/leaving-client" "$1" >"$RESULTS/$1" 2>"$RESULTS/$1.stderr" &
	LEAVING=$!
	check "clients are under way ($1)" await 20 grep -q ready "$RESULTS/$1"
}

# What became of one of them, by python expression over `r`.
became() { # busy|held EXPRESSION
	tail -n 1 "$RESULTS/$1" | python3 -c '
import json, sys
r = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$2" 2>&1
}

# Leaves SHUTDOWN_MS, from the order to the end of the host's last process.
reboot_leaving() {
	local init began
	init=$(host_init_pid "$NAME") began=$(now_ms)
	(inside systemctl reboot) >/dev/null 2>&1 || true
	host_await_end "$init" 60 || true
	SHUTDOWN_MS=$(($(now_ms) - began))
	wait "$LEAVING" || true
	host_come_back "$NAME" "$init" 1
}

executed() { grep -c "^leaving-$1 " "/proc/$(host_init_pid "$NAME")/root$EXECUTED" || true; }

holds_one() { [ "$(status_of 's["relay"]["counters"]["holding"]')" = 1 ]; }

# Microseconds of the clock that nobody sets.
up_since() { inside systemctl show -P ActiveEnterTimestampMonotonic "$1.service"; }

begin full
# What was said before a boot is looked at behind it.
inside mkdir -p /var/log/journal
inside systemctl restart systemd-journald
app_begin abrupt quick
check "the order for the end is in force" await 10 inside systemctl -q is-active app-bluegreen-shutdown

leave_begin busy
reboot_leaving
note "shut down in $SHUTDOWN_MS ms: $(tail -n 1 "$RESULTS/busy")"
check_equal "a kept connection without a request is closed in order" closed "$(became busy 'r["idle"]["end"]')"
check_equal "a write in flight is answered by the application" "201 leaving-write blue primary POST" \
	"$(became busy '"%d %s" % (r["write"]["status"], " ".join(r["write"]["receipt"].split()[:4]))')"
check_equal "its client is told that the connection ends" close "$(became busy 'r["write"]["connection"]')"
check_equal "a response in flight comes whole" "200 0" "$(became busy '"%(status)d %(missing)d" % r["read"]')"
check_equal "a WebSocket is answered meanwhile" "101 there?" "$(became busy '"%(status)d %(echo)s" % r["websocket"]')"
check_at_least "an event stream goes on meanwhile" 3 "$(became busy 'r["events"]["events"]')"
check_at_most "both are ended within 5 seconds" 6000 \
	"$(became busy 'int(1000 * max(r["events"]["seconds"], r["websocket"]["seconds"]))')"
check_at_most "and the host waits no longer" 12000 "$SHUTDOWN_MS"
check "after the boot both colors are healthy" await 40 both_healthy
check_equal "the write was executed once" 1 "$(executed write)"
check "the order is in force again" await 10 inside systemctl -q is-active app-bluegreen-shutdown

# The order is of the end alone: nobody else waits for it, and whoever stops it stops nothing else.
relay=$(unit_pid app-bluegreen-relay) blue=$(color_pid blue)
check "stopped by hand it ends at once" inside timeout 10 systemctl stop app-bluegreen-shutdown
check_equal "and everything else goes on" "$relay $blue" "$(unit_pid app-bluegreen-relay) $(color_pid blue)"
inside systemctl start app-bluegreen-shutdown
check "a color restarts while it is in force" inside timeout 20 systemctl restart app@blue
check "both colors are healthy again" await 20 both_healthy

# Writes wait. And the next boot is one at which the application takes long to start.
printf '[Service]\nExecStartPre=/bin/sleep 8\n' |
	inside tee /etc/systemd/system/app@.service.d/slow.conf >/dev/null
inside systemctl daemon-reload
inside systemctl stop app@blue
leave_begin held
check "a write is held" await 10 holds_one
reboot_leaving
note "shut down in $SHUTDOWN_MS ms: $(tail -n 1 "$RESULTS/held")"
check_matches "a held write is told to come again" "^503 [1-9][0-9]* close$" \
	"$(became held '"%(status)d %(retry_after)s %(connection)s" % r["held"]')"
check_at_most "nobody waits for that" 5000 "$SHUTDOWN_MS"
check "after the boot both colors are healthy" await 40 both_healthy
check_at_least "at boot the relay was there long before the instances" 6000000 \
	"$(($(up_since app@blue) - $(up_since app-bluegreen-relay)))"
check_equal "it was not executed" 0 "$(executed held)"

check_matches "the last thing that the supervisor says is that it was told to end" 'told to end by Terminated' \
	"$(inside journalctl -q --no-pager -b -1 -t app-bluegreen -n 1)"

# The package goes, in the same order.
leave_begin busy
apt remove app-bluegreen >"$RESULTS/remove" 2>&1
wait "$LEAVING" || true
note "removed: $(tail -n 1 "$RESULTS/busy")"
check_equal "a removal of the package lets a write in flight be answered too" 201 \
	"$(became busy 'r["write"]["status"]')"
check_equal "and a response come whole" 0 "$(became busy 'r["read"]["missing"]')"
check_equal "nothing of it is left" "" "$(inside systemctl list-units --plain --no-legend 'app-bluegreen*' 'app@*')"
end
