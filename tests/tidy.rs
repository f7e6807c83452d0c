//! The rules of the house that neither rustc nor clippy knows.
//!
//! Each rule is a function from a `Source` (or several) to complaints, followed by two tests: one
//! runs it over this repository; its control feeds it a bad source in memory and demands the
//! complaint, because a test that cannot fail proves nothing. Complaints read `file:line: what`.
//!
//! A source is split by a small lexer into code, string literals and comments, so that a word in a
//! comment or a string is never taken for code. Macros are read as written, not expanded.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

/// The floors of `src/`, lowest first; neighbours on one floor do not know each other.
const FLOORS: [&[&str]; 8] = [
    &["sync", "time", "model"],
    &["ring", "park", "telemetry"],
    &["channel", "lane", "wheel", "limit", "journal"],
    &["table"],
    &["queue"],
    &["runtime"],
    &["report"],
    &["cli"],
];
/// The floor from which the umbrella error, which names the errors of all floors up to `runtime`,
/// may be used.
const ABOVE_ERROR: usize = 6;
/// Files that stand outside the floors.
const NO_FLOOR: [&str; 4] = [
    "src/lib.rs",
    "src/main.rs",
    "src/error.rs",
    "src/internals.rs",
];
/// Where `unsafe` may stand. `cli` counts allocations and asks the system for CPU time.
const UNSAFE_IN: [&str; 5] = ["sync", "ring", "park", "table", "cli"];
/// The library's source folder and those that surround it.
const FOLDERS: [&str; 5] = ["src", "tests", "benches", "examples", "fuzz"];

const ORDERING_WITHIN: usize = 8;
const SAFETY_WITHIN: usize = 6;
const LONGEST_FILE: usize = 500;
const BUGS: &str = "src/_docs/bugs.md";

// ---------------------------------------------------------------------------------- the rules --

/// A module imports only from floors below its own. `sync` is there for everybody.
fn floors(source: &Source) -> Vec<Complaint> {
    if NO_FLOOR.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let own = source.module();
    let Some(own_floor) = floor(&own) else {
        return vec![source.complain(0, format!("module `{own}` is on no floor"))];
    };
    let wrong = |target: &str| match (target, floor(target)) {
        ("internals", _) if source.is_test() => None,
        ("internals", _) => Some("`internals` is for tests, benches and models".to_string()),
        ("error", _) if own_floor >= ABOVE_ERROR => None,
        ("error", _) => Some(format!("`{own}` imports the umbrella `error` from above")),
        (_, None) => Some(format!(
            "`crate::{target}` is no module on a floor: name where it lives"
        )),
        ("sync", _) => None,
        (_, Some(other)) if other < own_floor => None,
        (_, Some(other)) if other == own_floor => Some(format!(
            "`{own}` imports its neighbour `{target}` on floor {other}"
        )),
        (_, Some(other)) => Some(format!(
            "`{own}` on floor {own_floor} imports `{target}` from floor {other}"
        )),
    };
    let imports = source
        .paths()
        .into_iter()
        .filter(|path| path.local && !path.is_crate_macro());
    let imports = imports.filter_map(|path| Some((path.line, path.parts.first()?.clone())));
    imports
        .filter(|(_, target)| *target != own)
        .filter_map(|(line, target)| Some(source.complain(line, wrong(&target)?)))
        .collect()
}

#[test]
fn modules_import_from_floors_below() {
    expect_none(over(floors, &["src"]));
}

#[test]
fn control_floors() {
    let ring = r#"//! A ring.
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::{table::Word, sync::Arc, park}; //~ `table` from floor 3 ~ neighbour `park`
use super::queue; //~ imports `queue`
mod laps { use super::super::lane::Band; use super::Ring; } //~ imports `lane`
fn f() { crate::runtime::start(); super::super::ring::x(); } //~ imports `runtime`
fn g() { crate::order!("a"); } // crate::cli::x
use crate::JobId; //~ `crate::JobId` is no module
use crate::internals::Ring; //~ `internals` is for tests
use crate::time::Clock as _;
"#;
    control(floors, "src/ring/mod.rs", ring);
    let time = "use crate::sync::Arc;\nuse crate::model::JobId; //~ neighbour `model`";
    control(floors, "src/time/mod.rs", time);
    let sync = "use crate::time::Clock; //~ neighbour `time`";
    control(floors, "src/sync/real.rs", sync);
    let queue = "use crate::error::Error; //~ umbrella `error`";
    control(floors, "src/queue/mod.rs", queue);
    let report = "use crate::{error::Error, queue::Queue};";
    control(floors, "src/report/mod.rs", report);
    let tests = "use crate::internals::x;\nuse super::*;";
    control(floors, "src/ring/tests.rs", tests);
    control(floors, "src/attic/mod.rs", "//! Old. //~ on no floor");
}

/// Every ordering stronger than `Relaxed`, and every fence, says what it is for.
fn orderings(source: &Source) -> Vec<Complaint> {
    if source.is_test() || ["sync", "cli"].contains(&source.module().as_str()) {
        return Vec::new();
    }
    let tokens = source.tokens();
    let strong = |at: usize| match tokens[at].text.as_str() {
        "Acquire" | "Release" | "AcqRel" | "SeqCst" => true,
        "fence" | "fence_after_rmw" => {
            is(&tokens, at + 1, "(") && !(at > 0 && is(&tokens, at - 1, "fn"))
        }
        _ => false,
    };
    let used = outside_use(&tokens).into_iter().filter(|&at| strong(at));
    let lines: BTreeSet<usize> = used.map(|at| tokens[at].line).collect();
    lines
        .into_iter()
        .filter(|&line| !source.commented(line, ORDERING_WITHIN, "ORDERING:"))
        .map(|line| {
            source.complain(
                line,
                format!("no `ORDERING:` comment within {ORDERING_WITHIN} lines above"),
            )
        })
        .collect()
}

