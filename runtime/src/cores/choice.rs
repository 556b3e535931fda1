//! Which cores run, and what each is told about itself.

use core_affinity::CoreId;
use std::io;
use std::num::NonZero;
use std::thread;

/// Which cores a server runs on.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::{Cores, Runtime};
/// let indexes = Runtime::builder()
///     .cores(Cores::Count(1))
///     .run(async |core| Ok::<_, std::io::Error>(core.index()))?;
/// assert_eq!(indexes, [0]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Cores {
    /// Every core in the process's affinity mask; of those as many as the CPU quota of its cgroup
    /// pays for, at least one.
    #[default]
    All,
    /// So many of the mask, the quota notwithstanding.
    Count(usize),
    /// The cores with these numbers.
    Only(Vec<usize>),
}

/// One of the cores that run.
///
/// # Examples
///
/// See [`Cores`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Core {
    pub(crate) id: usize,
    pub(crate) index: usize,
    pub(crate) count: usize,
}

impl Core {
    /// The machine's number of the core.
    pub fn id(&self) -> usize {
        self.id
    }

    /// The core's place among those that run, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many cores run.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl Cores {
    /// The cores chosen, out of those in the process's affinity mask.
    pub(super) fn choose(&self) -> io::Result<Vec<Core>> {
        let mut allowed: Vec<usize> =
            core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
        allowed.sort_unstable();
        let chosen = self.pick(&allowed, paid())?;
        let count = chosen.len();
        let cores = chosen.into_iter().enumerate();
        Ok(cores.map(|(index, id)| Core { id, index, count }).collect())
    }

    fn pick(&self, allowed: &[usize], paid: usize) -> io::Result<Vec<usize>> {
        let may = || format!("this process may use {} (cores {allowed:?})", allowed.len());
        match self {
            _ if allowed.is_empty() => Err(invalid("the machine does not tell its cores")),
            Self::All => Ok(allowed[..allowed.len().min(paid)].to_vec()),
            Self::Count(0) => Err(invalid("0 cores were asked for; at least one has to run")),
            Self::Count(count) if *count > allowed.len() => Err(invalid(format!(
                "{count} cores were asked for, but {}. Ask for fewer, or for all",
                may()
            ))),
            Self::Count(count) => Ok(allowed[..*count].to_vec()),
            Self::Only(ids) if ids.is_empty() => {
                Err(invalid("no cores were asked for; at least one has to run"))
            }
            Self::Only(ids) => match ids.iter().find(|id| !allowed.contains(id)) {
                Some(id) => Err(invalid(format!("core {id} was asked for, but {}", may()))),
                None => match ids.iter().enumerate().find(|(at, id)| ids[..*at].contains(id)) {
                    Some((_, id)) => Err(invalid(format!("core {id} was asked for twice"))),
                    None => Ok(ids.clone()),
                },
            },
        }
    }
}

/// How many cores the process can keep busy: those of its mask, or fewer with a CPU quota.
pub(super) fn paid() -> usize {
    // Reads the mask and the quota of both versions of cgroups, and rounds down.
    thread::available_parallelism().map_or(usize::MAX, NonZero::get)
}

fn invalid(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text.into())
}

impl Core {
    /// Keeps the calling thread on this core.
    pub(super) fn pin(&self) -> io::Result<()> {
        match core_affinity::set_for_current(CoreId { id: self.id }) {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "the thread could not be pinned to core {}; run without pinning (Builder::pin)",
                self.id
            ))),
        }
    }
}
