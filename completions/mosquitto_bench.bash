# Made by `cargo run -p mosquitto-manual` from the table of options: change that.
_mosquitto_bench() {
    local word=${COMP_WORDS[COMP_CWORD]}
    case ${COMP_WORDS[COMP_CWORD-1]} in
        -h|--host) mapfile -t COMPREPLY < <(compgen -A hostname -- "$word") ;;
        -p|--port) mapfile -t COMPREPLY < <(true) ;;
        --subscriber-host) mapfile -t COMPREPLY < <(compgen -A hostname -- "$word") ;;
        --subscriber-port) mapfile -t COMPREPLY < <(true) ;;
        -u|--username) mapfile -t COMPREPLY < <(compgen -W 'authentication-data authentication-method content-type correlation-data maximum-packet-size message-expiry-interval payload-format-indicator reason-string receive-maximum request-problem-information request-response-information response-topic server-reference session-expiry-interval subscription-identifier topic-alias topic-alias-maximum user-property will-delay-interval' -- "$word") ;;
        -P|--pw) mapfile -t COMPREPLY < <(true) ;;
        -V|--protocol-version) mapfile -t COMPREPLY < <(compgen -W 'mqttv311 311 mqttv5 5' -- "$word") ;;
        -q|--qos) mapfile -t COMPREPLY < <(compgen -W '0 1 2' -- "$word") ;;
        -n|--count) mapfile -t COMPREPLY < <(true) ;;
        --publishers) mapfile -t COMPREPLY < <(true) ;;
        --subscribers) mapfile -t COMPREPLY < <(true) ;;
        --match) mapfile -t COMPREPLY < <(true) ;;
        --idle-filters) mapfile -t COMPREPLY < <(true) ;;
        -w|--window) mapfile -t COMPREPLY < <(true) ;;
        --ahead) mapfile -t COMPREPLY < <(true) ;;
        -s|--payload) mapfile -t COMPREPLY < <(true) ;;
        -r|--rate) mapfile -t COMPREPLY < <(true) ;;
        -t|--seconds) mapfile -t COMPREPLY < <(true) ;;
        --warmup) mapfile -t COMPREPLY < <(true) ;;
        --drain) mapfile -t COMPREPLY < <(true) ;;
        --messages) mapfile -t COMPREPLY < <(true) ;;
        --persistent) mapfile -t COMPREPLY < <(compgen -W 'publishers subscribers both' -- "$word") ;;
        -c|--concurrency) mapfile -t COMPREPLY < <(true) ;;
        -k|--keepalive) mapfile -t COMPREPLY < <(true) ;;
        --pid) mapfile -t COMPREPLY < <(true) ;;
        --load) mapfile -t COMPREPLY < <(compgen -W 'stall reconnect flood hash retained topics subscriptions large' -- "$word") ;;
        --samples) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        --growth) mapfile -t COMPREPLY < <(true) ;;
        *) mapfile -t COMPREPLY < <(compgen -W '-h --host -p --port --subscriber-host --subscriber-port -u --username -P --pw -V --protocol-version -q --qos -n --count --publishers --subscribers --match --idle-filters -w --window --ahead -s --payload -r --rate -t --seconds --warmup --drain --messages --persistent -c --concurrency -k --keepalive --keep --pid --load --samples --growth --json --quiet --help pairs fanin fanout many shared slow connect idle subscriptions retained queue overload soak' -- "$word") ;;
    esac
}
complete -o filenames -F _mosquitto_bench mosquitto_bench
