//! A proxy in a process of its own: started, timed, and killed in the end.

use crate::clock::ProcessClock;
use crate::{BUFFER, nestling, tokio};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

/// Which proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nestling,
    Tokio,
    Haproxy,
    /// haproxy that moves bytes through pipes.
    HaproxySplice,
    Nginx,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Nestling, Self::Tokio, Self::Haproxy, Self::HaproxySplice, Self::Nginx];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nestling => "nestling",
            Self::Tokio => "tokio",
            Self::Haproxy => "haproxy",
            Self::HaproxySplice => "haproxy-splice",
            Self::Nginx => "nginx",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == name);
        kind.ok_or_else(|| format!("{name} is no proxy"))
    }

    /// Whether the program is installed. Says so loudly if not.
    pub(crate) fn is_here(self) -> bool {
        let (program, package) = match self {
            Self::Nestling | Self::Tokio => return true,
            Self::Haproxy | Self::HaproxySplice => (HAPROXY, "haproxy"),
            Self::Nginx => (NGINX, "nginx-light libnginx-mod-stream"),
        };
        let is_here = Path::new(program).exists();
        if !is_here {
            println!("WARNING: {} TAKES NO PART: apt-get install {package}", self.name());
        }
        is_here
    }
}

const HAPROXY: &str = "/usr/sbin/haproxy";
const NGINX: &str = "/usr/sbin/nginx";
/// nginx loads it on Debian, where it is no part of the program.
const NGINX_STREAM: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

/// Is one of our own proxies, until it is killed. Prints its address.
pub(crate) fn serve(kind: Kind, to: SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    println!("{}", listener.local_addr().expect("its address"));
    match kind {
        Kind::Nestling => nestling::serve(listener, to),
        Kind::Tokio => tokio::serve(listener, to),
        Kind::Haproxy | Kind::HaproxySplice | Kind::Nginx => panic!("that is another program"),
    }
}

/// A proxy that runs.
pub(crate) struct Proxy {
    process: Child,
    address: SocketAddr,
    clock: ProcessClock,
    /// Its configuration, to be removed.
    file: Option<PathBuf>,
}

impl Proxy {
    pub(crate) fn start(kind: Kind, to: SocketAddr) -> Self {
        match kind {
            Kind::Nestling | Kind::Tokio => Self::own(kind, to),
            Kind::Haproxy => Self::foreign(to, haproxy, "", &[HAPROXY, "-db", "-f"]),
            Kind::HaproxySplice => Self::foreign(to, haproxy, SPLICE, &[HAPROXY, "-db", "-f"]),
            Kind::Nginx => Self::foreign(to, nginx, "", &[NGINX, "-e", "/dev/null", "-c"]),
        }
    }

    fn own(kind: Kind, to: SocketAddr) -> Self {
        let mut process = Command::new(env::current_exe().expect("this program"))
            .args(["--serve", kind.name(), "--to", &to.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut line = String::new();
        let output = process.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.trim().parse().expect("an address");
        let clock = ProcessClock::of(process.id());
        Self { process, address, clock, file: None }
    }

    /// A program that is started by `command` with a configuration.
    fn foreign(
        to: SocketAddr,
        configure: fn(SocketAddr, SocketAddr, &Path, &str) -> String,
        more: &str,
        command: &[&str],
    ) -> Self {
        // Free, as far as one can know: the listener that had it is closed.
        let free = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = free.local_addr().expect("its address");
        drop(free);
        let file = env::temp_dir().join(format!("nestling-proxy-{}", address.port()));
        fs::write(&file, configure(address, to, &file, more)).expect("a configuration");
        let process = Command::new(command[0])
            .args(&command[1..])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        let clock = ProcessClock::of(process.id());
        Self { process, address, clock, file: Some(file) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU time that the process has used, in the kernel and outside.
    pub(crate) fn cpu_time(&self) -> Duration {
        self.clock.now()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.process.kill().expect("it still runs");
        self.process.wait().expect("its end");
        for file in self.file.iter().flat_map(|file| [file.clone(), pid_file(file)]) {
            // Not every program has the second one.
            let _ = fs::remove_file(file);
        }
    }
}

fn pid_file(configuration: &Path) -> PathBuf {
    configuration.with_extension("pid")
}

const SPLICE: &str = "option splice-request\n option splice-response";

fn haproxy(address: SocketAddr, to: SocketAddr, _: &Path, options: &str) -> String {
    format!(
        "global\n maxconn 4096\n nbthread 1\n tune.bufsize {BUFFER}\n maxpipes 4096\n\
         defaults\n mode tcp\n timeout connect 5s\n timeout client 1h\n timeout server 1h\n\
         listen proxy\n bind {address}\n server upstream {to}\n {options}\n"
    )
}

fn nginx(address: SocketAddr, to: SocketAddr, file: &Path, _: &str) -> String {
    let pid = pid_file(file);
    let load = match Path::new(NGINX_STREAM).exists() {
        true => format!("load_module {NGINX_STREAM};\n"),
        false => String::new(),
    };
    format!(
        "{load}daemon off;\nmaster_process off;\npid {};\nerror_log /dev/null;\n\
         events {{ worker_connections 4096; }}\n\
         stream {{ server {{ listen {address}; proxy_pass {to}; \
         proxy_buffer_size {BUFFER}; proxy_half_close on; proxy_timeout 1h; }} }}\n",
        pid.display()
    )
}
