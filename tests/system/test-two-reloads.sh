#!/bin/bash
# SPDX-License-Identifier: MIT
# Who asks for a reload while one is running waits for a cycle that began after the asking: what was
# deployed in between is never missed.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

# What the process that runs was started with.
# shellcheck disable=SC2016 # the shell inside
color_release() { # COLOR
	inside bash -c 'tr "\0" "\n" <"/proc/$1/environ" | sed -n "s/^MARK=//p"' - "$(color_pid "$1")"
}

mark() { # WORD
	printf '[Service]\nEnvironment=MARK=%s\n' "$1" |
		inside tee /etc/systemd/system/app@.service.d/mark.conf >/dev/null
	inside systemctl daemon-reload
}

begin full
app_begin abrupt
load_begin both --keepalive 12 --close 4 --writes 20 --think 60 --log "$(executed_log)"
mark first
inside systemctl reload app-bluegreen &
one=$!
sleep 5
mark second
inside systemctl reload app-bluegreen &
two=$!
inside bluegreenctl reload >"$RESULTS/three" 2>&1 &
three=$!
status=0
wait "$one" || status=$?
check_equal "the first reload ends well" 0 "$status"
status=0
wait "$two" || status=$?
check_equal "the one that was asked for meanwhile ends well" 0 "$status"
check_equal "blue runs what was deployed last" second "$(color_release blue)"
check_equal "green too" second "$(color_release green)"
status=0
wait "$three" || status=$?
check_equal "the one by hand ends well" 0 "$status"
load_end both
check_equal "no request failed" 0 "$(failed both)"
check_equal "no write was lost" 0 "$(lost both)"
check_equal "no write was executed twice" 0 "$(executed_twice both)"
end
