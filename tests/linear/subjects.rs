//! The channels that must pass: crossbeam's, which shows that the harness asks nothing impossible, and
//! guichet's.

use crossbeam_channel as crossbeam;
use guichet::channel as guichet;

use crate::program::{Abilities, Program, Side, Wait};
use crate::record::{Refusal, Seat, Subject};

/// A seat at a channel of `$library`, and its two subjects: with room for messages, and without.
macro_rules! channel {
    ($library:ident, $seat:ident, $buffered:ident, $rendezvous:ident, $batches:literal, { $($batch:item)* }) => {
        pub struct $seat<M> {
            sender: Option<$library::Sender<M>>,
            receiver: Option<$library::Receiver<M>>,
        }

        impl<M> $seat<M> {
            fn seats(capacity: usize, program: &Program) -> Vec<Self> {
                let (sender, receiver) = $library::bounded(capacity);
                let seat = |thread: &crate::program::Thread| $seat {
                    sender: thread.sends.then(|| sender.clone()),
                    receiver: thread.receives.then(|| receiver.clone()),
                };
                program.threads.iter().map(seat).collect()
            }

            fn sender(&self) -> &$library::Sender<M> {
                self.sender.as_ref().expect("a thread that sends")
            }

            fn receiver(&self) -> &$library::Receiver<M> {
                self.receiver.as_ref().expect("a thread that receives")
            }
        }

        impl<M: Send + 'static> Seat<M> for $seat<M> {
            fn send(&mut self, wait: Wait, message: M) -> Result<(), (Refusal, M)> {
                use $library::{SendError, SendTimeoutError, TrySendError};
                let sender = self.sender();
                match wait {
                    Wait::Try => sender.try_send(message).map_err(|error| match error {
                        TrySendError::Full(back) => (Refusal::Boundary, back),
                        TrySendError::Disconnected(back) => (Refusal::Disconnected, back),
                    }),
                    Wait::For(patience) => {
                        let sent = sender.send_timeout(message, patience);
                        sent.map_err(|error| match error {
                            SendTimeoutError::Timeout(back) => (Refusal::TimedOut, back),
                            SendTimeoutError::Disconnected(back) => (Refusal::Disconnected, back),
                        })
                    }
                    Wait::Forever => {
                        let sent = sender.send(message);
                        sent.map_err(|SendError(back)| (Refusal::Disconnected, back))
                    }
                }
            }

            fn recv(&mut self, wait: Wait) -> Result<M, Refusal> {
                use $library::{RecvError, RecvTimeoutError, TryRecvError};
                let receiver = self.receiver();
                match wait {
                    Wait::Try => receiver.try_recv().map_err(|error| match error {
                        TryRecvError::Empty => Refusal::Boundary,
                        TryRecvError::Disconnected => Refusal::Disconnected,
                    }),
                    Wait::For(patience) => {
                        receiver.recv_timeout(patience).map_err(|error| match error {
                            RecvTimeoutError::Timeout => Refusal::TimedOut,
                            RecvTimeoutError::Disconnected => Refusal::Disconnected,
                        })
                    }
                    Wait::Forever => receiver.recv().map_err(|RecvError| Refusal::Disconnected),
                }
            }

            fn leave(&mut self, side: Side) {
                match side {
                    Side::Senders => self.sender = None,
                    Side::Receivers => self.receiver = None,
                }
            }

            $($batch)*
        }

        pub struct $buffered;

        impl<M: Send + 'static> Subject<M> for $buffered {
            type Seat = $seat<M>;
            const ABILITIES: Abilities = Abilities {
                blocks: true,
        balanced: true,
                batches: $batches,
                closes: false,
                capacities: &[1, 2, 3, 4],
                whole_batches: $batches,
            };

            fn seats(&self, program: &Program) -> Vec<$seat<M>> {
                $seat::seats(program.capacity, program)
            }
        }

        /// Asks for a channel of its capacity, which is 0 except in an impostor.
        pub struct $rendezvous(pub usize);

        impl<M: Send + 'static> Subject<M> for $rendezvous {
            type Seat = $seat<M>;
            const ABILITIES: Abilities = Abilities {
                capacities: &[0],
                ..<$buffered as Subject<M>>::ABILITIES
            };

            fn seats(&self, program: &Program) -> Vec<$seat<M>> {
                $seat::seats(self.0, program)
            }
        }
    };
}

channel!(
    crossbeam,
    CrossbeamSeat,
    Crossbeam,
    CrossbeamRendezvous,
    false,
    {}
);

channel!(guichet, GuichetSeat, Guichet, GuichetRendezvous, true, {
    fn send_many(&mut self, wait: Wait, messages: &mut Vec<M>) -> Result<usize, Refusal> {
        use guichet::TrySendError;
        let (sender, count) = (self.sender(), messages.len());
        if wait == Wait::Forever {
            let sent = sender.send_many(messages);
            return sent.map(|()| count).map_err(|_| Refusal::Disconnected);
        }
        sender.try_send_many(messages).map_err(|error| match error {
            TrySendError::Full(()) => Refusal::Boundary,
            TrySendError::Disconnected(()) => Refusal::Disconnected,
        })
    }

    fn recv_many(
        &mut self,
        wait: Wait,
        messages: &mut Vec<M>,
        most: usize,
    ) -> Result<usize, Refusal> {
        use guichet::{RecvError, TryRecvError};
        let receiver = self.receiver();
        if wait == Wait::Forever {
            let received = receiver.recv_many(messages, most);
            return received.map_err(|RecvError| Refusal::Disconnected);
        }
        let received = receiver.try_recv_many(messages, most);
        received.map_err(|error| match error {
            TryRecvError::Empty => Refusal::Boundary,
            TryRecvError::Disconnected => Refusal::Disconnected,
        })
    }
});
