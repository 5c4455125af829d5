//! What the writer thread is asked to do, in order.
//!
//! Waking a thread costs more than a record's bytes do. While the writer waits for the next sync
//! anyway, records are put down without waking it, until there are many, or one that somebody waits for.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::writer::{Command, Haste};

/// Records that wait together are worth waking the writer, whatever else it waits for.
const WAKING_RECORDS: usize = 1024;
/// The same for what they hold in memory. Bytes.
const WAKING_BYTES: usize = 1 << 20;

/// The appenders' end.
#[derive(Clone, Debug)]
pub(super) struct CommandSender(Arc<Queue>);

/// The writer's end.
#[derive(Debug)]
pub(super) struct CommandReceiver(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    woken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    commands: VecDeque<Command>,
    /// What they hold in memory. Bytes.
    n_bytes: usize,
    /// The writer sleeps until a moment of its own, and records may wait as long.
    is_patient: bool,
    /// There is a command that must not wait.
    is_urgent: bool,
    is_closed: bool,
}

/// Nobody reads the commands any more.
#[derive(Debug)]
pub(super) struct Closed;

/// Both ends of a new queue.
pub(super) fn commands() -> (CommandSender, CommandReceiver) {
    let queue = Arc::new(Queue::default());
    (CommandSender(Arc::clone(&queue)), CommandReceiver(queue))
}

impl CommandSender {
    /// Asks the writer for something.
    pub(super) fn send(&self, command: Command) -> Result<(), Closed> {
        let mut state = self.0.state();
        if state.is_closed {
            return Err(Closed);
        }
        state.push(command);
        let wakes = state.is_urgent || !state.is_patient;
        drop(state);
        if wakes {
            self.0.woken.notify_one();
        }
        Ok(())
    }
}

impl CommandReceiver {
    /// Everything there is. Waits for the first command, with `until` no longer than that; records
    /// may then stay until that moment, other commands come at once.
    pub(super) fn receive(&self, until: Option<Instant>) -> VecDeque<Command> {
        let mut state = self.0.state();
        state.is_patient = until.is_some();
        loop {
            let is_ready = state.is_urgent || (!state.is_patient && !state.commands.is_empty());
            let now = Instant::now();
            state = match until {
                _ if is_ready => break,
                Some(until) if until <= now => break,
                Some(until) => {
                    let waited = self.0.woken.wait_timeout(state, until - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let waited = self.0.woken.wait(state);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
        state.take()
    }

    /// Everything there is, at once.
    pub(super) fn take(&self) -> VecDeque<Command> {
        self.0.state().take()
    }
}

impl Drop for CommandReceiver {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, command: Command) {
        let may_wait = match &command {
            Command::Append(queued) => {
                self.n_bytes += queued.n_bytes();
                queued.haste == Haste::None
            }
            Command::Prune | Command::Close(_) => false,
        };
        self.commands.push_back(command);
        self.is_urgent |=
            !may_wait || self.n_bytes >= WAKING_BYTES || self.commands.len() >= WAKING_RECORDS;
    }

    fn take(&mut self) -> VecDeque<Command> {
        self.is_patient = false;
        self.is_urgent = false;
        self.n_bytes = 0;
        std::mem::take(&mut self.commands)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use proto::Record;
    use tokio::sync::{Semaphore, oneshot};

    use super::*;
    use crate::log::appender::QUEUE_UNIT;
    use crate::log::writer::{Haste, Queued};

    const LONG: Duration = Duration::from_secs(60);

    fn record(n_bytes: usize) -> Command {
        in_haste(n_bytes, Haste::None)
    }

    fn in_haste(n_bytes: usize, haste: Haste) -> Command {
        let n_units = n_bytes.div_ceil(QUEUE_UNIT);
        let space = Arc::new(Semaphore::new(n_units));
        Command::Append(Queued {
            record: Record::Traces(Vec::new().into()),
            ack: oneshot::channel().0,
            space: space.try_acquire_many_owned(n_units as u32).unwrap(),
            haste,
        })
    }

    /// The number of commands that a writer gets who waits until `until`, when it is sent these.
    fn received(until: Option<Instant>, commands: Vec<Command>) -> usize {
        let (sender, receiver) = super::commands();
        let writer = thread::spawn(move || receiver.receive(until).len());
        for command in commands {
            // The writer may be gone when it has what it waited for.
            let _ = sender.send(command);
        }
        writer.join().unwrap()
    }

    #[test]
    fn a_writer_without_a_deadline_is_woken_by_a_record() {
        assert_eq!(received(None, vec![record(1)]), 1);
    }

    #[test]
    fn a_few_records_wait_for_the_deadline() {
        let until = Instant::now() + Duration::from_millis(50);
        assert_eq!(received(Some(until), vec![record(1), record(1)]), 2);
        assert!(Instant::now() >= until);
    }

    #[test]
    fn what_must_not_wait_comes_at_once() {
        let until = Instant::now() + LONG;
        received(Some(until), vec![record(1), Command::Prune]);
        received(Some(until), vec![record(1), in_haste(1, Haste::Awaited)]);
        received(Some(until), vec![record(WAKING_BYTES)]);
        received(
            Some(until),
            (0..WAKING_RECORDS).map(|_| record(1)).collect(),
        );
        assert!(Instant::now() < until);
    }

    #[test]
    fn nothing_can_be_sent_when_the_writer_is_gone() {
        let (sender, receiver) = super::commands();
        drop(receiver);
        sender.send(Command::Prune).unwrap_err();
    }
}
