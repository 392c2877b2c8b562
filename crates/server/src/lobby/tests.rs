use super::*;

const LISTENER: u16 = 0;

fn source(n: u32) -> Source {
    Source::V4(Ipv4Addr::from_bits(n))
}

/// A lobby with room for `limit`, and the passes by connection.
struct Scene {
    lobby: Lobby,
    passes: BTreeMap<u32, Pass>,
    now: Moment,
}

impl Scene {
    fn new(limit: usize) -> Self {
        Self { lobby: Lobby::new(limit), passes: BTreeMap::new(), now: Moment(0) }
    }

    fn enter(&mut self, id: u32, from: u32) {
        let pass = self.lobby.enter(LISTENER, source(from), ConnectionId(id), self.now);
        self.passes.insert(id, pass);
    }

    fn leave(&mut self, id: u32) {
        self.lobby.leave(self.passes.remove(&id).unwrap());
    }

    fn line_up(&mut self, ids: impl IntoIterator<Item = u32>) {
        ids.into_iter().for_each(|id| self.lobby.line_up(self.passes[&id]));
    }

    fn room_for(&self, from: u32) -> Room {
        self.lobby.room_for(LISTENER, source(from))
    }

    fn turns(&mut self) -> Vec<u32> {
        std::iter::from_fn(|| self.lobby.next()).map(|id| id.0).collect()
    }

    /// Nothing is left of those who are gone.
    fn check_empty(&mut self) {
        self.turns();
        let Lobby { len, held, groups, ranks, turns, .. } = &self.lobby;
        assert!(
            *len == 0 && *held == 0 && groups.is_empty() && ranks.is_empty() && turns.is_empty(),
            "{:?}",
            self.lobby
        );
    }
}

fn place_of(id: u32) -> Room {
    Room::InPlaceOf(ConnectionId(id))
}

#[test]
fn addresses_take_turns() {
    let mut scene = Scene::new(100);
    (0..5).for_each(|id| scene.enter(id, 1));
    (5..7).for_each(|id| scene.enter(id, 2));
    scene.line_up([4, 0, 1, 2, 3]);
    scene.line_up([6, 5, 6]);
    assert_eq!(scene.turns(), [4, 6, 0, 5, 1, 2, 3]);
    assert!(!scene.lobby.has_turn());
}

#[test]
fn who_lines_up_again_is_behind_those_who_wait() {
    let mut scene = Scene::new(100);
    (0..3).for_each(|id| scene.enter(id, 1));
    scene.line_up(0..3);
    assert_eq!(scene.lobby.next(), Some(ConnectionId(0)));
    scene.line_up([0]);
    assert_eq!(scene.turns(), [1, 2, 0]);
}

#[test]
fn who_has_left_has_no_turn() {
    let mut scene = Scene::new(100);
    (0..3).for_each(|id| scene.enter(id, 1));
    scene.line_up(0..3);
    scene.leave(1);
    assert_eq!(scene.turns(), [0, 2]);
    scene.line_up([0]);
    scene.leave(0);
    scene.leave(2);
    // Its address may come again meanwhile.
    scene.enter(3, 1);
    scene.line_up([3]);
    assert_eq!(scene.turns(), [3]);
    scene.leave(3);
    scene.check_empty();
}

#[test]
fn the_address_with_most_connections_gives_way_with_the_one_silent_for_longest() {
    let mut scene = Scene::new(5);
    scene.enter(0, 1);
    (1..4).for_each(|id| scene.enter(id, 2));
    assert_eq!(scene.room_for(3), Room::Free);
    scene.enter(4, 3);
    for from in [1, 2, 3, 4] {
        assert_eq!(scene.room_for(from), place_of(1), "{from}");
    }
    // Who is waiting for the broker is spared while there are others.
    scene.line_up([1]);
    assert_eq!(scene.room_for(4), place_of(2));
    // What it has sent was not enough: it is as old as before.
    scene.turns();
    assert_eq!(scene.room_for(4), place_of(1));
    scene.leave(1);
    assert_eq!(scene.room_for(4), Room::Free);
}

#[test]
fn of_addresses_with_as_many_connections_the_oldest_gives_way() {
    let mut scene = Scene::new(3);
    scene.enter(0, 9);
    scene.enter(1, 1);
    scene.enter(2, 5);
    assert_eq!(scene.room_for(7), place_of(0));
    scene.leave(0);
    scene.enter(3, 9);
    assert_eq!(scene.room_for(7), place_of(1));
}

#[test]
fn where_all_wait_for_the_broker_the_newest_of_the_largest_address_gives_way() {
    let mut scene = Scene::new(4);
    (0..3).for_each(|id| scene.enter(id, 1));
    scene.enter(3, 2);
    scene.line_up(0..4);
    assert_eq!(scene.room_for(1), Room::None);
    assert_eq!(scene.room_for(2), place_of(2));
    assert_eq!(scene.room_for(3), place_of(2));
}

#[test]
fn nobody_gives_way_whose_bytes_could_not_be_looked_at_yet() {
    let mut scene = Scene::new(2);
    let mark = scene.lobby.mark();
    scene.enter(0, 1);
    assert!(!scene.lobby.is_shut(mark));
    scene.enter(1, 1);
    assert!(scene.lobby.is_shut(mark));
    assert_eq!(scene.lobby.longest_silent(mark), None);
    let mark = scene.lobby.mark();
    assert!(!scene.lobby.is_shut(mark));
    assert_eq!(scene.lobby.longest_silent(mark), Some(ConnectionId(0)));
    scene.line_up(0..2);
    assert!(!scene.lobby.is_shut(0), "there is nobody to wait for");
    assert_eq!(scene.lobby.longest_silent(mark), None);
}