#[test]
fn strong_orderings_are_explained() {
    expect_none(over(orderings, &["src"]));
}

#[test]
fn control_orderings() {
    let code = r#"//! Acquire in prose.
use crate::sync::atomic::{
    Ordering::{Acquire, Release},
};
fn f() -> impl Fn() + use<> {
    let s = "ORDERING: in a string is no comment, SeqCst in one is no code";
    x.store(1, Release); //~ `ORDERING:`
    fence(y); //~ `ORDERING:`
    // ORDERING: Acquire — pairs with the Release of `f`.
    x.load(
        Acquire,
    );
    1;
    2;
    3;
    4;
    5;
    6;
    x.load(SeqCst); //~ `ORDERING:`
}
fn fence(x: Ordering) { crate::sync::fence_after_rmw() } //~ `ORDERING:`
"#;
    control(orderings, "src/ring/mod.rs", code);
    let bare = "fn f() { x.load(Acquire); }";
    control(orderings, "src/sync/real.rs", bare);
    control(orderings, "src/cli/alloc.rs", bare);
    control(orderings, "src/park/once_tests.rs", bare);
}

/// Where no model sees that an ordering is needed, a line of its `ORDERING:` comment says why: `// unseen: why`, or
/// `// unseen Acquire: why` where sites share the comment. `tests/mutants` reads these lines.
fn unseen(source: &Source) -> Vec<Complaint> {
    const ORDERINGS: [&str; 5] = ["", "Acquire", "Release", "AcqRel", "SeqCst"];
    let comment = |line: &Line| line.raw.trim_start().starts_with("//");
    let mut complaints = Vec::new();
    for (number, line) in source.lines.iter().enumerate() {
        let text = line.comment.trim_start_matches('/').trim_start();
        let Some(rest) = text.strip_prefix("unseen") else {
            continue;
        };
        let above = source.lines[..number].iter().rev();
        let in_place = above
            .take_while(|line| comment(line))
            .any(|line| line.comment.contains("ORDERING:"));
        match rest.split_once(':') {
            Some((whom, why)) if ORDERINGS.contains(&whom.trim()) && !why.trim().is_empty() => {}
            _ => complaints
                .push(source.complain(number, "not `unseen: why` or `unseen Acquire: why`")),
        }
        if !comment(line) || !in_place {
            complaints.push(source.complain(number, "`unseen` outside an `ORDERING:` comment"));
        }
    }
    complaints
}

#[test]
fn what_no_model_sees_is_explained() {
    expect_none(over(unseen, &["src"]));
}

#[test]
fn control_unseen() {
    let code = r#"// ORDERING: Release — of two, in prose unseen.
// unseen: no model is long enough,
// and this goes on.
x.store(1, Release);
// ORDERING: AcqRel — and more.
// unseen Acquire: it is another fence's work.
// unseen Relaxed: nothing. //~ not `unseen: why`
// unseen: //~ not `unseen: why`
// unseen because of this //~ not `unseen: why`
x.swap(1, AcqRel);
// unseen: far away. //~ outside an `ORDERING:`
// ORDERING: Release.
x.store(1, Release); // unseen: behind it. //~ outside an `ORDERING:`
"#;
    control(unseen, "src/ring/mod.rs", code);
}

/// `unsafe` stands in few modules, and each says why it is sound.
fn safety(source: &Source) -> Vec<Complaint> {
    let tokens = source.tokens();
    let allowed = UNSAFE_IN.contains(&source.module().as_str());
    let mut complaints = Vec::new();
    for (at, token) in tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.text == "unsafe")
    {
        if is(&tokens, at + 1, "fn") && is(&tokens, at + 2, "(") {
            continue; // a type: `unsafe fn(..)`
        }
        let documented = is(&tokens, at + 1, "fn") && source.documented(token.line, "# Safety");
        if !allowed {
            complaints
                .push(source.complain(token.line, "`unsafe` outside the modules that may use it"));
        } else if !documented && !source.commented(token.line, SAFETY_WITHIN, "SAFETY:") {
            let what =
                format!("no `SAFETY:` comment within {SAFETY_WITHIN} lines above this `unsafe`");
            complaints.push(source.complain(token.line, what));
        }
    }
    complaints
}

#[test]
fn unsafe_code_is_explained() {
    expect_none(over(safety, &["src"]));
}

#[test]
fn control_safety() {
    let code = r#"//! unsafe in prose. // SAFETY: too far above.
#![deny(unsafe_op_in_unsafe_fn)]
type Callback = unsafe fn(*mut u8);
//
//
//
//
unsafe impl Send for X {} //~ `SAFETY:`
fn f() { g(unsafe { *p }) } //~ `SAFETY:`
/// Takes it.
///
/// # Safety
/// One
/// two
/// three
/// four
/// five
/// six: `p` is valid.
#[inline]
pub unsafe fn take() {}
pub unsafe fn undocumented() {} //~ `SAFETY:`
// SAFETY: only one thread has it.
unsafe impl Sync for X {}
"#;
    control(safety, "src/park/once.rs", code);
    let lane = "// SAFETY: none.\nunsafe impl Send for X {} //~ outside";
    control(safety, "src/lane/mod.rs", lane);
}

