//! Every input that the fuzzer has found worth keeping, and every one that once failed, on a stable toolchain.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test that cannot go on fails")]

use mosquitto_fuzz_targets::{TARGETS, run};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A target may count on being the only one that runs, as under the fuzzer: for the numbers of its descriptors, say.
static ALONE: Mutex<()> = Mutex::new(());

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The names in a folder, in order.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Runs the target of this name with every file of a folder, which has some.
fn replay(folder: &Path, target: &str) {
    let files = names(folder);
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        let path = folder.join(file);
        let bytes = fs::read(&path).unwrap();
        // The test's output then ends with the input that it failed for.
        println!("{}", path.display());
        let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        run(target, &bytes);
    }
}

fn target_names() -> BTreeSet<String> {
    TARGETS.iter().map(|target| target.name.to_owned()).collect()
}

#[test]
fn every_input_of_every_corpus_passes() {
    let corpora = fuzz_folder().join("corpus");
    assert_eq!(names(&corpora), target_names(), "every target has a corpus, and every corpus a target");
    for target in TARGETS {
        replay(&corpora.join(target.name), target.name);
    }
}

#[test]
fn every_input_that_once_failed_passes() {
    let regressions = fuzz_folder().join("regressions");
    let mut folders = names(&regressions);
    assert!(folders.remove("README.md"), "{} is not where it was", regressions.display());
    assert!(folders.is_subset(&target_names()), "{folders:?}");
    for target in folders {
        replay(&regressions.join(&target), &target);
    }
}

#[test]
fn every_target_has_its_binary() {
    let manifest = fs::read_to_string(fuzz_folder().join("Cargo.toml")).unwrap();
    let binaries: BTreeSet<String> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
        .map(str::to_owned)
        .collect();
    assert_eq!(binaries, target_names());
    for target in TARGETS {
        let source = fs::read_to_string(fuzz_folder().join(format!("fuzz_targets/{}.rs", target.name))).unwrap();
        assert!(source.contains(&format!("run(\"{}\", bytes)", target.name)), "{source}");
    }
}

#[test]
fn inputs_are_small() {
    // They are part of the repository: what is long can hardly be understood, and what is much takes long to replay.
    let mut total = 0;
    for target in TARGETS {
        let folder = fuzz_folder().join("corpus").join(target.name);
        for file in names(&folder) {
            let len = fs::metadata(folder.join(&file)).unwrap().len();
            assert!(len <= 8 * 1024, "{}/{file} has {len} bytes", target.name);
            total += len;
        }
    }
    assert!(total <= 2 << 20, "{total} bytes");
}
