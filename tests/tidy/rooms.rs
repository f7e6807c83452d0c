//! The rooms of the queue: who imports from which, where `Shared` is implemented, and who tells and
//! counts.

use super::*;

/// The rooms of `src/queue/`, lowest first; neighbours on one level do not know each other.
const ROOMS: [&[&str]; 5] = [
    &["base"],
    &["record", "ready"],
    &["life"],
    &["add", "work", "lease", "control"],
    &["build"],
];

fn level(room: &str) -> Option<usize> {
    ROOMS.iter().position(|level| level.contains(&room))
}

/// The room in which a file of the queue stands; none for what is outside the queue, or its facade.
fn room(source: &Source) -> Option<String> {
    if source.path == "src/queue/mod.rs" {
        return None;
    }
    let mut modules = source.modules().into_iter();
    let queue = modules.next()? == "queue" && source.path.ends_with(".rs");
    queue.then_some(modules.next()?)
}

/// A room imports only from rooms below it, and says from which.
fn rooms(source: &Source) -> Vec<Complaint> {
    let Some(own) = room(source) else {
        return Vec::new();
    };
    let Some(own_level) = level(&own) else {
        return vec![source.complain(0, format!("`{own}` is no room"))];
    };
    let wrong = |target: &str| match level(target) {
        None => Some(format!(
            "`crate::queue::{target}` must name the room it comes from"
        )),
        Some(other) if other < own_level => None,
        Some(other) if other == own_level => Some(format!(
            "`{own}` imports its neighbour `{target}` on level {other}"
        )),
        Some(other) => Some(format!(
            "`{own}` on level {own_level} imports `{target}` from level {other}"
        )),
    };
    let paths = source.paths().into_iter();
    let within = paths.filter(|path| path.local && path.parts[..1] == ["queue"]);
    let targets = within.filter_map(|path| Some((path.line, path.parts.get(1)?.clone())));
    targets
        .filter(|(_, target)| *target != own)
        .filter_map(|(line, target)| Some(source.complain(line, wrong(&target)?)))
        .collect()
}

#[test]
fn rooms_import_from_rooms_below() {
    expect_none(over(rooms, &["src"]));
}

#[test]
fn control_rooms() {
    let life = r#"//! A verb. crate::queue::work::x
use crate::queue::base::books::{Books, Item};
use crate::queue::{build::validate::Hooks, record::notes::keep}; //~ `build` from level 4
use super::super::add::terms; //~ `life` on level 2 imports `add` from level 3
use super::super::ready::line::Spot;
use super::conclude::End;
use crate::queue::{Queue, Shared}; //~ queue::Queue` must name ~ queue::Shared` must name
use super::super::*; //~ queue::*` must name
fn f(_: crate::queue::lease::Lease) { crate::table::Slab::new(); } //~ imports `lease`
mod inner { use super::super::super::control::halt; } //~ imports `control`
"#;
    control(rooms, "src/queue/life/settle.rs", life);
    let ready =
        "use super::record::notes;\nuse crate::queue::record::notes; //~ neighbour `record`";
    control(
        rooms,
        "src/queue/ready/mod.rs",
        &ready.replace("super::record", "self::record"),
    );
    control(rooms, "src/queue/ready/line_tests.rs", ready);
    let facade = "use build::builder::QueueBuilder;\nuse crate::queue::lease::Lease;";
    control(rooms, "src/queue/mod.rs", facade);
    control(rooms, "src/runtime/crew.rs", "use crate::queue::Queue;");
    control(
        rooms,
        "src/queue/attic.rs",
        "//! Old. //~ `attic` is no room",
    );
    control(
        rooms,
        "src/queue/attic/chest.rs",
        "//! Old. //~ `attic` is no room",
    );
}

/// Each block that implements something: its line, whether it is of a trait, and for what type.
fn blocks(tokens: &[Token]) -> Vec<(usize, bool, &str)> {
    // Elsewhere, in a signature, `impl` stands for a type.
    let opens = |&at: &usize| {
        let before = at.checked_sub(1).map_or(";", |before| &tokens[before].text);
        tokens[at].text == "impl" && ["}", ";", "{", "]", "unsafe"].contains(&before)
    };
    let header = |at: usize| {
        let mut depth = 0;
        let (mut of_trait, mut name) = (false, None);
        for here in at + 1..tokens.len() {
            match tokens[here].text.as_str() {
                "<" => depth += 1,
                ">" if !is(tokens, here - 1, "-") => depth -= 1,
                "{" | "where" if depth == 0 => break,
                "for" if depth == 0 && !is(tokens, here + 1, "<") => of_trait = true,
                word if depth == 0 && word.starts_with(in_word) => name = Some(word),
                _ => {}
            }
        }
        Some((tokens[at].line, of_trait, name?))
    };
    let opened = (0..tokens.len()).filter(opens);
    opened.filter_map(header).collect()
}

