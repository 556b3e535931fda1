//! An HTTPS server: HTTP/1.1 or HTTP/2, as the client chooses in the handshake of TLS (ALPN).
//!
//! ```text
//! cargo run --release -p web --bin https -- --listen 127.0.0.1:8443
//! curl -k https://127.0.0.1:8443/hello
//! ```
//!
//! TLS is rustls, by `futures-rustls`, over the traits of the feature `futures-io`. The certificate
//! is made at the start and signed by itself, which is what `-k` lets pass.

mod polled;

use bytes::Bytes;
use futures_rustls::TlsAcceptor;
use futures_rustls::pki_types::PrivatePkcs8KeyDer;
use futures_rustls::rustls::ServerConfig;
use futures_rustls::rustls::crypto::ring;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use nestling::net::TcpStream;
use nestling::serve;
use polled::Polled;
use std::convert::Infallible;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use web::{Limits, Requests, before_request, run_server, serve_http1, serve_http2};

const HELP: &str = "\
An HTTPS server with a certificate of its own making.

  GET says by which version of HTTP it was asked; POST sends the body back
";

const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// What makes TLS of a connection.
fn acceptor() -> io::Result<TlsAcceptor> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.into()], key.into())
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    Ok(Arc::new(config).into())
}

async fn connection(acceptor: &TlsAcceptor, limits: Limits, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let Some(stream) = before_request(limits, acceptor.accept(stream)).await else {
        return Ok(());
    };
    let stream = stream?;
    let is_two = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
    match is_two {
        true => serve_http2(Polled(stream), limits, service_fn(handle)).await,
        false => serve_http1(Polled(stream), limits, service_fn(handle)).await,
    }
}

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

async fn handle(request: Request<Incoming>) -> Result<Answer, Infallible> {
    Ok(Response::new(match *request.method() {
        Method::POST => request.into_body().boxed(),
        _ => {
            let text = format!("hello by {:?}\n", request.version());
            Full::from(text).map_err(|never| match never {}).boxed()
        }
    }))
}

fn main() -> ExitCode {
    run_server(HELP, Requests::Immediate, async |listener, options| {
        let acceptor = acceptor()?;
        let limits = options.limits;
        serve(listener, limits.serve(), async |stream, _| {
            connection(&acceptor, limits, stream).await
        })
        .await
    })
}
