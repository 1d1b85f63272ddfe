#!/bin/bash
# SPDX-License-Identifier: MIT
# A configuration with a mistake: the reload fails with file and line, and nothing changes.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

FILE=/etc/app-bluegreen/app.conf.d/mine.conf

pids() { echo "blue $(color_pid blue), green $(color_pid green)"; }

begin full
app_begin flask-reader
inside mkdir -p "$(dirname "$FILE")"
before=$(pids)
route=$(status_of 's["route"]')

printf '[Probe]\nPath=/\nIntervall=1s\n' | inside tee "$FILE" >/dev/null
reload
check_fails "an unknown key: the reload fails" test "$RELOAD_STATUS" = 0
check_matches "its reason names file, line and key" "$FILE:3.*Intervall" "$RELOAD_WORDS"
printf '[Hold]\n\nLimit=soon\n' | inside tee "$FILE" >/dev/null
reload_by_hand
check_fails "a bad value: the reload fails" test "$RELOAD_STATUS" = 0
check_matches "its reason names file, line and value" "$FILE:3.*soon" "$RELOAD_WORDS"
check_equal "no instance was restarted" "$before" "$(pids)"
check_equal "the route is the one before" "$route" "$(status_of 's["route"]')"
check "it serves" answers

inside systemctl kill -s KILL --kill-who=main app-bluegreen
sleep 3
check_equal "a supervisor that starts with a bad file leaves the instances alone" "$before" "$(pids)"
check "and it still serves" answers

inside rm "$FILE"
check "with a good file the supervisor is well again" await 20 both_healthy
reload
check_equal "and a reload ends well" 0 "$RELOAD_STATUS"
end
