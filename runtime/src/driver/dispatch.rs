//! What each completion of the kernel's means, and what is to be done about it.
//!
//! ```text
//!   dispatch ─┬─ the common case ──▶ InFlight::answer: a task is ready
//!             └─ arrive ─┬─ Op, not the last answer ──▶ more
//!                        ├─ Op ──▶ InFlight::complete
//!                        ├─ Doorbell, Message ──▶ hear_doorbell
//!                        └─ a cancel's answer, stale ──▶ counted
//! ```

use super::Driver;
use super::outcome::Arrival;
use crate::instrument;
use crate::key::{Key, Tag};
use crate::ring::Completion;
use crate::wake::Waiter;

impl Driver {
    /// Takes completions, at most `left`, until one asks for something to be done, and tells what.
    /// `None`: nothing is to be done.
    #[inline]
    pub(crate) fn dispatch(&mut self, left: &mut usize) -> Option<Arrival> {
        while *left > 0 {
            *left -= 1;
            let completion = self.completions.pop_front()?;
            let key = Key::from_user_data(completion.user_data);
            let is_final = key.tag() == Tag::Op && !completion.is_partial();
            if is_final && instrument::is_on() {
                self.in_flight.tell_done(key, completion);
            }
            let answered = if is_final { self.in_flight.answer(key, completion) } else { None };
            match answered {
                Some(owner) => {
                    self.counters.completed.add(1);
                    if !matches!(owner, Waiter::Nobody) {
                        return Some(Arrival::WakeOnly(owner));
                    }
                }
                None => match self.arrive(key, completion) {
                    Arrival::Nothing => {}
                    arrival => return Some(arrival),
                },
            }
        }
        None
    }

    /// Finds out what a completion means.
    #[inline(never)]
    fn arrive(&mut self, key: Key, completion: Completion) -> Arrival {
        let arrival = match key.tag() {
            Tag::Op if completion.is_partial() => self.more(key, completion),
            Tag::Op => self.in_flight.complete(key, completion),
            // A failed request: its target had completed already, or was busy.
            Tag::Cancel => Arrival::Nothing,
            Tag::Doorbell | Tag::Message => {
                self.hear_doorbell(key, completion);
                Arrival::Nothing
            }
            Tag::Unknown => Arrival::Stale,
        };
        match arrival {
            Arrival::Nothing
            | Arrival::WakeOnly(_)
            | Arrival::DisposeOne(_)
            | Arrival::Release(_) => {}
            Arrival::Wake { .. } | Arrival::Dispose(_) => self.counters.completed.add(1),
            Arrival::Stale => self.counters.stale.add(1),
        }
        arrival
    }

    /// An answer that is not the last, or not the first: the notification of a zero-copy send.
    #[cold]
    fn more(&mut self, key: Key, completion: Completion) -> Arrival {
        if completion.is_notification() {
            return self.notices.arrive(completion, self.in_flight.is_pending(key));
        }
        if self.in_flight.expects_notice(key) {
            // With its result a zero-copy send is over, but for its buffer.
            self.notices.expect(key);
            if instrument::is_on() {
                self.in_flight.tell_done(key, completion);
            }
            return self.in_flight.complete(key, completion);
        }
        let (arrival, is_full) = self.in_flight.more(key, completion);
        if is_full {
            self.ask(key);
        }
        arrival
    }
}
