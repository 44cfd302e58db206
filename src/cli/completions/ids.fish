
# Runs, their calls, deliveries and repositories, as the agent has them now.
function __pocketci_agent_words
    commandline -opc | string match -v -- '-*'
end
# Whether these words come first, with so many behind them.
function __pocketci_agent_after
    set -l words (__pocketci_agent_words)
    test (count $words) -eq (math 3 + $argv[1])
    and contains -- "$words[2] $words[3]" $argv[2..-1]
end
function __pocketci_agent_ids
    pocketci-agent complete-ids $argv 2>/dev/null
end
complete -c pocketci-agent -n '__pocketci_agent_after 0 "runs show" "runs logs" "runs watch" "runs rerun" "runs cancel" "runs approve"' -f -k -a '(__pocketci_agent_ids runs)'
complete -c pocketci-agent -n '__pocketci_agent_after 1 "runs logs"' -f -k -a '(__pocketci_agent_ids calls (__pocketci_agent_words)[4])'
complete -c pocketci-agent -n '__pocketci_agent_after 1 "runs rerun"' -l call -x -k -a '(__pocketci_agent_ids calls (__pocketci_agent_words)[4])' -d 'Only this call'
complete -c pocketci-agent -n '__pocketci_agent_after 0 "deliveries show" "deliveries replay"' -f -k -a '(__pocketci_agent_ids deliveries)'
complete -c pocketci-agent -n '__pocketci_agent_after 0 "runs list" "deliveries list"' -l repository -x -k -a '(__pocketci_agent_ids repositories)' -d 'About this repository alone'
complete -c pocketci-agent -n '__fish_seen_subcommand_from trigger' -f -k -a '(__pocketci_agent_ids repositories)'
