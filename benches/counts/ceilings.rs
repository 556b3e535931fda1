//! The ceilings: what each figure may be at most, so that a regression is seen without a clock.
//!
//! Instructions are repeatable to about one in a thousand for one compiler and one machine; another
//! compiler inlines otherwise, and another kernel answers in other batches. A commit that lowers a
//! figure lowers its ceiling.

use super::Figure;

/// What one more nursery around a child that is woken costs.
pub(super) const LEVEL: &str = "one more nursery on a wake";

/// How far above its ceiling a figure may be: a part of it. On another processor, the C library
/// copies memory in other ways.
const SLACK: f64 = 0.08;

/// And beyond that, for what is counted in hundredths: no allocation means less than one in a
/// hundred.
const LEAST: f64 = 0.01;

/// By name.
const CEILINGS: [(&str, f64); 35] = [
    ("spawn + join", 566.0),
    ("spawn + join, one yield", 813.0),
    ("nop, one at a time", 1666.0),
    ("nop, 100 at a time", 750.0),
    ("nursery with one child", 2600.0),
    ("wake below 1 nursery", 548.0),
    (LEVEL, 298.0),
    ("consume_budget", 10.6),
    ("mutex, free", 187.0),
    ("channel, a message", 473.0),
    ("oneshot, a message", 278.0),
    ("sleep, expired", 230.0),
    ("timeout around nothing", 393.0),
    ("read of a file, 32 at a time", 973.0),
    ("read of a file, 32 at a time, allocations", 0.0),
    ("read of a file, 32 at a time, enters", 0.032),
    ("read into a pool, 32 at a time", 988.0),
    ("read into a pool, 32 at a time, allocations", 0.0),
    ("echo, 1 connection", 4875.0),
    ("echo, 64 connections", 2050.0),
    ("echo, 64 connections, missed", 12.6),
    ("echo, 64 connections, allocations", 0.0),
    ("echo, 64 connections, enters", 0.047),
    ("echo, 1024 connections", 2016.0),
    ("echo, 1024 connections, missed", 19.0),
    ("echo, 1024 connections, allocations", 0.0),
    ("echo, 1024 connections, enters", 0.026),
    ("echo, 1 connection, enters", 2.0),
    ("leases, 64 connections", 2526.0),
    ("streams of leases, 64 connections", 3041.0),
    ("udp, stream of leases, 64 clients", 3486.0),
    ("udp, stream of leases, 64 clients, allocations", 0.0),
    ("udp, stream of leases, 64 clients, enters", 0.047),
    ("udp, one by one, 64 clients", 4999.0),
    ("udp, one by one, 64 clients, allocations", 0.0),
];

/// The figures that are above their ceilings, and ceilings for which there is no figure.
pub(super) fn above(figures: &[Figure]) -> Vec<String> {
    let judge = |(name, ceiling): &(&str, f64)| {
        let Some((_, figure)) = figures.iter().find(|(other, _)| other == name) else {
            return Some(format!("{name} was not counted"));
        };
        let most = ceiling * (1.0 + SLACK) + LEAST;
        (*figure > most).then(|| format!("{name}: {figure:.2}, and {ceiling} is its ceiling"))
    };
    CEILINGS.iter().filter_map(judge).collect()
}
