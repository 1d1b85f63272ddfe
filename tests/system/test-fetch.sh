#!/bin/bash
# SPDX-License-Identifier: MIT
# Releases by their tags from a build machine that publishes them over HTTP: fetched, checked,
# unpacked and deployed by the supervisor in its real sandbox. What is wrong with a download is said
# before anything was restarted, and one that broke off is gone on with.
# shellcheck source=/dev/null
. "$(dirname "$0")/lib"

# An address of its own; only the host knows it.
MACHINE=127.0.0.9
PUBLISHED=/srv/published
# So much is in a release beside the app that it comes in pieces; and so much of it comes at first.
BALLAST=3000000
PART=1000000

publish() { # TAG [DIRECTORY]
	inside /srv/fetch/make-release /srv/abrupt "${2-$PUBLISHED}" app "$1"
}

# The build machine behaves as this part of the path says (tests/fetch/release-server).
source_is() { # MANNER/
	inside sed -i "s|^Source=.*|Source=http://$MACHINE/${1}app-{tag}.tar.gz|" \
		/etc/app-bluegreen/app.conf.d/test.conf
}

sum_of() { inside sha256sum "$1" | cut -d ' ' -f 1; }

# The requests for the archives of a tag: path, range, status, bytes.
requests_for() { # TAG
	inside journalctl -q --no-pager -o cat -u build-machine | sed -n "s|^GET /\(.*app-$1\.tar\.gz\) |\1 |p"
}

color_pids() { echo "$(color_pid blue) $(color_pid green)"; }

runs_everywhere() { # TAG
	check_equal "blue runs $1 as the primary" "ok blue primary $1" "$(told_by blue)"
	check_equal "green runs $1 as the fallback" "ok green fallback $1" "$(told_by green)"
}

# A deployment that ends at its fetch, without harm.
refused_at_fetch() { # SENTENCE-PREFIX WORDS ARGUMENT...
	local what=$1 words=$2 before
	shift 2
	before=$(color_pids)
	deploy deploy "$@"
	check_equal "$what: the deployment fails" 1 "$DEPLOY_STATUS"
	check_matches "$what: it says what is wrong" "$words" "$DEPLOY_WORDS"
	check_equal "$what: it ended at its fetch" fetch "$(cycle_of 'c["step"]')"
	check_equal "$what: nothing was restarted" "$before" "$(color_pids)"
	check_fails "$what: there is no such release" inside test -e "$RELEASES/$1"
}

begin full
releases_begin <<-END
	Source=http://$MACHINE/app-{tag}.tar.gz
END
host_copy "$NAME" "$HOST_REPO/tests/fetch" "$HOST_REPO/tests/apps/abrupt" /srv
inside sh -c "head -c $BALLAST /dev/urandom >/srv/abrupt/ballast"
for tag in v1 v2 v3 v4; do
	publish "$tag"
done
publish v5 "$PUBLISHED/no-sums"
inside rm "$PUBLISHED/no-sums/SHA256SUMS"
inside systemd-run --quiet --unit=build-machine /usr/bin/python3 /srv/fetch/release-server \
	"$PUBLISHED" 80 "$MACHINE"
await 10 inside curl -s -o /dev/null "http://$MACHINE/"
deploy deploy v1
check_equal "a release is fetched by its tag and deployed" 0 "$DEPLOY_STATUS"
runs_everywhere v1
check_equal "it is whole" "$(sum_of /srv/abrupt/ballast)" "$(sum_of "$RELEASES/v1/ballast")"
check_equal "what was downloaded belongs to the supervisor's user" "app-bluegreen app-bluegreen" \
	"$(inside stat -c '%U %G' "$RELEASES/v1")"
check_equal "it was asked for once" 1 "$(requests_for v1 | wc -l)"

load_begin mixed --keepalive 8 --close 4 --writes 10 --think 60 --log "$(executed_log)"
sleep 1
refused_at_fetch "a tag that is not published" 'there is no release v9: .*404' v9

inside sed -i 's/^..../0000/' "$PUBLISHED/SHA256SUMS"
refused_at_fetch "an archive that SHA256SUMS does not have so" 'it is not what was published' v2
deploy deploy v2 "--sha256=$(sum_of "$PUBLISHED/app-v2.tar.gz")"
check_equal "with the sum on the command line it is fetched all the same" 0 "$DEPLOY_STATUS"
runs_everywhere v2
inside sh -c "cd $PUBLISHED && sha256sum app-*.tar.gz >SHA256SUMS"

source_is no-sums/
refused_at_fetch "an archive without a sum" 'no checksum for .*publish SHA256SUMS' v5
refused_at_fetch "another sum on the command line" 'it is not what was published' v5 \
	"--sha256=$(sum_of "$PUBLISHED/app-v1.tar.gz")"

source_is "break-$PART/"
refused_at_fetch "a download that breaks off" 'the next attempt goes on there' v3
deploy deploy v3
check_equal "the next attempt fetches and deploys it" 0 "$DEPLOY_STATUS"
check_matches "it asked for the rest only" "bytes=$PART- 206 " "$(requests_for v3 | tail -n 1)"
runs_everywhere v3
check_equal "and what was put together is whole" "$(sum_of /srv/abrupt/ballast)" "$(sum_of "$RELEASES/v3/ballast")"

source_is "stall-$PART/"
before=$(color_pids)
supervisor=$(unit_pid app-bluegreen)
deploy_begin deploy v4
check "the supervisor downloads, and nothing more comes" await 30 \
	inside sh -c "test \"\$(stat -c %s $RELEASES/.v4.*download 2>/dev/null)\" = $PART"
check_equal "it says how far it is" fetch "$(cycle_of 'c["step"]')"
inside systemctl kill -s KILL --kill-who=main app-bluegreen.service
deploy_wait
check_fails "killed in the middle of it: whoever deployed is told" test "$DEPLOY_STATUS" = 0
check "killed in the middle of it: the supervisor is back" await 10 both_healthy
check_fails "killed in the middle of it: it is another one" test "$supervisor" = "$(unit_pid app-bluegreen)"
check_equal "killed in the middle of it: nothing was restarted" "$before" "$(color_pids)"
check_equal "killed in the middle of it: the outcome is durable" interrupted "$(cycle_of 'c["outcome"]')"
check_fails "killed in the middle of it: there is no half of a release" inside test -e "$RELEASES/v4"
deploy deploy v4
check_equal "asked again, it is fetched and deployed" 0 "$DEPLOY_STATUS"
check_matches "with the rest only" "bytes=$PART- 206 " "$(requests_for v4 | tail -n 1)"
runs_everywhere v4

check_equal "nothing is left over of any attempt" "v1 v2 v3 v4" \
	"$(inside ls -A "$RELEASES" | tr '\n' ' ' | sed 's/ $//')"
check_equal "the sandbox refused nothing of it" "" \
	"$(inside journalctl -q --no-pager -o cat -t audit -t kernel -g 'app-bluegreen.*(SIGSYS|seccomp)' || true)"
sleep 1
load_end mixed
check_equal "no request failed in any of it" 0 "$(failed mixed)"
check_equal "no write was executed twice" 0 "$(executed_twice mixed)"
check_equal "no write was lost" 0 "$(lost mixed)"
end
