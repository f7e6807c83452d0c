//! Planted in the copy of the library: each site asks here, at run time, whether it is the one to be weakened.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};

/// What the environment asks of this process.
struct Wish {
    weakened: Option<(usize, Ordering)>,
    /// `fence_after_rmw` is taken for what it is on x86: nothing that the language knows.
    bare: bool,
    /// The file that is told which sites were reached.
    reached: Option<String>,
}

static SEEN: [AtomicBool; 4096] = [const { AtomicBool::new(false) }; 4096];

fn wish() -> &'static Wish {
    static WISH: OnceLock<Wish> = OnceLock::new();
    WISH.get_or_init(|| Wish {
        weakened: std::env::var("GUICHET_WEAKENED").ok().map(|text| {
            let (site, order) = text.split_once(' ').expect("a site and an ordering");
            let order = match order {
                "Relaxed" => Relaxed,
                "Acquire" => Acquire,
                "Release" => Release,
                "AcqRel" => AcqRel,
                other => panic!("no ordering to weaken to: {other}"),
            };
            (site.parse().expect("a site's number"), order)
        }),
        bare: std::env::var_os("GUICHET_BARE").is_some(),
        reached: std::env::var("GUICHET_REACHED").ok(),
    })
}

/// The ordering of this site.
pub fn ordering(site: usize, right: Ordering) -> Ordering {
    let wish = wish();
    if let Some(path) = &wish.reached
        && !SEEN[site].swap(true, Relaxed)
    {
        let mut file = OpenOptions::new().append(true).create(true).open(path).expect("the file opens");
        writeln!(file, "{site}").expect("the file takes a line");
    }
    match wish.weakened {
        Some((weakened, order)) if weakened == site => order,
        _ => right,
    }
}

/// The fence of this site; Relaxed stands for none.
pub fn fence(site: usize, right: Ordering) {
    match ordering(site, right) {
        Relaxed => {}
        order => super::atomic::fence(order),
    }
}

/// The fence of this site behind a read-modify-write.
pub fn fence_after_rmw(site: usize, right: Ordering) {
    let order = ordering(site, right);
    if order != Relaxed && !wish().bare {
        super::atomic::fence(order);
    }
}
