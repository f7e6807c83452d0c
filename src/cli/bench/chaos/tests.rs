//! The checker complains.
