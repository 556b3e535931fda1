//! The order in which the addresses of a name are tried.

use crate::net::happy_eyeballs::families_in_turn;
use std::net::SocketAddr;

/// Addresses of IPv4 by a digit, and of IPv6 by a letter; in which order they are tried.
fn tried(found: &str) -> String {
    let address = |c: char| match c {
        '0'..='9' => SocketAddr::from(([10, 0, 0, 1], c as u16)),
        _ => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], c as u16)),
    };
    let order = families_in_turn(found.chars().map(address).collect());
    order.iter().map(|address| char::from(address.port() as u8)).collect()
}

#[test]
fn rfc8305_families_are_tried_in_turn_beginning_with_the_first() {
    for (found, order) in [
        ("", ""),
        ("1", "1"),
        ("123", "123"),
        ("abc123", "a1b2c3"),
        ("123a", "1a23"),
        ("a1b2", "a1b2"),
        ("12ab3c", "1a2b3c"),
        ("ab1", "a1b"),
    ] {
        assert_eq!(tried(found), order, "{found}");
    }
}
