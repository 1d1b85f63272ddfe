#!/bin/bash
# SPDX-License-Identifier: MIT
# Nights in which something of ours is broken: apt does what it does without us every time, and once
# the fault is gone the daily recheck brings both instances to the new library with one cycle.
# NIGHTS= names those to be told (as a rule the first four), or all.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"
# shellcheck source=/dev/null
. "$HOST_REPO/tests/night/lib"

# In this order: one changes the disk, and the last is told without load.
ALL=(crash full-disk supervisor-dead interrupted full-state manager-hangs ubuntu supervisor-masked)
NIGHTS=${NIGHTS:-${ALL[*]:0:4}}
[ "$NIGHTS" != all ] || NIGHTS=${ALL[*]}
HEALED=0

is_told() { [[ " $NIGHTS " == *" $1 "* ]]; }

drop_in() { # UNIT, content on stdin
	inside mkdir -p "/etc/systemd/system/$1.d"
	inside tee "/etc/systemd/system/$1.d/fault.conf" >/dev/null
	inside systemctl daemon-reload
}

drop_out() { # UNIT
	inside rm "/etc/systemd/system/$1.d/fault.conf"
	inside systemctl daemon-reload
}

instances() { echo "$(color_pid blue) $(color_pid green)"; }

libraries() { echo "$(library_of app@blue.service) $(library_of app@green.service)"; }

# The night with its fault, AFTERWARDS= what is done when apt has finished; nothing is restarted.
night_of() { # KEY
	local before
	before=$(instances)
	night_publish libnight1
	night_upgrade "$1"
	[ -z "${AFTERWARDS-}" ] || inside sh -c "$AFTERWARDS"
	check "$1: the recheck comes to its end" await 60 recheck_ended
	night_is_plain "$1: apt did exactly what it does without us" "$1"
	check_equal "$1: the instances are as they were" "$before" "$(instances)"
}

# The fault is gone: one cycle, and everything is new.
daily_heals() { # KEY
	recheck_daily
	night_heals "$1"
}

night_heals() { # KEY
	HEALED=$((HEALED + 1))
	check "$1: afterwards one cycle heals it" await 60 night_healed "$HEALED"
	check "$1: after which nothing is due" await 60 recheck_idle
	check_equal "$1: there was no other" "$HEALED" "$(history_of 'len(u)')"
	check_equal "$1: both colors map the new library" "0+night$NIGHT_NUMBER 0+night$NIGHT_NUMBER" "$(libraries)"
	check_equal "$1: and nothing that is gone" "" \
		"$(deleted_of app@blue.service)$(deleted_of app@green.service)"
}

tell_crash() {
	drop_in app-bluegreen-recheck.service <<-'END'
		[Service]
		ExecStart=
		ExecStart=/bin/sh -c 'kill -SEGV $$$$'
	END
	night_of crash
	drop_out app-bluegreen-recheck.service
	daily_heals crash
}

# The disk with all of our state is full whenever something of ours runs, and not when apt does.
tell_full-disk() {
	inside tee /root/fill >/dev/null <<<$'#!/bin/sh\ncat /dev/zero >/var/fill 2>/dev/null || exit 0'
	inside tee /root/fill-later >/dev/null <<<$'#!/bin/sh\nuntil [ -e /root/over ]; do sleep 0.1; done\nexec /root/fill'
	inside chmod 755 /root/fill /root/fill-later
	inside tee /etc/apt/apt.conf.d/00full >/dev/null <<<'DPkg::Post-Invoke { "/root/fill"; };'
	inside tee /etc/apt/apt.conf.d/98free >/dev/null <<<'DPkg::Post-Invoke { "rm -f /var/fill"; };'
	drop_in app-bluegreen-recheck.service <<<$'[Service]\nExecStartPre=+/root/fill-later'
	AFTERWARDS='touch /root/over' night_of full-disk
	check "full-disk: the disk was full when the recheck ran" inside test -s /var/fill
	inside rm /var/fill /etc/apt/apt.conf.d/00full /etc/apt/apt.conf.d/98free
	drop_out app-bluegreen-recheck.service
	daily_heals full-disk
}

# The supervisor's own disk is full: it is asked for a cycle, and begins none.
tell_full-state() {
	local state=/var/lib/app-bluegreen/app
	inside mount -t tmpfs -o size=20m,mode=755 small "$state"
	inside chown app-bluegreen: "$state"
	inside systemctl restart app-bluegreen
	await 20 both_healthy
	inside sh -c "cat /dev/zero >$state/fill 2>/dev/null || true"
	night_of full-state
	check_equal "full-state: the cycle failed before its first step" "upgrade failed preflight" \
		"$(history_of 'h[0]["verb"], h[0]["outcome"], h[0]["reason"].split(":")[0]')"
	inside rm "$state/fill"
	HEALED=0
	daily_heals full-state
}

