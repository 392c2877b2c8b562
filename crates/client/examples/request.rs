//! Asks a question and waits for the answer, with a response topic and correlation data (MQTT 5). It answers itself, too.
//!
//!     cargo run -p mosquitto-client --example request -- localhost 1883

use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::mqtt::{Properties, PropertiesBuf, Property, ProtocolVersion, QoS};
use mosquitto_client::{Client, Event, Message, Next, Options, Publication};

const QUESTIONS: &str = "example/questions";
const ANSWERS: &str = "example/answers";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [host, port] = std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "HOST PORT")?;
    let mut client = Client::new(Options::new(ProtocolVersion::V5, "example-request"))?;
    client.connect(&host, port.parse()?)?;
    loop {
        match client.next(None)? {
            Next::Event(Event::Connected { .. }) => {
                let options = SubscriptionOptions::default();
                let subscriptions = [QUESTIONS, ANSWERS].map(|filter| Subscription { filter, options });
                client.subscribe(&subscriptions, Properties::EMPTY)?;
            }
            // Only now, so that the answer cannot come too soon.
            Next::Event(Event::Subscribed { .. }) => {
                let list = [Property::ResponseTopic(ANSWERS), Property::CorrelationData(b"1")];
                let properties: PropertiesBuf = list.into_iter().collect();
                let question = Publication::new(QUESTIONS, b"how much is 6 * 7?", QoS::AtMostOnce);
                client.publish(Publication { properties: properties.as_properties(), ..question })?;
            }
            Next::Event(Event::Message(message)) if message.topic == QUESTIONS => answer(&mut client, &message)?,
            Next::Event(Event::Message(message)) => {
                println!("the answer is {}", String::from_utf8_lossy(&message.payload));
                client.disconnect();
            }
            Next::Event(Event::Disconnected(_)) => return Ok(()),
            Next::Unreachable(error) => return Err(error.into()),
            _ => {}
        }
    }
}

fn answer(client: &mut Client, question: &Message) -> Result<(), Box<dyn std::error::Error>> {
    let (mut topic, mut properties) = (None, PropertiesBuf::new());
    for property in question.properties.as_properties().iter() {
        match property {
            Property::ResponseTopic(name) => topic = Some(name),
            Property::CorrelationData(_) => properties.push(property),
            _ => {}
        }
    }
    if let Some(topic) = topic {
        let answer = Publication::new(topic, b"42", QoS::AtMostOnce);
        client.publish(Publication { properties: properties.as_properties(), ..answer })?;
    }
    Ok(())
}