/// Threads, locks and cells come from `crate::sync`: what a model checker cannot see blinds it.
fn shim(source: &Source) -> Vec<Complaint> {
    const FORBIDDEN: [&str; 11] = [
        "std::sync",
        "std::thread",
        "std::thread_local",
        "std::cell::UnsafeCell",
        "core::sync",
        "core::cell::UnsafeCell",
        "alloc::sync",
        "parking_lot",
        "loom",
        "shuttle",
        "thread_local",
    ];
    let exempt = ["src/main.rs", "src/error.rs"].contains(&source.path.as_str());
    if exempt || source.is_test() || ["sync", "cli"].contains(&source.module().as_str()) {
        return Vec::new();
    }
    let forbidden = |path: &str| {
        FORBIDDEN.iter().any(|root| {
            path.strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        })
    };
    let paths = source.paths();
    let from_shim = paths
        .iter()
        .any(|path| path.local && path.parts.ends_with(&["thread_local".into()]));
    let mut complaints: Vec<_> = paths
        .iter()
        .filter(|path| !path.local && forbidden(&path.parts.join("::")))
        .map(|path| {
            source.complain(
                path.line,
                format!("`{}` not by way of `sync`", path.parts.join("::")),
            )
        })
        .collect();
    let tokens = source.tokens();
    for (at, token) in tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.text == "thread_local")
    {
        let bare = is(&tokens, at + 1, "!") && !(at > 0 && is(&tokens, at - 1, "::"));
        if bare && !from_shim {
            complaints.push(source.complain(token.line, "`thread_local!` not by way of `sync`"));
        }
    }
    complaints
}

#[test]
fn threads_and_locks_come_from_sync() {
    expect_none(over(shim, &["src"]));
}

#[test]
fn control_shim() {
    let code = r#"//! std::sync in prose.
/// let x = std::sync::Arc::new(1);
use std::{fmt, sync::{Arc, atomic}}; //~ std::sync::Arc ~ std::sync::atomic
use std::{time::Duration, thread, threads}; //~ std::thread
use std::cell::{Cell, UnsafeCell as Raw}; //~ std::cell::UnsafeCell
fn f() { ::std::thread::yield_now(); "loom::model" } //~ std::thread::yield_now
fn g() { parking_lot::Mutex::new(1); } //~ parking_lot::Mutex
#[cfg(x)] use loom::thread as t; //~ loom::thread
std::thread_local! { static B: u8 = 1; } //~ std::thread_local
thread_local! { static A: u8 = 1; } //~ `thread_local!`
use crate::sync::{Arc, thread};
"#;
    control(shim, "src/queue/add.rs", code);
    let through = "use crate::sync::thread_local;\nthread_local! { static A: u8 = 1; }";
    control(shim, "src/queue/idle.rs", through);
    let bare = "use std::sync::Arc;";
    for exempt in [
        "src/sync/real.rs",
        "src/cli/x.rs",
        "src/main.rs",
        "src/lane/tests.rs",
    ] {
        control(shim, exempt, bare);
    }
}

/// Nothing is left half done.
fn leftovers(source: &Source) -> Vec<Complaint> {
    if source.path == "tests/tidy.rs" {
        return Vec::new();
    }
    let half_done = |line: &Line| {
        let mut found = words(&line.raw);
        found.find_map(|(word, rest)| match word {
            "TODO" | "FIXME" | "XXX" => Some(word.to_string()),
            "todo" | "unimplemented" | "dbg" if rest.starts_with('!') => Some(format!("{word}!")),
            _ => None,
        })
    };
    let numbered = source.lines.iter().enumerate();
    numbered
        .filter_map(|(line, text)| {
            Some(source.complain(line, format!("`{}` left", half_done(text)?)))
        })
        .collect()
}

#[test]
fn nothing_is_half_done() {
    expect_none(over(leftovers, &FOLDERS));
}

#[test]
fn control_leftovers() {
    let code = r#"// TODO later //~ `TODO`
fn f() { todo!() } //~ `todo!`
fn todo() { dbg!(1); } //~ `dbg!`
// FIXME //~ `FIXME`
let x = "XXX"; //~ `XXX`
// TODOS XXXX
unimplemented!(); //~ `unimplemented!`
"#;
    control(leftovers, "examples/a.rs", code);
}

/// No test or library code waits by sleeping, unless the sleep is a job's simulated work.
///
/// Methods and definitions of that name (`idle.sleep(..)`, `fn sleep(..)`) are another thing.
fn sleeps(source: &Source) -> Vec<Complaint> {
    if !source.path.ends_with(".rs") {
        return Vec::new();
    }
    let tokens = source.tokens();
    let sleeps = |at: usize| {
        let before = at
            .checked_sub(1)
            .map_or("", |before| tokens[before].text.as_str());
        let named = before == "::" && at >= 2 && is(&tokens, at - 2, "thread");
        tokens[at].text == "sleep"
            && (named || is(&tokens, at + 1, "(") && ![".", "fn"].contains(&before))
    };
    let lines: BTreeSet<usize> = (0..tokens.len())
        .filter(|&at| sleeps(at))
        .map(|at| tokens[at].line)
        .collect();
    lines
        .into_iter()
        .filter(|&line| !source.lines[line].comment.contains("// WORK:"))
        .map(|line| {
            source.complain(
                line,
                "a sleep that is no job's work (`// WORK:`) hides a race",
            )
        })
        .collect()
}

#[test]
fn nobody_waits_by_sleeping() {
    expect_none(over(sleeps, &["src", "tests"]));
}

