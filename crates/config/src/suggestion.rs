//! What a misspelt option was meant to be.

use crate::options::{Action, Declaration, options};

/// How many letters may be wrong, missing or too many.
const EDITS_MAX: usize = 2;

/// The option whose name is nearest to one that is unknown, if any is near.
pub(crate) fn nearest_option(name: &[u8]) -> Option<&'static str> {
    options()
        .filter(|option| !matches!(option.action, Action::Removed(_) | Action::Idle(..) | Action::Refused(_)))
        .flat_map(Declaration::names)
        .filter_map(|known| Some((edits(name, known.as_bytes())?, known)))
        .min()
        .map(|(_, known)| known)
}

/// How many single letters to replace, add or take away to get from one to the other, not counting upper and lower
/// case; `None` if more than [`EDITS_MAX`].
fn edits(from: &[u8], to: &[u8]) -> Option<usize> {
    // Also keeps a line-long "name" from costing anything.
    if from.len().abs_diff(to.len()) > EDITS_MAX {
        return None;
    }
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, left) in from.iter().enumerate() {
        let mut diagonal = index;
        let mut behind = index + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(to) {
            let replaced = diagonal + usize::from(!left.eq_ignore_ascii_case(right));
            diagonal = *cell;
            *cell = replaced.min(*cell + 1).min(behind + 1);
            behind = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().filter(|edits| *edits <= EDITS_MAX)
}

#[cfg(test)]
mod tests {
    use super::{edits, nearest_option};

    #[test]
    fn counts_edits_up_to_two() {
        assert_eq!(edits(b"port", b"port"), Some(0));
        assert_eq!(edits(b"PORT", b"port"), Some(0));
        assert_eq!(edits(b"prt", b"port"), Some(1));
        assert_eq!(edits(b"portal", b"port"), Some(2));
        assert_eq!(edits(b"post", b"port"), Some(1));
        assert_eq!(edits(b"opprt", b"port"), Some(2));
        assert_eq!(edits(b"", b"port"), None);
        assert_eq!(edits(b"tropp", b"port"), None);
        assert_eq!(edits(b"abcd", b"port"), None);
    }

    #[test]
    fn suggests_what_is_near_and_nothing_else() {
        assert_eq!(nearest_option(b"max_paket_size"), Some("max_packet_size"));
        assert_eq!(nearest_option(b"Listener"), Some("listener"));
        assert_eq!(nearest_option(b"alow_anonimous"), Some("allow_anonymous"));
        assert_eq!(nearest_option(b"unknown_option"), None);
        assert_eq!(nearest_option(b"\xff\xfe"), None);
        assert_eq!(nearest_option(b"trace_levl"), None);
        assert_eq!(nearest_option(&vec![b'x'; 1 << 20]), None);
    }
}
