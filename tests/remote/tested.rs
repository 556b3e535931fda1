//! What the tests of `tests/sync` test here: the channels between threads.

pub(crate) use channel::{channel, unbounded};
pub(crate) use nestling::sync::remote::oneshot;

pub(crate) mod channel {
    pub(crate) use nestling::sync::remote::channel::{
        Receiver, Reserved, SendError, Sender, TryRecvError, TrySendError, channel,
    };

    /// More than any test sends: stands in for a channel without a bound, of which there is none.
    const ENOUGH: usize = 1 << 40;

    #[derive(Debug)]
    pub(crate) struct UnboundedSender<T>(Sender<T>);

    impl<T> Clone for UnboundedSender<T> {
        fn clone(&self) -> Self {
            Self(self.0.clone())
        }
    }

    impl<T> UnboundedSender<T> {
        pub(crate) fn send(&self, value: T) -> Result<(), SendError<T>> {
            self.0.try_send(value).map_err(|error| SendError(error.into_inner()))
        }

        pub(crate) fn is_closed(&self) -> bool {
            self.0.is_closed()
        }
    }

    pub(crate) fn unbounded<T>() -> (UnboundedSender<T>, Receiver<T>) {
        let (sender, receiver) = channel(ENOUGH);
        (UnboundedSender(sender), receiver)
    }
}
