//! `Server`: a running echo server, and what can be seen of it from outside.

use crate::client::Client;
use crate::crowded::allow_crowds;
use crate::process::{Ended, PATIENCE, Process, build, eventually};
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

/// A running echo server.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    /// What it listens on, in the order in which it said so.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Descriptors that it had open before the first client.
    at_start: usize,
}

impl Server {
    /// Starts it on a free port and on two cores, if there are two.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_by(Command::new(example()), arguments)
    }

    /// Starts it by another command, to which the arguments are added.
    pub(crate) fn start_by(command: Command, arguments: &[&str]) -> Self {
        Self::start_on(&["127.0.0.1:0"], command, arguments)
    }

    /// Starts it on these addresses.
    pub(crate) fn start_on(listen: &[&str], command: Command, arguments: &[&str]) -> Self {
        Self::start_with(Stdio::null(), listen, command, arguments)
    }

    /// The same, with a descriptor as what it reads from.
    pub(crate) fn start_with(
        stdin: Stdio,
        listen: &[&str],
        mut command: Command,
        arguments: &[&str],
    ) -> Self {
        for address in listen {
            command.args(["--listen", address]);
        }
        if !arguments.contains(&"--cores") {
            command.args(["--cores", cores()]);
        }
        allow_crowds();
        let process = Process::start_with(stdin, command.args(arguments));
        let mut server = Self { process, addresses: Vec::new(), at_start: 0 };
        for _ in listen {
            let address = server.listening();
            server.addresses.push(address);
        }
        server.at_start = server.descriptors();
        server
    }

    /// The address in the next line, which has to be `listening on ADDR`.
    fn listening(&mut self) -> SocketAddr {
        let line = self.process.line();
        let address = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}"));
        address.parse().unwrap()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address())
    }

    fn proc(&self, file: &str) -> PathBuf {
        Path::new("/proc").join(self.process.id().to_string()).join(file)
    }

    /// Descriptors that it has open.
    pub(crate) fn descriptors(&self) -> usize {
        self.process.descriptors()
    }

    /// Whether all its descriptors below this one are in use. What started the test may have
    /// left others above, so that counting does not tell.
    pub(crate) fn uses_all_below(&self, limit: usize) -> bool {
        let folder = self.proc("fd");
        (0..limit).all(|fd| folder.join(fd.to_string()).symlink_metadata().is_ok())
    }

    /// Its resident memory, in KiB.
    pub(crate) fn resident(&self) -> u64 {
        self.process.resident()
    }

    /// Descriptors that it has open for clients.
    pub(crate) fn clients(&self) -> usize {
        self.descriptors().saturating_sub(self.at_start)
    }

    /// Who it runs as.
    pub(crate) fn owner(&self) -> u32 {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(self.proc("")).unwrap().uid()
    }

    /// Operations that it has handed to its rings, by the kernel's account.
    #[track_caller]
    pub(crate) fn submitted(&self) -> u64 {
        let descriptors = fs::read_dir(self.proc("fd")).unwrap().map(|entry| entry.unwrap().path());
        let rings = descriptors.filter(|path| {
            fs::read_link(path).is_ok_and(|what| what.to_string_lossy().contains("[io_uring]"))
        });
        let each = rings.map(|path| {
            let account = self.proc("fdinfo").join(path.file_name().unwrap());
            let mut submitted = None;
            // The kernel leaves the account empty while the ring is busy.
            eventually("a ring has a moment", || {
                let account = fs::read_to_string(&account).unwrap();
                let tail = account.lines().find_map(|line| line.strip_prefix("SqTail:"));
                submitted = tail.map(|number| number.trim().parse::<u64>().unwrap());
                submitted.is_some()
            });
            submitted.unwrap()
        });
        each.sum()
    }

    /// Proves that a new client is served, also in many pieces.
    #[track_caller]
    pub(crate) fn assert_serves(&self) {
        for address in &self.addresses {
            let mut client = Client::connect(*address);
            client.round_trip(b"still there?");
            client.round_trip(&[7; 20_000]);
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Waits until it accepts no more.
    #[track_caller]
    pub(crate) fn wait_until_it_refuses(&self) {
        let address = self.address();
        eventually("it refuses new clients", || {
            let refused = |error: io::Error| error.kind() == ErrorKind::ConnectionRefused;
            TcpStream::connect_timeout(&address, PATIENCE).is_err_and(refused)
        });
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(self) -> Ended {
        self.process.ended()
    }

    /// The end of every test: once more it serves, all descriptors are back, it stops when told
    /// to, and has complained about nothing.
    #[track_caller]
    pub(crate) fn finish(self) {
        self.assert_serves();
        eventually("its descriptors are back", || self.descriptors() == self.at_start);
        self.signal("TERM");
        self.ended().assert_clean();
    }
}

impl Ended {
    /// It ended as it was told to, and has complained about nothing.
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        assert_eq!(self.status.code(), Some(0), "{self:?}");
        assert_eq!((self.stdout.as_str(), self.stderr.as_str()), ("", ""), "after `listening on`");
    }
}

/// A command under which the example may have no more open descriptors than this. The first that
/// it opens is 3: what a `make` around the tests left open is closed.
pub(crate) fn with_descriptors(most: usize) -> Command {
    let script =
        format!("exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n {most}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(example());
    command
}

/// Two, if the machine has them: what holds on two cores holds on more.
fn cores() -> &'static str {
    if thread::available_parallelism().unwrap().get() > 1 { "2" } else { "1" }
}

/// The example's program.
pub(crate) fn example() -> &'static Path {
    static EXAMPLE: OnceLock<PathBuf> = OnceLock::new();
    EXAMPLE.get_or_init(|| build("echo"))
}
