//! How many threads the control groups of this process allow, of either version of them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The limit of threads of a control group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pids {
    pub(crate) most: u64,
    pub(crate) now: u64,
}

impl Pids {
    /// The group in which the fewest threads can be started; `None` without limit.
    pub(crate) fn read() -> Option<Self> {
        let limits = folders("pids").into_iter().filter_map(|folder| {
            let most = number(&folder, "pids.max")?;
            Some(Self { most, now: number(&folder, "pids.current").unwrap_or(0) })
        });
        limits.min_by_key(|pids| pids.most.saturating_sub(pids.now))
    }
}

impl fmt::Display for Pids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pids.max of the control group is {}, {} are in use", self.most, self.now)
    }
}

/// The folders of this process's group for a controller, from its own up to the highest.
fn folders(controller: &str) -> Vec<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounted = Path::new("/sys/fs/cgroup");
    let own = groups.lines().filter_map(|line| {
        let (_, line) = line.split_once(':')?;
        let (controllers, path) = line.split_once(':')?;
        // The first version has a hierarchy for each set of controllers.
        let ours = controllers.is_empty() || controllers.split(',').any(|name| name == controller);
        let root = ours.then(|| mounted.join(controllers))?;
        Some((root.join(path.trim_start_matches('/')), root))
    });
    // In a container the path may be that of outside; the files are at the root then.
    let above = |(own, root): (PathBuf, PathBuf)| {
        let folders = own.ancestors().take_while(|folder| folder.starts_with(&root));
        folders.map(Path::to_owned).collect::<Vec<_>>()
    };
    own.flat_map(above).collect()
}

/// What a file says that holds a number, and not `max`.
fn number(folder: &Path, name: &str) -> Option<u64> {
    fs::read_to_string(folder.join(name)).ok()?.trim().parse().ok()
}
