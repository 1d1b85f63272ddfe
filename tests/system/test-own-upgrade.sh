#!/bin/bash
# SPDX-License-Identifier: MIT
# The package is upgraded while five hundred requests a second are served, WebSockets and event streams
# are open, and somebody asks for the status all the time: nobody notices. The supervisor is followed by
# the program that is installed then, in its own process; what it learnt it keeps. Where the new program
# does not run the old one goes on and says so.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

SUPERVISOR=/usr/libexec/app-bluegreen/supervisor

# The process of a unit executes the file that is installed now.
# shellcheck disable=SC2016 # expanded there
runs_installed() { # UNIT PROGRAM
	inside sh -c 'test "/proc/$(systemctl show -P MainPID "$1")/exe" -ef "$2"' - "$1" "$2"
}

both_run_installed() {
	runs_installed app-bluegreen.service "$SUPERVISOR" &&
		runs_installed app-bluegreen-relay.service /usr/libexec/app-bluegreen/relay
}

hangup() { inside systemctl kill --kill-who=main -s HUP app-bluegreen.service; }

instances() { echo "blue $(color_pid blue), green $(color_pid green)"; }

# Another file in the place of the program, as dpkg does it.
replace_supervisor() { # FILE
	inside cp -p "$1" "$SUPERVISOR.new"
	inside mv "$SUPERVISOR.new" "$SUPERVISOR"
}

said() { inside journalctl -q -o cat -u app-bluegreen | grep -c -- "$1"; }

said_times() { [ "$(said "$2")" -ge "$1" ]; }

begin full
app_begin abrupt quick
pid=$(unit_pid app-bluegreen) both=$(instances)
load_begin steady --keepalive 16 --close 4 --websocket 8 --sse 8 --writes 10 --think 40 --log "$(executed_log)"
load_begin clock --keepalive 0 --close 32 --spare 200 --rate 500 --read-path /healthz --no-receipt
# Somebody who asks and asks: a call for every moment of what follows, of which none may fail.
inside sh -c 'while [ ! -e /run/asked-enough ]; do
	bluegreenctl status --json >/dev/null 2>>/run/asked-errors || echo "status $?" >>/run/asked-errors
done' &
asking=$!
sleep 1

later=$(later_deb)
host_copy "$NAME" "$later" /root
rm -rf "$(dirname "$later")"
check "apt installs a later version" apt install /root/app-bluegreen-later.deb
check "supervisor and relay run what is installed now" await 10 both_run_installed
check_equal "the supervisor is the same process" "$pid" "$(unit_pid app-bluegreen)"
check_equal "the upgrade changes no instance" "$both" "$(instances)"
check "both colors are called healthy within ten seconds" await 10 both_healthy

# Ten more, each as soon as the one before was heard; the last word counts as one.
for i in 1 2 3 4 5 6 7 8 9 10; do
	hangup
	await 10 said_times $((i + 1)) "executed in place of the supervisor before"
done
check_equal "ten more in a row are the same process still" "$pid" "$(unit_pid app-bluegreen)"
check_equal "systemd never had to start it by itself" 0 "$(inside systemctl show -P NRestarts app-bluegreen)"
check "its descriptors are those of a supervisor, and no more" test 30 -ge "$(inside sh -c "ls /proc/$pid/fd | wc -l")"

# What an administrator has stopped is not started by the next supervisor: it knows that it was told.
inside systemctl stop app@green.service
await 10 said_times 1 'green is sick'
hangup
await 10 said_times 12 "executed in place of the supervisor before"
await 10 said_times 12 "blue is healthy"
check_equal "a color that was stopped by hand stays stopped" inactive "$(inside systemctl show -P ActiveState app@green.service)"
check_equal "that it is missing was told once, and not by each supervisor" 1 "$(said '^degraded: ')"
inside systemctl start app@green.service
check "until it is started again" await 10 both_healthy

inside cp -p "$SUPERVISOR" /root/supervisor
printf '\177ELF' | inside tee /root/none >/dev/null
inside chmod 755 /root/none
replace_supervisor /root/none
hangup
check "a program that is none is not executed, and the journal says so" await 10 said_times 1 "does not run here"
replace_supervisor /root/supervisor
echo '[Nonsense]' | inside tee /etc/app-bluegreen/app.conf.d/nonsense.conf >/dev/null
hangup
check "nor one that does not understand the configuration" await 10 said_times 1 "does not run here.*nonsense.conf"
check_equal "it is the same process still" "$pid" "$(unit_pid app-bluegreen)"
check "which answers" inside bluegreenctl status
inside rm /etc/app-bluegreen/app.conf.d/nonsense.conf
hangup
check "when that is repaired the next word is heard" await 10 said_times 13 "executed in place of the supervisor before"

inside touch /run/asked-enough
wait "$asking" || true
check_equal "whoever asked for the status was answered, always" "" "$(inside cat /run/asked-errors)"
check_equal "the supervisor is the same process to the end" "$pid" "$(unit_pid app-bluegreen)"
load_end steady clock
note "$(answered clock) + $(answered steady) answered, $(per_second clock) + $(per_second steady) a second; longest read $(longest_read_ms steady) ms"
check_equal "of five hundred requests a second none failed" 0 "$(failed clock)"
check_equal "nor of the others, and no WebSocket and no stream was cut" 0 "$(failed steady)"
check_equal "none was refused a connection" 0 "$(($(refused clock) + $(refused steady)))"
check_equal "none was answered 5xx" 0 "$(($(server_errors clock) + $(server_errors steady)))"
check_equal "no kept connection was closed" 0 \
	"$(figure steady 'r["connections"]["idle_eof"] + r["connections"]["idle_reset"]')"
check_equal "every write was executed once" "$(writes_acknowledged steady)" "$(executed_once steady)"
check_equal "none was executed twice" 0 "$(executed_twice steady)"
check_at_least "streams were there all the time" 200 "$(figure steady 'r["echoes"]')"
reload
check_equal "a reload ends well afterwards" 0 "$RELOAD_STATUS"
end
