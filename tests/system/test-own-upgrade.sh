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
replace_supervisor() { # COMMAND that makes the file $1 from $2
	# shellcheck disable=SC2016 # expanded there
	inside sh -c "$1"' && mv "$2.new" "$2"' - "$SUPERVISOR.new" "$SUPERVISOR"
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

cp_program='cp -p "$2" "$1"'
check_equal "a program that is none is not executed" "$pid" "$(
	replace_supervisor "cp -p \$2 /root/supervisor && printf '\\177ELF' >\"\$1\" && chmod 755 \"\$1\"" 2>&1
	hangup
	await 10 said_times 1 "does not run here"
	unit_pid app-bluegreen)"
end
