#!/bin/bash
# SPDX-License-Identifier: MIT
# A second application beside the first: made by `bluegreenctl new`, deployed under load while the
# first has load of its own, and the other way round; what is in its way is named and nothing is
# changed; `bluegreenctl remove` leaves the file system as it was, also where it or `new` was killed
# in the middle.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

SHOP_LOG=/srv/shop/executed.log
SHOP_UNITS=(shop-bluegreen.socket shop-bluegreen-control.socket shop-bluegreen-relay.service
	shop-bluegreen.service shop-bluegreen-instances.target shop-primary.target
	shop@blue.service shop@green.service)

# Everything that could be changed but what the kernel, the journal and the first application write
# anyway. A dash at the end of a name is an account file's backup.
listing() {
	inside find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp \
		-o -path /root -o -path /var/log -o -path /var/tmp -o -path /srv/shop \
		-o -path /var/lib/systemd -o -path /var/lib/app-bluegreen/app -o -path /var/cache \) -prune \
		-o -path "$EXECUTED" -o ! -name '*-' -type d -printf '%p %M %u %g\n' \
		-o ! -name '*-' -printf '%p %M %u %g %s %l\n' | sort
	inside sh -c 'cd /etc && sort passwd group shadow gshadow && cat app-bluegreen/* 2>/dev/null || true'
	inside find /run -xdev -name '*shop*' ! -path '/run/host/*'
	inside find /run/app-bluegreen -mindepth 1 -maxdepth 1
	inside find /tmp /run -maxdepth 1 -name '*bluegreenctl*'
	inside systemctl list-units --all --plain --no-legend 'shop*'
}

# new NAME [OPTION...]: with what is asked for where nothing else is said.
new() {
	local made=$1
	shift
	inside bluegreenctl new "$made" --listen 8081 --ports "9010,9011" --user "$made" \
		--exec '/usr/bin/env START_DELAY=0 EXECUTED_LOG='$SHOP_LOG' /usr/bin/python3 /srv/notes/abrupt.py' "$@"
}

# Refused with these words, and nothing is changed by it.
refuses() { # SENTENCE REGEX COMMAND...
	local sentence=$1 regex=$2 words status=0
	shift 2
	words=$("$@" 2>&1) || status=$?
	if [ "$status" -eq 0 ]; then
		fail "$sentence" "it was done: $words"
		inside bluegreenctl remove shop >/dev/null 2>&1 || true
	else
		check_matches "$sentence" "$regex" "$words"
	fi
}

shop_health() {
	inside bluegreenctl --app shop status --json | python3 -c '
import json, sys
s = json.load(sys.stdin)
sys.exit(not all(s["colors"][c]["health"] == "healthy" for c in ("blue", "green")))'
}

pids_of() { # APP
	local unit
	for unit in "$1@blue" "$1@green" "$1-bluegreen" "$1-bluegreen-relay"; do
		unit_pid "$unit.service"
	done | tr '\n' ' '
}

instances_of() { pids_of "$1" | cut -d ' ' -f 1,2; }

begin full
app_begin abrupt quick
# The new user may not be there yet, and its log lies where both colors see it.
inside install -d -m 1777 /srv/shop
before=$(listing)
inside mkdir -p /etc/app-bluegreen/shop.conf.d
# As for the first one: a test has no time for what people are given.
quick='[Probe]
Path=/healthz
Interval=500ms
Soak=500ms
[Gate]
Probation=1s'
inside tee /etc/app-bluegreen/shop.conf.d/quick.conf >/dev/null <<<"$quick"

# ---- made ---------------------------------------------------------------------------------------

words=$(new shop --listen 8081,/run/shop.sock 2>&1) && made=0 || made=$?
note "$words"
check_equal "a second application is made by one command" 0 "$made"
check "both its colors become healthy" await 30 shop_health
check_equal "systemd has nothing to say about any of its units" "" \
	"$(inside systemd-analyze verify --man=no --generators=yes "${SHOP_UNITS[@]}" 2>&1 || echo "status $?")"
check_equal "it answers at its port" 200 \
	"$(outside curl -s -m 5 -o /dev/null -w '%{http_code}' http://127.0.0.1:8081/)"
check_equal "and at its path" 200 \
	"$(inside curl -s -m 5 -o /dev/null -w '%{http_code}' --unix-socket /run/shop.sock http://shop/)"
check_equal "it runs as its own user" shop "$(inside ps -o user= -p "$(unit_pid shop@blue.service)")"
check_equal "both applications are listed with their ports and listeners" \
	'[["app", "steady", "blue", 9000, "[::]:8080"], ["shop", "steady", "blue", 9010, "[::]:8081"]]' \
	"$(inside bluegreenctl apps --json | python3 -c '
