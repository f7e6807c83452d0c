//! Worker threads at the far end of a bounded channel: what one writes without a job queue.
//!
//! Four channels, two of them in [`locked`](super::locked), share one loop. They know no jobs: no states, no retries, no results, no catching of panics; the
//! ratio to them is the price of having those.

use std::collections::{BinaryHeap, VecDeque};
use std::marker::PhantomData;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use super::channel::Channel;
use super::contender::{Contender, Producing, Running};
use super::failed::Failed;
use super::locked::{Locked, Urgent};
use crate::cli::args::Impl;
use crate::cli::bench::gate::Gate;
use crate::cli::bench::task::Task;

/// Workers on a crossbeam channel.
pub const CROSSBEAM: Workers<Crossbeam> = Workers(PhantomData);
/// Workers on std's channel.
pub const STD: Workers<Std> = Workers(PhantomData);
/// Workers on a deque behind a mutex.
pub const MUTEX: Workers<Locked<VecDeque<u64>>> = Workers(PhantomData);
/// Workers on a heap behind a mutex.
pub const MUTEX_HEAP: Workers<Locked<BinaryHeap<Urgent>>> = Workers(PhantomData);

/// Worker threads on the channel `C`.
#[derive(Debug)]
pub struct Workers<C>(PhantomData<C>);

impl<C: Channel> Contender for Workers<C> {
    fn id(&self) -> Impl {
        C::ID
    }

    fn name(&self) -> &'static str {
        C::NAME
    }

    fn pace(&self) -> u64 {
        C::PACE
    }

    fn start(
        &self,
        workers: usize,
        capacity: usize,
        task: &Arc<Task>,
    ) -> Result<Box<dyn Running>, Failed> {
        let (sender, receiver) = C::bounded(capacity);
        let up = Arc::new(Gate::default());
        // On an early return the sender is dropped, and workers that did start find the channel closed.
        up.open(true);
        let threads =
            (0..workers).map(|_| worker::<C>(receiver.clone(), Arc::clone(task), Arc::clone(&up)));
        let threads = threads.collect::<Result<Vec<_>, _>>()?;
        up.gather(workers);
        Ok(Box::new(System::<C> { sender, threads }))
    }
}

fn worker<C: Channel>(
    receiver: C::Receiver,
    task: Arc<Task>,
    up: Arc<Gate>,
) -> Result<JoinHandle<()>, Failed> {
    let work = move || {
        let _ = up.arrive();
        while let Some(number) = C::receive(&receiver) {
            task.run(number);
        }
    };
    thread::Builder::new()
        .name("worker".to_owned())
        .spawn(work)
        .map_err(|error| Failed::new("spawning a worker", error))
}

struct System<C: Channel> {
    sender: C::Sender,
    threads: Vec<JoinHandle<()>>,
}

impl<C: Channel> Running for System<C> {
    fn producer(&self) -> Producing {
        let sender = self.sender.clone();
        Box::new(move |share| {
            share.each(|number| {
                C::send(&sender, number).ok_or_else(|| Failed::new("send", "no worker is left"))
            })
        })
    }

    fn finish(self: Box<Self>) -> Result<(), Failed> {
        let System { sender, threads } = *self;
        drop(sender);
        for thread in threads {
            thread
                .join()
                .map_err(|_| Failed::new("worker", "panicked"))?;
        }
        Ok(())
    }
}

/// crossbeam-channel.
#[derive(Debug)]
pub struct Crossbeam;

impl Channel for Crossbeam {
    type Sender = crossbeam_channel::Sender<u64>;
    type Receiver = crossbeam_channel::Receiver<u64>;
    const ID: Impl = Impl::Crossbeam;
    const NAME: &'static str = "crossbeam-channel";
    const PACE: u64 = 1;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        crossbeam_channel::bounded(capacity)
    }

    fn send(sender: &Self::Sender, number: u64) -> Option<()> {
        sender.send(number).ok()
    }

    fn receive(receiver: &Self::Receiver) -> Option<u64> {
        receiver.recv().ok()
    }
}

/// std's channel. Its receiver is for one thread, so several share it behind a mutex, waiting included.
#[derive(Debug)]
pub struct Std;

impl Channel for Std {
    type Sender = mpsc::SyncSender<u64>;
    type Receiver = Arc<Mutex<mpsc::Receiver<u64>>>;
    const ID: Impl = Impl::Std;
    const NAME: &'static str = "std sync_channel";
    const PACE: u64 = 4;

    fn bounded(capacity: usize) -> (Self::Sender, Self::Receiver) {
        let (sender, receiver) = mpsc::sync_channel(capacity);
        (sender, Arc::new(Mutex::new(receiver)))
    }

    fn send(sender: &Self::Sender, number: u64) -> Option<()> {
        sender.send(number).ok()
    }

    fn receive(receiver: &Self::Receiver) -> Option<u64> {
        receiver.lock().recv().ok()
    }
}
