//! The session under invented time, packet by packet, against a server that says what the test has it say.

mod handshake;
mod harness;
mod hostile;
mod keep_alive;
mod misbehaviour;
mod publish;
mod receive;
mod requests;
mod resume;
mod wire_cases;
