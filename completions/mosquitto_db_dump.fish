# Made by `cargo run -p mosquitto-manual` from the table of options: change that.
complete -c mosquitto_db_dump -l stats -d 'show how many chunks there are of each type.'
complete -c mosquitto_db_dump -l client-stats -d 'show for each client how many subscriptions and messages it has, and how many bytes they take.'
complete -c mosquitto_db_dump -l json -d 'show all of it as one JSON document.'