import json, sys
print(json.dumps([[a["app"], a["state"], a["primary"], a["ports"]["blue"], a["listeners"][0]] for a in json.load(sys.stdin)]))')"
check_matches "and people read the same" '^shop +steady +blue +9010,9011 +\[::\]:8081 /run/shop.sock$' \
	"$(inside bluegreenctl apps)"

# ---- neither disturbs the other -----------------------------------------------------------------

load_begin app --keepalive 8 --close 2 --writes 4 --think 50 --log "$(executed_log)"
load_begin shop --url http://127.0.0.1:8081 --keepalive 8 --close 2 --writes 4 --think 50 \
	--log "/proc/$(host_init_pid "$NAME")/root$SHOP_LOG"
sleep 1
app=$(pids_of app) shop=$(instances_of shop)
check "a deploy of the second under load ends well" inside systemctl reload shop-bluegreen
check_fails "its instances are new" test "$shop" = "$(instances_of shop)"
check_equal "no process of the first is" "$app" "$(pids_of app)"
shop=$(pids_of shop) app=$(instances_of app)
check "a deploy of the first ends well" inside systemctl reload app-bluegreen
check_fails "its instances are new" test "$app" = "$(instances_of app)"
check_equal "no process of the second is" "$shop" "$(pids_of shop)"
sleep 1
load_end app shop
for load in app shop; do
	note "$load: $(answered $load) answered, longest read $(longest_read_ms $load) ms, longest write $(longest_write_ms $load) ms"
	check_equal "no request to $load failed" 0 "$(failed $load)"
	check_at_least "a hundred were answered" 100 "$(answered $load)"
	check_equal "every write acknowledged by $load was executed once by a primary" \
		"$(writes_acknowledged $load)" "$(executed_once $load)"
