# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of holdfastctl's words for bash; compared with the program by
# tests/e2e/test_ctl_words.py.
_holdfastctl() {
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local word words=() choices='' i

	case $before in
	-i | --instance | -n | --count | -u | --until) return ;;
	-s | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	esac
	# The object and the command that stand before, without the options.
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-i | --instance | -s | --socket | -n | --count | -u | --until) ((i++)) ;;
		-*) ;;
		help) [ ${#words[@]} -gt 0 ] && words+=(help) ;;
		*) words+=("$word") ;;
		esac
	done
	case "$current ${words[*]}" in
	"-"*) choices='--json --pretty --instance --socket --help --version'
		[ "${words[0]}" = monitor ] && choices+=' --count --until' ;;
	*" ") choices='status slot call leg subscription audio webhook stats drain monitor help' ;;
	*" slot") choices='list help' ;;
	*" call") choices='list show move kick retrieve step-in help' ;;
	*" leg") choices='list show help' ;;
	*" subscription") choices='list help' ;;
	*" audio") choices='list show add remove help' ;;
	*" webhook") choices='list show retry test help' ;;
	*" audio add "*)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
}
complete -F _holdfastctl holdfastctl
