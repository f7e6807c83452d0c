//! A module imports only from floors below its own.

use super::*;

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
fn g() { crate::seeded!("a"); } // crate::cli::x
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

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}
