#compdef mini-docker
# Completion of mini-docker for zsh: the program itself is asked. Put it as _mini-docker into a directory of $fpath.
_mini_docker() {
    local line tab=$'\t'
    local -a found
    for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -n $line ]] || continue
        if [[ $line == *$tab* ]]; then
            found+=("${${line%%$tab*}//:/\\:}:${line#*$tab}")
        else
            found+=("${line//:/\\:}")
        fi
    done
    if (( ${#found} )); then
        _describe mini-docker found
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_mini-docker" ]; then
    _mini_docker "$@"
else
    compdef _mini_docker mini-docker
fi
