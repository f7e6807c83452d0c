//! No two files need each other, directly or round others.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Re-exports of re-exports that are followed.
const HOPS: usize = 8;

/// The modules that a file stands for.
type Key = Vec<String>;

/// The files of one crate.
struct House<'a>(BTreeMap<Key, Storey<'a>>);

/// A file, and what is asked of it often.
struct Storey<'a> {
    source: &'a Source,
    mentions: Vec<Mention>,
    defined: BTreeSet<String>,
    /// Every word outside `use`.
    used: BTreeSet<String>,
}

impl<'a> Storey<'a> {
    fn new(source: &'a Source) -> Self {
        const DEFINE: [&str; 9] = [
            "fn", "struct", "enum", "trait", "type", "const", "static", "union", "mod",
        ];
        let tokens = source.tokens();
        let named = |at: usize| match tokens[at].text.as_str() {
            "macro_rules" => Some(at + 2),
            word => DEFINE.contains(&word).then_some(at + 1),
        };
        let named = (0..tokens.len()).filter_map(named);
        let defined = named.filter_map(|at| Some(tokens.get(at)?.text.clone()));
        let used = outside_use(&tokens).into_iter();
        Storey {
            source,
            mentions: source.paths(),
            defined: defined.collect(),
            used: used.map(|at| tokens[at].text.clone()).collect(),
        }
    }

    /// What it imports under this name.
    fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Mention> {
        let declared = self.mentions.iter().filter(|it| it.stands != Stands::Code);
        declared.filter(move |it| it.name == name)
    }

    /// Whether it needs what it mentions. A re-export that it does not use itself is for others.
    fn needs(&self, mention: &Mention) -> bool {
        let passed_on = mention.stands == Stands::Export && !self.used.contains(&mention.name);
        !passed_on && !mention.is_crate_macro()
    }
}

impl<'a> House<'a> {
    fn new(sources: &'a [Source]) -> Self {
        let code = |source: &&Source| source.path.ends_with(".rs") && !source.is_test();
        let files = sources.iter().filter(code);
        House(files.map(|it| (it.modules(), Storey::new(it))).collect())
    }

    /// A path as seen from the crate's root, if it leads into this crate.
    fn absolute(&self, from: &Key, mention: &Mention) -> Option<Key> {
        if mention.local {
            return Some(mention.parts.clone());
        }
        let child = [from.as_slice(), &mention.parts[..1]].concat();
        if self.0.contains_key(&child) {
            return Some([child.as_slice(), &mention.parts[1..]].concat());
        }
        if mention.stands != Stands::Code {
            return None;
        }
        let imported = self.0[from].named(&mention.parts[0]);
        let target = imported.filter_map(|it| self.absolute(from, it)).next()?;
        Some([target.as_slice(), &mention.parts[1..]].concat())
    }

    /// The file in which the thing of this path stands, behind all re-exports.
    fn home(&self, path: &[String], hops: usize) -> Option<&Key> {
        let mut prefixes = (1..=path.len()).rev();
        let (key, file) = prefixes.find_map(|length| self.0.get_key_value(&path[..length]))?;
        let rest = &path[key.len()..];
        let Some(item) = rest.first().filter(|item| *item != "*" && hops > 0) else {
            return Some(key);
        };
        let mut explicit = file.named(item).filter_map(|it| {
            let target = self.absolute(key, it)?;
            self.home(&[target.as_slice(), &rest[1..]].concat(), hops - 1)
        });
        let mut globs = file.named("*").filter_map(|it| {
            let target = self.absolute(key, it)?;
            let module = &target[..target.len() - 1];
            let home = self.home(&[module, rest].concat(), hops - 1)?;
            self.0[home].defined.contains(item).then_some(home)
        });
        let beyond = explicit
            .next()
            .or_else(|| match file.defined.contains(item) {
                true => None,
                false => globs.next(),
            });
        beyond.or(Some(key))
    }

    /// Which files each file needs, and the first line that says so.
    fn imports(&self) -> BTreeMap<&Key, BTreeMap<&Key, usize>> {
        let of = |key: &'_ Key, file: &Storey<'_>| {
            let mut needed = BTreeMap::new();
            for mention in file.mentions.iter().filter(|it| file.needs(it)) {
                let target = self.absolute(key, mention);
                // Of a module that is imported as a whole, what is named by way of it counts.
                let item = target.filter(|target| {
                    mention.stands == Stands::Code || !self.0.contains_key(target)
                });
                let home = item.and_then(|item| self.home(&item, HOPS));
                if let Some(home) = home.filter(|home| *home != key) {
                    needed.entry(home).or_insert(mention.line);
                }
            }
            needed
        };
        self.0
            .iter()
            .map(|(key, file)| (key, of(key, file)))
            .collect()
    }
}

