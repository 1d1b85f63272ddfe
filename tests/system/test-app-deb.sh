#!/bin/bash
# SPDX-License-Identifier: MIT
# An application that is itself a package: apt and unattended-upgrades put new code in the place of
# the old one while both instances run and are killed. They come back on the old code, whole, and get
# the new one by a cycle when it is whole; if it is no good they go back, and it is not tried again.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"
# shellcheck source=/dev/null
. "$HOST_REPO/tests/night/lib"

SHARE=/usr/share/night-notes
PARTS=/usr/lib/night-notes

# As an administrator sets it up; what each color has at these paths is its own.
notes_configure() {
	inside mkdir -p /etc/systemd/system/app@.service.d
	inside tee /etc/systemd/system/app@.service.d/override.conf >/dev/null <<-END
		[Service]
		User=www-data
		StateDirectory=notes
		Environment=EXECUTED_LOG=$EXECUTED START_DELAY=1
		BindReadOnlyPaths=/var/lib/app-bluegreen/app/%i$SHARE:$SHARE
		BindReadOnlyPaths=/var/lib/app-bluegreen/app/%i$PARTS:$PARTS
		ExecStart=
		ExecStart=/usr/bin/python3 $SHARE/notes.py
	END
	configure <<-END
		[Probe]
		Path=/healthz
		Interval=500ms
		Soak=500ms
		[Gate]
		Probation=1s
		[Release]
		Directory=$RELEASES
		Snapshot=$SHARE $PARTS
		Keep=3
	END
}

tag_of() { inside sh -c "basename \$(readlink /var/lib/app-bluegreen/app/$1)"; }

# What a color's process has at the path of the parts: how many versions, and which.
versions_of() { # COLOR
	inside sh -c "cat /proc/$(color_pid "$1")/root$PARTS/* | sort -u | xargs"
}

# What is in place, where there may be two.
versions_in_place() { inside sh -c "cat $PARTS/part?? | sort -u | xargs"; }

runs_everywhere() { # WHEN VERSION
	check_equal "$1: blue runs $2 as the primary" "$2 ok blue primary $(tag_of blue)" \
		"$(versions_of blue) $(told_by blue)"
	check_equal "$1: green runs $2 as the fallback" "$2 ok green fallback $(tag_of blue)" \
		"$(versions_of green) $(told_by green)"
}

# ---- dpkg in the middle of its work --------------------------------------------------------------

# It stops by itself as soon as some of the parts are new and the others still old.
dpkg_stops() {
	inside mv /usr/bin/dpkg /usr/bin/dpkg.real
	inside tee /usr/bin/dpkg >/dev/null <<-END
		#!/bin/sh
		exec strace -f -qqq -o /dev/null -P $PARTS/part20.dpkg-new \\
			-e "inject=?rename,?renameat,?renameat2:signal=SIGSTOP" /usr/bin/dpkg.real "\$@"
	END
	inside chmod 755 /usr/bin/dpkg
}

dpkg_goes_on() {
	inside pkill -CONT -x dpkg.real
	inside mv /usr/bin/dpkg.real /usr/bin/dpkg
}

dpkg_is_half_done() {
	[ "$(inside pgrep -x -r T,t dpkg.real | wc -l)" = 1 ] && [ "$(versions_in_place | wc -w)" = 2 ]
}

crash() { # COLOR WHEN VERSION: and it is well again on what it ran
	local pid tag
	pid=$(color_pid "$1") tag=$(tag_of "$1")
	inside systemctl kill -s KILL "app@$1.service"
	await 20 color_changed "$1" "$pid"
	await 20 both_healthy
	check_equal "$2: $1 comes back on the old code, all of it" "$3 $tag" \
		"$(versions_of "$1") $(told_by "$1" | cut -d ' ' -f 4)"
}

begin full
night_begin night-notes
notes_configure
calls_end_relay
install_deb >"$RESULTS/install" 2>&1
await 60 both_healthy
recheck_quick

first=$(tag_of blue)
runs_everywhere "installed" 0+night1
check_equal "the copy is the supervisor's own" "app-bluegreen 755" \
	"$(inside stat -c '%U %a' "$RELEASES/$first$SHARE")"
check_matches "the journal says what was copied, and how" \
	'copied into the first release, .*: 3[0-9] files, [0-9]+ KiB, ' \
	"$(inside journalctl -q --no-pager -o cat -u app-bluegreen)"

# ---- apt, and everything is killed meanwhile -----------------------------------------------------

load_begin mixed --keepalive 32 --close 8 --writes 10 --think 100 --log "$(executed_log)"
sleep 1
night_publish night-notes
dpkg_stops
inside sh -c 'apt-get -q update && apt-get -q -y install night-notes' >"$RESULTS/apt" 2>&1 &
apt_pid=$!
check "apt puts the new code in place file by file" await 60 dpkg_is_half_done
crash green "in the middle of it" 0+night1
crash blue "in the middle of it" 0+night1
deploy_begin reload
check "who reloads then waits for dpkg" await 10 step_is snapshot
check_matches "and is told for whom" 'at work on packages, and is waited for' \
	"$(cycle_of '[s["detail"] for s in c["steps"] if s["step"] == "snapshot"][0]')"
