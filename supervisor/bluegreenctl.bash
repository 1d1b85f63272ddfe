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

_bluegreenctl() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local words
	case $before in
	-a | --app) words=$(_bluegreenctl_apps) ;;
	show) words=$(bluegreenctl --json history 2>/dev/null | sed -n 's/^ *"id": "\([0-9a-f]*\)".*/\1/p') ;;
	*) words='status reload deploy plan history show version help --app --json --no-color' ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _bluegreenctl bluegreenctl
