# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Completion of bluegreenctl(1) for bash.

_bluegreenctl_apps() {
	local file
	for file in /etc/app-bluegreen/*.conf; do
		[ -e "$file" ] || continue
		file=${file##*/}
		echo "${file%.conf}"
	done
}

# The values of a key in what a verb answers as JSON, of the application that the line names.
_bluegreenctl_values() { # KEY VERB
	local app=app i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-a | --app) app=${COMP_WORDS[i + 1]} ;;
		esac
	done
	bluegreenctl --app "$app" --json "$2" 2>/dev/null |
		sed -n "s/^ *\"$1\": \"\([^\"]*\)\".*/\1/p"
}

_bluegreenctl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local words
	case $before in
	-a | --app) words=$(_bluegreenctl_apps) ;;
	remove) words=$(_bluegreenctl_apps | grep -vx app) ;;
	--user) words=$(compgen -u) ;;
	--exec)
		mapfile -t COMPREPLY < <(compgen -c -- "$word")
		return
		;;
	deploy | rollback | plan) words="$(_bluegreenctl_values tag releases)" ;;
	show | history) words=$(_bluegreenctl_values id history) ;;
	*) words='status numbers reload deploy rollback abort releases plan history show apps new remove
		version help --app --json --no-color --sha256= --prometheus --listen --ports --user --exec
		--no-start --keep-data' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _bluegreenctl bluegreenctl
