//! What runs in a process of its own: a server, or work that measures itself.

use crate::contestants::{Contestant, Program};
use crate::figures::{Calls, Measured};
use crate::process::{Counted, Counting, How, end_after, memory};
use crate::rows::{Load, Row, Work};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process;
use std::time::Duration;

/// How long one measurement may take besides what it measures.
const LIMIT: Duration = Duration::from_secs(30);

/// As long as the kernel lets it be.
const BACKLOG: i32 = 8192;

/// What work says that has measured itself, in nanoseconds and bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Worked {
    units: u64,
    elapsed: f64,
    cpu: f64,
    calls: Option<Counted>,
    memory: Option<f64>,
}

impl Worked {
    pub(crate) fn figures(self) -> (Measured, Option<Result<Calls, String>>) {
        let units = self.units as f64;
        let measured = Measured {
            rate: units / self.elapsed * 1e9,
            cpu: self.cpu / units,
            busy: self.cpu / self.elapsed,
            memory: self.memory.map(|memory| memory / units),
            ..Measured::default()
        };
        (measured, self.calls.map(|calls| Ok(Calls::of(calls?, units))))
    }
}

/// Does a row's work for about so long, and prints how that went.
pub(crate) fn work(
    row: &Row,
    contestant: Contestant,
    seconds: f64,
    counts: bool,
) -> Result<(), String> {
    end_after(LIMIT);
    let Load::Own { batch } = row.load else { return Err("this is a server's row".to_owned()) };
    let Program::Alone(run) = contestant.program(row.work)? else {
        return Err("this contestant does not measure itself".to_owned());
    };
    let id = process::id();
    let before = memory(id, "VmRSS").map_err(|error| error.to_string())?;
    // Warms up, and says how many batches are enough.
    let once = run(batch).elapsed.as_secs_f64();
    let peak = memory(id, "VmHWM").map_err(|error| error.to_string())?;
    let batches = (seconds / once).ceil().clamp(1.0, 1e6) as u64;
    let units = batches * batch;
    let counting = counts.then(|| Counting::of(id));
    let spent = run(units);
    let calls = counting.map(|counting| counting?.read());
    let worked = Worked {
        units,
        elapsed: spent.elapsed.as_nanos() as f64,
        cpu: spent.cpu.as_nanos() as f64,
        calls,
        memory: (row.work == Work::Timers).then_some((peak - before) * batches as f64),
    };
    println!("{}", serde_json::to_string(&worked).map_err(|error| error.to_string())?);
    Ok(())
}

/// Serves so many connections to their end; or, in some rows, what comes, for ever.
pub(crate) fn serve(
    row: &Row,
    contestant: Contestant,
    connections: usize,
    to: Option<SocketAddr>,
    how: How,
) -> Result<(), String> {
    end_after(LIMIT);
    let program = contestant.program(row.work)?;
    let run = || -> io::Result<()> {
        if let Program::Datagrams(serve) = program {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            println!("{}", socket.local_addr()?);
            return serve(socket, how);
        }
        let listener = TcpListener::bind("127.0.0.1:0")?;
        // Connections come faster than they are accepted.
        rustix::net::listen(&listener, BACKLOG)?;
        println!("{}", listener.local_addr()?);
        let accept = || nodelay(listener.accept()?.0);
        match program {
            Program::Streams(serve) => {
                let streams = (0..connections).map(|_| accept()).collect::<io::Result<_>>()?;
                serve(streams, how)
            }
            Program::Pairs(serve) => {
                let to = to.ok_or(io::ErrorKind::InvalidInput)?;
                let pair = |_| Ok((accept()?, nodelay(TcpStream::connect(to)?)?));
                let pairs = (0..connections).map(pair).collect::<io::Result<_>>()?;
                serve(pairs, how)
            }
            Program::Listener(serve) => serve(listener, how),
            Program::Datagrams(_) | Program::Alone(_) | Program::Foreign(_) => {
                Err(io::ErrorKind::InvalidInput.into())
            }
        }
    };
    run().map_err(|error| error.to_string())
}

fn nodelay(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}
