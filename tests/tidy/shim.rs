//! Threads and locks: where they may come from, and where none may be.

use super::*;

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