#[test]
fn control_sleeps() {
    let code = r#"// sleep(1) in prose
fn f() { std::thread::sleep(ms(1)); } //~ a sleep
fn g() { sleep(ms(1)) } //~ a sleep
fn h() { sleep(ms(1)) } // WORK: a slow mail server
use std::thread::sleep; //~ a sleep
fn sleep(x: u8) { idle.sleep(x); sleeper(x); "sleep(1)" }
"#;
    control(sleeps, "tests/suite/a.rs", code);
}

/// A file is one thought and starts by telling it.
fn files(source: &Source) -> Vec<Complaint> {
    if !source.path.ends_with(".rs") {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    if !source.lines.first().is_some_and(|line| {
        ["//!", "#![doc = include_str!("]
            .iter()
            .any(|head| line.raw.starts_with(head))
    }) {
        complaints.push(source.complain(0, "does not start with `//!`"));
    }
    if source.lines.len() > LONGEST_FILE {
        let what = format!("{} lines, more than {LONGEST_FILE}", source.lines.len());
        complaints.push(source.complain(LONGEST_FILE, what));
    }
    complaints
}

#[test]
fn files_are_short_and_introduced() {
    expect_none(over(files, &["src"]));
}

#[test]
fn control_files() {
    control(files, "src/a.rs", "use x; //~ `//!`");
    let long = |lines: usize| format!("//! A.\n{}// end //~ 501 lines", "\n".repeat(lines - 2));
    control(files, "src/a.rs", &long(501));
    control(
        files,
        "src/a.rs",
        long(500).trim_end_matches(" //~ 501 lines"),
    );
}

/// The floors that every job passes through hold no lock.
fn locks(source: &Source) -> Vec<Complaint> {
    let hot = ["src/ring/", "src/table/", "src/telemetry/"];
    if !hot.iter().any(|floor| source.path.starts_with(floor)) {
        return Vec::new();
    }
    let lines = source.lines.iter().enumerate();
    let locked = lines.filter(|(_, line)| line.raw.contains("Mutex"));
    locked
        .map(|(number, _)| source.complain(number, "a lock on the path of every job"))
        .collect()
}

#[test]
fn the_path_of_a_job_takes_no_lock() {
    expect_none(over(locks, &["src"]));
}

#[test]
fn control_locks() {
    control(
        locks,
        "src/table/slab.rs",
        "//! A.\nuse crate::sync::Mutex; //~ a lock",
    );
    control(locks, "src/queue/mod.rs", "//! A.\nuse crate::sync::Mutex;");
}

/// Every bug seeded in `src/` stands in `src/_docs/bugs.md` with the test that catches it, and the
/// tables name no other.
fn bugs(sources: &[Source], table: &Source, tests: &[Source]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let seeded: Vec<_> = sources
        .iter()
        .flat_map(|source| source.seeded_bugs())
        .collect();
    let rows = table.bug_rows();
    for (at, name) in &seeded {
        if !rows.iter().any(|row| row.bug == *name) {
            complaints.push(Complaint {
                what: format!("bug `{name}` is not listed in {}", table.path),
                ..at.clone()
            });
        }
    }
    let known = |test: &str| {
        let name = test.rsplit("::").next().unwrap_or(test);
        tests
            .iter()
            .any(|source| source.tokens().iter().any(|token| token.text == name))
    };
    for row in &rows {
        if !seeded.iter().any(|(_, name)| *name == row.bug) {
            complaints
                .push(table.complain(row.line, format!("bug `{}` is not seeded in src", row.bug)));
        }
        if row.test.is_empty() || row.message.is_empty() {
            let what = format!("bug `{}` lacks its test or its message", row.bug);
            complaints.push(table.complain(row.line, what));
        } else if !known(&row.test) {
            complaints
                .push(table.complain(row.line, format!("no test `{}` in tests/loom", row.test)));
        }
    }
    complaints
}

#[test]
fn seeded_bugs_are_listed() {
    let table = fs::read_to_string(top().join(BUGS)).unwrap();
    let tests = read(&["tests"])
        .into_iter()
        .filter(|source| source.path.starts_with("tests/loom"));
    let tests: Vec<_> = tests.collect();
    expect_none(bugs(&read(&["src"]), &Source::new(BUGS, &table), &tests));
}

#[test]
fn control_bugs() {
    let sources = [Source::new(
        "src/ring/mod.rs",
        r#"// order!("in_prose", Release)
x.store(1, order!("listed", Release));
if cfg!(guichet_bug = "forgotten") {}
#[cfg(not(guichet_bug="listed_too"))]
seeded!(
    "split"
);
cfg!(guichet_bug = $bug)
"#,
    )];
    let table = "# Bugs\n| bug | what | test | says |\n|---|---|---|---|\n| `listed` | a | `ring::one` | lost |\n| `listed_too` | b | `two` | twice |\n| `gone` | c | `one` | lost |\n| `split` | d | `three` | |\n";
    let tests = [Source::new(
        "tests/loom.rs",
        "mod ring { fn one() {} } // two",
    )];
    expect(
        bugs(&sources, &Source::new(BUGS, table), &tests),
        &[
            (3, "`forgotten` is not listed"),
            (5, "no test `two`"),
            (6, "`gone` is not seeded"),
            (7, "lacks its test or its message"),
        ],
    );
}

/// Nothing names a place on the author's machine or a package registry's host.
fn places(source: &Source) -> Vec<Complaint> {
    const FOLDERS: [&str; 3] = [
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
    ];
    const HOSTS: [&str; 5] = [
        concat!("crates", ".io"),
        concat!("pypi", ".org"),
        concat!("npmjs", ".org"),
        concat!("npmjs", ".com"),
        concat!("proxy.", "golang"),
    ];
    let absolute = |text: &str, folder: &str| {
        text.match_indices(folder).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            before.is_none_or(|c| !(c.is_alphanumeric() || "_-.~}*".contains(c)))
        })
    };
    let names = |text: &str| {
        let folder = FOLDERS.iter().find(|folder| absolute(text, folder));
        folder
            .or_else(|| HOSTS.iter().find(|host| text.contains(*host)))
            .copied()
    };
    let numbered = source.lines.iter().enumerate();
    numbered
        .filter_map(|(line, text)| {
            Some(source.complain(line, format!("names `{}`", names(&text.raw)?)))
        })
        .collect()
}