/// The shortest way from `from` to `to` over files that come after `to`, both ends included.
fn way<'k>(
    imports: &BTreeMap<&'k Key, BTreeMap<&'k Key, usize>>,
    from: &'k Key,
    to: &'k Key,
) -> Option<Vec<&'k Key>> {
    let mut ways = vec![vec![from]];
    let mut seen = BTreeSet::from([from]);
    let mut at = 0;
    while at < ways.len() {
        let last = *ways[at].last()?;
        for &next in imports[last].keys() {
            let longer = || [ways[at].as_slice(), &[next]].concat();
            if next == to {
                return Some(longer());
            }
            if next > to && !seen.contains(next) {
                let longer = longer();
                seen.insert(next);
                ways.push(longer);
            }
        }
        at += 1;
    }
    None
}

/// No two files need each other's items, directly or round others.
///
/// A file needs another one if it names an item of it by a path. Re-exports are looked through: a
/// facade does not need what it only passes on, and who imports by way of it needs the file behind.
/// Methods are no paths, and unit tests do not count. A circle is told at the first of its files;
/// of several by way of one import, the shortest.
fn circles(sources: &[Source]) -> Vec<Complaint> {
    let house = House::new(sources);
    let imports = house.imports();
    let name = |key: &Key| house.0[key].source.path.as_str();
    let mut complaints = Vec::new();
    for (&first, needed) in &imports {
        for (&next, &line) in needed.iter().filter(|(next, _)| **next > first) {
            let Some(way) = way(&imports, next, first) else {
                continue;
            };
            let way: Vec<&str> = way.into_iter().map(name).collect();
            let what = format!("{} -> {}", name(first), way.join(" -> "));
            complaints.push(house.0[first].source.complain(line, what));
        }
    }
    complaints
}

#[test]
fn no_file_needs_itself_round_others() {
    expect_none(circles(&read(&["src"])));
}

#[test]
fn control_circles() {
    let told = |files: &[(&str, &str)]| -> Vec<String> {
        let sources: Vec<_> = files
            .iter()
            .map(|(path, text)| Source::new(&format!("src/{path}.rs"), text))
            .collect();
        let complaints = circles(&sources).into_iter();
        complaints
            .map(|it| it.to_string().replace("src/", "").replace(".rs", ""))
            .collect()
    };
    let (none, facade): (&[&str], _) = (&[], ("a/mod", "mod x;\nmod y;\npub use x::{X, Z as W};"));
    // Directly, and round another one.
    let two = [
        ("a/x", "//! A.\nuse super::y::Y;"),
        ("a/y", "fn f() { crate::a::x::f() }"),
    ];
    assert_eq!(told(&two), ["a/x:2: a/x -> a/y -> a/x"]);
    let three = [
        ("a", "use crate::{c::D, b::B};"),
        ("b", "use super::c::C;"),
        ("c", "pub struct C(crate::a::A);"),
    ];
    let expected = ["a:1: a -> b -> c -> a", "a:1: a -> c -> a"];
    assert_eq!(told(&three), expected);
    // Without the third file nothing leads back.
    assert_eq!(told(&three[..2]), none);
    // By way of a facade, renamed and by a glob; the facade itself is on no circle.
    for import in ["use super::X;", "use crate::a::W as V;", "use crate::b::X;"] {
        let files = [
            facade,
            ("a/x", "use super::y::Y;\npub struct X;\npub struct Z;"),
            ("a/y", import),
            ("b", "pub use crate::a::x::*;"),
        ];
        assert_eq!(told(&files), ["a/x:1: a/x -> a/y -> a/x"], "{import}");
    }
    // A parent that needs its child: by a private import, by a path, by its own re-export.
    for parent in [
        "use x::X;",
        "fn f() { x::f() }",
        "pub use x::X;\nfn f(_: X) {}",
    ] {
        let files = [("a/mod", parent), ("a/x", "use super::Thing;")];
        assert_eq!(told(&files).len(), 1, "{parent}");
    }
    // A module that is imported and named by its alias.
    let files = [
        ("a/mod", "use crate::b as c;\nfn f() { c::d::f() }"),
        ("b/d", "use crate::a::A;"),
        ("b/mod", "mod d;"),
    ];
    assert_eq!(told(&files), ["a/mod:2: a/mod -> b/d -> a/mod"]);
    // A module that is imported for what it passes on.
    let files = [
        ("a/mod", "use crate::b;\nfn f() -> b::D {}"),
        ("b/d", "pub struct D;"),
        ("b/mod", "mod d;\npub use d::D;\nuse crate::a::A;"),
    ];
    assert_eq!(told(&files), none);
    // No circles: one direction, what a facade passes on, tests, prose, macros, other crates.
    let files = [
        facade,
        (
            "a/x",
            "// use super::y::Y;\nfn f() { super::y::f(); crate::seeded!(); self::f() }",
        ),
        ("a/y", "use x::f;\nuse std::sync::Arc;"),
        ("a/tests", "use super::x::X;"),
        ("a/x_tests", "use super::*;"),
        ("b", "use crate::a::X;"),
    ];
    assert_eq!(told(&files), none);
}
