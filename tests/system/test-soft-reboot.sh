#!/bin/bash
# SPDX-License-Identifier: MIT
# systemctl soft-reboot, which systemd has from 254 on: as shipped the port is closed for a moment and
# everything comes back; with the drop-ins of app-bluegreen(7) the relay outlives it, and nobody is
# refused. On an older systemd there is nothing to tell but that.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

soft_reboot() {
	local before
	before=$(inside systemctl show -P UserspaceTimestampMonotonic)
	(inside systemctl soft-reboot) >/dev/null 2>&1 || true
	check "$1: it goes through" await 60 is_up_again "$before"
	check "$1: both colors are healthy again" await 60 both_healthy
}

is_up_again() { # TIMESTAMP
	[ "$(inside systemctl show -P UserspaceTimestampMonotonic)" != "$1" ] &&
		[[ $(inside systemctl is-system-running --wait) =~ ^(running|degraded)$ ]]
}

begin full
version=$(inside systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
if [ "$version" -lt 255 ]; then
	check_fails "systemd $version has no soft-reboot that a service could outlive" inside systemctl soft-reboot
	end
fi
app_begin abrupt quick
load_begin shipped --keepalive 4 --close 4 --writes 20 --think 50 --cut-ok --log "$(executed_log)"
sleep 1
soft_reboot "as shipped"
load_end shipped
check_equal "as shipped: no write is lost" 0 "$(lost shipped)"
check_equal "as shipped: none is executed twice" 0 "$(executed_twice shipped)"

# What app-bluegreen(7) says.
for unit in app-bluegreen.socket app-bluegreen-control.socket app-bluegreen-relay.service; do
	inside mkdir -p "/etc/systemd/system/$unit.d"
	inside tee "/etc/systemd/system/$unit.d/soft-reboot.conf" >/dev/null <<-'END'
		[Unit]
		DefaultDependencies=no
		IgnoreOnIsolate=yes
		SurviveFinalKillSignal=yes
		After=sysinit.target
		Conflicts=reboot.target poweroff.target halt.target kexec.target exit.target
		Before=shutdown.target
	END
done
inside systemctl daemon-reload
inside systemctl restart app-bluegreen-relay
check "both colors are healthy" await 30 both_healthy
relay=$(unit_pid app-bluegreen-relay) blue=$(color_pid blue)
load_begin outlived --keepalive 4 --close 4 --writes 20 --think 50 --cut-ok --log "$(executed_log)"
sleep 1
soft_reboot "with the drop-ins"
sleep 1
load_end outlived
check_equal "the relay is the same process" "$relay" "$(unit_pid app-bluegreen-relay)"
check_fails "the instances are others" test "$blue" = "$(color_pid blue)"
note "$(answered outlived) answered, longest read $(longest_read_ms outlived) ms, longest write $(longest_write_ms outlived) ms"
check_equal "nobody was refused a connection" 0 "$(refused outlived)"
check_equal "no write was lost" 0 "$(lost outlived)"
check_equal "none was executed twice" 0 "$(executed_twice outlived)"
# The application dies where it stands: what it had begun goes with it, and nothing else.
check_at_most "no request failed but those in flight at the instances" 8 "$(failed outlived)"

# An orderly end is as it was.
init=$(host_init_pid "$NAME")
(inside systemctl reboot) >/dev/null 2>&1 || true
host_come_back "$NAME" "$init" 60
check "with the drop-ins: after a reboot both colors are healthy" await 40 both_healthy
end
