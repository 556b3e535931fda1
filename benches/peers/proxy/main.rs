//! A TCP proxy on one core: Nestling against Tokio, haproxy and nginx.
//!
//! ```text
//! apt-get install haproxy nginx-light libnginx-mod-stream
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench proxy
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench proxy -- \
//!     --work messages --connections 1,64,512 --depth 16 --rounds 20 --seconds 1
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench proxy -- \
//!     --work both-ways --connections 8 --proxy nestling --proxy tokio --proxy haproxy-splice
//! ```
//!
//! `messages` are of 64 bytes, in a closed loop: a client has `--depth` of them under way, which
//! the upstream sends back. In `one-way` each client sends all that it can and the upstream takes
//! it, in `both-ways` the upstream sends as much. All proxies have one worker, buffers of 16 KiB
//! and no delay of small segments; haproxy takes part with its buffers and with `splice`.
//!
//! As in the echo comparison, a proxy is a process on a core of its own, which is started anew in
//! each round; rounds of all alternate, and what counts is the median of the ratios within a round.
//! Clients and upstream are one bare io_uring loop on another core (`load.rs`). In bulk that loop
//! is what limits, as it does twice the proxy's work; so what tells proxies apart there is CPU time
//! for each KiB. `busy` and `load` are the shares of their cores that the proxy and the loop had.

#[path = "../clock.rs"]
mod clock;
mod contender;
mod load;
#[path = "../median.rs"]
mod median;
mod nestling;
#[path = "../echo/ring.rs"]
mod ring;
mod table;
mod tokio;

use contender::{Kind, Proxy};
use load::{CpuTimes, Work};
use std::net::{SocketAddr, TcpListener};
use std::process;
use std::time::Duration;
use table::{Round, Table};

/// Bytes of each direction's buffer in a proxy.
const BUFFER: usize = 16 << 10;

/// What the command line says.
struct Options {
    work: Vec<Work>,
    /// By default, what suits the work.
    connections: Vec<usize>,
    depth: usize,
    proxies: Vec<Kind>,
    rounds: usize,
    measured: Duration,
    bench: bool,
    /// Instead of all that: be this proxy.
    serve: Option<Kind>,
    to: Option<SocketAddr>,
}

impl Options {
    fn parse() -> Result<Self, lexopt::Error> {
        use lexopt::{Arg::Long, ValueExt};
        let mut this = Self {
            work: Vec::new(),
            connections: Vec::new(),
            depth: 1,
            proxies: Vec::new(),
            rounds: 10,
            measured: Duration::from_secs(1),
            bench: false,
            serve: None,
            to: None,
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                // From `cargo bench`, not from `cargo test`.
                Long("bench") => this.bench = true,
                Long("work") => this.work.push(arguments.value()?.parse_with(Work::parse)?),
                Long("connections") => {
                    let list = arguments.value()?.string()?;
                    for number in list.split(',') {
                        let number =
                            number.parse().map_err(|_| format!("{number} is no number"))?;
                        this.connections.push(number);
                    }
                }
                Long("depth") => this.depth = arguments.value()?.parse()?,
                Long("proxy") => this.proxies.push(arguments.value()?.parse_with(Kind::parse)?),
                Long("rounds") => this.rounds = arguments.value()?.parse()?,
                Long("seconds") => {
                    this.measured = Duration::from_secs_f64(arguments.value()?.parse()?);
                }
                Long("serve") => this.serve = Some(arguments.value()?.parse_with(Kind::parse)?),
                Long("to") => this.to = Some(arguments.value()?.parse()?),
                other => return Err(other.unexpected()),
            }
        }
        if this.work.is_empty() {
            this.work = Work::ALL.to_vec();
        }
        if this.proxies.is_empty() {
            this.proxies = Kind::ALL.to_vec();
        }
        Ok(this)
    }

    fn connections(&self, work: Work) -> &[usize] {
        match (&self.connections[..], work) {
            ([], Work::Messages) => &[1, 64, 512],
            ([], Work::OneWay | Work::BothWays) => &[1, 16],
            (given, _) => given,
        }
    }
}

/// Keeps this thread, and processes that it starts, on a core.
fn pin(id: usize) {
    let pinned = core_affinity::set_for_current(core_affinity::CoreId { id });
    assert!(pinned, "core {id} is not to be had");
}

fn main() -> Result<(), lexopt::Error> {
    let mut options = Options::parse()?;
    if let Some(kind) = options.serve {
        contender::serve(kind, options.to.ok_or("--serve needs --to")?);
        return Ok(());
    }
    if !options.bench {
        println!("only `cargo bench` measures");
        return Ok(());
    }
    options.proxies.retain(|kind| kind.is_here());
    let cores = core_affinity::get_core_ids().expect("the cores of this machine");
    let [of_proxy, of_load, ..] = cores.as_slice() else {
        panic!("a core for the proxy and another one for the load are needed");
    };
    for &work in &options.work {
        for &connections in options.connections(work) {
            let mut table = Table::new(work, connections, &options.proxies);
            for _ in 0..options.rounds {
                for &kind in &options.proxies {
                    let cores = [of_proxy.id, of_load.id];
                    table.add(kind, round(kind, cores, work, connections, &options));
                }
            }
            table.print(options.depth);
        }
    }
    Ok(())
}

fn round(
    kind: Kind,
    [of_proxy, of_load]: [usize; 2],
    work: Work,
    connections: usize,
    options: &Options,
) -> Round {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a listener");
    pin(of_proxy);
    let proxy = Proxy::start(kind, upstream.local_addr().expect("its address"));
    pin(of_load);
    let own = clock::ProcessClock::of(process::id());
    let ends = load::Ends::connect(proxy.address(), &upstream, connections);
    let load = load::run(ends, work, options.depth, options.measured, || CpuTimes {
        proxy: proxy.cpu_time(),
        load: own.now(),
    });
    let share = |time: Duration| time.as_secs_f64() / load.elapsed.as_secs_f64();
    Round {
        units_per_second: load.units / load.elapsed.as_secs_f64(),
        cpu_per_unit: load.cpu_times.proxy.as_secs_f64() / load.units,
        busy: (share(load.cpu_times.proxy), share(load.cpu_times.load)),
    }
}
