//! A gRPC server: services of tonic's, without its transport.
//!
//! ```text
//! cargo run --release -p web --bin grpc -- --listen 127.0.0.1:8080
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `call.rs` | a call as a nursery: its deadline is the client's, its children are joined |
//! | `clock.rs` | the service |
//! | `messages.rs` | what it is asked and answers |

mod call;
mod clock;
mod messages;

use call::call;
use clock::Clock;
use hyper::service::service_fn;
use nestling::serve;
use std::process::ExitCode;
use tonic::service::Routes;
use web::{Requests, run_server, serve_http2_with};

const HELP: &str = "\
A gRPC server: example.Clock, over HTTP/2 with prior knowledge.

  Wait  answers after so many ms         Tick  answers again and again
  Calls says how many calls there are
";

fn main() -> ExitCode {
    run_server(HELP, Requests::Limited, async |listener, options| {
        let (limits, limit) = (options.limits, options.request);
        let routes = Routes::new(Clock::default()).prepare();
        serve(listener, limits.serve(), async |stream, _| {
            stream.set_nodelay(true)?;
            let routes = &routes;
            serve_http2_with(stream, limits, |connection| {
                service_fn(move |request| call(connection.clone(), routes.clone(), limit, request))
            })
            .await
        })
        .await
    })
}
