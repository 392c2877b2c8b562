//! Clients that others wrote.

mod mosquitto_clients;
mod paho;
mod rumqttc_v4;
mod rumqttc_v5;
mod rust_clients;
