//! TCP echo of 64 bytes on one core: Nestling against Tokio and a bare io_uring loop.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench echo
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench echo -- \
//!     --connections 64,512,1000 --buffer 4096 --rounds 20 --seconds 1
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench echo -- \
//!     --connections 1 --load-spins --server spinning --server nestling --server tokio
//! ```
//!
//! A plain program, not Criterion: that runs one thing to its end and then the next, and on a
//! machine whose speed drifts the last one wins. Here rounds of all servers alternate, and what
//! counts is the median of the ratios within a round.
//!
//! Each round starts a server in a process of its own, pinned to one core; the load is one bare
//! io_uring loop on another core, the same for all (`load.rs`). It reads the server's CPU clock
//! when it starts to count and when it ends.
//!
//! In the table, `enters` are calls of `io_uring_enter` per message, and `busy` and `load` are the
//! shares of their cores that server and load were on the CPU: a server that is not busy is not
//! what limits, and only its CPU time a message means something then.

mod bare;
#[path = "../clock.rs"]
mod clock;
mod load;
#[path = "../median.rs"]
mod median;
mod nestling;
mod ring;
mod server;
mod table;
mod tokio;

use clock::ProcessClock;
use load::CpuTimes;
use server::{Kind, Server};
use std::process;
use std::time::Duration;
use table::{Round, Table};

/// Bytes in a message.
const LENGTH: usize = 64;

/// Bytes of the buffer that a server has for each connection: as a server has that does not know
/// how long the next message is.
const BUFFER: usize = 4096;

/// What the command line says.
struct Options {
    connections: Vec<usize>,
    buffer: usize,
    servers: Vec<Kind>,
    load_spins: bool,
    rounds: usize,
    measured: Duration,
    bench: bool,
    /// Instead of all that: be this server, on this core, for so many connections.
    serve: Option<Kind>,
    core: usize,
}

impl Options {
    fn parse() -> Result<Self, lexopt::Error> {
        use lexopt::{Arg::Long, ValueExt};
        let mut this = Self {
            connections: Vec::new(),
            buffer: BUFFER,
            servers: Vec::new(),
            load_spins: false,
            rounds: 10,
            measured: Duration::from_secs(1),
            bench: false,
            serve: None,
            core: 0,
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                // From `cargo bench`, not from `cargo test`.
                Long("bench") => this.bench = true,
                Long("connections") => {
                    let list = arguments.value()?.string()?;
                    for number in list.split(',') {
                        let number =
                            number.parse().map_err(|_| format!("{number} is no number"))?;
                        this.connections.push(number);
                    }
                }
                Long("buffer") => this.buffer = arguments.value()?.parse()?,
                Long("server") => this.servers.push(arguments.value()?.parse_with(Kind::parse)?),
                Long("load-spins") => this.load_spins = true,
                Long("rounds") => this.rounds = arguments.value()?.parse()?,
                Long("seconds") => {
                    this.measured = Duration::from_secs_f64(arguments.value()?.parse()?);
                }
                Long("serve") => this.serve = Some(arguments.value()?.parse_with(Kind::parse)?),
                Long("core") => this.core = arguments.value()?.parse()?,
                other => return Err(other.unexpected()),
            }
        }
        if this.connections.is_empty() {
            this.connections = vec![1, 64, 512, 1000];
        }
        if this.servers.is_empty() {
            this.servers = Kind::ALL.to_vec();
        }
        Ok(this)
    }
}

/// Keeps this thread on a core.
fn pin(id: usize) {
    let pinned = core_affinity::set_for_current(core_affinity::CoreId { id });
    assert!(pinned, "core {id} is not to be had");
}

fn main() -> Result<(), lexopt::Error> {
    let options = Options::parse()?;
    if let Some(kind) = options.serve {
        pin(options.core);
        server::serve(kind, options.connections[0], options.buffer);
        return Ok(());
    }
    if !options.bench {
        println!("only `cargo bench` measures");
        return Ok(());
    }
    let cores = core_affinity::get_core_ids().expect("the cores of this machine");
    let [of_server, of_load, ..] = cores.as_slice() else {
        panic!("a core for the server and another one for the load are needed");
    };
    pin(of_load.id);
    for &connections in &options.connections {
        let mut table = Table::new(connections, options.buffer, &options.servers);
        for _ in 0..options.rounds {
            for &kind in &options.servers {
                table.add(kind, round(kind, of_server.id, connections, &options));
            }
        }
        table.print();
    }
    Ok(())
}

fn round(kind: Kind, core: usize, connections: usize, options: &Options) -> Round {
    let server = Server::start(kind, core, connections, options.buffer);
    let own = ProcessClock::of(process::id());
    let Options { measured, load_spins, .. } = *options;
    let load = load::run(server.address(), connections, measured, load_spins, || CpuTimes {
        server: server.cpu_time(),
        load: own.now(),
    });
    let counted = server.finish();
    let share = |time: Duration| time.as_secs_f64() / load.elapsed.as_secs_f64();
    Round {
        busy: (share(load.cpu_times.server), share(load.cpu_times.load)),
        messages_per_second: load.messages as f64 / load.elapsed.as_secs_f64(),
        cpu_per_message: load.cpu_times.server.as_secs_f64() / load.messages as f64,
        enters_per_message: counted.map(|enters| enters as f64 / load.total as f64),
    }
}
