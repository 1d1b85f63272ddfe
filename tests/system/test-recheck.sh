#!/bin/bash
# SPDX-License-Identifier: MIT
# Who runs replaced files gets one cycle: by dpkg alone, interpreted code, a release that was swapped
# by hand; not while packages are installed, not outside of the maintenance window, not twice for the
# same files, not for what is no code. After a boot and once a day nobody has to be told by a hook, and
# a hook harms nobody: not when PID 1 hangs, not when the package is gone.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

REARM=/usr/libexec/app-bluegreen/rearm
RECHECK=/usr/libexec/app-bluegreen/recheck
LIBRARY=/usr/lib/story/libstory.so.1
CODE=$APP_DIR/abrupt.py
STATE=/var/lib/app-bluegreen/app

# A package with a library that the app has mapped; each version has the same content and another
# inode, as most upgrades of a library leave most of its files.
package_make() { # VERSION
	# shellcheck disable=SC2016 # it is the other shell that expands
	inside sh -eu -c '
		tree=/root/story; rm -rf $tree; mkdir -p $tree/DEBIAN $tree/usr/lib/story
		cp -L "$(ls /usr/lib/*/libz.so.1 /lib/*/libz.so.1 2>/dev/null | head -n 1)" $tree/usr/lib/story/libstory.so.1
		printf "Package: libstory1\nVersion: %s\nArchitecture: all\nMaintainer: story <story@example.org>\nDescription: story\n" \
			"$1" >$tree/DEBIAN/control
		dpkg-deb --root-owner-group -b $tree "/root/libstory1_$1.deb"' - "$1" >/dev/null
}

package_install() { # VERSION
	package_make "$1"
	inside dpkg -i "/root/libstory1_$1.deb"
}

replace() { # FILE: as it was, but another one
	# shellcheck disable=SC2016 # it is the other shell that expands
	inside sh -c 'cp -p "$1" "$1.dpkg-new" && mv "$1.dpkg-new" "$1"' - "$1"
}

cycles() { inside bluegreenctl history --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))'; }

cycles_are() { [ "$(cycles)" = "$1" ]; }

ended() { [ "$(cycle_of 'c["outcome"] not in ("running", "queued")')" = True ]; }

count_ended() { await 60 cycles_are "$COUNT" && await 60 ended; }

count_healthy() { count_ended && await 60 both_healthy; }

# A cycle more than there were, and no other; it may have failed.
check_ended() { # SENTENCE
	COUNT=$((COUNT + 1))
	check "$1" count_ended
}

# And has not.
check_more() { # SENTENCE
	COUNT=$((COUNT + 1))
	check "$1" count_healthy
}

# A recheck from begin to end.
recheck() { inside timeout 120 systemctl start app-bluegreen-recheck.service; }

is_quiet() { [ "$(inside systemctl is-active app-bluegreen-recheck.service)" = inactive ]; }

listed() { inside "$RECHECK" --list; }

journal_has() { # REGEX
	host_journal "$NAME" -u app-bluegreen-recheck.service | grep -qE "$1"
}

# What the last cycle was for, each file once.
causes() { cycle_of '" ".join(sorted({x["package"] + ":" + x["path"] for x in c["causes"]}))'; }

# [Upgrade] of this configuration, each begun on it.
upgrade() { # LINE...
	printf '%s\n' '[Upgrade]' "$@" | configure
}

# It waits for the process that has a lock: it has it open, as a thing that tells its end.
waits_for_holder() {
	local pid
	pid=$(unit_pid app-bluegreen-recheck.service)
	[ "$pid" != 0 ] && inside sh -c "readlink /proc/$pid/fd/*" | grep -q pidfd
}

relay_is_not() { # PID
	local pid
	pid=$(unit_pid app-bluegreen-relay.service)
	[ "$pid" != 0 ] && [ "$pid" != "$1" ] && answers
}

program_is() { # PID NAME: it runs the file that is there
	inside cmp -s "/proc/$1/exe" "/usr/libexec/app-bluegreen/$2" &&
		[ "$(inside readlink "/proc/$1/exe")" = "/usr/libexec/app-bluegreen/$2" ]
}

# What needrestart makes of the file that we gave it, for some units: 0 is hands off.
overrides() {
	# shellcheck disable=SC2016 # Perl's variables
	inside perl -we 'use strict;
		our %nrconf = (override_rc => {});
		my $text = do { local (@ARGV, $/) = shift; <> };
		eval $text;
		die $@ if $@;
		print join " ", map {
			my $unit = $_;
			my ($match) = grep { $unit =~ /$_/ } keys %{$nrconf{override_rc}};
			defined $match ? $nrconf{override_rc}{$match} : "-";
		} qw(app@blue.service shop@green.service shop-bluegreen-relay.service
			app-bluegreen.service shopping@blue.service);
	' /etc/needrestart/conf.d/50-app-bluegreen.conf
}

