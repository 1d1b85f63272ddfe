#!/bin/bash
# SPDX-License-Identifier: MIT
# A relay or a supervisor that ends as soon as it starts never closes the public port.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

replace_program() { # UNIT
	inside mkdir -p "/run/systemd/system/$1.d"
	printf '[Service]\nExecStart=\nExecStart=/bin/false\n' |
		inside tee "/run/systemd/system/$1.d/broken.conf" >/dev/null
	inside systemctl daemon-reload
	inside systemctl kill -s KILL --kill-who=main "$1"
}

repair_program() { # UNIT
	inside rm "/run/systemd/system/$1.d/broken.conf"
	inside systemctl daemon-reload
}

# Fifty connections a second for SECONDS, each only opened: prints how many were refused.
knock() { # SECONDS
	outside python3 -c '
import socket, sys, time
refused = 0
end = time.monotonic() + float(sys.argv[1])
kept = []
while time.monotonic() < end:
    s = socket.socket()
    s.settimeout(2)
    try:
        s.connect(("127.0.0.1", 8080))
        kept.append(s)
    except OSError:
        refused += 1
    if len(kept) > 200:
        kept.pop(0).close()
    time.sleep(0.02)
print(refused)' "$1"
}

restarts() { inside systemctl show -P NRestarts "$1"; }

begin full
app_begin flask-reader

relay=app-bluegreen-relay.service
replace_program "$relay"
check_equal "a relay that cannot run: of fifty connections a second none is refused" 0 "$(knock 15)"
check_at_least "it was started again and again" 10 "$(restarts "$relay")"
check_equal "the socket still listens" active "$(inside systemctl is-active app-bluegreen.socket)"
outside curl -s -m 30 -o "$RESULTS/waiting" -w '%{http_code}' "$BASE/" >"$RESULTS/code" &
waiting=$!
sleep 1
repair_program "$relay"
wait "$waiting" || true
check_equal "who waited when it was repaired is answered" 200 "$(cat "$RESULTS/code")"

load_begin crash --keepalive 8 --close 4 --writes 20 --think 50 --log "$(executed_log)"
replace_program app-bluegreen.service
check_equal "a supervisor that cannot run: no connection is refused" 0 "$(knock 15)"
check_at_least "it was started again and again, too" 10 "$(restarts app-bluegreen.service)"
repair_program app-bluegreen.service
check "after the repair it is back" await 15 both_healthy
load_end crash
check_equal "no request failed without a supervisor" 0 "$(failed crash)"
reload
check_equal "and a reload ends well" 0 "$RELOAD_STATUS"
end
