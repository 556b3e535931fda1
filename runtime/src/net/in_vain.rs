//! The error of attempts at one address after another, when none of them succeeded.

use super::Endpoint;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// An attempt that failed.
pub(super) type Failed = (SocketAddr, io::Error);

/// The error of all the attempts, with the kind of the last one. `to` says what was meant, such as
/// `connect to`.
pub(super) fn in_vain(to: &'static str, endpoint: Endpoint<'_>, failed: Vec<Failed>) -> io::Error {
    let goal = match endpoint {
        Endpoint::Host { name, port } => Some(format!("{name}:{port}")),
        Endpoint::Address(_) | Endpoint::Addresses(_) => None,
    };
    let kind = failed.last().map_or(io::ErrorKind::InvalidInput, |(_, error)| error.kind());
    io::Error::new(kind, InVain { to, goal, failed })
}

/// Says what was tried in vain.
#[derive(Debug)]
struct InVain {
    to: &'static str,
    /// The name that was looked up, if there was one.
    goal: Option<String>,
    failed: Vec<Failed>,
}

impl InVain {
    /// The answer of all addresses, if all have given the same one.
    fn answer(&self) -> Option<String> {
        let mut answers = self.failed.iter().map(|(_, error)| error.to_string());
        let first = answers.next()?;
        answers.all(|answer| answer == first).then_some(first)
    }

    /// The addresses, each with what `after` it is to be said.
    fn list(
        &self,
        f: &mut fmt::Formatter<'_>,
        separator: &str,
        after: impl Fn(&io::Error) -> String,
    ) -> fmt::Result {
        for (at, (address, error)) in self.failed.iter().enumerate() {
            let before = if at == 0 { "" } else { separator };
            write!(f, "{before} {address}{}", after(error))?;
        }
        Ok(())
    }
}

impl fmt::Display for InVain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.to)?;
        if let Some(goal) = &self.goal {
            write!(f, " {goal}")?;
        }
        match (self.answer(), &self.goal) {
            (Some(answer), Some(_)) => {
                write!(f, " (tried")?;
                self.list(f, ",", |_| String::new())?;
                write!(f, "): {answer}")
            }
            (Some(answer), None) => {
                self.list(f, ",", |_| String::new())?;
                write!(f, ": {answer}")
            }
            (None, _) if self.failed.is_empty() => write!(f, ": there is no address"),
            (None, goal) => {
                write!(f, "{}", if goal.is_some() { ":" } else { "" })?;
                self.list(f, ";", |error| format!(": {error}"))
            }
        }
    }
}

impl std::error::Error for InVain {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.failed.last().map(|(_, error)| error as _)
    }
}