begin full
package_make 1
app_begin abrupt quick
# The quiet period is for nights.
inside mkdir -p /etc/systemd/system/app-bluegreen-recheck.timer.d
inside tee /etc/systemd/system/app-bluegreen-recheck.timer.d/quick.conf >/dev/null <<-'END'
	[Timer]
	OnActiveSec=
	OnActiveSec=1s
END
printf '[Service]\nEnvironment=LD_PRELOAD=%s\n' "$LIBRARY" |
	inside tee /etc/systemd/system/app@.service.d/story.conf >/dev/null
inside systemctl daemon-reload
package_install 1 >/dev/null
await 30 is_quiet
upgrade "WatchPath=$APP_DIR"
reload
COUNT=$(cycles)

# ---- what begins a cycle, and what does not -------------------------------------------------------

check "a recheck of what runs what is installed ends well" recheck
check_equal "and finds nothing" "" "$(listed)"
check_equal "and begins no cycle" "$COUNT" "$(cycles)"

check "dpkg alone installs the next version of a library" package_install 2
check_more "a cycle follows without anybody's help"
check_equal "it is an upgrade's, and has ended well" "upgrade succeeded" "$(cycle_of 'c["verb"] + " " + c["outcome"]')"
check_equal "its receipt names the package and the file" "libstory1:$LIBRARY" "$(causes)"
check_equal "and both colors" "blue green" "$(cycle_of '" ".join(sorted(x["color"] for x in c["causes"]))')"
check "the recheck has nothing more to do" await 60 is_quiet
check_equal "nobody runs what was replaced" "" "$(listed)"

inside sh -c "touch $APP_DIR/a.log $APP_DIR/a.pyc; mkdir -p $APP_DIR/__pycache__; touch $APP_DIR/__pycache__/a.x; chmod g+w $CODE"
check_equal "logs, compiled Python and a mode are no other code" "" "$(listed)"
replace "$CODE"
check_matches "another file of code is, with the same content and date" "^app blue $CODE -$" "$(listed)"

# ---- when ----------------------------------------------------------------------------------------

inside python3 -c 'import fcntl, os, signal
lock = open("/var/lib/dpkg/lock-frontend", "w"); fcntl.lockf(lock, fcntl.LOCK_EX)
open("/run/story-lock", "w").write(str(os.getpid())); signal.pause()' &
holder=$!
check "somebody installs packages" await 30 inside test -s /run/story-lock
inside systemctl start --no-block app-bluegreen-recheck.service
check "a recheck meanwhile waits for him" await 30 waits_for_holder
check_equal "and begins no cycle" "$COUNT" "$(cycles)"
check_fails "it has not taken the lock: another apt is refused by him and not by us" is_quiet
check "he ends" inside pkill -F /run/story-lock
wait "$holder" || true
check_more "and the cycle comes"
check_equal "whose receipt names the file" ":$CODE" "$(causes)"

upgrade "WatchPath=$APP_DIR" "Restart=no"
replace "$LIBRARY"
check "with Restart=no a recheck ends well" recheck
check_equal "begins no cycle" "$COUNT" "$(cycles)"
check_equal "and the status tells of it" "$LIBRARY" "$(status_of '" ".join(sorted({f["path"] for f in s["outdated"]["files"]}))')"

# The window opens with the next minute but one at the latest: that is waited for with WINDOW=wait. As a
# rule what its timer starts is started by hand.
opens=$(($(date +%s) / 60 * 60 + 60))
[ $((opens - $(date +%s))) -gt 15 ] || opens=$((opens + 60))
window() { # FROM TO: seconds since 1970
	upgrade "WatchPath=$APP_DIR" "MaintenanceWindow=$(date -u -d "@$1" +%H:%M)-$(date -u -d "@$2" +%H:%M)"
}
window "$opens" $((opens + 3600))
check "outside of the maintenance window a recheck ends well" recheck
check_equal "begins no cycle" "$COUNT" "$(cycles)"
check_equal "a timer waits for the window" "active $opens" "$(inside sh -c "
	systemctl is-active app-bluegreen-recheck-$opens.timer
	date -d \"\$(systemctl show -P NextElapseUSecRealtime app-bluegreen-recheck-$opens.timer)\" +%s" | xargs)"
check_equal "the status tells when" "$opens" "$(status_of 's["outdated"]["due"]')"
check "another recheck is as well" recheck
check_equal "and begins none either" "$COUNT" "$(cycles)"

# ---- hooks, meanwhile ----------------------------------------------------------------------------

began=$(now_ms)
check "a hook ends well" inside "$REARM"
note "it took $(($(now_ms) - began)) ms, of which most are the way into the host"
kill -STOP "$(host_init_pid "$NAME")"
check "it does when PID 1 hangs" timeout 20 nsenter -t "$(host_init_pid "$NAME")" -a "$REARM"
kill -CONT "$(host_init_pid "$NAME")"
check "and when there is no systemd" inside unshare -m sh -c "mount -t tmpfs none /run && $REARM"
inside touch /etc/app-bluegreen/shop.conf
check_equal "needrestart is told to leave every app's colors alone, and what serves them" "0 0 0 0 -" "$(overrides)"
inside rm /etc/app-bluegreen/shop.conf

