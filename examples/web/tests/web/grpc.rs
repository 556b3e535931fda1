//! The example `grpc` before tonic's own client, on Tokio, and before nghttp, which shows frames.

#[path = "../../src/bin/grpc/messages.rs"]
mod messages;

use crate::alone;
use crate::foreign::{PREFACE, Server, is_installed};
use messages::{Count, Nothing, Pause, Ticks};
use prost::Message;
use std::fs;
use std::io::Read;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;

const GRPC: &str = env!("CARGO_BIN_EXE_grpc");

struct Client(Grpc<Channel>);

impl Client {
    async fn connect(server: &Server) -> Self {
        let endpoint = Endpoint::from_shared(server.url("")).unwrap();
        Self(Grpc::new(endpoint.connect().await.unwrap()))
    }

    async fn ask<M: Message + 'static>(&mut self, call: &str, message: M) -> Result<u64, Status> {
        self.0.ready().await.unwrap();
        let codec = ProstCodec::<M, Count>::default();
        let answer = self.0.unary(Request::new(message), path(call), codec).await;
        answer.map(|answer| answer.into_inner().count)
    }

    async fn tick(&mut self, ticks: Ticks) -> Streaming<Count> {
        self.0.ready().await.unwrap();
        let codec = ProstCodec::<Ticks, Count>::default();
        let answer = self.0.server_streaming(Request::new(ticks), path("Tick"), codec).await;
        answer.unwrap().into_inner()
    }

    /// Waits until no other call is alive, on the server and by its own count.
    async fn until_alone(&mut self) {
        while self.ask("Calls", Nothing {}).await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

fn path(call: &str) -> PathAndQuery {
    format!("/example.Clock/{call}").try_into().unwrap()
}

/// Runs a client against a server of its own, which ends well.
fn with_server(test: impl AsyncFnOnce(&Server)) {
    with(&["--drain", "3600000"], test);
}

fn with(options: &[&str], test: impl AsyncFnOnce(&Server)) {
    let _alone = alone();
    let server = Server::start(GRPC, options);
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = async {
        tokio::time::timeout(crate::process::PATIENCE, test(&server)).await.expect("it ends");
    };
    tokio.block_on(test);
    drop(tokio);
    server.stop();
}

#[test]
fn calls_are_answered_once_and_in_streams() {
    with_server(async |server| {
        let mut client = Client::connect(server).await;
        assert_eq!(client.ask("Wait", Pause { millis: 1 }).await.unwrap(), 1);
        let mut ticks = client.tick(Ticks { count: 1000, millis: 0 }).await;
        for expected in 1..=1000 {
            assert_eq!(ticks.message().await.unwrap().unwrap().count, expected);
        }
        assert_eq!(ticks.message().await.unwrap(), None, "the trailers say that all is well");
        let unknown = client.ask("Reckon", Nothing {}).await.unwrap_err();
        assert_eq!(unknown.code(), Code::Unimplemented);
        client.until_alone().await;
    });
}

/// R1: what the client gives up has ended with all its children, and the connection goes on.
#[test]
fn r01_a_stream_that_is_reset_ends_its_children() {
    const MANY: u64 = 100;
    with_server(async |server| {
        let mut client = Client::connect(server).await;
        let mut streams = Vec::new();
        for _ in 0..MANY {
            streams.push(client.tick(Ticks { count: 1, millis: 3_600_000 }).await);
        }
        let waits = client.0.clone();
        let waits = async move { Client(waits).ask("Wait", Pause { millis: 3_600_000 }).await };
        let waits = tokio::spawn(waits);
        while client.ask("Calls", Nothing {}).await.unwrap() < MANY + 1 {
            tokio::task::yield_now().await;
        }
        drop(streams);
        waits.abort();
        client.until_alone().await;
    });
}

/// tonic's client gives up by itself in time, so one looks that knows nothing of gRPC.
#[test]
fn r14_the_timeout_of_the_client_is_the_deadline_of_the_call() {
    if !is_installed("nghttp") {
        return;
    }
    let wait = framed("wait", &Pause { millis: 3_600_000 });
    let tick = framed("tick", &Ticks { count: u64::MAX, millis: 5 });
    with_server(async |server| {
        for (call, body) in [("Wait", &wait), ("Tick", &tick)] {
            for timeout in ["50m", "50000u", "00000050m", "0S"] {
                ends_with(4, server, &format!("/example.Clock/{call}"), body, timeout);
            }
        }
        Client::connect(server).await.until_alone().await;
    });
}

/// A status instead of an answer is one frame, with the end of the stream ("Trailers-Only"); after
/// an answer it is in trailers, which repeat nothing of the head.
#[test]
fn a_status_without_a_message_is_one_frame() {
    if !is_installed("nghttp") {
        return;
    }
    let long = framed("long", &Pause { millis: 3_600_000 });
    let short = framed("short", &Pause { millis: 1 });
    with_server(async |server| {
        for (path, body, timeout, status, frames) in [
            ("/example.Clock/Reckon", &short, "1H", 12, 1),
            ("/example.Calendar/Wait", &short, "1H", 12, 1),
            ("/example.Clock/Wait", &long, "1m", 4, 1),
            ("/example.Clock/Wait", &long, "0S", 4, 1),
            ("/example.Clock/Wait", &short, "1H", 0, 2),
            // That is no timeout, but one to tonic's client.
            ("/example.Clock/Wait", &short, "+0S", 0, 2),
        ] {
            let heads = ends_with(status, server, path, body, timeout);
            assert_eq!(heads.len(), frames, "{path} {timeout}: {heads:?}");
        }
    });
}

/// Has nghttp call; the last of the frames with headers has the status, and is the stream's end.
/// Each frame is returned with its headers.
fn ends_with(status: u32, server: &Server, path: &str, body: &str, timeout: &str) -> Vec<String> {
    let timeout = format!("grpc-timeout: {timeout}");
    let mut how = vec!["-v", "-t", "30", "-d", body, "-H", &timeout];
    how.extend(["-H", "content-type: application/grpc"]);
    let heard = server.ask("nghttp", &how, path);
    let (mut heads, mut head) = (Vec::new(), String::new());
    for line in heard.lines() {
        if line.contains("] recv (stream_id=") {
            head += &format!("{line}\n");
        } else if line.contains("] recv HEADERS frame") {
            heads.push(std::mem::take(&mut head) + line);
        }
    }
    let last = heads.last().unwrap();
    // END_STREAM and END_HEADERS.
    let is_end = last.contains(" flags=0x05,");
    assert!(is_end && last.contains(&format!(" grpc-status: {status}\n")), "{path}: {heads:?}");
    let kinds = heads.concat().matches(" content-type: application/grpc\n").count();
    assert_eq!(kinds, 1, "of the first one: {path} {timeout}: {heads:?}");
    heads
}

/// A file with a message as it is in the body of a request.
fn framed(name: &str, message: &impl Message) -> String {
    let message = message.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let file = format!("{}/{name}", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&file, [&[0][..], &length, &message].concat()).unwrap();
    file
}

#[test]
fn a_timeout_that_is_long_or_no_timeout_does_nothing() {
    with_server(async |server| {
        let mut client = Client::connect(server).await;
        for timeout in ["99999999H", "1", "m", "", "-1S", "123456789S", "1x"] {
            client.0.ready().await.unwrap();
            let mut request = Request::new(Pause { millis: 1 });
            request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
            let codec = ProstCodec::<Pause, Count>::default();
            let answer = client.0.unary(request, path("Wait"), codec).await.unwrap();
            assert_eq!(answer.into_inner().count, 1, "{timeout}");
        }
    });
}

/// The client is gone without a word, and what it has asked for goes as well.
#[test]
fn r01_a_connection_that_is_cut_ends_its_calls() {
    with_server(async |server| {
        let mut watching = Client::connect(server).await;
        let runtime = std::thread::spawn({
            let url = server.url("");
            move || {
                let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
                tokio.unwrap().block_on(async {
                    let endpoint = Endpoint::from_shared(url).unwrap();
                    let mut client = Client(Grpc::new(endpoint.connect().await.unwrap()));
                    let mut ticks = client.tick(Ticks { count: u64::MAX, millis: 1 }).await;
                    ticks.message().await.unwrap().unwrap();
                    // The runtime ends, and the connection is closed.
                });
            }
        });
        runtime.join().unwrap();
        watching.until_alone().await;
    });
}

/// The kinds of the frames of HTTP/2 in these bytes.
fn kinds(mut bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let [one, two, three, kind, ..] = *bytes {
        kinds.push(kind);
        let length = u32::from_be_bytes([0, one, two, three]) as usize;
        bytes = bytes.get(9 + length..).unwrap_or_default();
    }
    kinds
}

#[test]
fn a_client_that_never_begins_is_left() {
    let _alone = alone();
    let server = Server::start(GRPC, &["--head", "100"]);
    server.closes_silent_clients();
    server.stop();
    // Nor does it hold the stop up.
    let server = Server::start(GRPC, &["--head", "3600000", "--drain", "3600000"]);
    let clients = [0, 4].map(|length| server.client(&PREFACE[..length]));
    // One that is answered, and says nothing more, comes after them, so they are accepted, too.
    let mut begun = server.client(PREFACE);
    let mut said = vec![0; 9];
    begun.read_exact(&mut said).unwrap();
    server.stop();
    // It was told of the end before.
    begun.read_to_end(&mut said).unwrap();
    const GOAWAY: u8 = 7;
    assert!(kinds(&said).contains(&GOAWAY), "{said:?}");
    for mut client in clients {
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
}

/// `--limit` is until the answer begins, however long it goes on.
#[test]
fn a_call_without_a_timeout_has_that_of_the_server() {
    with(&["--limit", "1000", "--drain", "0"], async |server| {
        let mut client = Client::connect(server).await;
        let mut ticks = client.tick(Ticks { count: u64::MAX, millis: 5 }).await;
        let late = client.ask("Wait", Pause { millis: 3_600_000 }).await.unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded);
        // Begun before that call, it has outlived the limit.
        for expected in 1..=1000 {
            assert_eq!(ticks.message().await.unwrap().unwrap().count, expected);
        }
    });
}
