//! rumqttd as its own program starts it, without its log: `rumqttd-to-compare CONFIGURATION`.

use config::{Config, File, FileFormat};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("rumqttd-to-compare CONFIGURATION")?;
    let text = std::fs::read_to_string(path)?;
    let read = Config::builder().add_source(File::from_str(&text, FileFormat::Toml)).build()?;
    rumqttd::Broker::new(read.try_deserialize()?).start()?;
    Ok(())
}
