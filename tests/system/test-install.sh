#!/bin/bash
# SPDX-License-Identifier: MIT
# A minimal Debian, `apt install ./app-bluegreen.deb`, and nothing else: the example app serves on
# 8080 and a reload works. Installing again and an upgrade disturb nobody.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

begin minimal
check "apt installs the package on a minimal host" install_deb
check "the first request is answered, at once or as soon as the app has started" \
	outside curl -sS -f -m 25 -o /dev/null "$BASE/"
check "both colors become healthy within 30 seconds" await 30 both_healthy
check_equal "no unit has failed" "" "$(inside systemctl list-units --failed --plain --no-legend)"
check_equal "systemd calls the system running" running "$(inside systemctl is-system-running)"
check_equal "the port opens at the next boot" enabled "$(inside systemctl is-enabled app-bluegreen.socket)"
check_equal "the supervisor starts at the next boot" enabled "$(inside systemctl is-enabled app-bluegreen.service)"
check_matches "the example shows its color and role" 'blue.*primary|primary.*blue' \
	"$(outside curl -sS -m 5 "$BASE/" | tr '\n' ' ')"
check_matches "it takes a write" '^2' \
	"$(outside curl -sS -m 5 -o /dev/null -w '%{http_code}' -d text=hello "$BASE/api/notes")"
check "the relay is as exposed as 1.2 or less" \
	inside systemd-analyze security --no-pager --threshold=12 app-bluegreen-relay.service

blue=$(color_pid blue) green=$(color_pid green) relay=$(unit_pid app-bluegreen-relay)
reload
check_equal "the first reload ends well" 0 "$RELOAD_STATUS"
check_fails "blue is a new process" test "$blue" = "$(color_pid blue)"
check "green becomes one, too" await 60 color_changed green "$green"
check_equal "the relay is the same" "$relay" "$(unit_pid app-bluegreen-relay)"
check "both colors are healthy afterwards" await 30 both_healthy

# The machine boots again: nobody starts anything by hand.
host_reboot "$NAME"
check "after a boot the first request is answered" outside curl -sS -f -m 25 -o /dev/null "$BASE/"
check "and both colors become healthy" await 30 both_healthy
check_equal "nothing failed in that boot" "" "$(inside systemctl list-units --failed --plain --no-legend)"
# Those who ask at that moment neither keep it from going nor wait for what goes with it.
load_begin last --keepalive 8 --writes 20
sleep 1
check "the machine powers off in order, whoever is asking" host_stop "$NAME"
end
