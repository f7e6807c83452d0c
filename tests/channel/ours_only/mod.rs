//! What `guichet::channel` promises beyond the common contract: batches, messages that go with the
//! last receiver, and panics that stay where they are.

mod batch_model;
mod batch_stress;
mod batch_waits;
mod batches;
mod details;
mod discard;
