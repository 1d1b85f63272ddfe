#!/bin/bash
# SPDX-License-Identifier: MIT
# Releases by their tags under the strategy with fixed roles: deployed, taken back when they are no
# good, rolled back, aborted, pruned; under load that must not notice.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

runs_everywhere() { # TAG: the same release in both colors, blue as the primary
	check_equal "$2: blue runs $1 as the primary" "ok blue primary $1" "$(told_by blue)"
	check_equal "$2: green runs $1 as the fallback" "ok green fallback $1" "$(told_by green)"
}

numbers_of() { # EXPRESSION over n; everybody may ask
	inside runuser -u nobody -- bluegreenctl --json numbers | python3 -c "import json, sys
n = json.load(sys.stdin); blue = n['colors']['blue']; print($1)"
}

link_of() { inside readlink "/var/lib/app-bluegreen/app/$1"; }

begin full
releases_begin <<-END
	Keep=2
	[Probe]
	StartTimeout=8s
END
release_make v1
deploy deploy v1
check_equal "the first release ever is deployed" 0 "$DEPLOY_STATUS"
runs_everywhere v1 "after it"
check_equal "blue's code is its own" "$RELEASES/v1" "$(link_of blue)"
check_equal "green's code is its own" "$RELEASES/v1" "$(link_of green)"

load_begin mixed --keepalive 24 --close 8 --writes 10 --think 100 --log "$(executed_log)"
load_begin readers --keepalive 8 --think 40
sleep 1
release_make v2
deploy deploy v2
check_equal "a second release is deployed under load" 0 "$DEPLOY_STATUS"
runs_everywhere v2 "after it"

release_make v3 exit
deploy deploy v3
check_equal "a release that ends at its start fails" 1 "$DEPLOY_STATUS"
check_matches "and its deployer is told where to look" 'journalctl -u app@blue' "$DEPLOY_WORDS"
runs_everywhere v2 "taken back"
check_equal "taken back, the state is steady, not degraded" steady "$(status_of 's["state"]')"

release_make v4 error
deploy deploy v4
check_equal "a release that answers 500 fails" 1 "$DEPLOY_STATUS"
runs_everywhere v2 "taken back again"

deploy deploy nosuch
check_equal "a release that is not there is refused" 1 "$DEPLOY_STATUS"
check_matches "with a sentence that names it and its directory" "no release nosuch in $RELEASES" "$DEPLOY_WORDS"
check_equal "before anything was done" preflight "$(cycle_of 'c["step"]')"

deploy deploy ../etc
check_fails "a tag that is none is refused" test "$DEPLOY_STATUS" = 0

deploy rollback
check_equal "a rollback goes to the release before" 0 "$DEPLOY_STATUS"
runs_everywhere v1 "rolled back"

release_make v5
deploy_begin deploy v5
check "the deployment restarts blue" await 60 step_is healthy
check "it is aborted in the middle" inside bluegreenctl abort
deploy_wait
check_equal "the deployer is told that it was aborted" 1 "$DEPLOY_STATUS"
check_matches "and by whom" 'aborted by' "$DEPLOY_WORDS"
runs_everywhere v1 "aborted"

reload
check_equal "a reload restarts what is deployed" 0 "$RELOAD_STATUS"
runs_everywhere v1 "reloaded"
check_equal "old releases are gone, but for the newest and those that are needed" "v1 v2 v4 v5" \
	"$(inside ls "$RELEASES" | tr '\n' ' ' | sed 's/ $//')"

sleep 1
load_end mixed readers
note "$(answered mixed) + $(answered readers) answered, longest read $(longest_read_ms mixed) ms, longest write $(longest_write_ms mixed) ms"
check_equal "no request failed in all of this" 0 "$(($(failed mixed) + $(failed readers)))"
check_equal "no write was executed twice" 0 "$(executed_twice mixed)"
check_equal "every write acknowledged was executed exactly once by a primary" \
	"$(writes_acknowledged mixed)" "$(executed_once mixed)"
check_equal "blue's numbers are those of its release, and the release that was aborted is the one before" \
	"v1 v5 v1" "$(numbers_of 'blue["release"], blue["earlier"][0]["release"], blue["earlier"][1]["release"]')"
check_equal "it has answered, without a failure, and each answer is an exchange that is done" "True 0 True" \
	"$(numbers_of 'blue["reads"] > 0 and blue["writes"] > 0, blue["failed"],
{e["ending"]: e["count"] for e in blue["endings"]}["done"] == blue["reads"] + blue["writes"]')"
check_matches "Prometheus is told the same" \
	'^bluegreen_requests_total\{app="app",color="blue",release="v1",class="write"\} [0-9]+$' \
	"$(inside bluegreenctl --prometheus numbers | grep 'color="blue".*class="write"')"
check_equal "the history has every cycle" "reload rollback" \
	"$(inside bluegreenctl history --json | python3 -c 'import json, sys
h = json.load(sys.stdin); print(h[0]["verb"], [c["verb"] for c in h if c["verb"] == "rollback"][0])')"
end
