//! Mount points: what stands before all topics of a listener's clients, without their knowing.
//!
//! Behind the edge of the broker there are whole topics only. They are made here where a client names one, and cut again
//! where one is sent to a client.

use mosquitto_mqtt::{SharedFilter, TopicFilter, TopicName};
use std::borrow::Cow;
use std::fmt;

/// How the filters of shared subscriptions begin.
const SHARE: &str = "$share/";

/// What a client's topic name is in the broker; none where it would be too long or too deep.
pub(crate) fn mounted_topic<'a>(mount_point: Option<&str>, topic: &'a str) -> Option<Cow<'a, str>> {
    let Some(mount_point) = mount_point else { return Some(topic.into()) };
    let whole = [mount_point, topic].concat();
    TopicName::new(&whole).is_ok().then_some(whole.into())
}

/// A topic filter of a client as it is in the broker, with the group that it may be for.
#[derive(Debug)]
pub(crate) struct MountedFilter<'a> {
    pub(crate) group: Option<&'a str>,
    pub(crate) filter: Cow<'a, str>,
}

impl<'a> MountedFilter<'a> {
    /// From the text of a valid filter, or none where the whole is no valid filter: too long or too deep, or a wildcard
    /// on its first level would not stand alone behind a mount point that ends within a level.
    pub(crate) fn new(mount_point: Option<&str>, text: &'a str) -> Option<Self> {
        let SharedFilter { group, filter } = SharedFilter::new(text).ok()?;
        let Some(mount_point) = mount_point else { return Some(Self { group, filter: filter.as_str().into() }) };
        let whole = [mount_point, filter.as_str()].concat();
        let before = group.map_or(0, |group| SHARE.len() + group.len() + 1);
        let is_filter = u16::try_from(before + whole.len()).is_ok() && TopicFilter::new(&whole).is_ok();
        is_filter.then_some(Self { group, filter: whole.into() })
    }

    /// The whole as a client would write it that has no mount point.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self.group {
            None => Cow::Borrowed(&self.filter),
            Some(_) => self.to_string().into(),
        }
    }
}

impl fmt::Display for MountedFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.group {
            None => f.write_str(&self.filter),
            Some(group) => write!(f, "{SHARE}{group}/{}", self.filter),
        }
    }
}

/// What a topic is to a client behind this mount point. One that lies elsewhere keeps its name: a session may have got it
/// through another listener. None for the mount point itself, with or without its last slash: `MOUNT_POINT/#` matches both,
/// and neither has a name there.
pub(crate) fn name_behind<'t>(mount_point: &str, topic: &'t [u8]) -> Option<&'t [u8]> {
    let mount_point = mount_point.as_bytes();
    match topic.strip_prefix(mount_point) {
        Some(name) => Some(name).filter(|name| !name.is_empty()),
        None => Some(topic).filter(|topic| mount_point.strip_suffix(b"/") != Some(topic)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_loses_its_mount_point_and_nothing_else() {
        for (topic, name) in
            [("m/a", Some("a")), ("m/m/a", Some("m/a")), ("m//", Some("/")), ("x/a", Some("x/a")), ("mm", Some("mm"))]
        {
            assert_eq!(name_behind("m/", topic.as_bytes()), name.map(str::as_bytes), "{topic}");
        }
        for topic in ["m/", "m"] {
            assert_eq!(name_behind("m/", topic.as_bytes()), None, "{topic}");
        }
        assert_eq!(name_behind("m", b"ma"), Some(&b"a"[..]));
        assert_eq!(name_behind("m", b"m"), None);
    }

    #[test]
    fn a_filter_is_mounted_behind_its_group() {
        let shown = |mount, text| MountedFilter::new(mount, text).map(|filter| filter.to_string());
        assert_eq!(shown(Some("m/"), "a/#").as_deref(), Some("m/a/#"));
        assert_eq!(shown(Some("m/"), "$share/g/+/a").as_deref(), Some("$share/g/m/+/a"));
        assert_eq!(shown(None, "$share/g/+/a").as_deref(), Some("$share/g/+/a"));
        assert_eq!(shown(Some("m"), "+/a"), None, "the wildcard would not be alone on its level");
        assert_eq!(shown(Some("m"), "a/+").as_deref(), Some("ma/+"));
    }
}