#[test]
fn no_machine_or_registry_is_named() {
    let mut sources = read(&FOLDERS);
    sources.extend(read(&[".ci"]));
    for entry in fs::read_dir(top())
        .expect("the top folder can be read")
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") || name.ends_with(".toml") {
            sources.push(Source::load(&entry.path(), name).expect("text"));
        }
    }
    expect_none(sources.iter().flat_map(places).collect());
}

#[test]
fn control_places() {
    let (home, host) = (concat!("/ho", "me/"), concat!("crates", ".io"));
    let text = format!(
        "see {home}me/x //~ names
see a{home}b, ..{home}, ~{home}
see https://{host}/x //~ names
see https://example.com{home}b
\"{home}\" //~ names"
    );
    control(places, "README.md", &text);
}

/// What the architecture promises to find at the top is there.
fn missing(exists: impl Fn(&str) -> bool) -> Vec<Complaint> {
    // Cargo leaves a nested crate out of a package.
    let promised = ["Cargo.toml", "README.md", "src", "tests", "benches", "fuzz"];
    let promised = promised
        .into_iter()
        .filter(|name| !(packaged() && *name == "fuzz"));
    promised
        .filter(|name| !exists(name))
        .map(|name| Complaint {
            path: name.into(),
            line: 1,
            what: "is missing at the top".into(),
        })
        .collect()
}

#[test]
fn the_top_is_complete() {
    expect_none(missing(|name| top().join(name).exists()));
}

#[test]
fn control_top() {
    expect(
        missing(|name| name != "benches" && name != "README.md"),
        &[(1, "missing"), (1, "missing")],
    );
}

/// What no oracle does: why, and the test that does it instead.
const NO_ACTION: [[&str; 3]; 8] = [
    [
        "into_payload",
        "takes an error apart",
        "tests/suite/errors.rs",
    ],
    [
        "into_payloads",
        "takes an error apart",
        "tests/suite/errors.rs",
    ],
    ["latencies", "of workers only", "tests/suite/accounting.rs"],
    ["sample_every", "of latencies", "tests/suite/accounting.rs"],
    [
        "stuck_after",
        "needs a thread that hangs",
        "tests/suite/timeout.rs",
    ],
    [
        "max_stuck",
        "needs threads that hang",
        "tests/suite/timeout.rs",
    ],
    [
        "workers_owned",
        "no job has a second attempt",
        "tests/suite/workers.rs",
    ],
    [
        "start_owned",
        "no job has a second attempt",
        "tests/suite/letters.rs",
    ],
];

/// Every public operation in `sources` is called in an oracle; what is excepted exists, is not, and is called where it says.
fn actions(sources: &[Source], tests: &[Source], excepted: &[[&str; 3]]) -> Vec<Complaint> {
    let calls = |source: &Source| source.calls();
    let oracles = tests.iter().filter(|source| is_oracle(&source.path));
    let called: BTreeSet<String> = oracles.flat_map(calls).collect();
    let named = |name: &str| excepted.iter().any(|[excepted, ..]| *excepted == name);
    let mut complaints = Vec::new();
    let mut operations = BTreeSet::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        for (line, name) in source.public_functions() {
            if !called.contains(&name) && !named(&name) {
                complaints.push(source.complain(line, format!("no oracle calls `{name}`")));
            }
            operations.insert(name);
        }
    }
    for [name, _, place] in excepted {
        let mut there = tests.iter().filter(|source| source.path == *place);
        let name = name.to_string();
        let what = match there.any(|source| source.calls().contains(&name)) {
            _ if !operations.contains(&name) => "is no public operation",
            _ if called.contains(&name) => "needs no exception",
            false => "is not called there",
            true => continue,
        };
        complaints.push(Complaint {
            path: place.to_string(),
            line: 1,
            what: format!("`{name}` {what}"),
        });
    }
    complaints
}

/// Whether a file belongs to an oracle, and not to its reference, which has methods of the same names. Those of channels are
/// the search for a legal order, and their contract, which is written down as tests.
fn is_oracle(path: &str) -> bool {
    const ORACLES: [&str; 4] = ["oracle", "order", "linear", "channel"];
    let folder = path.split('/').nth(1).unwrap_or_default();
    ORACLES.contains(&folder) && !path.contains("/reference")
}

