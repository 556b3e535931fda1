//! Proxies that are programs of their own: haproxy and nginx.

use std::env;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const HAPROXY: &str = "/usr/sbin/haproxy";
const NGINX: &str = "/usr/sbin/nginx";
/// nginx loads it on Debian, where it is no part of the program.
const NGINX_STREAM: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";
const SPLICE: &str = "option splice-request\n option splice-response";

/// Which program, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    Haproxy,
    /// haproxy that moves bytes through pipes.
    HaproxySplice,
    Nginx,
}

impl Foreign {
    fn command(self) -> &'static [&'static str] {
        match self {
            Self::Haproxy | Self::HaproxySplice => &[HAPROXY, "-db", "-f"],
            Self::Nginx => &[NGINX, "-e", "/dev/null", "-c"],
        }
    }

    /// Why it cannot be had, if so.
    pub(crate) fn missing(self) -> Option<&'static str> {
        let here = Path::new(self.command()[0]).exists();
        let remedy = match self {
            Self::Haproxy | Self::HaproxySplice => "not installed: apt-get install haproxy",
            Self::Nginx => "not installed: apt-get install nginx-light libnginx-mod-stream",
        };
        (!here).then_some(remedy)
    }

    /// Starts it before `to`, with buffers of so many bytes; also gives where it listens, which it
    /// may not do yet, and its configuration, to be removed.
    pub(super) fn start(
        self,
        to: SocketAddr,
        buffer: usize,
    ) -> io::Result<(Child, SocketAddr, PathBuf)> {
        // Free, as far as one can know: the listener that had it is closed.
        let free = TcpListener::bind("127.0.0.1:0")?;
        let address = free.local_addr()?;
        drop(free);
        let file = env::temp_dir().join(format!("nestling-proxy-{}", address.port()));
        let configuration = match self {
            Self::Haproxy => haproxy(address, to, buffer, ""),
            Self::HaproxySplice => haproxy(address, to, buffer, SPLICE),
            Self::Nginx => nginx(address, to, buffer, &file),
        };
        fs::write(&file, configuration)?;
        let process = Command::new(self.command()[0])
            .args(&self.command()[1..])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok((process, address, file))
    }
}

/// Removes what a start has left.
pub(super) fn remove(configuration: &Path) {
    for file in [configuration.to_owned(), pid_file(configuration)] {
        // Not every program has the second one.
        let _ = fs::remove_file(file);
    }
}

fn pid_file(configuration: &Path) -> PathBuf {
    configuration.with_extension("pid")
}

fn haproxy(address: SocketAddr, to: SocketAddr, buffer: usize, options: &str) -> String {
    format!(
        "global\n maxconn 4096\n nbthread 1\n tune.bufsize {buffer}\n maxpipes 4096\n\
         defaults\n mode tcp\n timeout connect 5s\n timeout client 1h\n timeout server 1h\n\
         listen proxy\n bind {address}\n server upstream {to}\n {options}\n"
    )
}

fn nginx(address: SocketAddr, to: SocketAddr, buffer: usize, file: &Path) -> String {
    let pid = pid_file(file);
    let load = match Path::new(NGINX_STREAM).exists() {
        true => format!("load_module {NGINX_STREAM};\n"),
        false => String::new(),
    };
    format!(
        "{load}daemon off;\nmaster_process off;\npid {};\nerror_log /dev/null;\n\
         events {{ worker_connections 4096; }}\n\
         stream {{ server {{ listen {address}; proxy_pass {to}; \
         proxy_buffer_size {buffer}; proxy_half_close on; proxy_timeout 1h; }} }}\n",
        pid.display()
    )
}