# ---- our own programs, meanwhile -------------------------------------------------------------------

load_begin readers --keepalive 8 --close 4 --think 20
supervisor=$(unit_pid app-bluegreen.service) relay=$(unit_pid app-bluegreen-relay.service)
blue=$(color_pid blue)
replace /usr/libexec/app-bluegreen/supervisor
replace /usr/libexec/app-bluegreen/relay
check "a recheck finds that our own programs were replaced" recheck
check "another relay takes over" await 30 relay_is_not "$relay"
check "the supervisor executes the one that is installed, in its place" await 30 program_is "$supervisor" supervisor
check_equal "no color is restarted for that" "$blue" "$(color_pid blue)"
load_end readers
check_equal "and no request fails" 0 "$(failed readers)"

if [ "${WINDOW-}" = wait ]; then
	check "the window opens" await 130 cycles_are $((COUNT + 1))
else
	window $((opens - 3600)) $((opens + 3600))
	check "the window opens" inside systemctl start "app-bluegreen-recheck-$opens.service"
fi
check_more "and the cycle comes by itself"
check_equal "the status has forgotten" False "$(status_of '"outdated" in s')"

# ---- what a cycle does not cure -------------------------------------------------------------------

configure <<<$'[Probe]\nStartTimeout=6s'
app_break exit
replace "$LIBRARY"
check "with new code that is no good a recheck ends well" recheck
check_ended "its cycle ends"
check_equal "and has failed" failed "$(cycle_of 'c["outcome"]')"
check_matches "the fallback still has the library that was" "^app green $LIBRARY libstory1$" "$(listed)"
check "the next recheck ends well" recheck
check_equal "and does not try it again" "$COUNT" "$(cycles)"
check "but says so" journal_has 'outdated as before; cycle [0-9a-f]* was for that and has failed'
app_repair
check "repaired, the primary comes back" await 60 both_healthy
check "yet another version of the library" package_install 3
check_more "begins a cycle again"
check_equal "which ends well" succeeded "$(cycle_of 'c["outcome"]')"

# ---- releases ------------------------------------------------------------------------------------

inside install -d -o app-bluegreen -g app-bluegreen "$RELEASES"
release_make v1
release_make v2
configure <<<$'[Release]\nDirectory='"$RELEASES"
deploy deploy v1
COUNT=$(cycles)
check "a recheck of releases ends well" recheck
check_equal "and finds nothing" "" "$(listed)"
inside sh -c "cp -a $RELEASES/v1 $RELEASES/new; rm -rf $RELEASES/v1; mv $RELEASES/new $RELEASES/v1"
check_equal "another directory by the name of the release is found" "app blue $STATE/blue - app green $STATE/green -" \
	"$(listed | xargs)"
inside ln -sfn "$RELEASES/v2" "$STATE/green"
check_equal "so is a link that somebody has bent" "app blue $STATE/blue - app green $STATE/green -" "$(listed | xargs)"
check "a recheck begins a cycle for both" recheck
check_more "one"
check_equal "after which it is the primary's release again" "$RELEASES/v1" "$(inside readlink "$STATE/green")"

# ---- without any hook ----------------------------------------------------------------------------

check_equal "the daily timer is enabled, the one that hooks restart is not" "enabled static" \
	"$(inside systemctl is-enabled app-bluegreen-recheck-daily.timer app-bluegreen-recheck.timer | xargs)"
inside mkdir -p /etc/systemd/system/app-bluegreen-recheck-daily.timer.d
inside tee /etc/systemd/system/app-bluegreen-recheck-daily.timer.d/quick.conf >/dev/null <<-'END'
	[Timer]
	OnBootSec=
	OnBootSec=1s
	OnCalendar=
	OnCalendar=*:*:0/5
	RandomizedDelaySec=0
	AccuracySec=100ms
END
host_reboot "$NAME"
check "after a boot it is looked by itself" await 30 inside journalctl -q -b -u app-bluegreen-recheck.service -g Finished
check "both colors are healthy" await 60 both_healthy
check_equal "no cycle was needed" "$COUNT" "$(cycles)"
replace "$LIBRARY"
check_more "what no hook told is found by the clock"
check_equal "it is an upgrade's, and has ended well" "upgrade succeeded" "$(cycle_of 'c["verb"] + " " + c["outcome"]')"

# ---- removed, and not purged ---------------------------------------------------------------------

package_make 4
inside apt-get -q -y remove app-bluegreen >"$RESULTS/remove" 2>&1
check "the hook is left" inside test -e /etc/apt/apt.conf.d/90app-bluegreen
check "and harms nobody" inside apt-get -q -y install /root/libstory1_4.deb
check_equal "needrestart is told nothing any more" "- - - - -" "$(overrides)"
end
