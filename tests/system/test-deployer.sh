#!/bin/bash
# SPDX-License-Identifier: MIT
# Who may do what: members of the group bluegreen reload, deploy, roll back and abort, of each app, by
# systemctl and by bluegreenctl, and nothing else. Everybody else may only look. What polkit does not
# say is a no.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

OBJECT=(app.bluegreen.app /app/bluegreen app.bluegreen.Supervisor)
CAUSES='[{"color":"blue","path":"/usr/lib/libx.so.1","package":"libx1"},{"color":"green","path":"/usr/lib/libx.so.1","package":"libx1"},{"color":"green","path":"/srv/y.py","package":""}]'
REFUSED='only root and members of the group bluegreen may do this; add yourself to the group bluegreen'
UNDECIDED='nothing was begun, because polkit did not say whether dora may do this'
SYSTEMD_REFUSED='Interactive authentication required|Access denied'

# With his groups as they are now, without a terminal, and without anybody to ask for a password.
as() { # USER COMMAND...
	local user=$1
	shift
	inside setpriv --reuid "$user" --regid "$user" --init-groups timeout 60 "$@"
}

words() { "$@" 2>&1 || true; }

# What nobody may have changed who was refused: what runs, how often a cycle began, what is enabled.
world() {
	echo "$(color_pid blue) $(color_pid green) $(unit_pid app-bluegreen) $(unit_pid app-bluegreen-relay)" \
		"$(unit_pid shop-bluegreen) $(inside bluegreenctl --json history | grep -c '"id"')" \
		"$(inside systemctl show -P CPUQuotaPerSecUSec app-bluegreen) $(inside systemctl is-enabled app-bluegreen)"
}

# Several at once, as what they leave alone is looked at once.
check_refused() { # SENTENCE REGEX COMMAND-LINE... (of the user's shell)
	local sentence=$1 regex=$2 before answers
	shift 2
	before=$(world)
	for line; do
		answers=$(words as "$WHO" sh -c "$line && echo IT-SUCCEEDED")
		if ! grep -qE "$regex" <<<"$answers" || grep -q IT-SUCCEEDED <<<"$answers"; then
			fail "$sentence: $line" "$answers"
		fi
	done
	check_equal "$sentence: of $# ways none, and nothing changed" "$before" "$(world)"
}

# Asks polkit itself, as root may, what it would say to systemd about a process of his; tells of which
# it said something else.
# shellcheck disable=SC2016 # for the shell inside
check_rules() { # SENTENCE yes|no USER UNIT:VERB...
	local sentence=$1
	shift
	check_equal "$sentence" "" "$(inside bash -c '
		wanted=$1 user=$2
		shift 2
		pid=$(pgrep -u "$user" -x sleep | head -n 1)
		for pair; do
			said=no
			pkcheck --action-id org.freedesktop.systemd1.manage-units --process "$pid" \
				--detail unit "${pair%:*}" --detail verb "${pair##*:}" >/dev/null 2>&1 && said=yes
			[ "$said" = "$wanted" ] || echo "${pair@Q}: $said"
		done' bash "$@")"
}

asked_by() { cycle_of '"%s, %s, uid %s" % (c["verb"], c["asked_by"], c["asked_by_uid"])'; }

is_running() { [ "$(cycle_of 'c["outcome"]')" = running ]; }

shop_is_steady() { inside bluegreenctl --app shop --json | grep -q '"state": "steady"'; }

polkit_kill() { inside systemctl kill -s "$1" --kill-who=main polkit.service; }

begin full
releases_begin </dev/null
release_make v1
release_make v2
inside useradd otto
inside useradd -G bluegreen dora
dora=$(inside id -u dora)
inside bluegreenctl new shop --listen 8081 --ports 9010,9011 --user shop \
	--exec "/usr/bin/env START_DELAY=1 /usr/bin/python3 $RELEASES/v1/abrupt.py" >/dev/null
inside tee -a /etc/app-bluegreen/shop.conf >/dev/null <<<$'[Gate]\nProbation=1s\n[Probe]\nInterval=500ms\nSoak=500ms'
# For pkcheck.
inside systemd-run -q --uid=dora sleep 1000
inside systemd-run -q --uid=otto sleep 1000
inside systemd-run -q --uid=app-bluegreen sleep 1000

# ---- what members may --------------------------------------------------------------------------

