#!/bin/bash
# SPDX-License-Identifier: MIT
# The relay is followed by another in place (reload), in a new process (restart) and by an upgrade of
# the package, under load and in its real sandbox: nobody notices, neither who asks at that moment nor
# who holds a WebSocket open.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

RELAY=app-bluegreen-relay.service

# The program that runs is the one that is installed.
# shellcheck disable=SC2016 # expanded there
runs_installed() {
	inside sh -c 'test "/proc/$(systemctl show -P MainPID app-bluegreen-relay)/exe" -ef /usr/libexec/app-bluegreen/relay'
}

times() { # COUNT COMMAND...: how often it succeeded
	local count=$1 good=0 i
	shift
	for ((i = 0; i < count; i++)); do
		! inside "$@" || good=$((good + 1))
	done
	echo "$good"
}

begin full
app_begin abrupt quick
load_begin steady --keepalive 16 --close 8 --websocket 4 --sse 4 --writes 20 --think 20 --log "$(executed_log)"
# A thousand new connections a second, by the clock.
load_begin fresh --keepalive 0 --close 64 --spare 400 --rate 1000 --read-path /healthz --no-receipt
sleep 1

pid=$(unit_pid "$RELAY")
# A rename puts another file in the place of the program, as dpkg does.
inside sh -c 'cd /usr/libexec/app-bluegreen && cp relay relay.new && mv relay.new relay'
check_fails "a program that was replaced is not the one that runs" runs_installed
check "a reload of the relay ends well" inside systemctl reload "$RELAY"
check_equal "it is the same process" "$pid" "$(unit_pid "$RELAY")"
check "which runs the program that is installed now" runs_installed
check_equal "ten reloads in a row end well" 10 "$(times 10 systemctl reload "$RELAY")"
check_equal "a relay that cannot be followed says so and goes on" "failed, $pid" "$(
	inside sh -c 'cd /usr/libexec/app-bluegreen && cp relay kept && cp /dev/null relay.new && chmod 755 relay.new && mv relay.new relay'
	inside systemctl reload "$RELAY" 2>/dev/null || echo -n "failed, "
	unit_pid "$RELAY"
	inside sh -c 'cd /usr/libexec/app-bluegreen && mv kept relay')"

check "a restart ends well" inside systemctl restart "$RELAY"
check_fails "it is another process" test "$pid" = "$(unit_pid "$RELAY")"
check_equal "ten restarts in a row end well" 10 "$(times 10 systemctl restart "$RELAY")"
check_equal "systemd keeps nothing of them" 0 "$(inside systemctl show -P NFileDescriptorStore "$RELAY")"

pid=$(unit_pid "$RELAY")
later=$(later_deb)
host_copy "$NAME" "$later" /root
rm -rf "$(dirname "$later")"
check "apt installs a later version" apt install /root/app-bluegreen-later.deb
check_fails "the relay is a new process" test "$pid" = "$(unit_pid "$RELAY")"
check "which runs the program that is installed now" runs_installed
sleep 1
load_end steady fresh
check_equal "of a thousand new connections a second none failed" 0 "$(failed fresh)"
check_equal "none of them was refused" 0 "$(refused fresh)"
note "$(answered fresh) of them, $(per_second fresh) a second"
note "$(answered steady) answered, $(per_second steady) a second; longest read $(longest_read_ms steady) ms"
check_equal "in all of it no request failed and no stream was cut" 0 "$(failed steady)"
check_equal "none was refused a connection" 0 "$(refused steady)"
check_equal "none was answered 5xx" 0 "$(server_errors steady)"
check_equal "no kept connection was closed" 0 \
	"$(figure steady 'r["connections"]["idle_eof"] + r["connections"]["idle_reset"]')"
check_equal "no write was lost" 0 "$(lost steady)"
check_equal "none was executed twice" 0 "$(executed_twice steady)"
check_at_least "streams were there all the time" 200 "$(figure steady 'r["echoes"]')"
check_equal "systemd never had to start it by itself" 0 "$(inside systemctl show -P NRestarts "$RELAY")"
reload
check_equal "a reload of the application ends well afterwards" 0 "$RELOAD_STATUS"
end
