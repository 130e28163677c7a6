# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of holdfastctl's words for bash; compared with the program by
# tests/e2e/test_ctl_words.py.
_holdfastctl() {
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local word words=() choices='' i

	case $before in
	--resolution)
		mapfile -t COMPREPLY < <(compgen -W \
			'retrieved rang_back abandoned expired kicked lost ended' -- "$current")
		return
		;;
	-i | --instance | -n | --count | -u | --until | --since | --lot | --limit | --slot | \
		--caller | --parker | --retriever | --call | --who | --act | --to | \
		--from | --by | --source | --header | --tenant) return ;;
	-s | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	esac
	# The object and the command that stand before, without the options.
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-i | --instance | -s | --socket | -n | --count | -u | --until | --since | --lot | \
			--limit | --slot | --caller | --parker | --retriever | --resolution | \
			--call | --who | --act | --to | --from | --by | --source | --header | \
			--tenant | -o | --file | --seconds | --packets) ((i++)) ;;
		-*) ;;
		help) [ ${#words[@]} -gt 0 ] && words+=(help) ;;
		*) words+=("$word") ;;
		esac
	done
	case "$current ${words[*]}" in
	"-"*) choices='--json --pretty --instance --socket --help --version'
		case ${words[0]} in
		monitor) choices+=' --count --until' ;;
		audio) choices+=' --to' ;;
		leg) choices+=' --file --seconds --packets' ;;
		lot) choices+=' --tenant --from --by --source --header' ;;
		slot) choices+=' --watch --tenant' ;;
		stats) choices+=' --lot --since --until --csv' ;;
		history) choices+=' --lot --since --until --csv --limit --slot --caller --parker
			--retriever --resolution --call --who --act' ;;
		esac
		;;
	*" ") choices='status lot slot call leg subscription registration audio webhook history stats reload drain monitor help' ;;
	*" lot") choices='list explain help' ;;
	*" slot") choices='list help' ;;
	*" call") choices='list show move kick retrieve step-in page help' ;;
	*" leg") choices='list show capture help' ;;
	*" history") choices='list show audit help' ;;
	*" stats") choices='counters lots hours help' ;;
	*" subscription") choices='list help' ;;
	*" registration") choices='list help' ;;
	*" audio") choices='list show add play remove help' ;;
	*" webhook") choices='list show retry test help' ;;
	*" audio add "*)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$current")
}
complete -F _holdfastctl holdfastctl
