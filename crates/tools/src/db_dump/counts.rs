//! `--stats` and `--client-stats`: how many, and how much.

use super::View;
use mosquitto_storage::{Chunk, Entry};
use std::collections::HashMap;
use std::io::{self, Write};

/// How many chunks there are of each type.
#[derive(Debug, Default)]
pub(super) struct TypeCounts {
    configs: u64,
    base_messages: u64,
    client_messages: u64,
    retained: u64,
    subscriptions: u64,
    clients: u64,
}

impl View for TypeCounts {
    fn entry(&mut self, entry: &Entry<'_>, _out: &mut dyn Write) -> io::Result<()> {
        match entry.chunk {
            Chunk::Config(_) => self.configs += 1,
            Chunk::BaseMessage(_) => self.base_messages += 1,
            Chunk::ClientMessage(_) => self.client_messages += 1,
            Chunk::Retained(_) => self.retained += 1,
            Chunk::Subscription(_) => self.subscriptions += 1,
            Chunk::Client(_) => self.clients += 1,
            Chunk::Unknown(_) => {}
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "DB_CHUNK_CFG:        {}", self.configs)?;
        writeln!(out, "DB_CHUNK_BASE_MSG:   {}", self.base_messages)?;
        writeln!(out, "DB_CHUNK_CLIENT_MSG: {}", self.client_messages)?;
        writeln!(out, "DB_CHUNK_RETAIN:     {}", self.retained)?;
        writeln!(out, "DB_CHUNK_SUB:        {}", self.subscriptions)?;
        writeln!(out, "DB_CHUNK_CLIENT:     {}", self.clients)
    }
}

/// For each client: its subscriptions and messages, and the bytes that these take in the file.
#[derive(Debug, Default)]
pub(super) struct ClientCounts {
    /// In the order of the file.
    clients: Vec<OfClient>,
    /// Where a client stands among them.
    places: HashMap<String, usize>,
    /// The bytes of each base message.
    messages: HashMap<u64, u64>,
}

#[derive(Debug, Default)]
struct OfClient {
    id: String,
    subscriptions: u64,
    subscription_bytes: u64,
    messages: u64,
    message_bytes: u64,
}

impl ClientCounts {
    fn client(&mut self, id: &str) -> Option<&mut OfClient> {
        self.clients.get_mut(*self.places.get(id)?)
    }
}

impl View for ClientCounts {
    fn entry(&mut self, entry: &Entry<'_>, _out: &mut dyn Write) -> io::Result<()> {
        let bytes = u64::from(entry.length);
        match &entry.chunk {
            Chunk::BaseMessage(message) => drop(self.messages.insert(message.store_id, bytes)),
            Chunk::Client(client) => {
                self.places.insert(client.client_id.to_owned(), self.clients.len());
                self.clients.push(OfClient { id: client.client_id.to_owned(), ..OfClient::default() });
            }
            Chunk::ClientMessage(message) => {
                let stored = self.messages.get(&message.store_id).copied().unwrap_or(0);
                if let Some(client) = self.client(message.client_id) {
                    client.messages += 1;
                    client.message_bytes += bytes + stored;
                }
            }
            Chunk::Subscription(subscription) => {
                if let Some(client) = self.client(subscription.client_id) {
                    client.subscriptions += 1;
                    client.subscription_bytes += bytes;
                }
            }
            Chunk::Config(_) | Chunk::Retained(_) | Chunk::Unknown(_) => {}
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        for OfClient { id, subscriptions, subscription_bytes, messages, message_bytes } in &self.clients {
            writeln!(out, "SC: {subscriptions} SS: {subscription_bytes} MC: {messages} MS: {message_bytes}   {id}")?;
        }
        Ok(())
    }
}
