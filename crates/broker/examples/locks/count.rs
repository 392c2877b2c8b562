//! By counting: shards take turns on one thread. A round is a tick of each that has something to do; who had nothing to do
//! and gets mail is woken.

use crate::station::{self, Station};
use mosquitto_broker::{ConnectionId, Mail, lock_times};

const SHARDS: [u16; 5] = [1, 2, 4, 16, 64];
/// Messages of a publisher in a tick.
const BATCHES: [usize; 2] = [1, 20];
/// Messages that are counted, at least.
const MESSAGES: usize = 4000;

/// Publishers and subscribers: a topic of each of the former, a filter of each of the latter.
struct Plan {
    name: &'static str,
    topics: Vec<String>,
    filters: Vec<String>,
    receivers: usize,
    /// Whether each message has a topic of its own below that, which no shard knows the way of.
    anew: bool,
}

fn plans() -> [Plan; 5] {
    let topics = |count: usize| (0..count).map(|i| format!("in/{i}")).collect::<Vec<_>>();
    let many = |form: fn(usize) -> String| (0..100).map(form).collect::<Vec<_>>();
    [
        Plan { name: "100 pairs", topics: topics(100), filters: topics(100), receivers: 1, anew: false },
        Plan {
            name: "fan-in of 100",
            topics: topics(100),
            filters: vec!["in/+".to_owned()],
            receivers: 1,
            anew: false,
        },
        Plan {
            name: "fan-out to 100",
            topics: topics(1),
            filters: vec!["in/0".to_owned(); 100],
            receivers: 100,
            anew: false,
        },
        Plan {
            name: "many, 5 of 100 match",
            topics: many(|i| format!("{}/in/{i}", i % 20)),
            filters: many(|i| format!("{}/{}", i % 20, if (i / 20).is_multiple_of(2) { "#" } else { "+/+" })),
            receivers: 5,
            anew: false,
        },
        Plan {
            name: "100 pairs, each message has another topic",
            topics: topics(100),
            filters: (0..100).map(|i| format!("in/{i}/#")).collect(),
            receivers: 1,
            anew: true,
        },
    ]
}

/// For a message.
struct Cost {
    tree_locks: f64,
    mails: f64,
    wakes: f64,
}

pub(crate) fn tell() {
    println!(
        "For each message: how often the shards lock one of the trees that they share, put a batch of mail into another"
    );
    println!(
        "shard's mailbox (a lock each, and one more to take it out), and wake another shard, which then does a tick.\n"
    );
    let shards = SHARDS.map(|shards| format!("{shards}"));
    println!("| load | messages of a publisher in a tick | | shards: {} |", shards.join(" | "));
    println!("|---|---:|---|{}", "---:|".repeat(SHARDS.len()));
    for plan in plans() {
        for batch in BATCHES {
            let costs = SHARDS.map(|shards| measure(&plan, shards, batch));
            let row = |what: &str, of: fn(&Cost) -> f64| {
                let cells: Vec<_> = costs.iter().map(|cost| format!("{:.3}", of(cost))).collect();
                println!("| {} | {batch} | {what} | {} |", plan.name, cells.join(" | "));
            };
            row("tree locks", |cost| cost.tree_locks);
            row("mails", |cost| cost.mails);
            row("wake-ups", |cost| cost.wakes);
        }
    }
    println!();
}

struct World {
    stations: Vec<Station>,
    mailboxes: Vec<Vec<Mail>>,
    mails: usize,
    wakes: usize,
    /// What makes the next topic another one.
    number: usize,
}

fn measure(plan: &Plan, shards: u16, batch: usize) -> Cost {
    let stations = station::broker(shards);
    let mailboxes = stations.iter().map(|_| Vec::new()).collect();
    let mut world = World { stations, mailboxes, mails: 0, wakes: 0, number: 0 };
    for (number, filter) in plan.filters.iter().enumerate() {
        let (home, id) = world.client(&format!("s{number}"));
        world.stations[home].subscribe(id, std::slice::from_ref(filter));
    }
    let publishers: Vec<_> = (0..plan.topics.len()).map(|number| world.client(&format!("p{number}"))).collect();
    world.run();
    // Once, so that the shards know the ways of all topics, as they do soon.
    world.publish(plan, &publishers, 1);
    lock_times::take();
    (world.mails, world.wakes) = (0, 0);
    let before: usize = world.stations.iter().map(|station| station.sent_len).sum();
    let rounds = MESSAGES.div_ceil(plan.topics.len() * batch);
    (0..rounds).for_each(|_| world.publish(plan, &publishers, batch));
    let messages = rounds * plan.topics.len() * batch;
    let sent: usize = world.stations.iter().map(|station| station.sent_len).sum::<usize>() - before;
    assert!(sent >= messages * plan.receivers * 64, "all of them arrive");
    let locks: u64 = lock_times::take().iter().map(|times| times.count).sum();
    let each = |count: usize| count as f64 / messages as f64;
    Cost { tree_locks: each(locks as usize), mails: each(world.mails), wakes: each(world.wakes) }
}

impl World {
    /// A client at its home.
    fn client(&mut self, client_id: &str) -> (usize, ConnectionId) {
        let home = self.stations[0].home_of(client_id);
        (home, self.stations[home].client(client_id))
    }

    /// One after the other, or all of them a whole batch.
    fn publish(&mut self, plan: &Plan, publishers: &[(usize, ConnectionId)], batch: usize) {
        for (&(home, id), topic) in publishers.iter().zip(&plan.topics) {
            for _ in 0..batch {
                self.number += usize::from(plan.anew);
                let topic = if plan.anew { &format!("{topic}/{}", self.number) } else { topic };
                self.stations[home].publish(id, false, topic);
            }
            if batch == 1 {
                self.run();
            }
        }
        self.run();
    }

    /// Rounds until there is nothing more to do.
    fn run(&mut self) {
        loop {
            let awake: Vec<bool> = (0..self.stations.len())
                .map(|number| self.stations[number].has_work() || !self.mailboxes[number].is_empty())
                .collect();
            if !awake.contains(&true) {
                return;
            }
            for number in (0..awake.len()).filter(|&number| awake[number]) {
                let mail = std::mem::take(&mut self.mailboxes[number]);
                self.stations[number].tick(&mail);
                let (mailboxes, mails, wakes) = (&mut self.mailboxes, &mut self.mails, &mut self.wakes);
                self.stations[number].mail(|to, mail| {
                    let mailbox = &mut mailboxes[to.index()];
                    *mails += 1;
                    *wakes += usize::from(mailbox.is_empty() && !awake[to.index()]);
                    mailbox.push(mail);
                });
            }
        }
    }
}
