//! The copy of the repository in which every site asks at run time what it is.

use crate::find::{Site, What, find};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What cargo needs to build the models.
const COPIED: [&str; 7] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "src",
    "tests",
    "benches",
    "examples",
];
/// The floors whose protocols loom explores, and what else is compiled under it.
pub const FLOORS: [&str; 7] = [
    "ring", "park", "table", "lane", "wheel", "channel", "switches",
];
/// The floor of the planted flag.
pub const PLANTED: &str = "planted";

/// A file of the floors with its sites.
pub struct File {
    pub floor: &'static str,
    /// From the top of the repository, with `/`.
    pub path: String,
    pub text: String,
    pub sites: Vec<Site>,
}

/// The files of all floors that have sites, the planted one first.
pub fn read(top: &Path) -> Result<Vec<File>, String> {
    let mut files = vec![file(
        PLANTED,
        "src/sync/flag.rs".into(),
        include_str!("../planted/flag.rs").into(),
    )?];
    for floor in FLOORS {
        let paths = match floor {
            "switches" => vec!["src/queue/base/switches.rs".to_string()],
            _ => sources(top, &format!("src/{floor}"))
                .map_err(|error| format!("src/{floor}: {error}"))?,
        };
        for path in paths {
            let text =
                fs::read_to_string(top.join(&path)).map_err(|error| format!("{path}: {error}"))?;
            files.push(file(floor, path, text)?);
        }
    }
    files.retain(|file| !file.sites.is_empty());
    Ok(files)
}

fn file(floor: &'static str, path: String, text: String) -> Result<File, String> {
    let sites = find(&text).map_err(|error| format!("{path}: {error}"))?;
    Ok(File {
        floor,
        path,
        text,
        sites,
    })
}

/// The Rust files in `folder`, in order, its unit tests left out.
fn sources(top: &Path, folder: &str) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    for path in under(top, Path::new(folder))? {
        let path = path.to_string_lossy().replace('\\', "/");
        if path.ends_with(".rs") && !path.ends_with("tests.rs") {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// The files at and below `path`, from `top`, in order.
fn under(top: &Path, path: &Path) -> io::Result<Vec<PathBuf>> {
    if !top.join(path).is_dir() {
        return Ok(vec![path.into()]);
    }
    let entries = fs::read_dir(top.join(path))?.collect::<io::Result<Vec<_>>>()?;
    let mut names: Vec<_> = entries.iter().map(|entry| entry.file_name()).collect();
    names.sort();
    let mut files = Vec::new();
    for name in names.iter().filter(|name| *name != "target") {
        files.extend(under(top, &path.join(name))?);
    }
    Ok(files)
}

/// Writes the copy to `to`; sites are numbered through `files`. What is as it was stays untouched, for cargo's sake.
pub fn write(top: &Path, files: &[File], to: &Path) -> io::Result<()> {
    let mut kept = BTreeSet::new();
    let mut put = |path: &Path, text: &[u8]| {
        kept.insert(path.to_path_buf());
        let target = to.join(path);
        if fs::read(&target).is_ok_and(|old| old == text) {
            return Ok(());
        }
        fs::create_dir_all(target.parent().expect("a file lies in a folder"))?;
        fs::write(target, text)
    };
    let mut first = 0;
    for file in files {
        put(Path::new(&file.path), rewritten(file, first).as_bytes())?;
        first += file.sites.len();
    }
    put(
        "src/sync/chosen.rs".as_ref(),
        include_bytes!("../planted/chosen.rs"),
    )?;
    put(
        "tests/loom/planted.rs".as_ref(),
        include_bytes!("../planted/models.rs"),
    )?;
    for copied in COPIED {
        for path in under(top, Path::new(copied))? {
            if files.iter().any(|file| Path::new(&file.path) == path) {
                continue;
            }
            let text = fs::read(top.join(&path))?;
            let (before, behind): (&str, &str) = match path.to_str() {
                // What was imported for the sites alone is unused now.
                Some("src/lib.rs") => ("#![allow(unused_imports, unused_macros)] ", ""),
                Some("src/sync/mod.rs") => ("", "pub mod chosen;\npub mod flag;\n"),
                Some("tests/loom/main.rs") => ("", "mod planted;\n"),
                _ => ("", ""),
            };
            let text = [before.as_bytes(), &text, behind.as_bytes()].concat();
            put(&path, &text)?;
        }
    }
    for copied in COPIED {
        for path in under(to, Path::new(copied))? {
            if !kept.contains(&path) {
                fs::remove_file(to.join(path))?;
            }
        }
    }
    Ok(())
}

/// The file's text with its sites, the first of them number `first`, chosen at run time.
fn rewritten(file: &File, first: usize) -> String {
    let (mut text, mut end) = (String::new(), 0);
    for (number, site) in (first..).zip(&file.sites) {
        let how = match site.what {
            What::Ordering => "ordering",
            What::Fence => "fence",
            What::FenceAfterRmw => "fence_after_rmw",
        };
        text += &file.text[end..site.range.start];
        text += &format!(
            "crate::sync::chosen::{how}({number}, crate::sync::atomic::Ordering::{})",
            site.right
        );
        end = site.range.end;
    }
    text + &file.text[end..]
}
