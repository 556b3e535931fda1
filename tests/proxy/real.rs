//! The proxy before real servers: redis with its benchmark and its bulk loader, nginx with wrk.
//!
//! Skipped, with a word, where the programs are not installed; an error instead where
//! `NESTLING_REAL_SERVERS` is set, as `.ci/run` does once it has installed them.

use crate::front::Front;
use crate::process::eventually;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Whether all these programs are here.
fn are_installed(programs: &[&str]) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&folders).collect();
    folders.push("/usr/sbin".into());
    let is_missing = |program: &&&str| !folders.iter().any(|it| it.join(program).exists());
    let missing: Vec<_> = programs.iter().filter(is_missing).collect();
    if !missing.is_empty() {
        let required = env::var_os("NESTLING_REAL_SERVERS").is_some();
        assert!(!required, "not installed: {missing:?}");
        eprintln!("WARNING: SKIPPED, because these programs are not installed: {missing:?}");
    }
    missing.is_empty()
}

/// A server that ends with the test.
struct Server(Child);

impl Server {
    fn start(command: &mut Command, address: SocketAddr) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self(quiet.spawn().unwrap());
        eventually("the server listens", || TcpStream::connect(address).is_ok());
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn output(command: &mut Command, input: &[u8]) -> String {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn redis_answers_through_the_proxy() {
    if !are_installed(&["redis-server", "redis-benchmark", "redis-cli"]) {
        return;
    }
    let (folder, address) = (Folder::new("redis"), free_address());
    let mut redis = Command::new("redis-server");
    redis.args(["--port", &address.port().to_string(), "--save", "", "--appendonly", "no"]);
    redis.args(["--bind", "127.0.0.1", "--dir"]).arg(&folder.0);
    let _redis = Server::start(&mut redis, address);
    let front = Front::start(&[address], &[]);
    let port = front.address.port().to_string();
    // 20,000 keys at once, without waiting for answers; then each value is what was set.
    let mut load = String::new();
    for key in 0..20_000 {
        let value = key * 7919;
        write!(load, "SET key:{key} value:{value}\r\n").unwrap();
    }
    let mut cli = Command::new("redis-cli");
    let loaded = output(cli.args(["-p", &port, "--pipe"]), load.as_bytes());
    assert!(loaded.contains("errors: 0, replies: 20000"), "{loaded}");
    let mut client = front.client();
    let answers = BufReader::new(client.try_clone().unwrap());
    let mut asked = String::new();
    for key in 0..20_000 {
        write!(asked, "GET key:{key}\r\n").unwrap();
    }
    let sender = std::thread::spawn(move || client.write_all(asked.as_bytes()).unwrap());
    let mut lines = answers.lines().map(Result::unwrap);
    for key in 0..20_000 {
        let value = format!("value:{}", key * 7919);
        assert_eq!(lines.next().unwrap(), format!("${}", value.len()));
        assert_eq!(lines.next().unwrap(), value);
    }
    sender.join().unwrap();
    drop(lines);
    let mut benchmark = Command::new("redis-benchmark");
    benchmark.args(["-p", &port, "-P", "16", "-c", "50", "-n", "100000", "-t", "set,get", "-q"]);
    let said = output(&mut benchmark, b"");
    assert!(said.contains("SET:") && said.contains("GET:"), "{said}");
    assert_eq!(front.stopped(), "");
}

#[test]
fn nginx_serves_wrk_through_the_proxy() {
    if !are_installed(&["nginx", "wrk"]) {
        return;
    }
    let (folder, address) = (Folder::new("nginx"), free_address());
    let at = folder.0.display();
    fs::write(folder.0.join("page"), vec![b'n'; 100_000]).unwrap();
    let configuration = format!(
        "daemon off; master_process off; pid {at}/pid; error_log {at}/error;\n\
         events {{ worker_connections 512; }}\n\
         http {{ access_log off; client_body_temp_path {at}/a; proxy_temp_path {at}/b;\n\
         fastcgi_temp_path {at}/c; uwsgi_temp_path {at}/d; scgi_temp_path {at}/e;\n\
         server {{ listen {address}; root {at}; }} }}\n"
    );
    let file = folder.0.join("nginx.conf");
    fs::write(&file, configuration).unwrap();
    let path = format!("/usr/sbin:{}", env::var("PATH").unwrap_or_default());
    let mut nginx = Command::new("nginx");
    nginx.env("PATH", &path).arg("-e").arg(folder.0.join("error")).arg("-c").arg(&file);
    // Else its worker is another user's, who may not look into the folder of a test of root's.
    nginx.args(["-g", "user root;"]);
    let _nginx = Server::start(&mut nginx, address);
    let front = Front::start(&[address], &[]);
    let mut client = front.client();
    write!(client, "GET /page HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(&[b'n'; 100_000]));
    let mut wrk = Command::new("wrk");
    let url = format!("http://{}/page", front.address);
    let said = output(wrk.args(["-t1", "-c32", "-d2s", &url]), b"");
    assert!(said.contains("Requests/sec") && !said.contains("Socket errors"), "{said}");
    assert!(!said.contains("Non-2xx"), "{said}");
    front.stopped();
}
