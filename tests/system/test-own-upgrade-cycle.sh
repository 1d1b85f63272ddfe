#!/bin/bash
# SPDX-License-Identifier: MIT
# The package is upgraded, and taken back to the version before, in the middle of cycles: while a color
# is drained, while it starts, in its probation, in the window of a swap, while the fallback restarts.
# The cycle goes on to its end, the caller of the reload is told that it ended well, and only then does
# the supervisor execute what is installed. Nobody who is served notices.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

# shellcheck disable=SC2016 # expanded there
runs_installed() {
	inside sh -c 'test "/proc/$(systemctl show -P MainPID app-bluegreen)/exe" -ef /usr/libexec/app-bluegreen/supervisor'
}

# In turns a later version and the one before, so that each is another file.
packages=(/root/app-bluegreen-later.deb "/root/$(basename "$(deb)")")
turn=0

# However long dpkg takes: a phase that waits for something waits until it is done.
upgrade_in() { # STEP [COMMAND that lets it go on]
	check "the cycle comes to $1" await 60 step_is "$1"
	check "dpkg takes $(basename "${packages[turn]}")" inside dpkg -i "${packages[turn]}"
	turn=$((1 - turn))
	check_equal "the cycle goes on" running "$(cycle_of 'c["outcome"]')"
	check_equal "and the supervisor with it" "$pid" "$(unit_pid app-bluegreen)"
	check_fails "as it was" runs_installed
	[ $# -eq 1 ] || "${@:2}"
}

# An event stream, which the primary is not drained without.
stream_begin() {
	nsenter -t "$(host_init_pid "$NAME")" -n curl -sN -m 300 "$BASE/events" >/dev/null 2>&1 &
	STREAM_PID=$!
	await 10 inside sh -c 'ss -tnH "sport = :9000" | grep -q ESTAB'
}

stream_end() { kill "$STREAM_PID"; }

starts_wait() { inside touch /run/hold; }

starts_go_on() { inside rm /run/hold; }

declare -A RELOADS=()

reload_begin() { # NAME
	inside timeout 300 systemctl reload app-bluegreen >"$RESULTS/reload-$1.txt" 2>&1 &
	RELOADS[$1]=$!
}

reload_wait() { # NAME SENTENCE
	local status=0
	wait "${RELOADS[$1]}" || status=$?
	note "reload: status $status $(tail -n 1 "$RESULTS/reload-$1.txt")"
	check_equal "$2" 0 "$status"
}

# After the last cycle.
check_renewed() {
	check_equal "the record says so too" succeeded "$(cycle_of 'c["outcome"]')"
	check "then the supervisor runs what is installed" await 10 runs_installed
	check_equal "in the same process" "$pid" "$(unit_pid app-bluegreen)"
	check "and calls both colors healthy" await 10 both_healthy
}

begin full
releases_begin <<-END
	Window=300s
	[Drain]
	Streams=300s
	[App]
	Strategy=fallback
END
# shellcheck disable=SC2016 # expanded there
printf '[Service]\nExecStartPre=/bin/sh -c "while [ -e /run/hold ]; do sleep 0.1; done"\n' |
	inside tee /etc/systemd/system/app@.service.d/hold.conf >/dev/null
inside systemctl daemon-reload
later=$(later_deb)
host_copy "$NAME" "$later" /root
rm -rf "$(dirname "$later")"
release_make v1
deploy deploy v1
check_equal "the first release ever is deployed" 0 "$DEPLOY_STATUS"
pid=$(unit_pid app-bluegreen)
load_begin steady --keepalive 24 --close 8 --writes 10 --think 60 --log "$(executed_log)"
load_begin readers --keepalive 8 --think 40
sleep 1

# How fast it answers says something of the machine here, while dpkg is at work.
printf '[Gate]\nProbation=15s\nMaxLatencyRatio=off\n' | inside tee /etc/app-bluegreen/app.conf.d/watched.conf >/dev/null
stream_begin
reload_begin first
starts_wait
upgrade_in settle stream_end
upgrade_in restart starts_go_on
await 60 step_is observe
starts_wait
upgrade_in observe
upgrade_in restart-fallback starts_go_on
reload_wait first "a reload that was upgraded four times under way ends well"
check_renewed

# Roles change; whoever comes meanwhile ends the window, and gets a cycle of his own.
inside rm /etc/app-bluegreen/app.conf.d/watched.conf
inside sed -i 's/^Strategy=.*/Strategy=swap/' /etc/app-bluegreen/app.conf.d/test.conf
starts_wait
reload_begin second
upgrade_in start starts_go_on
upgrade_in window
inside timeout 300 bluegreenctl reload >"$RESULTS/reload-third.txt" 2>&1 &
RELOADS[third]=$!
inside sed -i 's/^Window=.*/Window=2s/' /etc/app-bluegreen/app.conf.d/test.conf
reload_wait second "so does one that was upgraded in its window"
reload_wait third "and the one that waited behind it"
check_renewed

load_end steady readers
check_equal "no request failed" 0 "$(($(failed steady) + $(failed readers)))"
check_equal "none was refused a connection" 0 "$(($(refused steady) + $(refused readers)))"
check_equal "none was answered 5xx" 0 "$(($(server_errors steady) + $(server_errors readers)))"
check_equal "every write was executed once, by a primary" "$(writes_acknowledged steady)" "$(executed_once steady)"
check_equal "none was executed twice" 0 "$(executed_twice steady)"
check_equal "none by a fallback" 0 "$(executed_by_fallback steady)"
check_at_most "reads flowed all the time: never a second without one" 1000 "$(silence_ms readers)"
end
