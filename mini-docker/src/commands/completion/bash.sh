# Completion of mini-docker for bash: the program itself is asked. source <(mini-docker completion bash)
_mini_docker() {
    local line=${COMP_LINE:0:COMP_POINT} words word found=()
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    while IFS=$'\t' read -r word _; do
        found+=("$word")
    done < <("$1" __complete "${words[@]:1}" 2>/dev/null)
    # For bash a word ends at a colon, and only what comes behind is replaced.
    local typed=${words[${#words[@]} - 1]} current=${COMP_WORDS[COMP_CWORD]}
    [[ $current == [:=] ]] && current=
    COMPREPLY=("${found[@]#"${typed%"$current"}"}")
    [[ ${#found[@]} == 1 && ${found[0]} == *: ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -o bashdefault -o default -F _mini_docker mini-docker
