//! A folder of small files to try it on: three images, a text, and an image that breaks off in the middle.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use guichet::{DeadReason, FailureKind};
use image::{ImageError, RgbImage};

use crate::thumbnail::SIDE;
use crate::{Outcome, bars};

/// The folder; removed when dropped.
pub struct Samples(PathBuf);

impl Samples {
    /// Writes the files.
    pub fn make() -> Result<Self, ImageError> {
        let name = format!("guichet-images-{}", std::process::id());
        let samples = Samples(std::env::temp_dir().join(name));
        let folder = samples.folder();
        fs::create_dir_all(folder)?;
        // Wide, high, and square.
        let shapes = [
            ("a.jpg", 640, 480),
            ("b.png", 300, 600),
            ("c.webp", 200, 200),
        ];
        for (name, width, height) in shapes {
            colours(width, height).save(folder.join(name))?;
        }
        fs::write(folder.join("letter.txt"), "Dear image library")?;
        let whole = fs::read(folder.join("b.png"))?;
        fs::write(folder.join("torn.png"), &whole[..whole.len() / 2])?;
        Ok(samples)
    }

    /// Where they lie.
    pub fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Samples {
    fn drop(&mut self) {
        // It lies in the folder for temporary files: nothing is lost if it stays.
        let _: io::Result<()> = fs::remove_dir_all(&self.0);
    }
}

fn colours(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([x as u8, y as u8, (x * y) as u8])
    })
}

/// What must have become of them.
pub fn check(outcome: &Outcome) -> Result<(), Box<dyn Error>> {
    let mut sizes = BTreeMap::new();
    for thumbnail in &outcome.thumbnails {
        let picture = image::open(&thumbnail.path)?;
        let size = (picture.width(), picture.height());
        sizes.insert(bars::name(&thumbnail.path), size);
    }
    let made = [
        ("a.jpg.png", (SIDE, 96)),
        ("b.png.png", (64, SIDE)),
        ("c.webp.png", (SIDE, SIDE)),
    ];
    assert_eq!(
        sizes,
        made.map(|(name, size)| (name.to_owned(), size)).into()
    );

    let lost = outcome.letters.iter().map(|letter| {
        let kinds = letter.history.iter().map(|attempt| attempt.kind);
        let name = letter.payload.as_deref().map(bars::name);
        (
            name.unwrap_or_default(),
            (letter.reason, kinds.collect::<Vec<_>>()),
        )
    });
    let text = (DeadReason::Discarded, vec![FailureKind::Discard]);
    let torn = (DeadReason::Exhausted, vec![FailureKind::Error; 3]);
    let bad = [
        ("letter.txt".to_owned(), text),
        ("torn.png".to_owned(), torn),
    ];
    assert_eq!(lost.collect::<BTreeMap<_, _>>(), bad.into());

    let stats = &outcome.stats;
    assert_eq!((stats.completed, stats.failed, stats.retried), (3, 2, 2));
    Ok(())
}
