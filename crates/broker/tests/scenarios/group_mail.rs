//! Messages under way to members of groups on other shards (MQTT 5, 4.8.2).

use crate::harness::{Net, connect};
use mosquitto_broker::Settings;

#[test]
fn a_full_mailbox_holds_back_groups_that_have_members_there_and_no_others() {
    for has_left in [false, true] {
        let mut net = Net::with(3, Settings { max_queued_messages: 0, ..Settings::default() });
        let ids = [("pub", 0), ("by", 0), ("far", 1), ("near", 2)].map(|(name, shard)| net.id_at_home_on(name, shard));
        let [publisher, bystander, far, near] = ids.map(|id| connect(&id).on(&mut net));
        net.subscribe(far, "t", 0);
        net.subscribe(near, "$share/g/s", 0);
        net.subscribe(far, "$share/g/s", 0);
        // The same membership, and not one more.
        net.subscribe(far, "$share/g/s", 1);
        if has_left {
            net.unsubscribe(far, 1, &["$share/g/s"]);
        }
        net.hold_mail = true;
        for _ in 0..16 {
            net.publish(publisher, "t", &"x".repeat(500_000), 0, 0);
        }
        assert!(net.unread_by_broker(publisher) > 0);
        net.publish(bystander, "s", "share", 1, 1);
        assert_eq!(net.got(bystander).len(), usize::from(has_left));
        net.deliver_mail();
        assert_eq!(net.got(bystander).len(), usize::from(!has_left));
    }
}

#[test]
fn letters_to_a_member_are_told_apart_by_topic_after_it_left_a_group() {
    // [MQTT-3.10.4-2]
    let mut net = Net::new();
    let ids = [net.id_at_home_on("pub", 0), net.id_at_home_on("sub", 1)];
    let [publisher, subscriber] = ids.map(|id| connect(&id).on(&mut net));
    for filter in ["$share/a/t", "$share/b/t", "$share/a/u"] {
        net.subscribe(subscriber, filter, 1);
    }
    net.hold_mail = true;
    // Four batches fill the mailbox, so that what follows travels in one.
    for (topic, id) in ["t", "t", "t", "t", "t", "u", "t", "u"].iter().zip(1..) {
        net.publish(publisher, topic, "x", 1, id);
    }
    net.unsubscribe(subscriber, 1, &["$share/a/t", "$share/b/t"]);
    net.deliver_mail();
    let got = ["UNSUBACK 1 [0, 0]", r#"PUBLISH q1 id=1 u "x""#, r#"PUBLISH q1 id=2 u "x""#];
    assert_eq!(net.got(subscriber), got);
}
