
# Runs, their calls, deliveries and repositories, as the agent has them now.
_pocketci__agent_ids() {
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" id
    local -a ask=()
    case "${COMP_CWORD} ${COMP_WORDS[1]} ${COMP_WORDS[2]}" in
        "3 runs show"|"3 runs logs"|"3 runs watch"|"3 runs rerun"|"3 runs cancel"|"3 runs approve")
            ask=(runs) ;;
        "4 runs logs") ask=(calls "${COMP_WORDS[3]}") ;;
        "3 deliveries show"|"3 deliveries replay") ask=(deliveries) ;;
        "2 trigger "*) ask=(repositories) ;;
    esac
    case "${prev}" in
        --repository) ask=(repositories) ;;
        --call) ask=(calls "${COMP_WORDS[3]}") ;;
    esac
    if [[ ${#ask[@]} -eq 0 || ${cur} == -* ]] ; then
        _pocketci__agent "$@"
        return
    fi
    COMPREPLY=()
    while IFS= read -r id ; do
        if [[ ${id} == "${cur}"* ]] ; then COMPREPLY+=("${id}") ; fi
    done < <("${COMP_WORDS[0]}" complete-ids "${ask[@]}" 2>/dev/null)
}
if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -F _pocketci__agent_ids -o nosort -o bashdefault -o default pocketci-agent
else
    complete -F _pocketci__agent_ids -o bashdefault -o default pocketci-agent
fi
