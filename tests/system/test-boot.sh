#!/bin/bash
# SPDX-License-Identifier: MIT
# Boots that are not as they should be: unattended-upgrades has rebooted the host at the end of its night,
# somebody has enabled both colors, the clock is behind what was written before, and a port is taken.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"
# shellcheck source=/dev/null
. "$HOST_REPO/tests/night/lib"

# Whatever happened: the port answers, and one color alone is the primary, and was started as one.
boot_is_well() { # SENTENCE
	local id=boot-$NUMBER told
	check "$1: the port answers" await 10 answers
	check "$1: both colors get well" await 40 both_healthy
	check "$1: a write is executed" await 10 write_is_executed "$id"
	told=$(processes)
	check_equal "$1: one is the primary, the other one the fallback" $'blue primary \ngreen fallback ' "$told"
	check_equal "$1: and was so from the start" $'blue primary\ngreen fallback' "$(inside sort -u /run/starts)"
	check_equal "$1: the write was executed once, by the primary" "$id blue primary POST" \
		"$(grep "^$id " "$(files)$EXECUTED")"
}

# It answers everything on the port of blue, before anybody else can.
squatter() {
	inside tee /root/squatter.py >/dev/null <<-'END'
		import http.server

		class Handler(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        self.send_response(200)
		        self.end_headers()
		        self.wfile.write(b"squatter")

		    do_POST = do_GET

		http.server.ThreadingHTTPServer(("127.0.0.1", 9000), Handler).serve_forever()
	END
	inside tee /etc/systemd/system/squatter.service >/dev/null <<-'END'
		[Unit]
		Before=app-bluegreen.service
		[Service]
		ExecStart=/usr/bin/python3 /root/squatter.py
		ExecStartPost=/bin/sh -c 'until ss -Hltn | grep -q "127.0.0.1:9000 "; do :; done'
		TimeoutStartSec=20
		[Install]
		WantedBy=multi-user.target
	END
	inside systemctl daemon-reload
	inside systemctl -q enable squatter.service
}

answered_by() { # COLOR
	outside curl -s -m 5 -o /dev/null -D - "$BASE/" | grep -q "^X-Color: $1"
}

begin full
night_begin libnight1
app_begin abrupt quick
# shellcheck disable=SC2016 # systemd's
inside tee /etc/systemd/system/app@.service.d/starts.conf >/dev/null <<'END'
[Service]
ExecStartPre=+/bin/sh -c 'echo "$BLUEGREEN_COLOR $BLUEGREEN_ROLE" >>/run/starts'
END
inside systemctl daemon-reload

# A night in which something was upgraded that asks for a reboot.
inside tee /etc/apt/apt.conf.d/61reboot >/dev/null <<<'Unattended-Upgrade::Automatic-Reboot "true";'
night_publish libnight1
inside timeout 120 systemctl start apt-daily.service
inside touch /run/reboot-required
load_begin night --keepalive 6 --close 2 --writes 20 --think 40 --cut-ok --log "$(files)$EXECUTED"
init=$(host_init_pid "$NAME")
inside systemctl start --no-block apt-daily-upgrade.service
host_come_back "$NAME" "$init" 120
load_end night >/dev/null
what="unattended-upgrades reboots"
# shellcheck disable=SC2016 # dpkg's
check_equal "$what: what was to be upgraded is" "0+night$NIGHT_NUMBER" \
	"$(inside dpkg-query -W -f '${Version}' libnight1)"
check_matches "$what: it was its doing" 'reboot-required, rebooting' \
	"$(inside cat /var/log/unattended-upgrades/unattended-upgrades.log)"
boot_is_well "$what"
check_equal "$what: no write before that was acknowledged is lost" 0 "$(lost night)"
check_equal "$what: and none was executed twice" 0 "$(executed_twice night)"

reload
check_equal "a reload ends well" 0 "$RELOAD_STATUS"

# Without power, so that nothing was put in order; and what was written is of the future.
inside systemctl -q add-wants multi-user.target app@blue.service app@green.service
inside sh -c 'sed -i -E "s/^(STARTED|ENDED)_USEC=.*/\1_USEC=2208988800000000/" /var/lib/app-bluegreen/app/cycle &&
	find /var/lib/app-bluegreen /etc/app-bluegreen /etc/systemd/system -exec touch -h -d 2040-01-01 {} +'
host_power_cut "$NAME"
boot_is_well "both enabled by hand, and a clock that went back"
reload
check_equal "and a reload ends well, as before" 0 "$RELOAD_STATUS"

squatter
go_down reboot
what="the port of blue is taken"
check "$what: reads are answered by green" await 20 answered_by green
check_matches "$what: who has it is told" 'python3|squatter' "$(inside bluegreenctl status)"
check_fails "$what: a write waits, and nobody else gets it" \
	outside curl -sS -m 4 -o /dev/null -d 'id=squat&title=x&text=x' "$BASE/notes"
inside systemctl disable --now squatter.service
check "$what: when it is free both colors get well" await 40 both_healthy
check "$what: and a write is executed" await 10 write_is_executed after-squat
check_equal "$what: by blue" "after-squat blue primary POST" "$(grep '^after-squat ' "$(files)$EXECUTED")"
check_equal "$what: the one that was given up was not executed" "" "$(grep '^squat ' "$(files)$EXECUTED" || true)"
end
