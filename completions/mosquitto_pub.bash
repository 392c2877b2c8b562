# Made by `cargo run -p mosquitto-manual` from the table of options: change that.
_mosquitto_pub() {
    local word=${COMP_WORDS[COMP_CWORD]}
    case ${COMP_WORDS[COMP_CWORD-1]} in
        -h|--host) mapfile -t COMPREPLY < <(compgen -A hostname -- "$word") ;;
        -p|--port) mapfile -t COMPREPLY < <(true) ;;
        --unix) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        -L|--url) mapfile -t COMPREPLY < <(true) ;;
        -u|--username) mapfile -t COMPREPLY < <(true) ;;
        -P|--pw) mapfile -t COMPREPLY < <(true) ;;
        -A) mapfile -t COMPREPLY < <(true) ;;
        --will-topic) mapfile -t COMPREPLY < <(true) ;;
        --will-payload) mapfile -t COMPREPLY < <(true) ;;
        --will-qos) mapfile -t COMPREPLY < <(compgen -W '0 1 2' -- "$word") ;;
        -o) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        --cafile) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        --capath) mapfile -t COMPREPLY < <(compgen -d -- "$word") ;;
        --cert) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        --key) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        --psk) mapfile -t COMPREPLY < <(true) ;;
        --psk-identity) mapfile -t COMPREPLY < <(true) ;;
        --ciphers) mapfile -t COMPREPLY < <(true) ;;
        --tls-version) mapfile -t COMPREPLY < <(compgen -W 'tlsv1.2 tlsv1.3' -- "$word") ;;
        --tls-alpn) mapfile -t COMPREPLY < <(true) ;;
        --keyform) mapfile -t COMPREPLY < <(true) ;;
        --tls-keylog) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        --proxy) mapfile -t COMPREPLY < <(true) ;;
        -V|--protocol-version) mapfile -t COMPREPLY < <(compgen -W 'mqttv5 mqttv311 mqttv31' -- "$word") ;;
        -i|--id) mapfile -t COMPREPLY < <(true) ;;
        -I|--id-prefix) mapfile -t COMPREPLY < <(true) ;;
        -x) mapfile -t COMPREPLY < <(true) ;;
        -k|--keepalive) mapfile -t COMPREPLY < <(true) ;;
        -D|--property) mapfile -t COMPREPLY < <(compgen -W 'connect publish subscribe unsubscribe disconnect will' -- "$word") ;;
        -q|--qos) mapfile -t COMPREPLY < <(compgen -W '0 1 2' -- "$word") ;;
        -M) mapfile -t COMPREPLY < <(true) ;;
        -t|--topic) mapfile -t COMPREPLY < <(true) ;;
        -m|--message) mapfile -t COMPREPLY < <(true) ;;
        -f|--file) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        --repeat) mapfile -t COMPREPLY < <(true) ;;
        --repeat-delay) mapfile -t COMPREPLY < <(true) ;;
        *) mapfile -t COMPREPLY < <(compgen -W '-h --host -p --port --unix -L --url -S -u --username -P --pw --nodelay -A --no-tls --will-topic --will-payload --will-qos --will-retain -o -d --debug --quiet --help --version --cafile --capath --tls-use-os-certs --cert --key --psk --psk-identity --ciphers --tls-version --tls-alpn --keyform --insecure --tls-keylog --ws --proxy -V --protocol-version -i --id -I --id-prefix -c --disable-clean-session -x -k --keepalive -D --property -q --qos -M -t --topic -m --message -f --file -l --stdin-line -s --stdin-file -n --null-message -r --retain --repeat --repeat-delay' -- "$word") ;;
    esac
}
complete -o filenames -F _mosquitto_pub mosquitto_pub
