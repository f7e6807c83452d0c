//! A file, split by a small lexer into code, string literals and comments, and what can be asked of it.

use std::fmt;
use std::fs;
use std::path::Path;

/// A file, line by line.
pub struct Source {
    /// From the top of the repository, with `/`.
    pub path: String,
    pub lines: Vec<Line>,
}

/// A line and its parts. A string of several lines counts as one in `code`.
#[derive(Default)]
pub struct Line {
    pub raw: String,
    /// Without comments; a string or character literal is a lone `"`.
    pub code: String,
    /// Without comments; literals as they stand.
    pub literal: String,
    pub comment: String,
}

#[derive(Clone, Debug)]
pub struct Complaint {
    pub path: String,
    /// From 1.
    pub line: usize,
    pub what: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// An identifier, `::`, or any other character; `line` from 0.
pub struct Token {
    pub line: usize,
    pub text: String,
}

/// A path as used or imported, groups taken apart.
pub struct Mention {
    pub line: usize,
    /// Starts at this crate's root; `crate`, `self` and `super` are resolved away.
    pub local: bool,
    pub parts: Vec<String>,
    /// What it is called here: its last part, or what `as` says.
    pub name: String,
    /// Is followed by `!`.
    pub bang: bool,
    pub stands: Stands,
}

/// Where a path stands: in `use`, in `pub use` or in other code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    Import,
    Export,
    Code,
}

impl Mention {
    /// One whose last token is at `at`.
    fn new(tokens: &[Token], at: usize, local: bool, parts: Vec<String>) -> Self {
        let named = is(tokens, at + 1, "as").then(|| tokens[at + 2].text.clone());
        Mention {
            line: tokens[at].line,
            local,
            name: named.or(parts.last().cloned()).unwrap_or_default(),
            parts,
            bang: is(tokens, at + 1, "!"),
            stands: Stands::Code,
        }
    }

    pub fn is_crate_macro(&self) -> bool {
        self.bang && self.parts.len() == 1
    }
}

/// A row of the tables in `src/_docs/bugs.md`.
pub struct BugRow {
    pub line: usize,
    pub bug: String,
    pub test: String,
    pub message: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
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
    pub fn load(file: &Path, path: String) -> Option<Self> {
        Some(Source::new(
            &path,
            &String::from_utf8(fs::read(file).ok()?).ok()?,
        ))
    }

    pub fn complain(&self, line: usize, what: impl Into<String>) -> Complaint {
        Complaint {
            path: self.path.clone(),
            line: line + 1,
            what: what.into(),
        }
    }

    pub fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs") || self.path.contains("/tests/")
    }

    /// The modules this file stands for: `src/a/b.rs` is a, b; `src/a/mod.rs` is a.
    pub fn modules(&self) -> Vec<String> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let path = path.strip_suffix("/mod").unwrap_or(path);
        path.split('/').map(String::from).collect()
    }

    /// The module directly under the crate's root.
    pub fn module(&self) -> String {
        self.modules().into_iter().next().unwrap_or_default()
    }

    /// Whether a comment on `line` or at most `within` lines above it contains `word`.
    pub fn commented(&self, line: usize, within: usize, word: &str) -> bool {
        self.lines[line.saturating_sub(within)..=line]
            .iter()
            .any(|line| line.comment.contains(word))
    }

    /// Whether the doc comment of the item on `line` contains `word`.
    pub fn documented(&self, line: usize, word: &str) -> bool {
        let above = self.lines[..line].iter().rev();
        above
            .take_while(|line| {
                line.comment.starts_with("///") || line.code.trim_start().starts_with("#[")
            })
            .any(|line| line.comment.contains(word))
    }

    pub fn tokens(&self) -> Vec<Token> {
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
    pub fn paths(&self) -> Vec<Mention> {
        let tokens = self.tokens();
        let mut mentions = Vec::new();
        // Inline modules around the token, each with the depth of braces outside it.
        let (mut inline, mut depth): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
        let mut stands = Stands::Code;
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
                "use" if !is(&tokens, at + 1, "<") => stands = declared(&tokens, at),
                ";" => stands = Stands::Code,
                _ => {}
            }
            let named = |at: usize| tokens[at].text.starts_with(in_word) || tokens[at].text == ">";
            let inner = at >= 2 && is(&tokens, at - 1, "::") && named(at - 2);
            if !token.text.starts_with(in_word) || !is(&tokens, at + 1, "::") || inner {
                continue;
            }
            let known = mentions.len();
            let mut here = self.modules();
            here.extend(inline.iter().map(|(name, _)| name.clone()));
            match token.text.as_str() {
                "crate" => expand(&tokens, at + 2, true, Vec::new(), &mut mentions),
                "self" | "super" => expand(&tokens, at, true, here, &mut mentions),
                _ => expand(&tokens, at, false, Vec::new(), &mut mentions),
            };
            mentions[known..]
                .iter_mut()
                .for_each(|mention| mention.stands = stands);
        }
        mentions
    }

    /// The names of its `pub fn`s, with their lines.
    pub fn public_functions(&self) -> Vec<(usize, String)> {
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
    pub fn calls(&self) -> Vec<String> {
        let tokens = self.tokens();
        let called = |at: &usize| {
            let of_something = is(&tokens, at - 1, ".") || is(&tokens, at - 1, "::");
            of_something && (is(&tokens, at + 1, "(") || is(&tokens, at + 1, "::"))
        };
        let called = (1..tokens.len()).filter(called);
        called.map(|at| tokens[at].text.clone()).collect()
    }

    /// Names in `guichet_bug = "NAME"` and `seeded!("NAME"`, with their places.
    pub fn seeded_bugs(&self) -> Vec<(Complaint, String)> {
        let code: Vec<&str> = self
            .lines
            .iter()
            .map(|line| line.literal.as_str())
            .collect();
        let code = code.join("\n");
        let mut found = Vec::new();
        for (word, sign) in [("guichet_bug", "="), ("seeded!", "(")] {
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
    pub fn bug_rows(&self) -> Vec<BugRow> {
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
pub enum Kind {
    Code,
    Comment,
    Literal,
}

/// What starts at `at`, and where it ends.
pub fn span(chars: &[char], at: usize) -> (Kind, usize) {
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
pub fn string_end(chars: &[char], at: usize) -> usize {
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
pub fn expand(
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
            into.push(Mention::new(tokens, at, local, parts));
            return at + 1;
        }
        at += 2;
    }
    // `Vec::<u8>::new` and the like end here.
    into.push(Mention::new(tokens, at.min(tokens.len()) - 1, local, parts));
    at
}

/// Whether the `use` at `at` is `pub`, for anybody.
fn declared(tokens: &[Token], at: usize) -> Stands {
    match at > 0 && (is(tokens, at - 1, "pub") || is(tokens, at - 1, ")")) {
        true => Stands::Export,
        false => Stands::Import,
    }
}

/// The tokens outside `use` declarations. `use<..>` in a return type is none.
pub fn outside_use(tokens: &[Token]) -> Vec<usize> {
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

pub fn is(tokens: &[Token], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.text == text)
}

pub fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Each word of `text` with what follows it.
pub fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word = &rest[rest.find(in_word)?..];
        let end = word.find(|c| !in_word(c)).unwrap_or(word.len());
        rest = &word[end..];
        Some((&word[..end], rest))
    })
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
