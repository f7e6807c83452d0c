//! What is a site, and what only looks like one.

use crate::find::{What, find};

/// Each site as `line what right: the text to replace`.
fn sites(text: &str) -> Vec<String> {
    let sites = find(text).expect("readable");
    let shown = sites.iter().map(|site| {
        let what = match site.what {
            What::Ordering => "ordering",
            What::Fence => "fence",
            What::FenceAfterRmw => "after",
        };
        let (line, right) = (site.line, site.right);
        format!("{line} {what} {right}: {}", &text[site.range.clone()])
    });
    shown.collect()
}

fn reasons(text: &str) -> Vec<Option<String>> {
    let sites = find(text).expect("readable");
    sites.into_iter().map(|site| site.unseen).collect()
}

#[test]
fn bare_names_paths_and_macros_are_sites() {
    let text = r#"fn f() {
    x.load(Acquire);
    x.store(1, Ordering::Release); x.swap(1, crate::sync::atomic::Ordering::SeqCst);
    let order = seeded!("a_name", Relaxed => AcqRel);
    match x.compare_exchange(0, 1, AcqRel, Acquire) { Ok(_) => y.load(Acquire), _ => 0 };
}
"#;
    let expected = [
        "2 ordering Acquire: Acquire",
        "3 ordering Release: Ordering::Release",
        "3 ordering SeqCst: crate::sync::atomic::Ordering::SeqCst",
        "4 ordering AcqRel: seeded!(\"a_name\", Relaxed => AcqRel)",
        "5 ordering AcqRel: AcqRel",
        "5 ordering Acquire: Acquire",
        "5 ordering Acquire: Acquire",
    ];
    assert_eq!(sites(text), expected);
}

#[test]
fn fences_are_one_site_with_their_ordering() {
    let text = "fn f() {
    fence(SeqCst);
    atomic::fence(crate::sync::atomic::Ordering::Acquire);
    fence_after_rmw();
    self.switches.fence();
    (fence)(x);
}
fn fence(order: Ordering) {}
";
    let expected = [
        "2 fence SeqCst: fence(SeqCst)",
        "3 fence Acquire: atomic::fence(crate::sync::atomic::Ordering::Acquire)",
        "4 after SeqCst: fence_after_rmw()",
    ];
    assert_eq!(sites(text), expected);
    assert!(find("fn f() { fence(order); }").is_err());
    assert!(find("fn f() { x.load(seeded!(\"name\", Relaxed => order)); }").is_err());
}

#[test]
fn text_imports_and_attributes_are_no_sites() {
    let text = r##"//! Acquire
/// Release and `fence(SeqCst)`
use crate::sync::atomic::{Ordering::{self, Acquire}, fence};
pub use Ordering::SeqCst;
fn f<'a>() -> impl Sized + use<'a> {
    // x.load(Acquire)
    /* fence(SeqCst); /* AcqRel */ Release */
    "Acquire"; r#"fence(SeqCst) " Release"#; 'R'; b"AcqRel";
    #[doc = "Acquire"]
    use Ordering::Release;
    x.load(Relaxed); Acquired; SeqCstly; fences(Relaxed);
}
"##;
    assert_eq!(sites(text), Vec::<String>::new());
}

#[test]
fn patterns_are_no_sites() {
    let text = "fn f() {
    match order {
        Acquire | Ordering::Release => 1,
        AcqRel if strict => 2,
        Ordering::SeqCst => x.load(Acquire),
    }
}
";
    assert_eq!(sites(text), ["5 ordering Acquire: Acquire"]);
}

#[test]
fn seeded_bugs_and_tests_are_no_sites() {
    let text = r#"fn f() {
    if seeded!("a") { x.load(Acquire); } else { x.load(Acquire); }
    let order = seeded!("b", y.load(Release) => seeded!("c", Relaxed => AcqRel));
    if !seeded!("d") { fence(Release); }
    if cfg!(debug_assertions) { fence(Acquire); }
}
#[cfg(test)]
mod tests { fn f() { x.load(SeqCst); } }
#[cfg(test)] mod more;
#[cfg(not(test))] fn g() { x.load(SeqCst) }
"#;
    let expected = [
        "2 ordering Acquire: Acquire",
        "3 ordering AcqRel: seeded!(\"c\", Relaxed => AcqRel)",
        "4 fence Release: fence(Release)",
        "5 fence Acquire: fence(Acquire)",
        "10 ordering SeqCst: SeqCst",
    ];
    assert_eq!(sites(text), expected);
}

#[test]
fn places_are_bytes_even_behind_wide_characters() {
    let text = "fn f() { \"é — ∞\"; x.load(Acquire) }";
    assert_eq!(sites(text), ["1 ordering Acquire: Acquire"]);
}

#[test]
fn a_reason_is_that_of_the_nearest_comment() {
    let text = "fn f() {
    // ORDERING: Acquire, of the first.
    // unseen: the first is
    // explained.
    x.load(
        Acquire,
    );
    // ORDERING: of the second.
    x.load(Acquire);
    // unseen Release: half of two.
    x.compare_exchange(0, 1, Release, Acquire);
    //
    //
    // The unseen: in prose, and an unseen word.
    //
    x.load(Acquire);
}
";
    let found: Vec<_> = reasons(text);
    let found: Vec<_> = found.iter().map(Option::as_deref).collect();
    let expected = [Some("the first is"), None, Some("half of two."), None, None];
    assert_eq!(found, expected);
}

#[test]
fn a_mark_without_a_reason_or_a_site_is_an_error() {
    assert!(find("// unseen:\nfn f() { x.load(Acquire) }").is_err());
    assert!(find("// unseen: there is nothing.\nfn f() {}").is_err());
    assert!(find("// unseen Acquire: another.\nfn f() { x.store(1, Release) }").is_err());
    assert!(find("// unseen: of what?\nf();\n\nx.load(Acquire);").is_err());
    let far = format!(
        "// unseen: too far.\n{}x.load(Acquire);",
        "f();\n".repeat(9)
    );
    assert!(find(&far).is_err());
}
