use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

fn list(text: &str) -> AccessList {
    AccessList::parse(text.as_bytes()).unwrap()
}

fn who<'a>(client_id: &'a str, username: &'a str) -> Subject<'a> {
    Subject { client_id, username: Some(username).filter(|name| !name.is_empty()) }
}

/// `r`, `w`, `rw` or nothing.
fn rights(list: &AccessList, subject: Subject<'_>, topic: &str) -> &'static str {
    match list.rights(subject, topic.as_bytes()) {
        Rights { read: true, write: true } => "rw",
        Rights { read: true, write: false } => "r",
        Rights { read: false, write: true } => "w",
        Rights { read: false, write: false } => "",
    }
}

#[test]
fn an_empty_list_allows_nothing() {
    for text in ["", "\n\n", "# topic readwrite #\n", "user bob\n"] {
        assert_eq!(rights(&list(text), who("c", ""), "a"), "");
        assert_eq!(rights(&list(text), who("c", "bob"), "a"), "");
    }
}

#[test]
fn rules_above_the_first_user_are_for_anonymous_clients_only() {
    let list = list(
        "topic read a\ntopic write b\nuser bob\ntopic a/b\nuser  eve two \ntopic readwrite e\nuser bob\ntopic f\n",
    );
    let subject = [who("c", ""), who("c", "bob"), who("c", "eve two"), who("c", "eve"), who("bob", "")];
    let all = |topic| subject.map(|subject| rights(&list, subject, topic));
    assert_eq!(all("a"), ["r", "", "", "", "r"]);
    assert_eq!(all("b"), ["w", "", "", "", "w"]);
    assert_eq!(all("a/b"), ["", "rw", "", "", ""]);
    assert_eq!(all("e"), ["", "", "rw", "", ""]);
}

#[test]
fn a_denial_counts_wherever_it_stands_among_its_kind() {
    let rules = list("topic read a/#\ntopic deny a/b/+\ntopic read a/b/c\npattern write a/#\npattern deny %c/x\n");
    assert_eq!(rights(&rules, who("c", ""), "a/x"), "rw");
    assert_eq!(rights(&rules, who("c", ""), "a/b/c"), "", "no pattern allows what a rule denies");
    assert_eq!(rights(&rules, who("a", ""), "a/x"), "r", "a pattern takes nothing from what a rule allows");
    assert_eq!(rights(&rules, who("a", "bob"), "a/x"), "");
}

#[test]
fn patterns_hold_for_everybody_and_names_fill_whole_levels() {
    let list = list("user bob\npattern read in/%c\npattern write out/%u/#\npattern x%c\npattern %u-%c\n");
    assert_eq!(rights(&list, who("c", ""), "in/c"), "r");
    assert_eq!(rights(&list, who("c", ""), "in/cc"), "");
    assert_eq!(rights(&list, who("c", "eve"), "out/eve"), "w");
    assert_eq!(rights(&list, who("c", "eve"), "out/eve/x/y"), "w");
    assert_eq!(rights(&list, who("c", "eve"), "out/bob/x"), "");
    assert_eq!(rights(&list, who("c", "eve"), "xc"), "");
    assert_eq!(rights(&list, who("c", "eve"), "x%c"), "rw", "within a level it stands for nothing");
    assert_eq!(rights(&list, who("c", "eve"), "%u-%c"), "rw");
    assert_eq!(rights(&list, who("c", ""), "%u-%c"), "", "and %u is for clients that have one");
}

#[test]
fn a_client_called_like_a_wildcard_gets_nothing_by_patterns() {
    let rules = "user +\ntopic own\nuser #\ntopic own\nuser bob\ntopic own\n";
    let with = list(&format!("{rules}pattern readwrite %c/%u\npattern read free\n"));
    for (subject, danger) in [
        (who("c", "+"), Some(Dangerous::Username)),
        (who("c", "a#b"), Some(Dangerous::Username)),
        (who("+", "bob"), Some(Dangerous::ClientId)),
        (who("#", "bob"), Some(Dangerous::ClientId)),
        (who("c/+", "bob"), Some(Dangerous::ClientId)),
        (who("c", "bob"), None),
    ] {
        assert_eq!(with.danger_of(subject), danger);
        assert_eq!(rights(&with, subject, "free"), if danger.is_some() { "" } else { "r" });
        assert_eq!(rights(&with, subject, "a/b"), "");
        assert_eq!(rights(&with, subject, "c/bob"), if danger.is_some() { "" } else { "rw" });
    }
    assert_eq!(rights(&with, who("c", "+"), "own"), "rw", "but by the rules for its user");
    assert_eq!(list(rules).danger_of(who("+", "#")), None, "where there are no patterns, nothing is dangerous");
}

#[test]
fn a_client_called_like_several_levels_gets_nothing_by_patterns_and_is_denied_all_the_same() {
    let list = list("pattern readwrite %c/in\npattern read data/#\npattern deny data/%c/#\npattern write u/%u\n");
    assert_eq!(rights(&list, who("a/b", ""), "a/b/in"), "");
    assert_eq!(rights(&list, who("a/b", ""), "data/a/b/c"), "");
    assert_eq!(rights(&list, who("a/b", ""), "data/a/c"), "r");
    assert_eq!(rights(&list, who("c", "x/y"), "u/x/y"), "");
}

#[test]
fn only_a_rule_that_begins_with_a_dollar_matches_a_topic_that_does() {
    let rules = list("topic #\ntopic +/a\npattern %c/#\npattern %u/#\n");
    for topic in ["$SYS", "$SYS/a", "$SYS/broker/uptime", "$x"] {
        assert_eq!(rights(&rules, who("$SYS", ""), topic), "", "{topic}");
        assert_eq!(rights(&rules, who("c", "$SYS"), topic), "", "{topic}");
    }
    let rules = list("topic read $SYS/#\npattern write $x/%c/+\n");
    assert_eq!(rights(&rules, who("c", ""), "$SYS"), "r");
    assert_eq!(rights(&rules, who("c", ""), "$SYS/a/b"), "r");
    assert_eq!(rights(&rules, who("c", ""), "$x/c/$y"), "w");
}

#[test]
fn white_space_is_taken_as_mosquitto_takes_it() {
    let rules = list("  topic   read   a b \t\r\n");
    assert_eq!(rights(&rules, who("c", ""), "a b"), "r");
    assert_eq!(
        rights(&list("topic read\ntopic deny\t\x0b\n"), who("c", ""), "deny"),
        "rw",
        "a word alone is the filter"
    );
}

#[test]
fn what_is_wrong_is_said_in_mosquittos_words() {
    let error = |text: &[u8]| {
        let error = AccessList::parse(text).unwrap_err();
        (error.line, error.in_file("F"))
    };
    for (text, line, said) in [
        (&b"topic a\ntopic foo b\n"[..], 2, "Error: Invalid topic access type \"foo\" in acl_file \"F\"."),
        (b"topic \n", 1, "Error: Empty topic in acl_file \"F\"."),
        (b"pattern\n", 1, "Error: Empty topic in acl_file \"F\"."),
        (b"pattern read a/#/b", 1, "Error: Invalid ACL topic \"a/#/b\" in acl_file \"F\"."),
        (b"topic a+", 1, "Error: Invalid ACL topic \"a+\" in acl_file \"F\"."),
        (b"\n\nuser \t\n", 3, "Error: Missing username in acl_file \"F\"."),
        (b"  # no comment\n", 1, "Error: Invalid line in acl_file \"F\":   #."),
        (b"topics a b\n", 1, "Error: Invalid line in acl_file \"F\": topics."),
        (b"topic\tread a\n", 1, "Error: Invalid line in acl_file \"F\": topic?read."),
        (b"topic \xff\n", 1, "Error: Invalid line in acl_file \"F\": topic."),
        (b"user a\0b\n", 1, "Error: Invalid line in acl_file \"F\": user."),
    ] {
        assert_eq!(error(text), (line, said.to_owned()));
    }
}

#[test]
fn a_pattern_without_a_name_in_it_is_warned_about() {
    let list = list("pattern read a/+\npattern b/%c\npattern c/x%u\n");
    assert_eq!(list.warnings(), ["Warning: ACL pattern 'a/+' does not contain '%c' or '%u'."]);
}

#[test]
fn ten_thousand_rules_are_not_walked_through_for_a_question() {
    let text: Vec<_> = (0..5000).map(|n| format!("topic read site/{n}/+/x\npattern write {n}/%c/#\n")).collect();
    let list = list(&text.concat());
    assert_eq!(rights(&list, who("c", ""), "site/4711/a/x"), "r");
    for (rules, topic) in [(&list.anonymous, "site/4711/a/x"), (&list.patterns, "4711/c/x/y")] {
        let visited = rules.visited(topic.as_bytes(), Named::of(who("c", "")));
        assert!(visited <= topic.split('/').count() + 1, "{visited}");
    }
}

#[test]
fn what_is_remembered_is_what_the_list_says_and_ends_with_it() {
    let (first, second) = (list("topic read a/#\n"), list("topic write a/#\n"));
    let mut recent = RecentRights::default();
    let topics: Vec<String> = (0..100).map(|n| format!("{}/{n}", if n % 3 == 0 { "a" } else { "b" })).collect();
    for list in [&first, &second, &first] {
        for topic in topics.iter().chain(&topics) {
            let subject = who("c", "");
            for _ in 0..2 {
                let remembered = recent.ask(list, subject, topic.as_bytes());
                assert_eq!(remembered, list.rights(subject, topic.as_bytes()), "{topic}");
            }
        }
        assert!(recent.warn_once() && !recent.warn_once());
    }
}

/// A rule as it was made up.
#[allow(clippy::option_option, reason = "a pattern, or a rule for nobody by name, or for somebody")]
#[derive(Debug, Clone)]
struct Rule {
    /// None: a pattern.
    user: Option<Option<String>>,
    access: &'static str,
    levels: Vec<&'static str>,
}

impl Rule {
    /// As Mosquitto compares it, a level at a time.
    fn matches(&self, subject: Subject<'_>, topic: &str) -> bool {
        if topic.starts_with('$') && !self.levels[0].starts_with('$') {
            return false;
        }
        let is_pattern = self.user.is_none();
        if is_pattern && subject.username.is_none() && self.levels.iter().any(|level| level.contains("%u")) {
            return false;
        }
        let mut names = topic.split('/');
        for level in &self.levels {
            if *level == "#" {
                return true;
            }
            let Some(name) = names.next() else { return false };
            let wanted = match *level {
                "+" => name,
                "%c" if is_pattern => subject.client_id,
                "%u" if is_pattern => subject.username.unwrap_or_default(),
                level => level,
            };
            if wanted != name {
                return false;
            }
        }
        names.next().is_none()
    }

    fn grants(&self, access: Access) -> bool {
        self.access == "readwrite" || self.access == if access == Access::Read { "read" } else { "write" }
    }
}

/// One rule after the other, those that deny before the others.
fn naive(rules: &[Rule], subject: Subject<'_>, topic: &str, access: Access) -> bool {
    let decide = |rules: &[&Rule]| {
        let matching = || rules.iter().filter(|rule| rule.matches(subject, topic));
        if matching().any(|rule| rule.access == "deny") {
            return Some(false);
        }
        matching().any(|rule| rule.grants(access)).then_some(true)
    };
    let of_user = |rule: &&Rule| rule.user.as_ref().is_some_and(|user| user.as_deref() == subject.username);
    let (own, patterns): (Vec<_>, Vec<_>) =
        (rules.iter().filter(of_user).collect(), rules.iter().filter(|rule| rule.user.is_none()).collect());
    if let Some(decided) = decide(&own) {
        return decided;
    }
    let is_dangerous = |name: &str| name.contains('+') || name.contains('#');
    if is_dangerous(subject.client_id) || subject.username.is_some_and(is_dangerous) {
        return false;
    }
    decide(&patterns).unwrap_or(false)
}

const NAMES: [&str; 7] = ["a", "b", "$s", "%u", "", "+", "#"];
const LEVELS: [&str; 8] = ["a", "b", "$s", "+", "%c", "%u", "x%u", ""];

prop_compose! {
    fn rule()(
        user in prop::option::weighted(0.6, prop::option::weighted(0.6, prop::sample::select(vec!["a", "b", "+"]))),
        access in prop::sample::select(vec!["", "read", "write", "readwrite", "deny"]),
        mut levels in prop::collection::vec(prop::sample::select(LEVELS.to_vec()), 1..5),
        open in prop::bool::ANY,
    ) -> Rule {
        if open {
            levels.push("#");
        }
        if levels == [""] {
            levels = vec!["+"];
        }
        let user = user.map(|name| name.map(str::to_owned));
        Rule { user, access: if access.is_empty() { "readwrite" } else { access }, levels }
    }
}

fn written(rules: &[Rule]) -> String {
    // First those of anonymous clients: there is no way back to them.
    let is_anonymous = |rule: &&Rule| rule.user == Some(None);
    let ordered = rules.iter().filter(is_anonymous).chain(rules.iter().filter(|rule| !is_anonymous(rule)));
    let lines = ordered.map(|rule| {
        let (access, filter) = (rule.access, rule.levels.join("/"));
        match &rule.user {
            None => format!("pattern {access} {filter}\n"),
            Some(None) => format!("topic {access} {filter}\n"),
            Some(Some(name)) => format!("user {name}\ntopic {access} {filter}\n"),
        }
    });
    lines.collect::<Vec<_>>().concat()
}

proptest! {
    #[test]
    fn the_trees_say_what_the_rules_say_one_after_the_other(
        rules in prop::collection::vec(rule(), 0..12),
        username in prop::option::of(prop::sample::select(vec!["a", "b", "+", "$s"])),
        client_id in prop::sample::select(vec!["a", "b", "$s", "#a"]),
        topics in prop::collection::vec(prop::collection::vec(prop::sample::select(NAMES[..5].to_vec()), 1..5), 1..8),
    ) {
        // A filter whose levels are all empty but one is blank space at the end of its line.
        let list = AccessList::parse(written(&rules).as_bytes()).unwrap();
        let subject = Subject { client_id, username };
        let mut recent = RecentRights::default();
        for topic in topics.iter().chain(&topics).map(|levels| levels.join("/")).filter(|topic| !topic.is_empty()) {
            let said = list.rights(subject, topic.as_bytes());
            prop_assert_eq!(said, recent.ask(&list, subject, topic.as_bytes()));
            for access in [Access::Read, Access::Write] {
                prop_assert_eq!(said.allow(access), naive(&rules, subject, &topic, access), "{} {:?}", topic, access);
            }
        }
    }

    #[test]
    fn any_bytes_are_a_list_or_an_error(text in prop::collection::vec(any::<u8>(), 0..200), topic in any::<String>()) {
        if let Ok(list) = AccessList::parse(&text) {
            list.rights(who("c", "u"), topic.as_bytes());
        }
    }

    #[test]
    fn words_in_any_order_are_a_list_or_an_error_that_names_its_line(
        words in prop::collection::vec(
            prop::sample::select(vec!["topic", "pattern", "user", "read", "deny", " ", "\n", "a/+", "#", "%c", "\0", "\u{e9}"]),
            0..30,
        ),
    ) {
        let text = words.concat();
        match AccessList::parse(text.as_bytes()) {
            Ok(list) => { list.rights(who("c", "u"), b"a/b"); }
            Err(error) => prop_assert!(error.line >= 1 && error.line <= text.split('\n').count()),
        }
    }
}

#[test]
fn no_two_lists_are_equal() {
    let lists: HashSet<u64> = (0..10).map(|_| list("topic a\n").serial).collect();
    assert_eq!(lists.len(), 10);
}