#[test]
fn who_gives_way_for_a_seat_comes_through_the_same_listener_and_had_its_time() {
    let mut scene = Scene::new(100);
    (0..5).for_each(|id| scene.enter(id, 1));
    scene.now = Moment(10);
    let other = scene.lobby.enter(7, source(1), ConnectionId(10), scene.now);
    assert_eq!(scene.lobby.silent_since(Some(7), Moment(9)), None);
    assert_eq!(scene.lobby.silent_since(Some(7), Moment(10)), Some(ConnectionId(10)));
    assert_eq!(scene.lobby.silent_since(Some(LISTENER), Moment(9)), Some(ConnectionId(0)));
    assert_eq!(scene.lobby.silent_since(Some(3), Moment(10)), None);
    assert_eq!(scene.lobby.silent_since(None, Moment(9)), Some(ConnectionId(0)));
    scene.lobby.leave(other);
    (0..5).for_each(|id| scene.leave(id));
    scene.check_empty();
}

#[test]
fn who_turns_out_to_come_from_elsewhere_counts_there_from_its_beginning() {
    let mut scene = Scene::new(3);
    (0..3).for_each(|id| scene.enter(id, 1));
    scene.line_up([0, 1]);
    assert_eq!(scene.lobby.next(), Some(ConnectionId(0)));
    let moved = scene.lobby.regroup(scene.passes[&0], source(2));
    scene.passes.insert(0, moved);
    assert_eq!(scene.room_for(5), place_of(2));
    scene.leave(2);
    scene.enter(3, 2);
    assert_eq!(scene.room_for(5), place_of(0));
    (0..4).filter(|id| *id != 2).for_each(|id| scene.leave(id));
    scene.check_empty();
}

#[test]
fn a_lower_limit_sends_nobody_away_until_somebody_comes() {
    let mut scene = Scene::new(10);
    (0..4).for_each(|id| scene.enter(id, 1));
    scene.lobby.set_limit(2);
    assert_eq!(scene.room_for(2), place_of(0));
    scene.leave(0);
    assert_eq!(scene.room_for(2), place_of(1));
    scene.leave(1);
    scene.leave(2);
    assert_eq!(scene.room_for(2), Room::Free);
}

#[test]
fn who_has_much_held_goes_where_all_together_have_too_much() {
    let mut scene = Scene::new(10_000);
    let large = HELD_MAX / 100;
    (0..=100).for_each(|id| scene.enter(id, id));
    for id in 0..100 {
        // In parts.
        assert!(scene.lobby.may_hold(scene.passes[&id], large / 2));
        assert!(scene.lobby.may_hold(scene.passes[&id], large), "{id}");
    }
    assert!(scene.lobby.may_hold(scene.passes[&100], HELD_BY_ONE));
    assert!(!scene.lobby.may_hold(scene.passes[&100], large));
    scene.leave(7);
    assert!(scene.lobby.may_hold(scene.passes[&100], large));
    let moved = scene.lobby.regroup(scene.passes[&8], source(200));
    scene.passes.insert(8, moved);
    assert!(scene.lobby.may_hold(scene.passes[&9], 0));
    (0..=100).filter(|id| *id != 7).for_each(|id| scene.leave(id));
    scene.check_empty();
}

#[test]
fn neighbours_in_ipv6_are_one_source() {
    let source = |text: &str| Source::of(&Peer::of_address(text.parse().unwrap()));
    assert_eq!(source("[2001:db8:0:1::5]:1"), source("[2001:db8:0:1:ffff::6]:2"));
    assert_ne!(source("[2001:db8:0:1::5]:1"), source("[2001:db8:0:2::5]:1"));
    assert_eq!(source("10.0.0.1:1"), source("[::ffff:10.0.0.1]:1"));
    assert_ne!(source("10.0.0.1:1"), source("10.0.0.2:1"));
}

/// Whatever happens, beside a list that is simply searched through.
#[test]
fn the_books_are_kept_right() {
    let mut scene = Scene::new(20);
    let mut state = 7_u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut sources: BTreeMap<u32, u32> = BTreeMap::new();
    for id in 0..20_000 {
        let from = random(5) as u32;
        match scene.room_for(from) {
            Room::Free => {}
            Room::InPlaceOf(ConnectionId(other)) => {
                let most = (0..5).map(|from| sources.values().filter(|other| **other == from).count()).max();
                let of_other = sources.values().filter(|of| **of == sources[&other]).count();
                assert_eq!(Some(of_other), most);
                scene.leave(other);
                sources.remove(&other);
            }
            Room::None => continue,
        }
        scene.enter(id, from);
        sources.insert(id, from);
        assert!(sources.len() <= 20);
        for _ in 0..random(3) {
            let nth = random(sources.len() as u64) as usize;
            let some = *sources.keys().nth(nth).unwrap();
            match random(3) {
                0 => scene.line_up([some]),
                1 => drop(scene.lobby.next()),
                _ if sources.len() > 1 => {
                    scene.leave(some);
                    sources.remove(&some);
                }
                _ => {}
            }
        }
    }
    for id in sources.into_keys() {
        scene.leave(id);
    }
    scene.check_empty();
}
