# Made by `cargo run -p mosquitto-manual` from the table of options: change that.
_mosquitto_db_dump() {
    local word=${COMP_WORDS[COMP_CWORD]}
    case ${COMP_WORDS[COMP_CWORD-1]} in
        *) mapfile -t COMPREPLY < <(compgen -f -W '--stats --client-stats --json' -- "$word") ;;
    esac
}
complete -o filenames -F _mosquitto_db_dump mosquitto_db_dump
