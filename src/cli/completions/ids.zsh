# Runs, their calls, deliveries and repositories, as the agent has them now.
_pocketci_agent_ids() {
    local -a ids
    ids=(${(f)"$(pocketci-agent complete-ids "$@" 2>/dev/null)"})
    compadd -V "$1" -a ids
}
_pocketci_agent_runs() { _pocketci_agent_ids runs }
_pocketci_agent_calls() { _pocketci_agent_ids calls "${line[1]}" }
_pocketci_agent_deliveries() { _pocketci_agent_ids deliveries }
_pocketci_agent_repositories() { _pocketci_agent_ids repositories }