/// Every verb is in a list of what an oracle must do, by its name.
fn verbs(states: &Source, tests: &[Source]) -> Vec<Complaint> {
    let listed = |verb: &str| {
        let literal = format!("\"{verb}\"");
        let oracles = tests.iter().filter(|source| is_oracle(&source.path));
        let lines = oracles.flat_map(|source| &source.lines);
        // Not where it is counted.
        let mut lines = lines.filter(|line| !line.literal.contains('('));
        lines.any(|line| line.literal.contains(&literal))
    };
    let tokens = states.tokens();
    let is_enum = |at: &usize| is(&tokens, *at, "enum") && is(&tokens, at + 1, "Verb");
    let begin = (0..tokens.len()).find(is_enum).expect("`enum Verb`");
    let body = tokens[begin + 3..].iter();
    let variants = body.take_while(|token| token.text != "}");
    variants
        .filter(|token| token.text != "," && !listed(&token.text.to_lowercase()))
        .map(|token| states.complain(token.line, format!("no oracle lists `{}`", token.text)))
        .collect()
}

#[test]
fn every_operation_and_every_verb_has_an_oracle() {
    let tests = read(&["tests/oracle", "tests/order", "tests/suite"]);
    let sources = read(&["src/queue", "src/runtime", "src/model"]);
    let (model, sources): (Vec<_>, Vec<_>) = sources
        .into_iter()
        .partition(|source| source.path.starts_with("src/model"));
    expect_none(actions(&sources, &tests, &NO_ACTION));
    let mut states = model
        .iter()
        .filter(|source| source.path.ends_with("/state.rs"));
    expect_none(verbs(states.next().expect("the verbs"), &tests));
}

#[test]
fn every_operation_of_a_channel_has_an_oracle() {
    let mut sources = read(&["src/channel"]);
    sources.retain(|source| !source.path.ends_with("/error.rs"));
    let tests = read(&["tests/linear", "tests/channel"]);
    expect_none(actions(&sources, &tests, &[]));
}

#[test]
fn control_actions() {
    let queue = r#"impl Queue {
    pub fn add(&self) {}
    pub fn forgotten(&self) {}
    pub const fn last(jobs: usize) -> Self {}
    pub(super) fn inner(&self) {}
    fn private(&self) {}
    pub fn progress<P>(&self) {}
    pub fn excepted(&self) {}
    pub fn in_vain(&self) {}
    pub fn untested(&self) {}
}
"#;
    let oracle = r#"// queue.forgotten()
fn forgotten() { queue.add(1); Keep::last(2); "queue.forgotten()"; queue.in_vain(); }
fn f() { queue.progress::<u32>(id); forgotten(); queue.forgotten }
"#;
    let sources = [
        Source::new("src/queue/mod.rs", queue),
        Source::new("src/queue/a_tests.rs", "pub fn helper() {}"),
    ];
    let excepted = |name| [name, "why", "tests/suite/a.rs"];
    let excepted = ["excepted", "in_vain", "gone", "untested"].map(excepted);
    let tests = [
        Source::new("tests/oracle/a.rs", oracle),
        Source::new("tests/oracle/reference.rs", "fn f() { x.forgotten(); }"),
        Source::new("tests/suite/a.rs", "fn f() { queue.excepted(); }"),
    ];
    expect(
        actions(&sources, &tests, &excepted),
        &[
            (3, "no oracle calls `forgotten`"),
            (1, "`in_vain` needs no exception"),
            (1, "`gone` is no public operation"),
            (1, "`untested` is not called there"),
        ],
    );
    let states = "/// Verbs.\npub enum Verb {\n    /// One.\n    Admit,\n    Defer,\n    Bury,\n}\nfn retry() {}\n";
    let list =
        "// \"bury\"\nconst VERBS: [&str; 1] = [\n    \"admit\",\n];\nfn f() { cover(\"defer\"); }";
    expect(
        verbs(
            &Source::new("src/model/state.rs", states),
            &[Source::new("tests/oracle/a.rs", list)],
        ),
        &[
            (5, "no oracle lists `Defer`"),
            (6, "no oracle lists `Bury`"),
        ],
    );
}

// --------------------------------------------------------------------------- what they work on --

/// A file, line by line.
struct Source {
    /// From the top of the repository, with `/`.
    path: String,
    lines: Vec<Line>,
}

/// A line and its parts. A string of several lines counts as one in `code`.
#[derive(Default)]
struct Line {
    raw: String,
    /// Without comments; a string or character literal is a lone `"`.
    code: String,
    /// Without comments; literals as they stand.
    literal: String,
    comment: String,
}

#[derive(Clone, Debug)]
struct Complaint {
    path: String,
    /// From 1.
    line: usize,
    what: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// An identifier, `::`, or any other character; `line` from 0.
struct Token {
    line: usize,
    text: String,
}

/// A path as used or imported, groups taken apart.
struct Mention {
    line: usize,
    /// Starts at this crate's root; `crate`, `self` and `super` are resolved away.
    local: bool,
    parts: Vec<String>,
    /// Is followed by `!`.
    bang: bool,
}

impl Mention {
    fn is_crate_macro(&self) -> bool {
        self.bang && self.parts.len() == 1
    }
}

/// A row of the tables in `src/_docs/bugs.md`.
struct BugRow {
    line: usize,
    bug: String,
    test: String,
    message: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let (mut lines, mut line, mut at) = (Vec::new(), Line::default(), 0);
        while at < chars.len() {
            let (kind, end) = span(&chars, at);
            for (offset, &c) in chars[at..end].iter().enumerate() {
                if c == '\n' {
                    lines.push(std::mem::take(&mut line));
                    continue;
                }
                line.raw.push(c);
                match kind {
                    Kind::Comment => line.comment.push(c),
                    Kind::Literal => line.literal.push(c),
                    Kind::Code => {
                        line.literal.push(c);
                        line.code.push(c);
                    }
                }
                if matches!(kind, Kind::Literal) && offset == 0 {
                    line.code.push('"');
                }
            }
            at = end;
        }
        if !line.raw.is_empty() {
            lines.push(line);
        }
        Source {
            path: path.into(),
            lines,
        }
    }

