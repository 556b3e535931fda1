//! An HTTP client: fetches URLs at the same time, over few connections that are kept.
//!
//! ```text
//! cargo run --release -p web --bin http_client -- --times 100 http://127.0.0.1:8080/hello
//! ```
//!
//! Each request has a deadline. The requests are children of one nursery, and so are the
//! connections, which end with it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use nestling::io::nursery;
use nestling::time::Instant;
use nestling::timeout;
use std::cell::Cell;
use std::io;
use std::process::ExitCode;
use std::time::Duration;
use web::{Pool, complain, milliseconds, run_program, say};

const HELP: &str = "\
An HTTP client: fetches each URL, and says what came.

  --connections <n>  how many there are to each host at most; 4 by default
  --deadline <ms>    how long a request may take, waiting included; 10000 by default
  --times <n>        how often to fetch each URL; 1 by default
";

struct Options {
    connections: usize,
    deadline: Duration,
    times: usize,
    urls: Vec<String>,
}

fn options(mut parser: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    use lexopt::ValueExt;
    use lexopt::prelude::{Long, Value};
    let mut options =
        Options { connections: 4, deadline: Duration::from_secs(10), times: 1, urls: Vec::new() };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") => return Ok(None),
            Long("connections") => options.connections = parser.value()?.parse()?,
            Long("deadline") => options.deadline = milliseconds(&mut parser)?,
            Long("times") => options.times = parser.value()?.parse()?,
            Value(url) => options.urls.push(url.string()?),
            other => return Err(other.unexpected()),
        }
    }
    match (options.connections, options.urls.len()) {
        (0, _) => Err("--connections: there has to be one".into()),
        (_, 0) => Err("there is no URL".into()),
        _ => Ok(Some(options)),
    }
}

/// What it says of a response.
async fn fetch(pool: &Pool<'_, '_>, url: &str) -> io::Result<String> {
    let start = Instant::now();
    let request = Request::get(url).body(Full::new(Bytes::new()));
    let response = pool.send(request.map_err(io::Error::other)?).await?;
    let (status, length) = (response.status(), response.body().len());
    Ok(format!("{url}: {status}, {length} bytes, {:?}", start.elapsed()))
}

async fn run(options: Options) -> io::Result<()> {
    let failed = &Cell::new(0);
    let urls = options.urls.iter().flat_map(|url| std::iter::repeat_n(url, options.times));
    let made = nursery(async |connections| {
        let pool = &Pool::new(connections, options.connections);
        nursery(async |n| {
            for url in urls {
                n.spawn(async move {
                    let fetched = timeout(options.deadline, fetch(pool, url)).await;
                    match fetched.unwrap_or_else(|late| Err(late.into())) {
                        Ok(line) => say(line),
                        Err(error) => {
                            failed.set(failed.get() + 1);
                            complain(format_args!("{url}: {error}"));
                        }
                    }
                });
            }
            Ok(())
        })
        .await?;
        Ok(pool.made())
    })
    .await?;
    let all = options.urls.len() * options.times;
    say(format_args!("{all} requests over {made} connections"));
    match failed.get() {
        0 => Ok(()),
        failed => Err(io::Error::other(format!("{failed} of {all} requests failed"))),
    }
}

fn main() -> ExitCode {
    run_program(HELP, options, run)
}
