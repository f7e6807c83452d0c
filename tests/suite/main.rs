//! The behaviour of queues and runtimes through the public API: every operation, every refusal.
//!
//! One module per topic. Handlers are held by gates and not by time, every wait has an end (`support`),
//! and every test closes its books: `settle` compares the queue's counts with what the test itself did.

mod accounting;
mod add;
mod add_many;
mod backoff;
mod cancel;
mod cancel_reasons;
mod change;
mod clock;
mod consumer;
mod deadline;
mod delay;
mod drops;
mod errors;
mod events;
mod halt;
mod hooks;
mod leaks;
mod lease;
mod lease_stress;
mod letters;
mod letters_kept;
mod listeners;
mod panics;
mod policy;
mod priority;
mod producer;
mod race_rounds;
mod races;
mod records;
mod records_kept;
mod records_live;
mod redrive;
mod relief;
mod results;
mod retry;
mod room;
mod runtimes;
mod shutdown;
mod soaked;
mod stress;
mod support;
mod timeout;
mod traps;
mod ttl;
mod workers;
