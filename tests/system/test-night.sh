#!/bin/bash
# SPDX-License-Identifier: MIT
# A night under load: apt-daily-upgrade.service upgrades twelve packages, among them a library that
# both instances map, on a host where needrestart restarts whatever does. There is one cycle, after all
# of it, and nobody notices; and apt does what it does on a host that has no app-bluegreen.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"
# shellcheck source=/dev/null
. "$HOST_REPO/tests/night/lib"

# Microseconds since boot.
told_at() { # EXTENDED-REGEX: when the journal has it for the first time
	night_journal | grep -E -m 1 "$1" | sed -E 's/^\[ *([0-9]+)\.([0-9]+)\].*/\1\2/'
}

stops_of() { # COLOR
	night_journal -u "app@$1.service" | grep -c ": Stopped app@$1.service" || true
}

begin full
night_begin
night_publish
night_upgrade plain
check_equal "a night without us ends well" "Result=success" "$(grep Result= "$RESULTS/night-plain")"
check_equal "and upgrades twelve packages" 12 "$(grep -c '^ii .* NEW$' "$RESULTS/night-plain")"

night_app
app_begin abrupt quick
recheck_quick
check_equal "blue and green map the library" "0+night2 0+night2" \
	"$(library_of app@blue.service) $(library_of app@green.service)"
mixed_load_begin
witness=$(unit_pid witness.service) clock=$(unit_pid night-clock.service)
night_publish
night_upgrade ours
night_is_plain "apt did exactly what it does without us" ours
check "the recheck asks for a cycle by itself, which ends well" await 60 night_healed 1
check "and has nothing to do afterwards" await 60 recheck_idle
# shellcheck disable=SC2034 # mixed_load_end judges by it
RESTART_MS=$(restart_ms)
mixed_load_end

check_equal "there was one cycle, and it is the upgrade's" "1 upgrade succeeded" \
	"$(history_of 'len(h), h[0]["verb"], h[0]["outcome"]')"
check_equal "its receipt names the package and the file, for both colors" \
	"blue libnight1 $NIGHT_LIBRARY green libnight1 $NIGHT_LIBRARY" \
	"$(cycle_of '" ".join(sorted("{color} {package} {path}".format(**w) for w in c["causes"]))')"
check_equal "both map the new library" "0+night3 0+night3" \
	"$(library_of app@blue.service) $(library_of app@green.service)"
check_equal "and nothing that is gone" "" "$(deleted_of app@blue.service)$(deleted_of app@green.service)"
check_equal "each was stopped once" "1 1" "$(stops_of blue) $(stops_of green)"
check_at_least "which was when apt had finished" "$(told_at 'Finished apt-daily-upgrade')" \
	"$(told_at 'Stopping app@')"
check_equal "needrestart restarted who maps the library" "witness.service" "$(restarts_of ours 'Restarting services')"
check_fails "the witness is another process" test "$witness" = "$(unit_pid witness.service)"
check_equal "and left the instances to us" "app@blue.service app@green.service" \
	"$(restarts_of ours 'Service restarts being deferred' | xargs)"
check_fails "a service was restarted by its own package" test "$clock" = "$(unit_pid night-clock.service)"
check_equal "no unit was started too often" "" \
	"$(night_journal | grep -E 'start-limit-hit|repeated too quickly' || true)"
check_equal "no unit has failed" "" "$(inside systemctl list-units --failed --plain --no-legend)"
end