/// What a queue's parts do together is done in `life`; `build` only lends it to the runtime.
fn shared(source: &Source) -> Vec<Complaint> {
    const LENT: &str = "src/queue/build/managed.rs";
    if source.module() != "queue" || source.path.starts_with("src/queue/life/") {
        return Vec::new();
    }
    let tokens = source.tokens();
    let wrong = |of_trait| match of_trait {
        true if source.path == LENT => None,
        true => Some("a trait of `Shared` stands in `life` or in `build/managed.rs`"),
        false => Some("a method of `Shared` stands in `life`"),
    };
    let blocks = blocks(&tokens).into_iter();
    blocks
        .filter(|(.., name)| *name == "Shared")
        .filter_map(|(line, of_trait, _)| Some(source.complain(line, wrong(of_trait)?)))
        .collect()
}

#[test]
fn shared_is_implemented_in_life() {
    expect_none(over(shared, &["src"]));
}

#[test]
fn control_shared() {
    let code = r#"//! impl Shared
impl<T, R> Shared<T, R> {} //~ a method
impl<T: Fn(u8) -> u8, R> crate::queue::Shared<T, R> where T: Send {} //~ a method
impl<T, R> fmt::Debug for Shared<T, R> { //~ a trait
    fn f(shared: &Shared<T, R>, how: impl Fn(&Shared<T, R>)) -> impl Sized {}
}
#[cfg(x)] unsafe impl<T: for<'a> Of<'a>, R> Send for Shared<T, R> {} //~ a trait
impl<T, R> Queue<T, R> { fn f(&self) -> &Shared<T, R> { &self.shared } }
impl<T, R> From<Shared<T, R>> for Queue<T, R> {}
impl Drop for SharedMemory {}
mod inner { impl super::Shared<u8, u8> {} } //~ a method
"#;
    control(shared, "src/queue/control/halt.rs", code);
    control(shared, "src/queue/mod.rs", code);
    let one = "impl<T, R> Shared<T, R> {} //~ a method\nimpl Managed for Shared<u8, u8> {}";
    control(shared, "src/queue/build/managed.rs", one);
    for exempt in ["src/queue/life/settle.rs", "src/channel/mod.rs"] {
        control(
            shared,
            exempt,
            "impl<T> Shared<T> {}\nimpl<T> Drop for Shared<T> {}",
        );
    }
}

/// Whoever else tells or counts what happened to a job could forget the other half of it.
fn telling(source: &Source) -> Vec<Complaint> {
    const BOOKS: &str = "src/queue/base/books.rs";
    let allowed = source.is_test() || source.path == BOOKS;
    if allowed || source.module() != "queue" || source.path.starts_with("src/queue/record/") {
        return Vec::new();
    }
    let tokens = source.tokens();
    // Others that are entered take no argument.
    let wrong = |at: usize| match tokens[at].text.as_str() {
        _ if is(&tokens, at - 1, "fn") || !is(&tokens, at + 1, "(") => None,
        "enter" if !is(&tokens, at + 2, ")") => Some("counts"),
        "tell" => Some("tells"),
        _ => None,
    };
    let wrong = (1..tokens.len()).filter_map(|at| Some((tokens[at].line, wrong(at)?)));
    wrong
        .map(|(line, what)| source.complain(line, format!("{what}, which is up to `record`")))
        .collect()
}

#[test]
fn only_record_tells_and_counts() {
    expect_none(over(telling, &["src"]));
}

#[test]
fn control_telling() {
    let code = r#"//! self.tell(kind)
fn f() { books.enter(Item::Completed); } //~ counts
fn g() { self.common
    .enter( //~ counts
        if won { Item::Failed } else { Item::Late }
    );
    books.enter(item); //~ counts
    Books::enter(&self.common, Item::Late); //~ counts
}
fn h() { hub.tell(event); Shared::tell(self, kind); } //~ tells ~ tells
fn i() { serving.enter(); self.record(step); self.note(claim, line); sum.of(Item::Late) }
fn tell(entered: u8) { "books.enter(Item::Late)"; }
"#;
    control(telling, "src/queue/work/attempt.rs", code);
    let bare = "fn f() { books.enter(Item::Late); hub.tell(event); }";
    for allowed in [
        "src/queue/record/step.rs",
        "src/queue/base/books.rs",
        "src/queue/control/inspect_tests.rs",
        "src/ring/broadcast.rs",
    ] {
        control(telling, allowed, bare);
    }
}
