#!/bin/bash
# SPDX-License-Identifier: MIT
# The system bus dies: requests do not notice, the supervisor comes back to it, and reloads work again.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

pids() { echo "blue $(color_pid blue), green $(color_pid green), relay $(unit_pid app-bluegreen-relay)"; }

begin full
app_begin flask-reader
load_begin bus --keepalive 12 --close 4 --writes 20 --think 60 --log "$(executed_log)"
sleep 1
before=$(pids)
inside systemctl kill -s KILL --kill-who=main dbus.service
check "the bus is back within ten seconds" await 10 inside busctl --quiet list
check "and so is the supervisor on it" await 30 both_healthy
check_equal "instances and relay are the same" "$before" "$(pids)"
reload
check_equal "a reload ends well" 0 "$RELOAD_STATUS"
load_end bus
check_equal "no request failed" 0 "$(failed bus)"
check_equal "no write was lost" 0 "$(lost bus)"
check_equal "no write was executed twice" 0 "$(executed_twice bus)"
end