    /// `None` for a file that is no text.
    fn load(file: &Path, path: String) -> Option<Self> {
        Some(Source::new(
            &path,
            &String::from_utf8(fs::read(file).ok()?).ok()?,
        ))
    }

    fn complain(&self, line: usize, what: impl Into<String>) -> Complaint {
        Complaint {
            path: self.path.clone(),
            line: line + 1,
            what: what.into(),
        }
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// The modules this file stands for: `src/a/b.rs` is a, b; `src/a/mod.rs` is a.
    fn modules(&self) -> Vec<String> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let path = path.strip_suffix("/mod").unwrap_or(path);
        path.split('/').map(String::from).collect()
    }

    /// The module directly under the crate's root.
    fn module(&self) -> String {
        self.modules().into_iter().next().unwrap_or_default()
    }

    /// Whether a comment on `line` or at most `within` lines above it contains `word`.
    fn commented(&self, line: usize, within: usize, word: &str) -> bool {
        self.lines[line.saturating_sub(within)..=line]
            .iter()
            .any(|line| line.comment.contains(word))
    }

    /// Whether the doc comment of the item on `line` contains `word`.
    fn documented(&self, line: usize, word: &str) -> bool {
        let above = self.lines[..line].iter().rev();
        above
            .take_while(|line| {
                line.comment.starts_with("///") || line.code.trim_start().starts_with("#[")
            })
            .any(|line| line.comment.contains(word))
    }

    fn tokens(&self) -> Vec<Token> {
        let mut tokens = Vec::new();
        for (line, text) in self.lines.iter().enumerate() {
            let mut rest = text.code.as_str();
            while let Some(first) = rest.chars().next() {
                let end = match first {
                    _ if in_word(first) => rest.find(|c| !in_word(c)).unwrap_or(rest.len()),
                    ':' if rest.starts_with("::") => 2,
                    _ => first.len_utf8(),
                };
                if !first.is_whitespace() {
                    tokens.push(Token {
                        line,
                        text: rest[..end].into(),
                    });
                }
                rest = &rest[end..];
            }
        }
        tokens
    }

