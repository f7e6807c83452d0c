//! Every public operation and every verb is something that an oracle does.

use std::collections::BTreeSet;

use super::*;

/// What no oracle does: why, and the test that does it instead.
const NO_ACTION: [[&str; 3]; 10] = [
    [
        "without_clerk",
        "of models only",
        "tests/shuttle/matrix/stage.rs",
    ],
    [
        "be_clerk",
        "of models only",
        "tests/shuttle/matrix/judge.rs",
    ],
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
    let tests = read(&[
        "tests/oracle",
        "tests/order",
        "tests/suite",
        "tests/shuttle",
    ]);
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

/// What the matrix does not do: looks at a lease or an error, options that change no step, and what is another operation with a
/// time-out, which is over at once in a model.
const NOT_IN_MATRIX: [&str; 15] = [
    "call",
    "next_timeout",
    "why",
    "attempt",
    "is_last_attempt",
    "is_redelivered",
    "time_left",
    "set_progress",
    "flush",
    "limit",
    "rate",
    "at",
    "deadline",
    "keep_completed",
    "keep_failed",
];

/// Every public operation on jobs, leases and the queue is performed in the matrix.
fn matrix(sources: &[Source], tests: &[Source], excepted: &[&str]) -> Vec<Complaint> {
    let called: BTreeSet<String> = tests.iter().flat_map(|source| source.calls()).collect();
    let mut complaints = Vec::new();
    let mut operations = BTreeSet::new();
    for source in sources {
        for (line, name) in source.public_functions() {
            let known = called.contains(&name) || excepted.contains(&name.as_str());
            if !known {
                complaints.push(source.complain(line, format!("the matrix lacks `{name}`")));
            }
            operations.insert(name);
        }
    }
    for name in excepted {
        if called.contains(*name) || !operations.contains(*name) {
            complaints.push(Complaint {
                path: "tests/tidy/actions.rs".into(),
                line: 1,
                what: format!("`{name}` needs no exception from the matrix"),
            });
        }
    }
    complaints
}

#[test]
fn every_operation_is_in_the_matrix() {
    let files = [
        "add/builder",
        "add/jobs",
        "add/producer",
        "control/cancel",
        "control/change",
        "control/halt",
        "control/listen",
        "control/redrive",
        "lease/consumer",
        "lease/held",
        "lease/queue",
        "record/subscription",
    ];
    let paths = files.map(|file| format!("src/queue/{file}.rs"));
    let mut sources = read(&["src/queue"]);
    sources.retain(|source| paths.contains(&source.path));
    assert_eq!(sources.len(), paths.len());
    let tests = read(&["tests/shuttle/matrix"]);
    expect_none(matrix(&sources, &tests, &NOT_IN_MATRIX));
}

#[test]
fn control_matrix() {
    let queue = "impl Queue {
    pub fn add(&self) {}
    pub fn forgotten(&self) {}
    pub fn excepted(&self) {}
}";
    let source = Source::new("src/queue/add.rs", queue);
    let test = Source::new("tests/shuttle/matrix/play.rs", "fn f() { queue.add(); }");
    let found = matrix(&[source], &[test], &["excepted", "gone"]);
    expect(
        found,
        &[(3, "lacks `forgotten`"), (1, "`gone` needs no exception")],
    );
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
