//! Every seeded bug stands in the table with the test that catches it.

use super::*;

const BUGS: &str = "src/_docs/bugs.md";

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
    // Of loom's, unless another tool is named before it.
    let split = |test: &str| match test.strip_prefix("shuttle:") {
        Some(test) => ("shuttle", test.to_owned()),
        None => ("loom", test.to_owned()),
    };
    let known = |tool: &str, test: &str| {
        let name = test.rsplit("::").next().unwrap_or(test);
        tests
            .iter()
            .filter(|source| source.path.starts_with(&format!("tests/{tool}")))
            .any(|source| source.tokens().iter().any(|token| token.text == name))
    };
    for row in &rows {
        if !seeded.iter().any(|(_, name)| *name == row.bug) {
            complaints
                .push(table.complain(row.line, format!("bug `{}` is not seeded in src", row.bug)));
        }
        let (tool, test) = split(&row.test);
        if test.is_empty() || row.message.is_empty() {
            let what = format!("bug `{}` lacks its test or its message", row.bug);
            complaints.push(table.complain(row.line, what));
        } else if !known(tool, &test) {
            let what = format!("no test `{test}` in tests/{tool}");
            complaints.push(table.complain(row.line, what));
        }
    }
    complaints
}

#[test]
fn seeded_bugs_are_listed() {
    let table = fs::read_to_string(top().join(BUGS)).unwrap();
    let tests = read(&["tests"]);
    expect_none(bugs(&read(&["src"]), &Source::new(BUGS, &table), &tests));
}

#[test]
fn control_bugs() {
    let sources = [Source::new(
        "src/ring/mod.rs",
        r#"// seeded!("in_prose")
x.store(1, seeded!("listed", Relaxed => Release));
if cfg!(guichet_bug = "forgotten") {}
#[cfg(not(guichet_bug="listed_too"))]
seeded!(
    "split"
);
cfg!(guichet_bug = $bug)
"#,
    )];
    let table = "# Bugs\n| bug | what | test | says |\n|---|---|---|---|\n| `listed` | a | `ring::one` | lost |\n| `listed_too` | b | `two` | twice |\n| `gone` | c | `one` | lost |\n| `split` | d | `three` | |\n| `listed` | e | `shuttle:four` | lost |\n| `listed` | f | `shuttle:one` | lost |\n| `listed` | g | `four` | lost |\n";
    let tests = [
        Source::new("tests/loom/ring.rs", "mod ring { fn one() {} } // two"),
        Source::new("tests/shuttle/main.rs", "fn four() {}"),
    ];
    expect(
        bugs(&sources, &Source::new(BUGS, table), &tests),
        &[
            (3, "`forgotten` is not listed"),
            (5, "no test `two` in tests/loom"),
            (6, "`gone` is not seeded"),
            (7, "lacks its test or its message"),
            (9, "no test `one` in tests/shuttle"),
            (10, "no test `four` in tests/loom"),
        ],
    );
}
