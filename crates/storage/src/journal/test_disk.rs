//! A disk in memory, for tests: it can lose what was not synced, in every way in which a disk may.

use super::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const EIO: i32 = 5;
const EROFS: i32 = 30;

const SECTOR_BYTES: u64 = 4096;

/// A directory in memory. Clones are the same directory.
///
/// Everything that changes something is an *operation*. What it did is visible at once, and durable after a sync of the file
/// or the directory. [`crash`](Self::crash) makes another disk, with what is durable and any part of what is not: of each
/// block of a file, its state after any of the writes since the sync; of each file, any of its sizes since; of each name in
/// the directory, any of the files (or none) that it stood for since.
#[derive(Clone, Default)]
pub struct TestDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: Vec<FileState>,
    /// The names that are there, and the index of their files.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// What became of names since the directory was synced.
    pending_names: BTreeMap<String, Vec<Option<usize>>>,
    operations: u64,
    power_off_after: Option<u64>,
    room_bytes: Option<u64>,
    syncs_fail: bool,
    is_read_only: bool,
    unreadable: Option<(String, Option<u64>)>,
}

#[derive(Default, Clone)]
struct FileState {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Write>,
    /// The sizes since the file was synced.
    pending_sizes: Vec<usize>,
}

#[derive(Clone)]
struct Write {
    offset: usize,
    bytes: Vec<u8>,
}

