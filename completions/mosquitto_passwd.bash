# Made by `cargo run -p mosquitto-manual` from the table of options: change that.
_mosquitto_passwd() {
    local word=${COMP_WORDS[COMP_CWORD]}
    case ${COMP_WORDS[COMP_CWORD-1]} in
        -H) mapfile -t COMPREPLY < <(compgen -W 'sha512-pbkdf2 argon2id sha512' -- "$word") ;;
        -I) mapfile -t COMPREPLY < <(true) ;;
        *) mapfile -t COMPREPLY < <(compgen -f -W '-b -c -D -H -I -U --help' -- "$word") ;;
    esac
}
complete -o filenames -F _mosquitto_passwd mosquitto_passwd
