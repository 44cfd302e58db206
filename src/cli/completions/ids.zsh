# Runs and repositories, as the agent has them now.
_pocketci_agent_runs() {
    local -a ids
    ids=(${(f)"$(pocketci-agent complete-ids runs 2>/dev/null)"})
    compadd -V runs -a ids
}
_pocketci_agent_repositories() {
    local -a ids
    ids=(${(f)"$(pocketci-agent complete-ids repositories 2>/dev/null)"})
    compadd -V repositories -a ids
}