check "a member deploys with bluegreenctl" as dora bluegreenctl deploy v1
check_equal "and the cycle is hers" "deploy, dora (bluegreenctl), uid $dora" "$(asked_by)"
check "there is a second app" await 30 shop_is_steady
check "she reloads that with bluegreenctl" as dora bluegreenctl --app shop reload
check "and with systemctl" as dora systemctl reload shop-bluegreen
check_equal "these were two cycles" 2 "$(inside bluegreenctl --app shop --json history | grep -c '"succeeded"')"
check "she reloads the first with systemctl" as dora systemctl reload app-bluegreen
check_equal "of which systemd does not pass on who has asked" "reload, systemctl reload, uid $(inside id -u app-bluegreen)" \
	"$(asked_by)"
check_matches "but polkit has told the journal" 'polkit lets dora \(pid [0-9]+\) reload app-bluegreen.service' \
	"$(inside journalctl -q --no-pager -t app-bluegreen "_UID=$(inside id -u polkitd)")"
# Time enough for her, on a machine of any speed.
inside tee /etc/app-bluegreen/app.conf.d/zz-long.conf >/dev/null <<<$'[Gate]\nProbation=5min'
deploy_begin deploy v2
check "a cycle of root's runs" await 10 is_running
check "she takes it back" as dora bluegreenctl abort
deploy_wait
check_matches "and root is told by whom" "aborted by uid $dora, dora \(bluegreenctl\)" "$DEPLOY_WORDS"
inside rm /etc/app-bluegreen/app.conf.d/zz-long.conf

# ---- what they may not --------------------------------------------------------------------------

WHO=dora
check_refused "a member may do nothing else with systemctl" "$SYSTEMD_REFUSED" \
	"systemctl restart app-bluegreen" "systemctl stop app-bluegreen" "systemctl kill app-bluegreen" \
	"systemctl reload-or-restart app-bluegreen" "systemctl try-restart app-bluegreen" \
	"systemctl restart app@blue" "systemctl stop app@green" "systemctl reload app@blue" \
	"systemctl stop app-bluegreen.socket" "systemctl reload app-bluegreen-relay" \
	"systemctl restart app-primary.target" "systemctl reload dbus" "systemctl restart polkit" \
	"systemctl restart shop-bluegreen" "systemctl restart shop@blue" "systemctl reload 'app\\x2dbluegreen.service'" \
	"systemctl set-property app-bluegreen CPUQuota=1%" "systemctl disable app-bluegreen" \
	"systemctl mask app-bluegreen" "systemctl daemon-reload" "systemctl revert app-bluegreen" \
	"systemd-run -q true"
check_refused "nor write where only root may" 'Permission denied|cannot create' \
	"mkdir /etc/systemd/system/app-bluegreen.service.d" "echo >>/etc/app-bluegreen/app.conf" \
	"echo >/var/lib/app-bluegreen/app/cycle" "rm -r $RELEASES/v1"
check_refused "nor speak for those who look for what is outdated" "Access denied|only root" \
	"busctl call ${OBJECT[*]} Upgrade st '[]' 0" "busctl call ${OBJECT[*]/%.app/.shop} Upgrade st '[]' 0" \
	"busctl call ${OBJECT[*]} Upgrade st '$CAUSES' 0"
WHO=app-bluegreen
check_refused "nor may the supervisor's own user" "Access denied|only root" \
	"busctl call ${OBJECT[*]} Upgrade st '$CAUSES' 0"
# systemd would read any file of root's for it, or wait at a pipe for ever.
for name in app shop; do
	check_refused "nor put something else where systemd reads as root, for $name" "Operation not permitted" \
		"ln -sf /etc/shadow /run/app-bluegreen/$name/blue.env" "rm -f /run/app-bluegreen/$name/green.env" \
		"mv /run/app-bluegreen/$name/hook.env /run/app-bluegreen/$name/x"
	# Or systemd would give it what it has put in the place of a socket that is being made.
	check_equal "nor take a socket of root's away, for $name" "root app-bluegreen 1775" \
		"$(inside stat -c '%U %G %a' "/run/app-bluegreen/$name")"
done
# A unit that nobody has written would be root's, and begin what its maker likes.
check_refused "nor make a unit that would fit its name" "$SYSTEMD_REFUSED" \
	"systemd-run -q --unit=app-more.service true" "systemd-run -q --unit=app-more@blue.service true" \
	"systemd-run -q --unit=shop-more.service true" "systemd-run -q --unit=app@red.service true"
