# Completion of mini-docker for fish: the program itself is asked. mini-docker completion fish | source
function __mini_docker_ask
    set -l words (commandline -opc) (commandline -ct)
    set -g __mini_docker_found ($words[1] __complete $words[2..] 2>/dev/null)
    test (count $__mini_docker_found) -gt 0
end
# Files are offered where nothing else is.
complete -c mini-docker -n __mini_docker_ask -f -a '$__mini_docker_found'
