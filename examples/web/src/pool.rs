//! `Pool`: connections of a client that are kept, and so many at most to each host.

use crate::client::connect_http1;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use nestling::Nursery;
use nestling::net::TcpStream;
use nestling::sync::Semaphore;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::rc::Rc;

/// The longest body of a response: a server must not be able to ask for all memory.
const LONGEST: usize = 64 << 20;

/// Connections by HTTP/1.1, which are daemons of a nursery.
///
/// A request takes a connection that is kept, or makes one, and gives it back once the response is
/// there whole. So one that is given up, as by a timeout, takes its connection along.
#[derive(Debug)]
pub struct Pool<'scope, 'env> {
    n: &'scope Nursery<'scope, 'env>,
    per_host: usize,
    hosts: RefCell<HashMap<String, Rc<Host>>>,
    made: Cell<usize>,
}

#[derive(Debug)]
struct Host {
    /// One for each connection that is in use.
    permits: Semaphore,
    /// Those that are not.
    kept: RefCell<Vec<SendRequest<Full<Bytes>>>>,
}

impl<'scope, 'env> Pool<'scope, 'env> {
    /// A pool with so many connections to each host at most.
    pub fn new(n: &'scope Nursery<'scope, 'env>, per_host: usize) -> Self {
        Self { n, per_host, hosts: RefCell::default(), made: Cell::new(0) }
    }

    /// How many connections were made, for all hosts.
    pub fn made(&self) -> usize {
        self.made.get()
    }

    /// Sends a request to the host that its URL names, and collects the response. A user and a
    /// password in the URL are left out. If all
    /// connections to that host are in use, it waits for one. A kept connection that the server has
    /// closed meanwhile is replaced, unless the request has gone out and must not be sent twice
    /// (a `POST`).
    ///
    /// # Cancellation
    ///
    /// The connection is closed, if one was in use.
    ///
    /// # Errors
    ///
    /// The URL is not of the form `http://host/path`, the host cannot be reached, the connection
    /// broke, or the body of the response is longer than 64 MiB.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> io::Result<Response<Bytes>> {
        let (name, port) = address(&mut request)?;
        let host = self.host(&format!("{name}:{port}"));
        let _permit = host.permits.acquire().await;
        let (mut sender, response) = loop {
            let (mut sender, is_new) = match host.take().await {
                Some(sender) => (sender, false),
                None => (self.connect(&name, port).await?, true),
            };
            let again = request.method().is_idempotent().then(|| request.clone());
            match sender.try_send_request(request).await {
                Ok(response) => break (sender, response),
                Err(mut failed) => match failed.take_message().or(again) {
                    Some(back) if !is_new => request = back,
                    _ => return Err(io::Error::other(failed.into_error())),
                },
            }
        };
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST).collect().await.map_err(io::Error::other)?;
        // It is not ready before the server has said whether it keeps the connection.
        if sender.ready().await.is_ok() {
            host.kept.borrow_mut().push(sender);
        }
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    fn host(&self, name: &str) -> Rc<Host> {
        let mut hosts = self.hosts.borrow_mut();
        let permits = Semaphore::new(self.per_host);
        let new = || Rc::new(Host { permits, kept: RefCell::default() });
        Rc::clone(hosts.entry(name.to_owned()).or_insert_with(new))
    }

    async fn connect(&self, name: &str, port: u16) -> io::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect((name, port)).await?;
        stream.set_nodelay(true)?;
        self.made.set(self.made.get() + 1);
        connect_http1(self.n, stream).await
    }
}

impl Host {
    /// The connection that was used last, without those that were closed meanwhile.
    async fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        loop {
            let mut sender = self.kept.borrow_mut().pop()?;
            if sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }
}

/// The host and the port of a request, which is given the form that a server wants: a path, and the
/// host in a header.
fn address(request: &mut Request<Full<Bytes>>) -> io::Result<(String, u16)> {
    let uri = request.uri();
    let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        let text = format!("'{uri}' is no URL such as http://127.0.0.1:8080/path");
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    // What is before it is a user and a password, which are not for the header.
    let host = authority.as_str().rsplit('@').next().unwrap_or_default();
    let port = match host.strip_prefix(authority.host()) {
        Some("" | ":") | None => 80,
        Some(_) => authority.port_u16().ok_or_else(|| {
            let text = format!("'{host}' has no port between 0 and 65535");
            io::Error::new(ErrorKind::InvalidInput, text)
        })?,
    };
    let host = HeaderValue::try_from(host).map_err(io::Error::other)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path = Uri::try_from(path).map_err(io::Error::other)?;
    request.headers_mut().entry(HOST).or_insert(host);
    *request.uri_mut() = path;
    Ok((name, port))
}
