//! HTTP/1.1 by hyper: one task a connection.

use super::super::common::answer;
use super::echo::stream;
use crate::process::How;
use glommio::spawn_local;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::TcpStream;
use tokio_util::compat::FuturesAsyncReadCompatExt;

pub(super) fn serve(streams: Vec<TcpStream>, _: How) -> io::Result<()> {
    super::executor().run(async {
        let mut tasks = Vec::new();
        for stream in streams {
            let stream = TokioIo::new(self::stream(stream).compat());
            let serving = http1::Builder::new().serve_connection(stream, service_fn(answer));
            tasks.push(spawn_local(serving));
        }
        for task in tasks {
            // Errors of a connection are its own end.
            let _ = task.await;
        }
        Ok(())
    })
}
