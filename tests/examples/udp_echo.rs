//! `udp_echo`: datagrams come back to their own sender, whole, and a signal ends it.

use crate::process::{PATIENCE, Process, build};
use std::net::UdpSocket;
use std::process::Command;

#[test]
fn datagrams_of_every_size_come_back_to_their_sender() {
    let mut server = Process::start(Command::new(build("udp_echo")).arg("127.0.0.1:0"));
    let line = server.line();
    let address = line.strip_prefix("listening on ").unwrap().to_owned();
    let clients = [(); 3].map(|()| {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.connect(&address).unwrap();
        client
    });
    for size in [0, 1, 1_400, 65_507, 9] {
        for (number, client) in (1..).zip(&clients) {
            client.send(&vec![number; size]).unwrap();
        }
        for (number, client) in (1..).zip(&clients) {
            let mut back = vec![0; 65_535];
            let length = client.recv(&mut back).unwrap();
            assert_eq!(&back[..length], vec![number; size]);
        }
    }
    server.signal("TERM");
    assert_eq!(server.ended().status.code(), Some(0));
}
