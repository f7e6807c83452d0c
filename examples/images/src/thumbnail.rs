//! The handler: one file in, one thumbnail out.

use std::fs;
use std::path::{Path, PathBuf};

use guichet::{Failure, Job};
use image::{DynamicImage, ImageError};

use crate::bars::{self, Step};

/// The longer side of a thumbnail, in pixels.
pub const SIDE: u32 = 128;

/// A thumbnail that was written.
pub struct Thumbnail {
    /// Where it lies.
    pub path: PathBuf,
    /// How large the file is.
    pub bytes: u64,
}

/// Makes a thumbnail in `folder`.
pub fn make(job: &Job<'_, PathBuf>, folder: &Path) -> Result<Thumbnail, Failure> {
    let name = bars::name(job.payload());
    let show = |done| {
        job.set_progress(Step {
            name: name.clone(),
            done,
        });
        // Nobody wants the rest if the job was decided meanwhile, by its time-out or a shutdown.
        job.checkpoint()
    };
    show(0)?;
    let bytes = fs::read(job.payload())?;
    show(1)?;
    let picture = decode(&bytes)?;
    show(2)?;
    let small = picture.thumbnail(SIDE, SIDE);
    show(3)?;
    let path = folder.join(name + ".png");
    small.save(&path)?;
    Ok(Thumbnail {
        bytes: path.metadata()?.len(),
        path,
    })
}

/// An image that can't be read at all never will be; one that is broken may still be being written.
fn decode(bytes: &[u8]) -> Result<DynamicImage, Failure> {
    image::load_from_memory(bytes).map_err(|error| match error {
        ImageError::Unsupported(_) => Failure::discard(error),
        broken => Failure::from(broken),
    })
}
