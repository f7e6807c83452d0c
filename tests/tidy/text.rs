//! What stands in no file: what is half done, sleeps, names of machines. And how long a file may be.

use std::collections::BTreeSet;

use super::*;

/// The most lines of a file of the library, and of one of tests or benches, where a table of cases is a thought too.
const LONGEST: usize = 399;
const LONGEST_OF_TESTS: usize = 500;

/// Nothing is left half done.
fn leftovers(source: &Source) -> Vec<Complaint> {
    if source.path == "tests/tidy/text.rs" {
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
    let library = source.path.starts_with("src/") && !source.is_test();
    let longest = if library { LONGEST } else { LONGEST_OF_TESTS };
    if source.lines.len() > longest {
        let what = format!("{} lines, more than {longest}", source.lines.len());
        complaints.push(source.complain(longest, what));
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
    let of = |lines: usize| format!("//! A.\n{}// end", "\n".repeat(lines - 2));
    let tests = [
        "src/tests.rs",
        "src/a_tests.rs",
        "tests/a.rs",
        "benches/a.rs",
    ];
    let paths = tests.map(|path| (path, 500)).into_iter();
    for (path, longest) in paths.chain([("src/a.rs", 399), ("src/a/mod.rs", 399)]) {
        control(files, path, &of(longest));
        let long = longest + 1;
        control(files, path, &format!("{} //~ {long} lines", of(long)));
    }
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
