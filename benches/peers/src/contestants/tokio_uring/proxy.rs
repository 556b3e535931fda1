//! The proxy: two tasks a pair, one for each direction.

use crate::process::How;
use std::io;
use std::net::{self, Shutdown};
use std::rc::Rc;
use tokio_uring::buf::BoundedBuf;
use tokio_uring::net::TcpStream;

pub(super) fn serve(pairs: Vec<(net::TcpStream, net::TcpStream)>, how: How) -> io::Result<()> {
    tokio_uring::start(async {
        let mut tasks = Vec::new();
        let stream = |stream| Rc::new(TcpStream::from_std(stream));
        for (client, upstream) in pairs {
            let (client, upstream) = (stream(client), stream(upstream));
            let (there, back) = (Rc::clone(&client), Rc::clone(&upstream));
            tasks.push(tokio_uring::spawn(relay(there, Rc::clone(&upstream), how.buffer)));
            tasks.push(tokio_uring::spawn(relay(back, client, how.buffer)));
        }
        for task in tasks {
            task.await.map_err(io::Error::other)??;
        }
        Ok(())
    })
}

async fn relay(from: Rc<TcpStream>, to: Rc<TcpStream>, buffer: usize) -> io::Result<()> {
    let mut buffer = vec![0; buffer];
    loop {
        let (result, received) = from.read(buffer).await;
        let length = result?;
        if length == 0 {
            return to.shutdown(Shutdown::Write);
        }
        let (result, sent) = to.write_all(received.slice(..length)).await;
        result?;
        buffer = sent.into_inner();
    }
}
