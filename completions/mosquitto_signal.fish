# Made by `cargo run -p mosquitto-manual` from the table of options: change that.
complete -c mosquitto_signal -f
complete -c mosquitto_signal -a config-reload -d 'read the configuration again'
complete -c mosquitto_signal -a log-rotate -d 'open the log file anew; reads the configuration again as well'
complete -c mosquitto_signal -a shutdown -d 'end in good order'
complete -c mosquitto_signal -a tree-print -d 'print the subscriptions'
complete -c mosquitto_signal -a xtreport -d 'open the log file anew'
complete -c mosquitto_signal -s a -d 'tell all processes whose command is mosquitto.'
complete -c mosquitto_signal -s p -r -d 'tell this process.'
complete -c mosquitto_signal -l help -s h -d 'show this text.'
