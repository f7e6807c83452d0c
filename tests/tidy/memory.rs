//! Orderings, fences and `unsafe` code say why they are right, and where no model would miss them.

use std::collections::BTreeSet;

use super::*;

/// Where `unsafe` may stand. `cli` counts allocations and asks the system for CPU time.
const UNSAFE_IN: [&str; 5] = ["sync", "ring", "park", "table", "cli"];
const ORDERING_WITHIN: usize = 8;
const SAFETY_WITHIN: usize = 6;

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
