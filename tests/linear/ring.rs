//! guichet's ring by itself, without anybody who waits.

use std::collections::VecDeque;
use std::sync::Arc;

use guichet::internals::ring::{PopError, PushError, Ring};

use crate::program::{Abilities, Program, Wait};
use crate::record::{Refusal, Seat, Subject};

pub struct Bare;

impl<M: Send + 'static> Subject<M> for Bare {
    type Seat = Arc<Ring<M>>;
    const ABILITIES: Abilities = Abilities {
        blocks: false,
        balanced: false,
        batches: true,
        closes: true,
        capacities: &[1, 2, 3, 4],
        whole_batches: true,
    };

    fn seats(&self, program: &Program) -> Vec<Self::Seat> {
        let ring = Arc::new(Ring::new(program.capacity));
        program.threads.iter().map(|_| Arc::clone(&ring)).collect()
    }
}

fn full<T>(error: PushError<T>) -> (Refusal, T) {
    match error {
        PushError::Full(back) => (Refusal::Boundary, back),
        PushError::Closed(back) => (Refusal::Disconnected, back),
    }
}

fn empty(error: PopError) -> Refusal {
    match error {
        PopError::Empty => Refusal::Boundary,
        PopError::Closed => Refusal::Disconnected,
    }
}

impl<M: Send + 'static> Seat<M> for Arc<Ring<M>> {
    fn send(&mut self, _: Wait, message: M) -> Result<(), (Refusal, M)> {
        self.push(message).map_err(full)
    }

    fn recv(&mut self, _: Wait) -> Result<M, Refusal> {
        self.pop().map_err(empty)
    }

    fn send_many(&mut self, _: Wait, messages: &mut Vec<M>) -> Result<usize, Refusal> {
        let mut left = VecDeque::from(std::mem::take(messages));
        let sent = self.push_many(&mut left);
        *messages = left.into();
        sent.map_err(|error| full(error).0)
    }

    fn recv_many(&mut self, _: Wait, messages: &mut Vec<M>, most: usize) -> Result<usize, Refusal> {
        self.pop_many(messages, most).map_err(empty)
    }

    fn close(&mut self) {
        Ring::close(self);
    }
}
