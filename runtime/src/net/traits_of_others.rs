//! The traits of tokio, futures and hyper, for all types that have a connection behind them.

/// Implements a crate's trait of reading by a function, and its trait of writing. Those of all
/// crates have the same methods, but for the type that is read into, the name of the last one, and
/// what a crate has beside them.
macro_rules! traits_of_others {
    (
        $Read:ident: $read:path, $buffer:ty => $filled:ty;
        $Write:ident: $shutdown:ident, $beside:tt
    ) => {
        const _: () = {
            use crate::net::{
                Connection, OwnedReadHalf, OwnedWriteHalf, ReadHalf, Reads, TcpStream, UnixStream,
                WriteHalf, Writes,
            };
            use crate::yield_now::poll_proceed;
            use std::io::{IoSlice, Result};
            use std::pin::Pin;
            use std::task::{Context, Poll};

            traits_of_others!(@ $Read: $read, $buffer => $filled; [] TcpStream);
            traits_of_others!(@ $Read: $read, $buffer => $filled; [] &TcpStream);
            traits_of_others!(@ $Read: $read, $buffer => $filled; [] UnixStream);
            traits_of_others!(@ $Read: $read, $buffer => $filled; [] &UnixStream);
            traits_of_others!(@ $Read: $read, $buffer => $filled; [S] ReadHalf<'_, S>);
            traits_of_others!(@ $Read: $read, $buffer => $filled; [S] OwnedReadHalf<S>);
            traits_of_others!(@ $Write: $shutdown, $beside; [] TcpStream);
            traits_of_others!(@ $Write: $shutdown, $beside; [] &TcpStream);
            traits_of_others!(@ $Write: $shutdown, $beside; [] UnixStream);
            traits_of_others!(@ $Write: $shutdown, $beside; [] &UnixStream);
            traits_of_others!(@ $Write: $shutdown, $beside; [S] WriteHalf<'_, S>);
            traits_of_others!(@ $Write: $shutdown, $beside; [S] OwnedWriteHalf<S>);
        };
    };
    (@ $Read:ident: $read:path, $buffer:ty => $filled:ty; [$($S:ident)?] $type:ty) => {
        impl$(<$S: Connection>)? $Read for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: $buffer,
            ) -> Poll<Result<$filled>> {
                $read(self.reads(), cx, buffer)
            }
        }
    };
    (@ $Write:ident: $shutdown:ident, { $($beside:tt)* }; [$($S:ident)?] $type:ty) => {
        impl$(<$S: Connection>)? $Write for $type {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &[u8],
            ) -> Poll<Result<usize>> {
                self.writes().poll_write(cx, buffer)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<Result<usize>> {
                self.writes().poll_write_vectored(cx, buffers)
            }

            $($beside)*

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                poll_proceed(cx).map(Ok)
            }

            fn $shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                self.writes().poll_shutdown(cx)
            }
        }
    };
}

pub(crate) use traits_of_others;
