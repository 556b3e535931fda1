//! Halves of streams, borrowed and owned, and Unix streams: the same readers and writers for all.

use crate::run;
use nestling::io::{AsyncRead, AsyncWrite, BufReader, BufWriter, copy_bidirectional, nursery};
use nestling::net::{TcpListener, TcpStream, UnixStream};
use std::io::{Read, Write};
use std::os::unix::net;
use std::thread;

/// Answers each line with its length, until the other side ends.
async fn measure(reader: impl AsyncRead, writer: impl AsyncWrite) -> std::io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(reader), BufWriter::new(writer));
    let mut line = String::new();
    while reader.read_line(&mut line).await? > 0 {
        writer.write_all(format!("{}\n", line.trim_end().len()).as_bytes()).await?;
        writer.flush().await?;
        line.clear();
    }
    writer.shutdown().await
}

/// A client that blocks its thread.
fn client(mut stream: net::UnixStream) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        stream.write_all(b"four\nseven..\n\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        answers
    })
}

fn pair() -> (UnixStream, thread::JoinHandle<String>) {
    let (here, there) = net::UnixStream::pair().unwrap();
    (UnixStream::from_std(here).unwrap(), client(there))
}

#[test]
fn a_protocol_of_lines_runs_over_every_kind_of_half() {
    run(async || {
        let (stream, client) = pair();
        measure(&stream, &stream).await.unwrap();
        assert_eq!(client.join().unwrap(), "4\n7\n0\n");

        let (stream, client) = pair();
        let (reader, writer) = stream.split();
        measure(reader, writer).await.unwrap();
        assert_eq!(client.join().unwrap(), "4\n7\n0\n");

        let (stream, client) = pair();
        let (reader, writer) = stream.into_split();
        measure(&reader, &writer).await.unwrap();
        assert_eq!(client.join().unwrap(), "4\n7\n0\n");
    });
}

#[test]
fn a_unix_stream_and_a_tcp_stream_are_joined() {
    run(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (outside, client) = pair();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        nursery(async |n| {
            n.spawn(measure(&far, &far));
            assert_eq!(copy_bidirectional(&outside, &near).await?, (14, 6));
            Ok(())
        })
        .await
        .unwrap();
        drop(outside);
        assert_eq!(client.join().unwrap(), "4\n7\n0\n");
    });
}
