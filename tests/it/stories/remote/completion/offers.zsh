# Prints what zsh offers where the line in $1 ends: in a shell at a terminal of its own somebody
# presses the tabulator, and what gives zsh its candidates tells them too.
zmodload zsh/zpty
export TERM=dumb
zpty shell zsh -f -i
for line in \
  "PROMPT='' PS2='' LISTMAX=10000; unsetopt zle_bracketed_paste; stty -echo" \
  'autoload -Uz compinit && compinit -D -u; source <(pocketci-agent completions zsh)' \
  'compadd() { local -a fits; [[ " $* " == *" -"[OAD]" "* ]] || { builtin compadd -A fits "$@"; print -l -- "OFF""ER:"$^fits }; builtin compadd "$@" }' \
  'ask() { zle complete-word; BUFFER="print OVER""ANDOUT"; zle accept-line }; zle -N ask; bindkey "^I" ask' \
  'print REA""DY'
do zpty -w shell "$line"; done
local said whole
zpty -r -m shell said '*READY*'
zpty -n -w shell "$1"$'\t'
while zpty -r shell said; do
  whole+=$said
  [[ $said == *OVERANDOUT* ]] && break
done
zpty -d shell
for line in ${(f)whole}; do
  line=${line%$'\r'}
  [[ $line == *OFFER:?* ]] && print -r -- ${line##*OFFER:}
done
true
