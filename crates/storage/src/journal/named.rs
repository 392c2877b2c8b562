//! Which snapshots a journal names, whatever is there now.

use super::Disk;
use super::Identity;
use super::disk::read_up_to;
use super::layout::{FRAMES_AT, Header, SnapshotFrame};
use super::names::Names;
use super::scan::scan;
use std::collections::BTreeSet;
use std::io;

/// The snapshots that the segments beside this database name as what they continue, the last one last: for who has reason to
/// think that the database that is there is one of them, and damaged. Segments that cannot be read name none.
pub fn named_snapshots(disk: &dyn Disk, database: &str) -> io::Result<Vec<Identity>> {
    let names = Names::new(database);
    let numbers: BTreeSet<u64> = disk.list()?.iter().filter_map(|name| names.number(name)).collect();
    let mut named = Vec::new();
    for number in numbers {
        let Ok(file) = disk.open(&names.segment(number)) else { continue };
        let Ok(size) = file.size() else { continue };
        let mut head = vec![0; size.min(FRAMES_AT) as usize];
        let read = read_up_to(&*file, &mut head, 0);
        head.truncate(read);
        let Ok((header, latest)) = Header::decode(&head) else { continue };
        named.push(header.base.identity);
        named.extend(latest.map(|base| base.identity));
        scan(&*file, (header.salt, number), size, |_, bytes| {
            named.extend(SnapshotFrame::decode(bytes).map(|(frame, _)| frame.base.identity));
        });
        named.dedup();
    }
    Ok(named)
}
