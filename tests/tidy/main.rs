//! The rules of the house that neither rustc nor clippy knows.
//!
//! Each rule is a function from a `Source` (or several) to complaints, followed by two tests: one
//! runs it over this repository; its control feeds it a bad source in memory and demands the
//! complaint, because a test that cannot fail proves nothing. Complaints read `file:line: what`.
//!
//! A source is split by a small lexer into code, string literals and comments, so that a word in a
//! comment or a string is never taken for code. Macros are read as written, not expanded.

mod actions;
mod bugs;
mod circles;
mod floors;
mod memory;
mod rooms;
mod shim;
mod source;
mod text;

use std::fs;
use std::path::Path;

use source::*;

/// The library's source folder and those that surround it.
const FOLDERS: [&str; 5] = ["src", "tests", "benches", "examples", "fuzz"];

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether this is an unpacked package, which lacks `.ci` and the nested crate `fuzz`.
fn packaged() -> bool {
    top().join("Cargo.toml.orig").exists()
}

/// Every text file in these folders of the top.
fn read(folders: &[&str]) -> Vec<Source> {
    const SKIPPED: [&str; 5] = ["target", "corpus", "artifacts", "coverage", "Cargo.lock"];
    let mut sources = Vec::new();
    let mut rest: Vec<String> = folders.iter().map(|folder| folder.to_string()).collect();
    while let Some(path) = rest.pop() {
        let file = top().join(&path);
        if let Ok(entries) = fs::read_dir(&file) {
            let names = entries
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned());
            let names = names.filter(|name| !SKIPPED.contains(&name.as_str()));
            rest.extend(names.map(|name| format!("{path}/{name}")));
        } else {
            sources.extend(Source::load(&file, path));
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

/// The complaints of `rule` over the Rust files of these folders.
fn over(rule: fn(&Source) -> Vec<Complaint>, folders: &[&str]) -> Vec<Complaint> {
    let sources = read(folders);
    assert!(
        sources.iter().any(|source| source.path == "src/lib.rs"),
        "src/ was not found"
    );
    sources
        .iter()
        .filter(|source| source.path.ends_with(".rs"))
        .flat_map(rule)
        .collect()
}

fn expect_none(complaints: Vec<Complaint>) {
    let listed: Vec<String> = complaints.iter().map(Complaint::to_string).collect();
    assert!(
        listed.is_empty(),
        "{} complaints:\n{}",
        listed.len(),
        listed.join("\n")
    );
}

/// Demands of `rule` exactly the complaints that the lines of `text` announce behind `//~`.
fn control(rule: fn(&Source) -> Vec<Complaint>, path: &str, text: &str) {
    let (mut plain, mut expected) = (String::new(), Vec::new());
    for (line, text) in text.lines().enumerate() {
        let (code, announced) = text.split_once(" //~ ").unwrap_or((text, ""));
        plain = plain + code + "\n";
        let announced = announced.split(" ~ ").filter(|what| !what.is_empty());
        expected.extend(announced.map(|what| (line + 1, what)));
    }
    expect(rule(&Source::new(path, &plain)), &expected);
}

/// Demands exactly these complaints: their lines, and a part of what they say.
fn expect(complaints: Vec<Complaint>, expected: &[(usize, &str)]) {
    let met = |(complaint, (line, what)): (&Complaint, &(usize, &str))| {
        complaint.line == *line && complaint.what.contains(what)
    };
    let all = complaints.len() == expected.len() && complaints.iter().zip(expected).all(met);
    let listed: Vec<String> = complaints.iter().map(Complaint::to_string).collect();
    assert!(all, "expected {expected:#?}, got:\n{}", listed.join("\n"));
}