impl TestDisk {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// What files there are, and what one reads in them.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        state.names.iter().map(|(name, file)| (name.clone(), state.file(*file).bytes.clone())).collect()
    }

    /// What one reads in this file.
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(name).map(|file| state.file(*file).bytes.clone())
    }

    /// Puts a file there, durable at once and not counted as an operation.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state();
        let file = state.files.len();
        state.files.push(FileState { bytes: bytes.to_vec(), durable: bytes.to_vec(), ..FileState::default() });
        state.names.insert(name.to_owned(), file);
        state.durable_names.insert(name.to_owned(), file);
        state.pending_names.remove(name);
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Cuts the power while the operation with this number, counted from 0, is under way: it and all later ones fail.
    pub fn power_off_after(&self, operations: u64) {
        self.state().power_off_after = Some(operations);
    }

    /// How many bytes all files together may have; beyond that is ENOSPC. `None`: any number.
    pub fn set_room(&self, bytes: Option<u64>) {
        self.state().room_bytes = bytes;
    }

    /// Whether each sync of a file or of the directory fails with EIO.
    pub fn set_syncs_fail(&self, fail: bool) {
        self.state().syncs_fail = fail;
    }

    /// Whether all that changes something fails with EROFS.
    pub fn set_read_only(&self, read_only: bool) {
        self.state().is_read_only = read_only;
    }

    /// A file that may not be opened, or of which one sector of 4,096 bytes cannot be read.
    pub fn set_unreadable(&self, place: Option<(&str, Option<u64>)>) {
        self.state().unreadable = place.map(|(name, sector)| (name.to_owned(), sector));
    }

    /// What a crash leaves, as a disk of its own where everything is durable. `choose` is asked for each thing that may have
    /// come to the disk or not, and returns a number up to the one that it is given: 0 is what is durable, the highest what
    /// was visible. Blocks of `block_bytes` are written as a whole or not at all.
    #[must_use]
    pub fn crash(&self, block_bytes: usize, mut choose: impl FnMut(usize) -> usize) -> Self {
        let state = self.state();
        let mut names = BTreeMap::new();
        let all: std::collections::BTreeSet<&String> =
            state.durable_names.keys().chain(state.pending_names.keys()).collect();
        for name in all {
            let mut versions = vec![state.durable_names.get(name).copied()];
            versions.extend(state.pending_names.get(name).into_iter().flatten());
            if let Some(Some(file)) = versions.get(choose(versions.len() - 1)) {
                names.insert(name.clone(), *file);
            }
        }
        let left = Self::new();
        for (name, file) in names {
            left.put(&name, &state.file(file).crash(block_bytes, &mut choose));
        }
        drop(state);
        left
    }

    /// What a crash leaves if nothing gets to the disk without a sync.
    #[must_use]
    pub fn crash_and_lose_all(&self) -> Self {
        self.crash(4096, |_| 0)
    }

    /// What is left if the broker alone is killed: everything.
    #[must_use]
    pub fn kill(&self) -> Self {
        self.crash(4096, |most| most)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn file(&self, file: usize) -> &FileState {
        self.files.get(file).unwrap_or_else(|| unreachable!("files are never removed from the list"))
    }

    fn file_mut(&mut self, file: usize) -> &mut FileState {
        self.files.get_mut(file).unwrap_or_else(|| unreachable!("files are never removed from the list"))
    }

    /// Counts an operation. `Ok(false)`: the power goes off while it is under way.
    fn operation(&mut self) -> io::Result<bool> {
        if self.is_read_only {
            return Err(io::Error::from_raw_os_error(EROFS));
        }
        let number = self.operations;
        self.operations += 1;
        match self.power_off_after {
            Some(last) if number > last => Err(power_off()),
            Some(last) => Ok(number < last),
            None => Ok(true),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.operation() {
            Ok(true) if self.syncs_fail => Err(io::Error::from_raw_os_error(EIO)),
            Ok(true) => Ok(()),
            Ok(false) => Err(power_off()),
            Err(error) => Err(error),
        }
    }

    fn set_name(&mut self, name: &str, file: Option<usize>) {
        self.pending_names.entry(name.to_owned()).or_default().push(file);
        match file {
            Some(file) => self.names.insert(name.to_owned(), file),
            None => self.names.remove(name),
        };
    }

    /// Fails if the file cannot grow to this size.
    fn check_room(&self, file: usize, size: usize) -> io::Result<()> {
        let Some(room) = self.room_bytes else { return Ok(()) };
        let others: usize =
            self.names.values().filter(|other| **other != file).map(|f| self.file(*f).bytes.len()).sum();
        let has = self.file(file).bytes.len();
        if size > has && (others + size) as u64 > room { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl FileState {
    fn set_size(&mut self, size: usize) {
        if size != self.bytes.len() {
            // What is cut off is not there when the file grows again.
            if let Some(cut) = self.bytes.get(size..).map(<[u8]>::len) {
                self.pending.push(Write { offset: size, bytes: vec![0; cut] });
            }
            self.bytes.resize(size, 0);
            self.pending_sizes.push(size);
        }
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.set_size(self.bytes.len().max(offset + bytes.len()));
        put(&mut self.bytes, offset, bytes);
        self.pending.push(Write { offset, bytes: bytes.to_vec() });
    }

    fn sync(&mut self) {
        self.durable.clone_from(&self.bytes);
        self.pending.clear();
        self.pending_sizes.clear();
    }

    fn crash(&self, block_bytes: usize, choose: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
        let sizes: Vec<usize> = [self.durable.len()].into_iter().chain(self.pending_sizes.iter().copied()).collect();
        let size = sizes.get(choose(sizes.len() - 1)).copied().unwrap_or_default();
        let mut bytes = self.durable.clone();
        bytes.resize(sizes.iter().copied().max().unwrap_or_default(), 0);
        // The writes of each block, in their order.
        let mut blocks: BTreeMap<usize, Vec<(usize, &[u8])>> = BTreeMap::new();
        for write in &self.pending {
            let (mut offset, mut rest) = (write.offset, write.bytes.as_slice());
            while !rest.is_empty() {
                let block = offset / block_bytes;
                let (piece, behind) = rest.split_at(rest.len().min((block + 1) * block_bytes - offset));
                blocks.entry(block).or_default().push((offset, piece));
                (offset, rest) = (offset + piece.len(), behind);
            }
        }
        for writes in blocks.values() {
            for (offset, piece) in writes.iter().take(choose(writes.len())) {
                put(&mut bytes, *offset, piece);
            }
        }
        bytes.resize(size, 0);
        bytes
    }
}

fn put(bytes: &mut [u8], offset: usize, piece: &[u8]) {
    if let Some(place) = bytes.get_mut(offset..offset + piece.len()) {
        place.copy_from_slice(piece);
    }
}

fn power_off() -> io::Error {
    io::Error::other("the power is off")
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

/// What an operation that was done says: an error, if the power went off meanwhile.
fn done(on: bool) -> io::Result<()> {
    if on { Ok(()) } else { Err(power_off()) }
}

impl Disk for TestDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        let on = state.operation()?;
        let file = if let Some(file) = state.names.get(name).copied() {
            state.file_mut(file).set_size(0);
            file
        } else {
            let file = state.files.len();
            state.files.push(FileState::default());
            state.set_name(name, Some(file));
            file
        };
        done(on)?;
        Ok(Box::new(TestFile { disk: self.clone(), file }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let state = self.state();
        if state.unreadable.as_ref().is_some_and(|(bad, sector)| bad == name && sector.is_none()) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let file = state.names.get(name).copied().ok_or_else(not_found)?;
        Ok(Box::new(TestFile { disk: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let on = state.operation()?;
        let file = state.names.get(from).copied().ok_or_else(not_found)?;
        state.set_name(to, Some(file));
        state.set_name(from, None);
        done(on)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        let on = state.operation()?;
        if !state.names.contains_key(name) {
            return Err(not_found());
        }
        state.set_name(name, None);
        done(on)
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = self.state();
        state.sync()?;
        state.durable_names = state.names.clone();
        state.pending_names.clear();
        Ok(())
    }
}

struct TestFile {
    disk: TestDisk,
    file: usize,
}

impl DiskFile for TestFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.state().file(self.file).bytes.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let rest = state.file(self.file).bytes.get(offset as usize..).unwrap_or_default();
        let mut count = rest.len().min(buffer.len());
        if let Some((name, Some(sector))) = &state.unreadable
            && state.names.get(name) == Some(&self.file)
        {
            // What is in front of it can be read, as on a real disk.
            let (start, end) = (sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
            if (start..end).contains(&offset) {
                return Err(io::Error::from_raw_os_error(EIO));
            }
            count = count.min(start.checked_sub(offset).map_or(count, |before| before as usize));
        }
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let on = state.operation()?;
        state.check_room(self.file, offset as usize + bytes.len())?;
        state.file_mut(self.file).write(offset as usize, bytes);
        done(on)
    }

    fn preallocate(&mut self, size: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let on = state.operation()?;
        state.check_room(self.file, size as usize)?;
        let file = state.file_mut(self.file);
        file.set_size(file.bytes.len().max(size as usize));
        done(on)
    }

    fn truncate(&mut self, size: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        let on = state.operation()?;
        state.file_mut(self.file).set_size(size as usize);
        done(on)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.sync()?;
        state.file_mut(self.file).sync();
        Ok(())
    }
}
