#!/bin/bash
# SPDX-License-Identifier: MIT
# What can go wrong while our own package is upgraded: dpkg is killed while it unpacks and while it
# configures, a command of the maintainer scripts fails, they run twice, at a shutdown, without systemd.
# The next run of dpkg heals it, apt is never kept from its work, and nobody who is served notices.
# PLACES="1 2 3 ..." kills the unpacking at other renames.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

SCRIPTS=/var/lib/dpkg/info/app-bluegreen

# shellcheck disable=SC2016 # expanded there
runs_installed() {
	inside sh -c 'test "/proc/$(systemctl show -P MainPID app-bluegreen)/exe" -ef /usr/libexec/app-bluegreen/supervisor &&
		test "/proc/$(systemctl show -P MainPID app-bluegreen-relay)/exe" -ef /usr/libexec/app-bluegreen/relay'
}

# shellcheck disable=SC2016 # its own placeholders
state() { inside dpkg-query -W -f '${db:Status-Abbrev}' app-bluegreen | tr -d ' '; }

# shellcheck disable=SC2153 # the name of the host
file_as() { # FILE AS: on the host
	host_copy "$NAME" "$1" /root
	inside mv "/root/$(basename "$1")" "/root/$2"
	rm -rf "$(dirname "$1")"
}

# A maintainer script by hand; what it said is the explanation.
script() { # NAME ARGUMENT...
	local name=$1
	shift
	inside env DPKG_MAINTSCRIPT_PACKAGE=app-bluegreen "$SCRIPTS.$name" "$@"
}

# The same while one of its commands fails.
script_without() { # COMMAND NAME ARGUMENT...
	local command=$1 name=$2
	shift 2
	printf '#!/bin/sh\nexit 1\n' | inside sh -c "rm -rf /root/shim && mkdir /root/shim && cat >/root/shim/$command && chmod 755 /root/shim/$command"
	inside env DPKG_MAINTSCRIPT_PACKAGE=app-bluegreen PATH=/root/shim:/usr/sbin:/usr/bin:/sbin:/bin \
		"$SCRIPTS.$name" "$@"
}

begin full
app_begin abrupt quick
host_copy "$NAME" "$(deb)" /root
good=/root/$(basename "$(deb)")
file_as "$(later_deb)" later.deb
pids="$(color_pid blue) $(color_pid green)"
load_begin steady --keepalive 16 --close 8 --websocket 4 --sse 4 --writes 10 --think 20 --log "$(executed_log)"
sleep 1

# Each file is put in its place by a rename.
for place in ${PLACES-12 40}; do
	inside strace -f -qq -o /dev/null -e trace=rename -e "inject=rename:signal=KILL:when=$place" \
		dpkg -i /root/later.deb >/dev/null 2>&1 || true
	check_fails "killed at rename $place: dpkg has not ended its work" test "$(state)" = ii
	inside dpkg --configure -a >/dev/null 2>&1 || true
	check "killed at rename $place: the next run heals it" inside dpkg -i /root/later.deb
	check_equal "killed at rename $place: the package is whole" ii "$(state)"
	check "killed at rename $place: what is installed runs" await 10 runs_installed
	inside dpkg -i "$good" >/dev/null 2>&1
done

# dpkg is killed by the script that it waits for, the first time.
# shellcheck disable=SC2016 # expanded there
KILL='[ -e /root/killed ] || { touch /root/killed; kill -KILL $PPID $$; }'
for word in '^set -e' '^is_booted'; do
	inside rm -f /root/killed
	file_as "$(later_deb "sed -i '0,/$word/s//$(sed 's/[&/|]/\\&/g' <<<"$KILL")\n&/' DEBIAN/postinst")" killer.deb
	check_fails "killed in postinst at $word: dpkg has not ended its work" inside dpkg -i /root/killer.deb
	check "killed in postinst at $word: dpkg --configure -a does" inside dpkg --configure -a
	check_equal "killed in postinst at $word: the package is whole" ii "$(state)"
	check "killed in postinst at $word: what is installed runs" await 10 runs_installed
done
check "dpkg takes the version before again" inside dpkg -i "$good"

# What dpkg may call them with, in any order and twice.
for arguments in "postinst configure 0.1.0" "postinst configure 0.1.0" "postinst abort-upgrade 0.3.0" \
	"postinst triggered /usr/lib/nothing" "prerm upgrade 0.3.0" "prerm failed-upgrade 0.1.0 0.2.0" \
	"postrm upgrade 0.3.0" "postrm failed-upgrade 0.1.0 0.2.0" "postrm abort-upgrade 0.3.0 0.2.0"; do
	# shellcheck disable=SC2086 # words
	check "$arguments by itself ends well" script $arguments
done
for command in systemctl deb-systemd-invoke deb-systemd-helper busctl awk; do
	check "without $command postinst ends well" script_without "$command" postinst configure 0.1.0
done
check_fails "without users it does not" script_without systemd-sysusers postinst configure 0.1.0
printf '#!/bin/sh\nexit 101\n' | inside sh -c 'cat >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d'
relay=$(unit_pid app-bluegreen-relay)
check "where apt may start nothing it ends well" script postinst configure 0.1.0
check_equal "and nothing was renewed" "$relay" "$(unit_pid app-bluegreen-relay)"
inside rm /usr/sbin/policy-rc.d
check "without systemd the package is upgraded" inside unshare -m sh -c 'mount -t tmpfs none /run/systemd && dpkg -i /root/later.deb'
check_equal "and nothing was renewed either" "$relay" "$(unit_pid app-bluegreen-relay)"
check_equal "in all of it no instance was restarted" "$pids" "$(color_pid blue) $(color_pid green)"
sleep 1
load_end steady
check_equal "no request failed and no stream was cut" 0 "$(failed steady)"
check_equal "none was refused a connection" 0 "$(refused steady)"
check_equal "no kept connection was closed" 0 \
	"$(figure steady 'r["connections"]["idle_eof"] + r["connections"]["idle_reset"]')"
check_equal "every write was executed once" "$(writes_acknowledged steady)" "$(executed_once steady)"

# systemd refuses to start anything then.
inside tee /etc/systemd/system/last.service >/dev/null <<-END
	[Unit]
	After=app-bluegreen.service app-bluegreen.socket app-bluegreen-relay.service dbus.service
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStop=/bin/sh -c 'dpkg -i $good >/root/last.txt 2>&1; echo \$\$? >/root/last'
END
inside systemctl daemon-reload
inside systemctl start last.service
host_reboot "$NAME"
check_equal "dpkg at a shutdown ends well" 0 "$(inside cat /root/last)"
check_equal "the package is whole after the boot" ii "$(state)"
check "and serves" await 30 answers

# Its hooks are configuration, and outlive it.
work=$(mktemp -d)
mkdir -p "$work/tree/DEBIAN"
printf 'Package: stranger\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: nothing\n' \
	>"$work/tree/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/tree" "$work/other.deb" >/dev/null
file_as "$work/other.deb" stranger.deb
check "apt removes the package" apt remove app-bluegreen
words=$(apt install /root/stranger.deb 2>&1) && status=0 || status=$?
check_equal "then apt installs others as ever" 0 "$status"
check_equal "and our hooks say nothing" "" "$(grep -iE 'bluegreen|not found|error|warning' <<<"$words" | grep -v '^N:' || true)"
check_fails "nothing of it serves" answers
check "it is installed again" inside dpkg -i "$good"
check "and serves as before" await 30 answers
check "with both colors" await 30 both_healthy
end