    /// Every path of two parts or more, and in a group each of its branches.
    fn paths(&self) -> Vec<Mention> {
        let tokens = self.tokens();
        let mut mentions = Vec::new();
        // Inline modules around the token, each with the depth of braces outside it.
        let (mut inline, mut depth): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
        for (at, token) in tokens.iter().enumerate() {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    inline.retain(|(_, outside)| *outside < depth);
                }
                "mod" if is(&tokens, at + 2, "{") => {
                    inline.push((tokens[at + 1].text.clone(), depth))
                }
                _ => {}
            }
            let named = |at: usize| tokens[at].text.starts_with(in_word) || tokens[at].text == ">";
            let inner = at >= 2 && is(&tokens, at - 1, "::") && named(at - 2);
            if !token.text.starts_with(in_word) || !is(&tokens, at + 1, "::") || inner {
                continue;
            }
            let mut here = self.modules();
            here.extend(inline.iter().map(|(name, _)| name.clone()));
            match token.text.as_str() {
                "crate" => expand(&tokens, at + 2, true, Vec::new(), &mut mentions),
                "self" | "super" => expand(&tokens, at, true, here, &mut mentions),
                _ => expand(&tokens, at, false, Vec::new(), &mut mentions),
            };
        }
        mentions
    }

    /// The names of its `pub fn`s, with their lines.
    fn public_functions(&self) -> Vec<(usize, String)> {
        let tokens = self.tokens();
        let name_of = |at: usize| {
            let at = at + usize::from(is(&tokens, at, "const"));
            is(&tokens, at, "fn").then(|| &tokens[at + 1])
        };
        let public = (0..tokens.len()).filter(|&at| is(&tokens, at, "pub"));
        let named = public.filter_map(|at| name_of(at + 1));
        named.map(|name| (name.line, name.text.clone())).collect()
    }

    /// What it calls as a method or by a path.
    fn calls(&self) -> Vec<String> {
        let tokens = self.tokens();
        let called = |at: &usize| {
            let of_something = is(&tokens, at - 1, ".") || is(&tokens, at - 1, "::");
            of_something && (is(&tokens, at + 1, "(") || is(&tokens, at + 1, "::"))
        };
        let called = (1..tokens.len()).filter(called);
        called.map(|at| tokens[at].text.clone()).collect()
    }

    /// Names in `guichet_bug = "NAME"`, `seeded!("NAME"` and `order!("NAME"`, with their places.
    fn seeded_bugs(&self) -> Vec<(Complaint, String)> {
        let code: Vec<&str> = self
            .lines
            .iter()
            .map(|line| line.literal.as_str())
            .collect();
        let code = code.join("\n");
        let mut found = Vec::new();
        for (word, sign) in [("guichet_bug", "="), ("seeded!", "("), ("order!", "(")] {
            for (at, _) in code.match_indices(word) {
                let rest = code[at + word.len()..].trim_start();
                let rest = rest.strip_prefix(sign).map(str::trim_start);
                let Some((name, _)) = rest.and_then(|rest| rest.strip_prefix('"')?.split_once('"'))
                else {
                    continue;
                };
                let line = code[..at].matches('\n').count();
                found.push((self.complain(line, ""), name.to_string()));
            }
        }
        found
    }

    /// The rows that begin with a name in backticks.
    fn bug_rows(&self) -> Vec<BugRow> {
        let numbered = self.lines.iter().map(|line| line.raw.as_str()).enumerate();
        let rows = numbered.filter(|(_, text)| text.starts_with("| `"));
        rows.map(|(line, text)| {
            let mut columns = text.split('|').map(|column| column.trim().replace('`', ""));
            let mut next = |skipped| columns.nth(skipped).unwrap_or_default();
            BugRow {
                line,
                bug: next(1),
                test: next(1),
                message: next(0),
            }
        })
        .collect()
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// What starts at `at`, and where it ends.
fn span(chars: &[char], at: usize) -> (Kind, usize) {
    let starts = |at: usize, text: &str| {
        text.chars()
            .enumerate()
            .all(|(i, c)| chars.get(at + i) == Some(&c))
    };
    let find = |from: usize, stop: &dyn Fn(usize) -> bool| (from..chars.len()).find(|&at| stop(at));
    match chars[at] {
        '/' if starts(at, "//") => (
            Kind::Comment,
            find(at, &|at| chars[at] == '\n').unwrap_or(chars.len()),
        ),
        '/' if starts(at, "/*") => {
            let (mut depth, mut end) = (0, at);
            while end < chars.len() {
                match () {
                    () if starts(end, "/*") => (depth, end) = (depth + 1, end + 2),
                    () if starts(end, "*/") => (depth, end) = (depth - 1, end + 2),
                    () => end += 1,
                }
                if depth == 0 {
                    break;
                }
            }
            (Kind::Comment, end.min(chars.len()))
        }
        '"' => (Kind::Literal, string_end(chars, at)),
        // A character, or else a lifetime.
        '\'' if starts(at + 1, "\\") => {
            let end = find(at + 3, &|at| chars[at] == '\'');
            (Kind::Literal, end.map_or(chars.len(), |end| end + 1))
        }
        '\'' if starts(at + 2, "'") => (Kind::Literal, at + 3),
        _ => (Kind::Code, at + 1),
    }
}

/// Where the string that opens at `at` ends; what stands before it tells whether it is raw.
fn string_end(chars: &[char], at: usize) -> usize {
    let before: String = chars[at.saturating_sub(80)..at].iter().collect();
    let opened = before.trim_end_matches('#');
    let prefix = opened.rsplit(|c| !in_word(c)).next();
    let raw = prefix.is_some_and(|prefix| ["r", "br", "cr"].contains(&prefix));
    let hashes = if raw { before.len() - opened.len() } else { 0 };
    let mut end = at + 1;
    while end < chars.len() {
        match chars[end] {
            '\\' if !raw => end += 1,
            '"' if chars[end + 1..].iter().take_while(|&&c| c == '#').count() >= hashes => {
                return end + 1 + hashes;
            }
            _ => {}
        }
        end += 1;
    }
    chars.len()
}

/// Takes apart the path that continues at `at` behind `parts`; where it ends.
fn expand(
    tokens: &[Token],
    mut at: usize,
    local: bool,
    mut parts: Vec<String>,
    into: &mut Vec<Mention>,
) -> usize {
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                at += 1;
                while at < tokens.len() && !is(tokens, at, "}") {
                    at = expand(tokens, at, local, parts.clone(), into);
                    // Over `as name`, to the next branch.
                    while at < tokens.len() && !is(tokens, at, ",") && !is(tokens, at, "}") {
                        at += 1;
                    }
                    at += usize::from(is(tokens, at, ","));
                }
                return at + 1;
            }
            "self" => {}
            "super" => drop(parts.pop()),
            word if word == "*" || word.starts_with(in_word) => parts.push(word.into()),
            _ => break,
        }
        if !is(tokens, at + 1, "::") {
            into.push(Mention {
                line: token.line,
                local,
                parts,
                bang: is(tokens, at + 1, "!"),
            });
            return at + 1;
        }
        at += 2;
    }
    // `Vec::<u8>::new` and the like end here.
    let line = tokens[at.min(tokens.len()) - 1].line;
    into.push(Mention {
        line,
        local,
        parts,
        bang: false,
    });
    at
}

/// The tokens outside `use` declarations. `use<..>` in a return type is none.
fn outside_use(tokens: &[Token]) -> Vec<usize> {
    let mut declares = false;
    let mut outside = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        declares |= token.text == "use" && !is(tokens, at + 1, "<");
        if !declares {
            outside.push(at);
        }
        declares &= token.text != ";";
    }
    outside
}

fn is(tokens: &[Token], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.text == text)
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Each word of `text` with what follows it.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word = &rest[rest.find(in_word)?..];
        let end = word.find(|c| !in_word(c)).unwrap_or(word.len());
        rest = &word[end..];
        Some((&word[..end], rest))
    })
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

#[test]
fn the_lexer_tells_code_from_text() {
    let text = r##"a /* b /* c */ d */ e // f
'"' 'x' '\'' b"\"g" <'h> "…" r#"i"j"# k
"l // m
n" o
"##;
    let source = Source::new("a.rs", text);
    let tokens: Vec<_> = source
        .tokens()
        .into_iter()
        .map(|token| token.text)
        .collect();
    assert_eq!(
        tokens.join(" "),
        "a e \" \" \" b \" < ' h > \" r # \" k \" o"
    );
    assert_eq!(source.lines[0].comment, "/* b /* c */ d */// f");
    assert!(source.lines[2].comment.is_empty());
}

// ------------------------------------------------------------------------------- how they are run --

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
