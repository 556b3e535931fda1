//! What the process may use: cores, locked memory, descriptors, threads.

use super::Check;
use crate::config::Config;
use crate::cores::Core;
use crate::diagnosis::{Facts, MORE_DESCRIPTORS, Refusal};
use crate::ring::{MORE_MEMORY, ring_bytes};
use std::fs;
use std::io::{self, ErrorKind};

/// Descriptors of a core: its ring, its doorbell, and the one by which others reach the ring.
const CORE: u64 = 3;

/// The cores that a server takes unless it is told otherwise, and why not more.
pub(super) fn cores(cores: &io::Result<Vec<Core>>) -> Check {
    const NAME: &str = "cores";
    let cores = match cores {
        Ok(cores) => cores,
        Err(error) => return Check::failed(NAME, error),
    };
    let ids: Vec<_> = cores.iter().map(Core::id).collect();
    let taken = many(&ids);
    let mask = core_affinity::get_core_ids().map_or(ids.len(), |mask| mask.len());
    if ids.len() < mask {
        let text =
            format!("{taken}, of {mask}: the CPU quota of the control group pays for no more");
        return Check::noted(NAME, text);
    }
    match online() {
        Some(online) if online > mask => Check::noted(
            NAME,
            format!("{taken}, of {online}: the affinity mask (taskset, cpuset) has no more"),
        ),
        Some(_) => Check::passed(NAME, format!("{taken}, all that are online")),
        None => Check::passed(NAME, taken),
    }
}

/// Cores that the machine has switched on.
fn online() -> Option<usize> {
    let text = fs::read_to_string("/sys/devices/system/cpu/online").ok()?;
    let count = |range: &str| match range.split_once('-') {
        Some((first, last)) => Some(last.parse::<usize>().ok()? - first.parse::<usize>().ok()? + 1),
        None => range.parse::<usize>().ok().map(|_| 1),
    };
    text.trim().split(',').map(count).sum()
}

/// A count, and the numbers: `3 cores (0-1, 4)`.
pub(super) fn many(ids: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &id in ids {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == id => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    let text = |(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let ranges: Vec<_> = ranges.iter().map(text).collect();
    format!("{} ({})", on(ids.len()), ranges.join(", "))
}

fn on(cores: usize) -> String {
    format!("{cores} {}", if cores == 1 { "core" } else { "cores" })
}

pub(super) fn locked_memory(config: &Config, facts: &Facts, cores: usize) -> Check {
    const NAME: &str = "locked memory";
    let need = ring_bytes(config) * cores as u64;
    let needed = format!("{} KiB for {}", need / 1024, on(cores));
    match facts.memlock.soft {
        _ if facts.may_lock => {
            Check::passed(NAME, format!("{needed}, without limit (CAP_IPC_LOCK)"))
        }
        None => Check::passed(NAME, format!("{needed}, without limit")),
        Some(limit) => {
            let limited = format!(
                "{needed}, where RLIMIT_MEMLOCK is {} KiB for all of the user",
                limit / 1024
            );
            match need > limit {
                true => Check::failed(NAME, &refusal(limited, MORE_MEMORY)),
                false => Check::passed(NAME, limited),
            }
        }
    }
}

pub(super) fn descriptors(facts: &Facts, cores: usize) -> Check {
    const NAME: &str = "descriptors";
    let Some(limit) = facts.nofile.soft else {
        return Check::passed(NAME, "without limit");
    };
    let open = match fs::read_dir("/proc/self/fd") {
        Ok(entries) => in_use(entries, limit),
        Err(error) => {
            let text = format!("{}; those in use cannot be counted: {error}", facts.nofile);
            return Check::skipped(NAME, text);
        }
    };
    let needed = open + CORE * cores as u64;
    let limited = format!("{}, {open} in use", facts.nofile);
    if needed > limit {
        let text =
            format!("{limited}, and {} more are needed for {}", CORE * cores as u64, on(cores));
        return Check::failed(NAME, &refusal(text, MORE_DESCRIPTORS));
    }
    let room = format!("{limited}: about {} connections on {}", limit - needed, on(cores));
    match facts.nofile.hard {
        Some(hard) if hard <= limit => Check::passed(NAME, room),
        hard => {
            let most = hard.map_or("unlimited".to_owned(), |hard| hard.to_string());
            Check::noted(NAME, format!("{room}; more after ulimit -n {most}"))
        }
    }
}

/// How many numbers below the limit are taken. An inherited descriptor may have a higher one.
fn in_use(entries: fs::ReadDir, limit: u64) -> u64 {
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // One of them reads the folder.
    numbers.filter(|number: &u64| *number < limit).count().saturating_sub(1) as u64
}

fn refusal(cause: String, remedy: &'static str) -> io::Error {
    Refusal::new(cause, remedy).into_error(ErrorKind::OutOfMemory)
}

/// Whether threads suffice, only the start shows: the limit counts all threads of the user.
pub(super) fn threads(facts: &Facts) -> Check {
    let group = match &facts.pids {
        Some(pids) => pids.to_string(),
        None => "pids.max of the control group is none".to_owned(),
    };
    Check::passed("threads", format!("RLIMIT_NPROC {} for the user; {group}", facts.threads))
}
