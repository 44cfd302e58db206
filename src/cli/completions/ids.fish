
# Runs and repositories, as the agent has them now.
complete -c pocketci-agent -n "__fish_seen_subcommand_from runs; and __fish_seen_subcommand_from show logs watch rerun cancel approve" -f -k -a "(pocketci-agent complete-ids runs 2>/dev/null)"
complete -c pocketci-agent -n "__fish_seen_subcommand_from trigger" -f -k -a "(pocketci-agent complete-ids repositories 2>/dev/null)"
complete -c pocketci-agent -n "__fish_seen_subcommand_from runs deliveries; and __fish_seen_subcommand_from list" -l repository -x -k -a "(pocketci-agent complete-ids repositories 2>/dev/null)"