done
check_matches "the journal calls the second by its name" '^shop$' \
	"$(inside journalctl -q --no-pager -o json --output-fields=BLUEGREEN_APP -u shop-bluegreen | sed -n 's/.*"BLUEGREEN_APP":"\([^"]*\)".*/\1/p' | sort -u)"
check_equal "the directories of the first say nothing of it" "" \
	"$(inside grep -rlw -e shop -e 9010 /run/app-bluegreen/app /var/lib/app-bluegreen/app || true)"
host_reboot "$NAME"
check "after a boot it answers, and nobody started it" await 30 \
	outside curl -sS -f -m 5 -o /dev/null http://127.0.0.1:8081/

# ---- the generator ------------------------------------------------------------------------------

# By hand, as systemd runs it, into a directory of a page: the first unit does not fit with the rest.
# shellcheck disable=SC2016 # expanded inside
generate() { # DIRECTORY
	inside sh -c '/lib/systemd/system-generators/app-bluegreen "$1" "$1" "$1" && echo "status 0"' - "$1" 2>&1
}
inside sh -c 'mkdir /root/units /root/full && mount -t tmpfs -o size=8k,nr_inodes=64 full /root/full
	touch /etc/app-bluegreen/stray.conf /etc/app-bluegreen/Bad-Name.conf /etc/app-bluegreen/shop.conf.bak'
words=$(generate /root/units)
check_equal "a configuration without a template gets no units, and that is told" \
	"/etc/app-bluegreen/stray.conf: there is no stray@.service, so stray gets no units; write it, or remove the file" \
	"$(sed -n 's/^bluegreen-generator\[[0-9]*\]: //p' <<<"$words")"
check_matches "which is no failure" '^status 0$' "$words"
# shellcheck disable=SC2016 # expanded inside
check_equal "what is written is what systemd has, for the second application alone" "" \
	"$(inside sh -c 'cd /root/units && find . ! -type d -name "*-*" | sed "s,.*/,," | grep -v "^shop-"
		for unit in shop-*; do cmp "$unit" "/run/systemd/generator/$unit"; done' 2>&1)"
check_equal "it takes no note of the shipped application's name" "" \
	"$(inside sh -c 'sed "/^#/d; /^SourcePath=/d; s/ --app / /; s/app-bluegreen//g" /root/units/shop-*' | grep -w app)"
words=$(generate /root/full)
check_matches "on a full disk it says so, and does not fail" 'cannot be written: No space left on device.*status 0' \
	"$(tr '\n' ' ' <<<"$words")"
# shellcheck disable=SC2016 # expanded inside
check_equal "and leaves no half of a unit" "" "$(inside sh -c 'cd /root/full && for unit in shop-*; do
	[ ! -f "$unit" ] || cmp "$unit" "/root/units/$unit"; done' 2>&1)"
inside sh -c 'umount /root/full && rm -r /root/units /root/full
	rm /etc/app-bluegreen/stray.conf /etc/app-bluegreen/Bad-Name.conf /etc/app-bluegreen/shop.conf.bak'
check_matches "who asks for an application that is not there is told so" 'there is no application blog' \
	"$(inside bluegreenctl --app blog status 2>&1 || true)"

# ---- what is in the way -------------------------------------------------------------------------

inside python3 -c '
import os, socket, time
s = socket.socket(); s.bind(("127.0.0.1", 7777)); s.listen()
os.fork() and os._exit(0)
open("/proc/self/comm", "w").write("squatter")
time.sleep(600)'
inside tee /etc/systemd/system/other.socket >/dev/null <<<$'[Socket]\nListenStream=127.0.0.1:7070'
inside systemctl daemon-reload
occupied=$(listing)
blog() { new blog --listen 8082 --ports 9020,9021 "$@"; }
refuses "the name of an application that is there is refused" 'there is an application shop already' new shop
refuses "so is the package's own" 'is the application that the package brings' new app
for word in bluegreen example recheck; do
	refuses "so is $word, which is ours" "\`$word' cannot be an application's name" new $word
done
refuses "so is a name whose units belong to a package" 'dbus is taken: there is a unit .*/dbus-' new dbus
refuses "so is what is no name" "cannot be an application's name: it is lower-case" new Shop-2
refuses "the listener of another application is refused" 'ListenStream=\[::\]:8081 of shop-bluegreen.socket' blog --listen 8081
refuses "so is that of any socket unit, open or not" 'ListenStream=127.0.0.1:7070 of other.socket' blog --listen 7070
refuses "a color's port of another application is refused" '9011 is taken: it is GreenPort= of the application shop' blog --ports 9020,9011
refuses "also where its configuration leaves it at the default" '9000 is taken: it is BluePort= of the application app' blog --ports 9000,9021
refuses "so is a port that somebody listens on, who is named" '7777 is taken: .* by pid [0-9]+ \(squatter\)' blog --ports 7777,9021
refuses "so is a path that is there" '/etc/passwd is taken' blog --listen /etc/passwd
refuses "two colors on one port are refused" '9020 is taken: it is the port of blue' blog --ports 9020,9020
refuses "clients on a color's port are refused" 'in --listen and in --ports' blog --listen 9021
refuses "a port for root alone is refused for an instance" 'only root may listen' blog --ports 900,901
refuses "root is no user for an application" 'runs as root' blog --user root
refuses "nor is the supervisors' own" "supervisors' own user" blog --user app-bluegreen
refuses "nor is what can be none" "none can be made" blog --user 0wn
refuses "a command without its path is refused, and the path is told" 'it is /usr/bin/gunicorn, probably' blog --exec 'gunicorn app:app'
refuses "so is a program that is not there" '/usr/bin/nothing: No such file' blog --exec '/usr/bin/nothing at all'
refuses "so is what systemd would not execute" '/etc/passwd is no program' blog --exec /etc/passwd
refuses "so is what systemd would not understand, in its words" 'systemd says of it: .*[Uu]nbalanced quot' blog --exec '/bin/sh -c "true'
refuses "who is not root is refused" 'only root may make' inside setpriv --reuid=nobody --regid=nogroup --clear-groups \
	bluegreenctl new blog --listen 8082 --ports 9020,9021 --user blog --exec /bin/true
refuses "root alone removes" 'only root may remove' inside setpriv --reuid=nobody --regid=nogroup --clear-groups bluegreenctl remove shop
refuses "the package's application is removed by apt" 'apt remove app-bluegreen' inside bluegreenctl remove app
refuses "what is not there is not removed" 'there is no application blog' inside bluegreenctl remove blog
check_equal "none of these changed anything" "" "$(diff <(echo "$occupied") <(listing) || true)"
inside rm /etc/systemd/system/other.socket
inside systemctl daemon-reload

# ---- removed ------------------------------------------------------------------------------------

check "it is removed with --keep-data" inside bluegreenctl remove shop --keep-data
check "its history stays" inside test -d /var/lib/app-bluegreen/shop/history
check "what was kept goes on when it is made again" new shop --no-start
check_equal "with --no-start nothing of it runs" "" "$(pids_of shop | tr -d '0 ')"
check "it is removed" inside bluegreenctl remove shop
check_equal "everything is as it was before there was one" "" "$(diff <(echo "$before") <(listing) || true)"
check_equal "nobody listens at its port" 000 \
	"$(outside curl -s -m 5 -o /dev/null -w '%{http_code}' http://127.0.0.1:8081/ || true)"

# ---- killed in the middle -----------------------------------------------------------------------

# Before a system call: renameat(2) is each file that is written, memfd_create(2) each program that is
# run, unlinkat(2) each file that may go.
SHOP_NEW=(bluegreenctl new shop --listen 8081 --ports "9010,9011" --user shop
	--exec '/usr/bin/env START_DELAY=0 /usr/bin/python3 /srv/notes/abrupt.py')
SHOP_REMOVE=(bluegreenctl remove shop)
deaths=0 told=0 mended=0

# True if it was; then what is unfinished is listed, and new or remove, run again, clears it up.
die_before() { # CALL NUMBER COMMAND...
	local call=$1 number=$2 status=0
	shift 2
	inside strace -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$number" "$@" \
		>"$RESULTS/killed" 2>&1 || status=$?
	[ "$status" -eq 137 ] || return 1
	deaths=$((deaths + 1))
	# Dead before its first change it has left nothing to list.
	if ! inside test -e /etc/app-bluegreen/shop.unfinished ||
		grep -q 'was interrupted' <<<"$(inside bluegreenctl apps)"; then
		told=$((told + 1))
	fi
	if [ $((deaths % 2)) -eq 0 ] || ! inside test -e /etc/app-bluegreen/shop.unfinished; then
		inside "${SHOP_NEW[@]}" >"$RESULTS/again" 2>&1 || note "again: $(cat "$RESULTS/again")"
	fi
	inside "${SHOP_REMOVE[@]}" >"$RESULTS/again" 2>&1 || note "remove: $(cat "$RESULTS/again")"
	if diff <(echo "$before") <(listing) >"$RESULTS/left"; then
		mended=$((mended + 1))
	else
		note "$2 before $call $number: $(tail -n 3 "$RESULTS/left" | tr '\n' ';')"
	fi
}

# Every place of both with EVERY_PLACE=yes, until one is left to its end; else these.
if [ -n "${EVERY_PLACE-}" ]; then
	for call in renameat memfd_create unlinkat; do
		number=1
		while die_before $call $number "${SHOP_NEW[@]}"; do
			number=$((number + 1))
		done
		number=1
		while inside bluegreenctl apps --json | grep -q '"shop"' || inside "${SHOP_NEW[@]}" >/dev/null &&
			die_before $call $number "${SHOP_REMOVE[@]}"; do
			number=$((number + 1))
		done
	done
else
	for place in renameat:3 renameat:6 memfd_create:4 memfd_create:5; do
		die_before ${place%:*} ${place#*:} "${SHOP_NEW[@]}" || inside "${SHOP_REMOVE[@]}" >/dev/null
	done
	for place in memfd_create:2 unlinkat:9; do
		inside "${SHOP_NEW[@]}" >/dev/null
		die_before ${place%:*} ${place#*:} "${SHOP_REMOVE[@]}" || true
	done
fi
note "killed in $deaths places"
check_at_least "new and remove were killed in six places and more" 6 "$deaths"
check_equal "each time what is unfinished is listed" "$deaths" "$told"
check_equal "and new or remove, run again, leaves nothing half made" "$deaths" "$mended"

# ---- the package --------------------------------------------------------------------------------

check "it is made once more" new shop
check "and serves" await 30 shop_health
load_begin shop --url http://127.0.0.1:8081 --keepalive 4 --writes 2 --think 50 \
	--log "/proc/$(host_init_pid "$NAME")/root$SHOP_LOG"
relay=$(unit_pid shop-bluegreen-relay.service) shop=$(instances_of shop)
host_copy "$NAME" "$(later_deb)" /root
check "the package is upgraded" apt install /root/app-bluegreen-later.deb
check_fails "the relay of the second application is the new one" test "$relay" = "$(unit_pid shop-bluegreen-relay.service)"
check_equal "its instances are those that were there" "$shop" "$(instances_of shop)"
load_end shop
check_equal "none of its requests failed" 0 "$(failed shop)"
check "apt removes the package" apt remove app-bluegreen
check_equal "the second application's port is closed, too" 000 \
	"$(outside curl -s -m 5 -o /dev/null -w '%{http_code}' http://127.0.0.1:8081/ || true)"
check_equal "no process of it runs" "" "$(inside bash -c 'cat /proc/[0-9]*/cgroup' 2>/dev/null | grep -E 'shop' || true)"
check "installed again, it serves again" install_deb
check "and so does the second application" await 30 outside curl -sS -f -m 5 -o /dev/null http://127.0.0.1:8081/
check "apt purges it" apt purge app-bluegreen
check_equal "nothing that was made for the second application is left" "" \
	"$(inside sh -c 'ls -d /etc/app-bluegreen/shop.conf /etc/systemd/system/*shop* /etc/tmpfiles.d/*shop* /etc/needrestart/restart.d/shop* /etc/sysusers.d /var/lib/app-bluegreen /run/app-bluegreen; getent passwd shop' 2>/dev/null)"
end
