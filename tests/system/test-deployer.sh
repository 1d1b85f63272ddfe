#!/bin/bash
# SPDX-License-Identifier: MIT
# Who may do what: members of the group bluegreen reload, deploy, roll back and abort, of each app, by
# systemctl and by bluegreenctl; and nothing else. Everybody else may look. What polkit does not say is
# a no, and root needs it for nothing.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

SUPERVISOR=app.bluegreen.app
OBJECT=(/app/bluegreen app.bluegreen.Supervisor)
MANAGER=(org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager)
REFUSED="only root and members of the group bluegreen may do this; add yourself to the group bluegreen"
UNDECIDED="nothing was begun, because polkit did not say whether dora may do this"

# With his groups as they are now, no terminal, and nobody to ask for a password.
as() { # USER COMMAND...
	local user=$1
	shift
	inside setpriv --reuid "$user" --regid "$user" --init-groups timeout 60 "$@"
}

# The cycles that there were, newest first.
cycles() { inside bluegreenctl --json history | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))'; }

words() { "$@" 2>&1 || true; }

# What he says, and that it began nothing.
check_refused() { # SENTENCE REGEX COMMAND...
	local sentence=$1 regex=$2 before
	shift 2
	before=$(state_of_all)
	check_matches "$sentence is refused" "$regex" "$(words "$@")"
	check_equal "and changed nothing ($sentence)" "$before" "$(state_of_all)"
}

state_of_all() {
	echo "$(color_pid blue) $(color_pid green) $(unit_pid app-bluegreen) $(unit_pid app-bluegreen-relay) $(unit_pid shop-bluegreen) $(cycles)"
}

POLKIT_SAYS='interactive authentication|Interactive authentication|Access denied|Permission denied|not authorized'

begin full
releases_begin </dev/null
release_make v1
release_make v2
inside useradd -m otto
inside useradd -m -G bluegreen dora
end
