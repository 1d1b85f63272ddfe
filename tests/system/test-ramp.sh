#!/bin/bash
# SPDX-License-Identifier: MIT
# A release gets its traffic step by step: the split that is observed, a release with 5 % of 500s
# that the gate takes back, and clients that keep their color.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

share_is() { # PERCENT: of the reads, that the route gives to the fresh color
	status_of 's["route"]' | grep -qE "$fresh:$1( |$|,)"
}

# How many per cent of the reads of some seconds the fresh color had, by the load client's own count.
observed_share() { # NAME SECONDS
	load_begin "$1" --keepalive 16 --close 8 --rate 400 --timeout 20
	sleep "$2"
	load_end "$1" >&2
	figure "$1" "round(1000 * r['kinds']['get']['$fresh']['answered'] / r['kinds']['get']['all']['answered'])"
}

begin full
releases_begin <<-END
	Window=1s
	[App]
	Strategy=swap
	[Route]
	Ramp=10%:9s 50%:9s
	# Errors are what this is about: latencies are those of a machine that others use too.
	[Gate]
	MaxLatencyRatio=off
END
release_make v1
deploy deploy v1
check_equal "the first release ever is deployed" 0 "$DEPLOY_STATUS"
fresh=$([ "$(status_of 's["cycle"]["primary"]')" = blue ] && echo green || echo blue)
release_make v2
deploy_begin deploy v2
check "the ramp begins with 10 %" await 60 share_is 10
found=$(observed_share ten 6)
note "at 10 %: $found per mille of the requests went to the new release"
check_at_least "at least 7 % of the requests went to the new release" 70 "$found"
check_at_most "and at most 13 %" 130 "$found"
check "it goes on with 50 %" await 60 share_is 50
found=$(observed_share fifty 6)
note "at 50 %: $found per mille of the requests went to the new release"
check_at_least "at least 47 % of the requests went to the new release" 470 "$found"
check_at_most "and at most 53 %" 530 "$found"
deploy_wait
check_equal "the release is accepted" 0 "$DEPLOY_STATUS"
check_equal "and no request failed" 0 "$(($(failed ten) + $(failed fifty)))"
check_matches "the receipt has what the gate said" 'passed' "$(cycle_of 'c["gate"]')"

fresh=$([ "$fresh" = blue ] && echo green || echo blue)
release_make v3 flaky
load_begin users --keepalive 24 --close 8 --rate 400 --writes 10 --timeout 20
sleep 1
deploy deploy v3
check_equal "a release with 5 % of 500s is taken back" 1 "$DEPLOY_STATUS"
check_equal "in the ramp" ramp "$(cycle_of 'c["reason"].split(":")[0]')"
sleep 1
load_end users
errors=$(server_errors users)
note "$errors users of $(answered users) saw an error of it: $(cycle_of 'c["reason"]')"
check_at_least "some had to see it" 1 "$errors"
check_equal "nobody saw anything else" "$errors" "$(failed users)"
check "then both colors are healthy" await 30 both_healthy
check_equal "on the release before" "ok $fresh fallback v2" "$(told_by "$fresh")"

configure_affinity() {
	inside sed -i 's/^Ramp=.*/Ramp=50%:6s\nAffinity=cookie/' /etc/app-bluegreen/app.conf.d/test.conf
}
configure_affinity
release_make v4
deploy_begin deploy v4
check "the next ramp begins" await 60 share_is 50
jar=$(outside python3 - "$BASE" <<-'END'
	import http.client, sys
	def ask(cookie):
	    connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=10)
	    connection.request("GET", "/", headers={"Cookie": cookie} if cookie else {})
	    answer = connection.getresponse()
	    answer.read()
	    return answer.headers["X-Release"], (answer.headers["Set-Cookie"] or "").split(";")[0]
	moved = 0
	seen = set()
	for client in range(40):
	    release, cookie = ask("")
	    seen.add(release)
	    moved += any(ask(cookie)[0] != release for again in range(10))
	forged = {ask("bluegreen-app=v4.0.0000000000000000")[0] for again in range(30)}
	print(moved, len(seen), len(forged))
END
)
check_equal "a client with its cookie stays, both releases have clients, a forged cookie chooses nothing" "0 2 2" "$jar"
deploy_wait
check_equal "the release is accepted" 0 "$DEPLOY_STATUS"
end
