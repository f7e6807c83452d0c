//! Finds the sites: every ordering stronger than Relaxed, and every fence.
//!
//! Tokens come from `proc-macro2`, so comments, strings and attributes hide nothing and add nothing. No site is what a
//! `use` declaration names, the pattern of a `match`, what only a build with a bug does (`seeded!`), and what stands under
//! `#[cfg(test)]`. What can't be understood is an error, never a site less.

use crate::order::Order;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::ops::Range;

/// A comment that explains a site stands at most so many lines above it, no empty one among them.
const WITHIN: usize = 8;
const MARK: &str = "unseen";
const FENCE_AFTER_RMW: &str = "fence_after_rmw";

/// What stands at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The ordering of an operation.
    Ordering,
    Fence,
    /// The fence behind a read-modify-write, on x86 none that the language knows.
    FenceAfterRmw,
}

/// An ordering or a fence in a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// From 1.
    pub line: usize,
    /// The bytes to replace.
    pub range: Range<usize>,
    pub what: What,
    pub right: Order,
    /// Why no model sees it, as written in place.
    pub unseen: Option<String>,
}

impl Site {
    /// What it is weakened to: first the whole, then what is between.
    pub fn weaker(&self) -> &'static [Order] {
        self.right.weaker(self.what != What::Ordering)
    }
}

/// The sites of a file, in order.
pub fn find(text: &str) -> Result<Vec<Site>, String> {
    let tokens: TokenStream = text
        .parse()
        .map_err(|error| format!("is no Rust: {error}"))?;
    let mut sites = Vec::new();
    walk(tokens, &mut sites)?;
    explain(text, &mut sites)?;
    Ok(sites)
}

fn walk(stream: TokenStream, sites: &mut Vec<Site>) -> Result<(), String> {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if word(&tokens, at, "use") && !punct(&tokens, at + 1, '<') {
            at = end_of_item(&tokens, at);
        } else if punct(&tokens, at, '#') {
            let bang = usize::from(punct(&tokens, at + 1, '!'));
            let test = group(&tokens, at + 1, Delimiter::Bracket)
                .is_some_and(|attribute| attribute.to_string().replace(' ', "") == "cfg(test)");
            at += 2 + bang;
            if test {
                at = end_of_item(&tokens, at);
            }
        } else if seeded_bug(&tokens, at) {
            at += 5;
        } else if let Some(right) = seeded_right(&tokens, at) {
            walk(right, sites)?;
            at += 3;
        } else if let Some((site, next)) = site(&tokens, at)? {
            sites.push(site);
            at = next;
        } else {
            if let TokenTree::Group(group) = &tokens[at] {
                walk(group.stream(), sites)?;
            }
            at += 1;
        }
    }
    Ok(())
}

/// The site that starts at `at`, and where it ends.
fn site(tokens: &[TokenTree], at: usize) -> Result<Option<(Site, usize)>, String> {
    let TokenTree::Ident(name) = &tokens[at] else {
        return Ok(None);
    };
    let (line, name) = (name.span().start().line, name.to_string());
    let found = |what, right, last: usize| {
        let first = path_start(tokens, at);
        let range = tokens[first].span().byte_range().start..tokens[last].span().byte_range().end;
        let site = Site {
            line,
            range,
            what,
            right,
            unseen: None,
        };
        Ok(Some((site, last + 1)))
    };
    if let Some(right) = seeded_order(tokens, at) {
        let right = right.ok_or(format!("line {line}: `seeded!` without an ordering"))?;
        return found(What::Ordering, right, at + 2);
    }
    if name == "fence" || name == FENCE_AFTER_RMW {
        let defined = at > 0 && (word(tokens, at - 1, "fn") || punct(tokens, at - 1, '.'));
        let Some(arguments) = group(tokens, at + 1, Delimiter::Parenthesis) else {
            return Ok(None);
        };
        if defined {
            return Ok(None);
        }
        if name == FENCE_AFTER_RMW {
            return found(What::FenceAfterRmw, Order::SeqCst, at + 1);
        }
        let right = last_order(arguments);
        let right = right.ok_or(format!(
            "line {line}: a fence that doesn't say its ordering"
        ))?;
        return found(What::Fence, right, at + 1);
    }
    match Order::strong(&name) {
        Some(right) if !pattern(tokens, at + 1) => found(What::Ordering, right, at),
        _ => Ok(None),
    }
}

/// Where the path begins whose last part stands at `at`.
fn path_start(tokens: &[TokenTree], mut at: usize) -> usize {
    let part = |at: usize| matches!(tokens[at], TokenTree::Ident(_));
    while at >= 3 && punct(tokens, at - 1, ':') && punct(tokens, at - 2, ':') && part(at - 3) {
        at -= 3;
    }
    at
}

