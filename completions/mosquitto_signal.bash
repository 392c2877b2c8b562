# Made by `cargo run -p mosquitto-manual` from the table of options: change that.
_mosquitto_signal() {
    local word=${COMP_WORDS[COMP_CWORD]}
    case ${COMP_WORDS[COMP_CWORD-1]} in
        -p) mapfile -t COMPREPLY < <(true) ;;
        *) mapfile -t COMPREPLY < <(compgen -W '-a -p --help -h config-reload log-rotate shutdown tree-print xtreport' -- "$word") ;;
    esac
}
complete -o filenames -F _mosquitto_signal mosquitto_signal
