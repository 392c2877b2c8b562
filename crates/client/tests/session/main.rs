//! The session under invented time, packet by packet, against a server that says what the test has it say.

mod acknowledge_later;
mod connack;
mod handshake;
mod harness;
mod hostile;
mod keep_alive;
mod last_words;
mod long_answers;
mod misbehaviour;
mod mqtt_311;
mod order;
mod publish;
mod receive;
mod requests;
mod resume;
mod server_limits;
mod subscribe_again;
mod wire_cases;
