//! stub
#![allow(dead_code, unused_imports)]
pub mod model;
pub mod park;
pub mod ring;
pub mod sync;
pub mod table;
#[doc(hidden)]
#[cfg(any(feature = "internals", guichet_loom, guichet_shuttle))]
pub mod internals {
    //! inner
    pub use crate::{model, park, ring, sync, table};
}
