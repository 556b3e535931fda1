//! The demonstration: two servers, the proxy and a load in one process, over real connections.

use crate::echo::echo;
use crate::event::Event;
use crate::listening::Address;
use crate::load::{self, MESSAGE, Measured};
use crate::options::{DemoOptions, Options};
use crate::relay::Proxy;
use crate::say;
use crate::upstreams::Target;
use nestling::io::nursery;
use nestling::net::TcpListener;
use nestling::{Runtime, Serve, serve};
use std::io;
use std::net::{self, Ipv4Addr, SocketAddr};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Runs it, and prints the table.
///
/// # Errors
///
/// A server, the proxy or the load failed, or an answer was wrong.
pub(crate) fn run(demo: &DemoOptions) -> io::Result<()> {
    let listeners = [listen()?, listen()?];
    let servers = [listeners[0].local_addr()?, listeners[1].local_addr()?];
    let stop = Event::new();
    let (stopped, mut outcome) = (stop.clone(), Ok(()));
    thread::scope(|scope| {
        let serving = scope.spawn(move || serve_all(listeners, &stopped));
        outcome = measure(demo, servers);
        stop.raise();
        let served = serving.join().unwrap_or_else(|payload| resume_unwind(payload));
        outcome = std::mem::replace(&mut outcome, Ok(())).and(served);
    });
    outcome
}

fn listen() -> io::Result<net::TcpListener> {
    net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// The servers: they send back what comes.
fn serve_all(listeners: [net::TcpListener; 2], stop: &Event) -> io::Result<()> {
    Runtime::builder().name("servers").build()?.block_on(nursery(async |n| {
        for listener in listeners {
            let how = Serve { signals: false, ..Serve::default() };
            n.spawn(serve(TcpListener::from_std(listener)?, how, async |stream, _| {
                stream.set_nodelay(true)?;
                echo(stream.split()).await
            }));
        }
        stop.raised().await;
        n.cancel();
        Ok(())
    }))
}

/// Loads a server directly, then both of them through the proxy.
fn measure(demo: &DemoOptions, servers: [SocketAddr; 2]) -> io::Result<()> {
    let now = Event::new();
    now.raise();
    say(format_args!("straight to a server:"));
    let straight = load::run(servers[0], demo.connections, demo.duration, &now)?;
    let proxy = Proxy::new(Options {
        listen: vec![Address::Tcp((Ipv4Addr::LOCALHOST, 0).into())],
        to: servers.map(|server| Target::Tcp(server.to_string())).to_vec(),
        ..demo.proxy.clone()
    })?;
    let running = thread::Builder::new().name("proxy-demo".to_owned()).spawn({
        let proxy = Arc::clone(&proxy);
        move || {
            let outcome = proxy.run();
            // If it never got ready, the load shall not wait for it.
            proxy.service().ready().raise();
            outcome
        }
    })?;
    say(format_args!("through the proxy, to both:"));
    let address = proxy.service().addresses().next().expect("one was reserved");
    let through = load::run(address, demo.connections, demo.duration, proxy.service().ready());
    proxy.service().stop().raise();
    // If both failed, the proxy was first.
    running.join().unwrap_or_else(|payload| resume_unwind(payload))?;
    table(demo, &[("straight", straight), ("through the proxy", through?)]);
    Ok(())
}

fn table(demo: &DemoOptions, rows: &[(&str, Measured)]) {
    say(format_args!(
        "\n{} connections, each with one message of {MESSAGE} bytes under way\n",
        demo.connections
    ));
    say(format_args!("  {:<20}{:>12}{:>10}{:>10}{:>10}", "", "messages/s", "p50", "p99", "p99.9"));
    for (name, Measured { latencies, elapsed }) in rows {
        let rate = latencies.count() as f64 / elapsed.as_secs_f64();
        let [p50, p99, p999] = [500, 990, 999].map(|at| micros(latencies.at(at)));
        say(format_args!("  {name:<20}{rate:>12.0}{p50:>10}{p99:>10}{p999:>10}"));
    }
}

fn micros(latency: Duration) -> String {
    format!("{} µs", latency.as_micros())
}
