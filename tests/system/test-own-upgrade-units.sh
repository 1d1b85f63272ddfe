#!/bin/bash
# SPDX-License-Identifier: MIT
# A new version whose units are others: what systemd does with a socket whose addresses have changed is
# to close what is no longer configured and to open nothing. The upgrade sees to it that every port that
# is configured is open, and closes none that works; and an upgrade restarts no instance, also if its
# template is another.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

answers_at() { outside curl -sS -f -m 5 -o /dev/null "http://127.0.0.1:$1/healthz"; }

# systemd has it open, so that it outlives the relay.
is_held() { # PORT
	# shellcheck disable=SC2016 # expanded there
	inside bash -c 'inode=$(ss -tlneH "sport = :$1" | grep -o "ino:[0-9]*" | head -n 1)
		ls -l /proc/1/fd | grep -q "socket:.${inode#ino:}."' - "$1"
}

# The same version again and again, each with other units.
upgrade() { # SENTENCE COMMAND
	local later
	later=$(later_deb "$2")
	host_copy "$NAME" "$later" /root
	rm -rf "$(dirname "$later")"
	check "$1" inside dpkg -i /root/app-bluegreen-later.deb
}

check_port() { # PORT
	check "port $1 answers" await 10 answers_at "$1"
	check "and systemd has it open" is_held "$1"
}

# Expanded where the package is changed.
# shellcheck disable=SC2016
{
	OPTION='sed -i "s/^Backlog=.*/Backlog=100/" $UNITS/app-bluegreen.socket'
	ADDED='sed -i "s/^ListenStream=8080/&\nListenStream=8082/" $UNITS/app-bluegreen.socket'
	CHANGED='sed -i "s/^ListenStream=8080/ListenStream=8081/" $UNITS/app-bluegreen.socket'
	CONTROL='sed -i "s/relay.sock/relay.sock\nFileDescriptorName=control\nBacklog=10/" $UNITS/app-bluegreen-control.socket'
	TEMPLATE='sed -i "s/^RestartSec=1s/RestartSec=2s/" $UNITS/app@.service'
	SOCKET='printf "[Socket]\nListenStream=8083\nFileDescriptorName=public\nService=app-bluegreen-relay.service\n" >$UNITS/app-bluegreen-second.socket
		printf "[Unit]\nRequires=app-bluegreen-second.socket\nAfter=app-bluegreen-second.socket\n[Service]\nSockets=app-bluegreen-second.socket\n" >>$UNITS/app-bluegreen-relay.service'
}

begin full
app_begin abrupt quick
before="$(color_pid blue) $(color_pid green)"
load_begin steady --keepalive 16 --close 8 --websocket 4 --sse 4 --writes 10 --think 20 --log "$(executed_log)"
sleep 1

upgrade "a version with other options is taken" "$OPTION; $CONTROL"
check_port 8080
upgrade "one with a listener more" "$ADDED"
check_port 8082
check_port 8080
inside systemctl restart app-bluegreen-relay
check_port 8082
upgrade "one with another template of the instances" "$TEMPLATE"
check_equal "which restarts neither" "$before" "$(color_pid blue) $(color_pid green)"
check_fails "what is configured no longer is closed: the listener" answers_at 8082
check_port 8080
upgrade "one that brings a socket of its own" "$SOCKET"
check_port 8083
check_port 8080
upgrade "one that has it no more" :
check_fails "then it is closed" answers_at 8083
check_port 8080
load_end steady
check_equal "in all of it no request failed, and no stream was cut" 0 "$(failed steady)"
check_equal "none was refused a connection" 0 "$(refused steady)"
check_equal "no kept connection was closed" 0 \
	"$(figure steady 'r["connections"]["idle_eof"] + r["connections"]["idle_reset"]')"

# Who is connected stays so, even if the port itself moves.
load_begin streams --keepalive 0 --websocket 8 --sse 8
sleep 1
upgrade "a version on another port is taken" "$CHANGED"
check_port 8081
sleep 2
load_end streams
check_equal "whoever was connected to the former port still is" 0 "$(failed streams)"
inside sh -c 'socat TCP-LISTEN:8080,fork,reuseaddr EXEC:true >/dev/null 2>&1 & echo $! >/run/squatter'
await 10 inside sh -c 'ss -tlnH "sport = :8080" | grep -q LISTEN'
upgrade "one whose port somebody else has taken" :
check_port_words=$(inside journalctl -q -o cat -u app-bluegreen.socket | tail -n 3)
note "$check_port_words"
check "the relay goes on with the port that it has" answers_at 8081
# shellcheck disable=SC2016 # expanded there
inside sh -c 'kill "$(cat /run/squatter)"'
upgrade "when that has gone" :
check_port 8080
reload
check_equal "a reload ends well afterwards" 0 "$RELOAD_STATUS"
end