tell_supervisor-dead() {
	drop_in app-bluegreen.service <<-'END'
		[Service]
		ExecStart=
		ExecStart=/bin/false
		RestartSec=1s
	END
	inside systemctl kill -s KILL --kill-who=main app-bluegreen.service
	night_of supervisor-dead
	drop_out app-bluegreen.service
	await 20 both_healthy
	daily_heals supervisor-dead
}

# dpkg is killed when the library is unpacked and not configured; an administrator finishes it as apt
# tells him to.
tell_interrupted() {
	night_publish libnight1
	night_clear
	inside touch /srv/night/stall
	inside systemctl start --no-block apt-daily-upgrade.service
	check "interrupted: the library is unpacked, and not configured yet" await 60 library_is iF
	inside systemctl kill -s KILL apt-daily-upgrade.service
	check "interrupted: the run is killed" await 20 inside systemctl is-failed apt-daily-upgrade.service
	inside rm /srv/night/stall
	check "interrupted: dpkg finishes it" inside dpkg --configure -a
	check_equal "interrupted: and has nothing left to do" "" "$(inside dpkg --audit)"
	night_heals interrupted
}

# shellcheck disable=SC2016 # dpkg-query expands it
library_is() { [ "$(inside dpkg-query -W -f '${db:Status-Abbrev}' libnight1)" = "$1 " ]; }

# systemd itself does not answer while the hook calls it.
tell_manager-hangs() {
	local init status=0
	init=$(host_init_pid "$NAME")
	night_publish libnight1
	night_clear
	kill -s STOP "$init"
	inside env NEEDRESTART_SUSPEND=1 timeout 60 apt-get -q -y upgrade >"$RESULTS/manager-hangs" 2>&1 || status=$?
	kill -s CONT "$init"
	check_equal "manager-hangs: apt-get does not wait for systemd" 0 "$status"
	check_equal "manager-hangs: and everything is installed" "" "$(inside dpkg --audit)"
	night_heals manager-hangs
}

# As Ubuntu has it: needrestart restarts, though nobody configured it.
tell_ubuntu() {
	inside rm /etc/needrestart/conf.d/60-night.conf
	inside sed -i 's,/apt-pinvoke ||,/apt-pinvoke -r a ||,' /etc/apt/apt.conf.d/99needrestart
	night_publish libnight1
	night_upgrade ubuntu
	night_heals ubuntu
	night_is_plain "ubuntu: apt did exactly what it does without us" ubuntu
	check_equal "ubuntu: needrestart restarted who maps the library, and left the instances to us" \
		witness.service "$(restarts_of ubuntu 'Restarting services')"
}

# The administrator has switched it off: it stays off.
tell_supervisor-masked() {
	inside systemctl mask --runtime --now app-bluegreen.service
	await 20 instances_are "0 0"
	night_of supervisor-masked
	inside systemctl unmask --runtime app-bluegreen.service
	inside systemctl start app-bluegreen.service
	await 30 both_healthy
	check_equal "supervisor-masked: what is started later maps the new library" \
		"0+night$NIGHT_NUMBER 0+night$NIGHT_NUMBER" "$(libraries)"
	recheck_daily
	check "supervisor-masked: the daily recheck runs" await 60 recheck_ended
	check_equal "supervisor-masked: and has nothing to do" "$HEALED" "$(history_of 'len(u)')"
}

instances_are() { [ "$(instances)" = "$1" ]; }

# The disk is to be full soon, and the app's own is another.
export HOST_SIZE=700m
begin full
night_begin libnight1
night_publish libnight1
night_upgrade plain
check_equal "a night without us upgrades the library" "ii libnight1 NEW" \
	"$(grep '^ii .*libnight1' "$RESULTS/night-plain" | tr -s ' ')"
inside mkdir /var/lib/notes
inside mount -t tmpfs -o size=64m,mode=755 notes /var/lib/notes
night_app
app_begin abrupt quick
recheck_quick
load_begin faults --keepalive 12 --close 4 --writes 10 --think 60 --log "$(executed_log)"
for night in "${ALL[@]:0:${#ALL[@]}-1}"; do
	! is_told "$night" || "tell_$night"
done
load_end faults
check_equal "no request failed in any of these nights" 0 "$(failed faults)"
check_equal "no write was executed twice" 0 "$(executed_twice faults)"
check_equal "no write was lost" 0 "$(lost faults)"
! is_told supervisor-masked || tell_supervisor-masked
check_equal "no unit was ever started too often" "" \
	"$(host_journal "$NAME" | grep -E 'start-limit-hit|repeated too quickly' || true)"
end