WHO=otto
check_refused "who is no member may nothing with bluegreenctl" "$REFUSED with .sudo usermod -aG bluegreen otto. and log in again" \
	"bluegreenctl reload" "bluegreenctl deploy v1" "bluegreenctl rollback" "bluegreenctl abort" \
	"bluegreenctl --app shop reload" "bluegreenctl --app shop abort" \
	"bluegreenctl deploy --sha256=$(printf '%064d' 0) v1"
check_refused "nor with systemctl" "$SYSTEMD_REFUSED" \
	"systemctl reload app-bluegreen" "systemctl reload shop-bluegreen" \
	"systemctl restart app-bluegreen" "systemctl restart app@blue"
check "but everybody may look" as otto sh -c 'bluegreenctl && bluegreenctl history && bluegreenctl plan v1'

# ---- the rules themselves ------------------------------------------------------------------------

check_rules "no name that looks like the unit is it" no dora $'app-bluegreen.service\n:reload' \
	$'\napp-bluegreen.service:reload' 'x/app-bluegreen.service:reload' 'App-bluegreen.service:reload' \
	'1app-bluegreen.service:reload' '../app-bluegreen.service:reload' 'app-bluegreen@x.service:reload' \
	'app-bluegreen.service.service:reload' 'app_-bluegreen.service:reload' '-bluegreen.service:reload' \
	'app-bluegreen_service:reload' 'app-bluegreen.service:reload ' 'app-bluegreen.service:' \
	$'$(touch /run/x)-bluegreen.service:reload' 'constructor-bluegreen.service:reload'
check_rules "the unit is" yes dora 'app-bluegreen.service:reload'
check_rules "what nobody has written is not the supervisor's to start" no app-bluegreen \
	app-migrate.service:start app-after@x.service:restart
# Hooks, and what would be of an app.
written=(/etc/systemd/system/{app-migrate.service,app-after@.service,store@.service,store-primary.target,store-migrate.service})
inside tee "${written[@]}" >/dev/null <<<'[Unit]'
check_rules "the supervisor drives the app's units" yes app-bluegreen app@blue.service:{start,stop,restart,kill} \
	app-primary.target:stop app-migrate.service:start app-after@x.service:restart
check_rules "and no others" no app-bluegreen store@blue.service:restart store-primary.target:start \
	store-migrate.service:start shop-bluegreen.service:restart app-bluegreen.service:restart app-bluegreen-relay.service:start \
	app-bluegreen-recheck.service:start app@red.service:start app@blue.socket:start app-migrate.service:stop \
	$'app-migrate.service\n:start' app-migrate.timer:start dbus.service:restart app@blue.service:reload
check_rules "an app that nobody has configured is none" no dora store-bluegreen.service:reload
inside touch /etc/app-bluegreen/store.conf
check_rules "once it is, it is one" yes dora store-bluegreen.service:reload
check_rules "for the supervisor too" yes app-bluegreen store@blue.service:restart \
	store-primary.target:start store-migrate.service:start
inside rm /etc/app-bluegreen/store.conf
inside rm "${written[@]}"
inside chmod 0700 /usr/bin/test
check_rules "if polkit cannot look which apps there are" no dora shop-bluegreen.service:reload
check_rules "the package's own is one all the same" yes dora app-bluegreen.service:reload
inside chmod 0755 /usr/bin/test

# ---- members come and go -------------------------------------------------------------------------

inside usermod -aG bluegreen otto
check_matches "who was made a member may, from his next session on" 'no cycle runs' "$(words as otto bluegreenctl abort)"
inside setpriv --reuid otto --regid otto --init-groups sh -c \
	'until [ -e /run/no-member ]; do sleep 0.1; done; id -Gn; exec bluegreenctl abort' \
	>"$RESULTS/old-session.txt" 2>&1 &
session=$!
await 10 inside pgrep -u otto -f run/no-member
inside gpasswd -d otto bluegreen >/dev/null
inside touch /run/no-member
wait "$session" || true
check_matches "who is none any more may not, though the process is in the group still" "^otto bluegreen .*$REFUSED" \
	"$(tr '\n' ' ' <"$RESULTS/old-session.txt")"

# ---- polkit is not there --------------------------------------------------------------------------

