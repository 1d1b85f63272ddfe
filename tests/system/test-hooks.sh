#!/bin/bash
# SPDX-License-Identifier: MIT
# Hooks are units: a migration before the first restart, once a cycle; something after the deployment.
# A worker that is bound to app-primary.target runs while a primary takes writes, and only then.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

unit() { inside tee "/etc/systemd/system/$1" >/dev/null; }

worker() { inside systemctl is-active app-worker.service || true; }

# Times at which the worker and blue started and ended, from the journal.
said() { # PATTERN: how often the journal of the hooks' log has it
	inside grep -c "$1" /var/log/hooks.log || true
}

begin full
releases_begin <<-END
	[Hooks]
	BeforeRestart=app-migrate.service
	AfterDeploy=app-tell.service
END
unit app-migrate.service <<-'END'
	[Service]
	Type=oneshot
	EnvironmentFile=/run/app-bluegreen/app/hook.env
	ExecStart=/bin/sh -c 'echo "before $BLUEGREEN_RELEASE_BEFORE $BLUEGREEN_RELEASE $(curl -s http://127.0.0.1:9000/healthz)" >>/var/log/hooks.log; test "$BLUEGREEN_RELEASE" != v3'
END
unit app-tell.service <<-'END'
	[Service]
	Type=oneshot
	EnvironmentFile=/run/app-bluegreen/app/hook.env
	ExecStart=/bin/sh -c 'echo "after $BLUEGREEN_RELEASE $(curl -s http://127.0.0.1:9000/healthz)" >>/var/log/hooks.log; test "$BLUEGREEN_RELEASE" != v2'
END
unit app-worker.service <<-'END'
	[Unit]
	BindsTo=app-primary.target
	After=app-primary.target
	[Service]
	ExecStart=/bin/sleep infinity
	[Install]
	WantedBy=app-primary.target
END
inside systemctl daemon-reload
inside systemctl enable -q app-worker.service
release_make v1
release_make v2
release_make v3
deploy deploy v1
check_equal "the first release ever is deployed" 0 "$DEPLOY_STATUS"
check_equal "the worker runs while a primary takes writes" active "$(worker)"
pid=$(unit_pid app-worker.service)
inside rm /var/log/hooks.log
deploy deploy v2
check_equal "an AfterDeploy= that fails does not fail the cycle" 0 "$DEPLOY_STATUS"
check_matches "but it is told" 'app-tell.service' "$(inside bluegreenctl show)"
check_equal "the migration ran once, before anything was restarted, and knew both releases" \
	"before v1 v2 ok blue primary v1" "$(inside grep before /var/log/hooks.log)"
check_equal "the other hook ran after it" "after v2 ok blue primary v2" "$(inside grep after /var/log/hooks.log)"
check "the worker is a new one" test "$(unit_pid app-worker.service)" != "$pid"
check_equal "and runs" active "$(worker)"

blue=$(color_pid blue) green=$(color_pid green)
deploy deploy v3
check_equal "a migration that fails stops the cycle" 1 "$DEPLOY_STATUS"
check_matches "with the unit's name and where to look" 'journalctl -u app-migrate' "$DEPLOY_WORDS"
check_equal "before anything was restarted" "$blue $green" "$(color_pid blue) $(color_pid green)"
check_equal "it ran once" 1 "$(said 'before v2 v3')"

inside systemctl stop app@blue
check "without a primary the worker is stopped" await 10 inside sh -c '! systemctl is-active app-worker'
inside systemctl start app@blue
check "with one that is healthy again it is back" await 20 inside systemctl is-active app-worker
inside systemctl stop app-bluegreen
check "who stops the app stops the worker" await 20 inside sh -c '! systemctl is-active app-worker'
inside systemctl start app-bluegreen
check "and starts it with the app" await 60 inside systemctl is-active app-worker

inside sed -i 's/^BeforeRestart=.*/BeforeRestart=app-nosuch.service/' /etc/app-bluegreen/app.conf.d/test.conf
deploy deploy v2
check_equal "a hook that does not exist is refused" 1 "$DEPLOY_STATUS"
check_matches "by its name" 'app-nosuch.service' "$DEPLOY_WORDS"
check_equal "before anything was done" preflight "$(cycle_of 'c["step"]')"
inside sed -i 's/^BeforeRestart=.*/BeforeRestart=ssh.service/' /etc/app-bluegreen/app.conf.d/test.conf
deploy deploy v2
check_matches "a hook whose name is not the app's is refused with its line" 'test.conf:[0-9]+' "$DEPLOY_WORDS"
end
