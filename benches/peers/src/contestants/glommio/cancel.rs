//! Tasks with receives are cancelled, and joined. A receive waits for readiness: to cancel is to
//! drop the future.

use super::super::common::{RECEIVED, RECEIVES, Spent, Start, silent_pairs};
use futures_util::AsyncReadExt;
use futures_util::future::join_all;
use glommio::net::TcpStream;
use glommio::spawn_local;
use glommio::timer::Timer;
use socket2::Socket;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

pub(super) fn receives(count: u64) -> Spent {
    let (streams, _peers) = silent_pairs().expect("sockets");
    super::executor().run(async {
        // A receive does not ask which protocol it is.
        let stream = |stream| Rc::new(RefCell::new(TcpStream::from(Socket::from(stream))));
        let streams: Vec<_> = streams.into_iter().map(stream).collect();
        let mut sum = Spent::default();
        for _ in 0..count / RECEIVES {
            let spawn = |stream: &Rc<_>| spawn_local(receive(Rc::clone(stream)));
            let tasks: Vec<_> = streams.iter().map(spawn).collect();
            // What waits for a timer has given the kernel all that waits for something else.
            Timer::new(Duration::from_micros(1)).await;
            let start = Start::now();
            join_all(tasks.into_iter().map(|task| task.cancel())).await;
            sum += start.elapsed();
        }
        sum
    })
}

#[expect(clippy::await_holding_refcell_ref, reason = "one task at a time has the stream")]
async fn receive(stream: Rc<RefCell<TcpStream>>) {
    // Nothing ever comes.
    let _ = stream.borrow_mut().read(&mut [0; RECEIVED]).await;
}