before=$(world)
polkit_kill STOP
began=$(now_ms)
said=$(words as dora bluegreenctl reload)
check_matches "polkit hangs: a member is told so" "$UNDECIDED" "$said"
check_at_most "within its limit" 15000 $(($(now_ms) - began))
words as dora timeout 1 bluegreenctl reload >/dev/null
check_matches "root does not depend on it" "no cycle runs that could be taken back" "$(words inside timeout 5 bluegreenctl abort)"
polkit_kill CONT
check_matches "an answer that comes late begins nothing" "no cycle runs" "$(words as dora bluegreenctl abort)"
polkit_kill STOP
(words as dora bluegreenctl reload >"$RESULTS/killed.txt") &
asking=$!
# A question that nobody hears is what it waits for; there is nothing to see of that.
sleep 1
polkit_kill KILL
wait "$asking"
check_matches "polkit dies while it is asked: she is told so" "$UNDECIDED" "$(cat "$RESULTS/killed.txt")"
inside systemctl mask --runtime --now polkit.service >/dev/null 2>&1
check_matches "polkit is not there: she is told so" "$UNDECIDED" "$(words as dora bluegreenctl reload)"
check_matches "and status is for everybody" '"state": "steady"' "$(as otto bluegreenctl --json status)"
inside systemctl unmask --runtime polkit.service >/dev/null 2>&1
check_equal "nothing of that began a cycle, nor whoever had gone before polkit came back" "$before" "$(world)"
check "polkit is back: she deploys the next release" as dora bluegreenctl deploy v2
check_equal "the journal has said it when it began and when it ended" "2 2" \
	"$(inside journalctl -q --no-pager -t app-bluegreen | grep -c 'polkit does not say') $(inside journalctl -q --no-pager -t app-bluegreen | grep -c 'polkit says again')"

check "and rolls back" as dora bluegreenctl rollback
check_equal "which is hers too" "rollback, dora (bluegreenctl), uid $dora v1" "$(asked_by) $(cycle_of 'c["release"]')"

# ---- root, who has found something replaced -------------------------------------------------------

upgrade() { inside busctl call "${OBJECT[@]}" Upgrade st "$@"; }

upgrade "$CAUSES" 4102444800 >/dev/null
check_matches "what is outdated is in the status, with the time of its end" \
	'2100-01-01 00:00:' "$(inside bluegreenctl)"
check_equal "in JSON too" "4102444800 3" "$(status_of '"%d %d" % (s["outdated"]["due"], len(s["outdated"]["files"]))')"
supervisor=$(unit_pid app-bluegreen)
inside systemctl restart app-bluegreen
check "a supervisor that is started anew" await 10 both_healthy
check_equal "is another one" different "$([ "$supervisor" = "$(unit_pid app-bluegreen)" ] || echo different)"
check_equal "and knows it still" 3 "$(status_of 'len(s["outdated"]["files"])')"
check_matches "what is of no form is refused" 'cause 1 has a path that is not absolute' \
	"$(words upgrade '[{"color":"blue","path":"x","package":""}]' 0)"
id=$(upgrade "$CAUSES" 0 | tr -d 's "')
check "root's word begins a cycle" await 10 is_running
second=$(upgrade "$CAUSES" 0 | tr -d 's "')
check_equal "a second one waits, and a third is that one" "$second" "$(upgrade "$CAUSES" 0 | tr -d 's "')"
check "it is another" test "$id" != "$second"
inside timeout 60 bluegreenctl abort >/dev/null 2>&1 || true
check_equal "an aborted upgrade leaves the note" 3 "$(status_of 'len(s["outdated"]["files"])')"
id=$(upgrade "$CAUSES" 0 | tr -d 's "')
has_ended() { [ "$(inside bluegreenctl --json show "$id" | python3 -c 'import json, sys; print(json.load(sys.stdin)["outcome"])')" = succeeded ]; }
check "an upgrade succeeds" await 60 has_ended
check_equal "its receipt says who asked, and why" "upgrade libx1: /usr/lib/libx.so.1, and 1 more file 3" \
	"$(cycle_of '"%s %s %d" % (c["verb"], c["cause"], len(c["causes"]))')"
check_matches "so does the history" 'for libx1: /usr/lib/libx.so.1, and 1 more file' "$(inside bluegreenctl history)"
check_matches "and the record" '^CAUSE=libx1: /usr/lib/libx.so.1, and 1 more file$' "$(inside cat /var/lib/app-bluegreen/app/cycle)"
check_matches "and the journal" 'because installed files were replaced: libx1' "$(inside journalctl -q --no-pager -t app-bluegreen)"
check_equal "and nothing is outdated any more" False "$(status_of '"outdated" in s')"
upgrade "$CAUSES" 18446744073709551615 >/dev/null
check_matches "without a time people are told what to do" 'bluegreenctl reload. restarts both colors' "$(inside bluegreenctl)"
upgrade '[]' 0 >/dev/null
check_equal "until nothing is" False "$(status_of '"outdated" in s')"
end
