# Made by `cargo run -p mosquitto-manual` from the table of options: change that.
complete -c mosquitto_passwd -s b -d 'the password is an argument, which others on this machine can see.'
complete -c mosquitto_passwd -s c -d 'make a new password file, which must not be there yet; - is standard output.'
complete -c mosquitto_passwd -s D -d 'delete the user.'
complete -c mosquitto_passwd -s H -r -a 'sha512-pbkdf2 argon2id sha512' -d 'the kind of hash: sha512-pbkdf2 (the default), argon2id or sha512.'
complete -c mosquitto_passwd -s I -r -d 'iterations of sha512-pbkdf2, 1 to 10000000; 1000 if not given.'
complete -c mosquitto_passwd -s U -d 'hash the passwords in a file that has them as plain text; what is hashed already stays.'
complete -c mosquitto_passwd -l help -d 'show this text.'