dpkg_goes_on
apt_status=0
wait "$apt_pid" || apt_status=$?
check_equal "apt ends well" 0 "$apt_status"
deploy_wait
check_equal "and then the reload" 0 "$DEPLOY_STATUS"
sleep 1
load_end mixed
runs_everywhere "upgraded by apt" 0+night2
check_matches "the receipt says what was copied" '3[0-9] files, [0-9]+ KiB' \
	"$(cycle_of '[s["detail"] for s in c["steps"] if s["step"] == "snapshot"][0]')"
check_at_most "no more failed than were in flight at the primary that was killed" 40 "$(failed mixed)"
check_equal "no write was executed twice" 0 "$(executed_twice mixed)"
check_equal "none was lost" 0 "$(lost mixed)"
check_equal "none was executed by a fallback" 0 "$(executed_by_fallback mixed)"
check "the recheck finds nothing to do" await 60 recheck_idle
check_equal "there was one cycle" 1 "$(history_of 'len(h)')"

deploy rollback
check_equal "a rollback goes back to the copy of the former version" 0 "$DEPLOY_STATUS"
runs_everywhere "rolled back" 0+night1
check_equal "from which nothing was copied" "$first" "$(tag_of blue)"
deploy reload
check_equal "a reload goes to what is installed" 0 "$DEPLOY_STATUS"
runs_everywhere "reloaded" 0+night2
check_equal "of which there is one copy" 2 "$(inside ls "$RELEASES" | wc -l)"

# ---- a night with code that is no good -----------------------------------------------------------

mixed_load_begin
BROKEN='exit' night_publish night-notes
dpkg_stops
night_clear
inside systemctl start --no-block apt-daily-upgrade.service
check "unattended-upgrades puts new code in place" await 60 dpkg_is_half_done
crash green "in the middle of the night" 0+night2
dpkg_goes_on
failed_once() { [ "$(history_of 'h[0]["verb"], h[0]["outcome"]')" = "upgrade failed" ]; }
check "the recheck asks for a cycle, which fails" await 90 failed_once
check "and has nothing to do afterwards" await 60 recheck_idle
check_equal "apt ended well" success "$(inside systemctl show -P Result apt-daily-upgrade.service)"
check_equal "what is in place is new" 0+night3 "$(versions_in_place)"
# Writes wait for the attempt and for the way back.
# shellcheck disable=SC2034 # mixed_load_end judges by it
RESTART_MS=15000
mixed_load_end
runs_everywhere "taken back" 0+night2
check_equal "the state is steady" steady "$(status_of 's["state"]')"
check_matches "the receipt names the package" 'night-notes' "$(cycle_of 'c["causes"]')"

cycles=$(history_of 'len(h)')
recheck_daily
check "the next day" await 60 recheck_ended
check_equal "the same code is not tried again" "$cycles" "$(history_of 'len(h)')"

# ---- and the next one, with a repaired version ---------------------------------------------------

mixed_load_begin
night_publish night-notes
night_upgrade repaired
check "the repaired version is deployed by the next night" await 60 night_healed 1
# shellcheck disable=SC2034 # the same
RESTART_MS=$(restart_ms)
mixed_load_end
runs_everywhere "after that night" 0+night4
check_equal "old copies were pruned" 3 "$(inside ls "$RELEASES" | wc -l)"

# ---- dpkg is killed in the middle ----------------------------------------------------------------

night_publish night-notes
dpkg_stops
inside sh -c 'apt-get -q update && apt-get -q -y install night-notes' >"$RESULTS/apt-killed" 2>&1 &
apt_pid=$!
check "dpkg is met once more" await 60 dpkg_is_half_done
inside sh -c 'pkill -KILL -x dpkg.real; pkill -KILL -x apt-get; pkill -KILL -x strace; mv /usr/bin/dpkg.real /usr/bin/dpkg'
wait "$apt_pid" || true
crash green "dpkg was killed" 0+night4
pids="$(color_pid blue) $(color_pid green)"
deploy reload
check_equal "half a package is not deployed" 1 "$DEPLOY_STATUS"
check_matches "it is named, and what to do" 'package night-notes, which is .*dpkg --configure -a' "$DEPLOY_WORDS"
check_equal "nothing was restarted" "$pids" "$(color_pid blue) $(color_pid green)"
check "apt repairs it" inside sh -c 'dpkg --configure -a; apt-get -q -y -f install && apt-get -q -y install night-notes'
check "and it is deployed" await 60 night_healed 2
runs_everywhere "repaired" 0+night5

inside chmod 600 "$PARTS/part20"
deploy reload
check_equal "code that the supervisor's user cannot read is not deployed" 1 "$DEPLOY_STATUS"
check_matches "it is named, and what to do" "$PARTS/part20 cannot be read by .*chmod a\+rX" "$DEPLOY_WORDS"
check_equal "and no half of a copy is left" "" "$(inside find "$RELEASES" -maxdepth 1 -name '.*' -mindepth 1)"
end