/// Whether what precedes `at` is, or is part of, the pattern of a `match`.
fn pattern(tokens: &[TokenTree], at: usize) -> bool {
    arrow(tokens, at) || punct(tokens, at, '|') || word(tokens, at, "if")
}

/// What `seeded!` is given at `at`, if it stands there.
fn seeded(tokens: &[TokenTree], at: usize) -> Option<Vec<TokenTree>> {
    let named = word(tokens, at, "seeded") && punct(tokens, at + 1, '!');
    let given = group(tokens, at + 2, Delimiter::Parenthesis).filter(|_| named);
    given.map(|given| given.into_iter().collect())
}

/// `if seeded!(..) { .. }`, or the same with `else` in front: never compiled in.
fn seeded_bug(tokens: &[TokenTree], at: usize) -> bool {
    word(tokens, at, "if")
        && seeded(tokens, at + 1).is_some()
        && group(tokens, at + 4, Delimiter::Brace).is_some()
}

/// The ordering of `seeded!(.., Relaxed => right)` at `at`; `Some(None)` if that is none.
fn seeded_order(tokens: &[TokenTree], at: usize) -> Option<Option<Order>> {
    let given = seeded(tokens, at)?;
    let of_order = word(&given, 2, "Relaxed") && arrow(&given, 3) && given.len() == 6;
    of_order.then(|| last_order(given.into_iter().collect()))
}

/// What is compiled in of `seeded!(.., wrong => right)` at `at`.
fn seeded_right(tokens: &[TokenTree], at: usize) -> Option<TokenStream> {
    let given = seeded(tokens, at)?;
    if seeded_order(tokens, at).is_some() {
        return None;
    }
    let arrow = (0..given.len()).find(|&at| arrow(&given, at))?;
    Some(given.into_iter().skip(arrow + 2).collect())
}

fn arrow(tokens: &[TokenTree], at: usize) -> bool {
    punct(tokens, at, '=') && punct(tokens, at + 1, '>')
}

/// Behind the `;` or the braces that end an item.
fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let declares = word(tokens, at, "use");
    let ends = |&at: &usize| {
        punct(tokens, at, ';') || !declares && group(tokens, at, Delimiter::Brace).is_some()
    };
    (at..tokens.len())
        .find(ends)
        .map_or(tokens.len(), |at| at + 1)
}

/// The ordering that the last token names.
fn last_order(arguments: TokenStream) -> Option<Order> {
    Order::strong(&arguments.into_iter().last()?.to_string())
}

fn word(tokens: &[TokenTree], at: usize, text: &str) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Ident(ident)) if ident == text)
}

fn punct(tokens: &[TokenTree], at: usize, sign: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn group(tokens: &[TokenTree], at: usize, delimiter: Delimiter) -> Option<TokenStream> {
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group.stream()),
        _ => None,
    }
}

/// Gives each site its `// unseen: why`, or `// unseen Acquire: why` where sites share a comment.
fn explain(text: &str, sites: &mut [Site]) -> Result<(), String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let comment = |line: usize| lines[line].starts_with("//");
    let mut heard = BTreeSet::new();
    for site in sites {
        let own = site.line - 1;
        let mut above = (own.saturating_sub(WITHIN)..own).rev();
        let nearest = above.find(|&line| comment(line) || lines[line].is_empty());
        let Some(last) = nearest.filter(|&line| comment(line)) else {
            continue;
        };
        let block = (0..=last).rev().take_while(|&line| comment(line));
        for line in block {
            let Some((whom, why)) = mark(lines[line]) else {
                continue;
            };
            if !whom.is_empty() && whom != site.right.name() {
                continue;
            }
            if why.is_empty() {
                return Err(format!("line {}: `{MARK}:` gives no reason", line + 1));
            }
            site.unseen = Some(why.into());
            heard.insert(line);
        }
    }
    let lost = (0..lines.len()).find(|line| mark(lines[*line]).is_some() && !heard.contains(line));
    match lost {
        Some(line) => Err(format!("line {}: `{MARK}` speaks of no site", line + 1)),
        None => Ok(()),
    }
}

/// Of whom a comment's mark speaks, and what it says.
fn mark(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("//")?.trim_start().strip_prefix(MARK)?;
    let (whom, why) = rest.split_once(':')?;
    let whole_word = whom.is_empty() || whom.starts_with(' ');
    whole_word.then_some((whom.trim(), why.trim()))
}
