//! Files below a folder: ranges, conditions, lists, and that no path leads out of it.

use super::{Server, missing};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::time::{Duration, UNIX_EPOCH};

/// A folder to serve, in one in which it is not alone.
pub(super) struct Root {
    around: PathBuf,
    pub(super) path: PathBuf,
}

impl Root {
    pub(super) fn new(name: &str) -> Self {
        let around = std::env::temp_dir().join(format!("static_files-{name}-{}", process::id()));
        let path = around.join("root");
        fs::create_dir_all(&path).unwrap();
        fs::write(around.join("secret"), "SECRET").unwrap();
        Self { around, path }
    }

    pub(super) fn server(&self, arguments: &[&str]) -> Server {
        Server::start(&[&["--root", self.path.to_str().unwrap()], arguments].concat())
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.around);
    }
}

#[test]
fn curl_gets_files_and_one_connection_for_all() {
    let root = Root::new("curl");
    fs::create_dir_all(root.path.join("sub")).unwrap();
    fs::write(root.path.join("sub/index.html"), "index").unwrap();
    fs::write(root.path.join("a b.txt"), "x".repeat(100_000)).unwrap();
    let server = root.server(&[]);
    let url = |path: &str| format!("http://{}{path}", server.address);
    let curl = Command::new("curl")
        .args(["--silent", "--write-out", " %{http_code} %{num_connects}\n"])
        .args([url("/sub/"), url("/a%20b.txt?query"), url("/sub"), url("/none")])
        .output();
    let Ok(curl) = curl else { return missing("curl") };
    let said = String::from_utf8(curl.stdout).unwrap();
    let long = "x".repeat(100_000);
    let expected = format!(
        "index 200 1\n{long} 200 0\n301 Moved Permanently\n 301 0\n404 Not Found\n 404 0\n"
    );
    assert!(said == expected, "{}", said.replace(&long, "..."));
    server.stopped();
}

/// A file that takes many pieces, whole; the rest of one that broke off; and one that is there.
#[test]
fn curl_resumes_and_asks_again() {
    let root = Root::new("resume");
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|at| (at / 251) as u8).collect();
    fs::write(root.path.join("large"), &bytes).unwrap();
    let server = root.server(&[]);
    let (url, copy) = (format!("http://{}/large", server.address), root.around.join("copy"));
    let run = |arguments: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--write-out", "%{http_code} %{size_download}", "--output"]);
        let ran = curl.arg(&copy).args(arguments).arg(&url).current_dir(&root.around).output();
        ran.ok().map(|ran| String::from_utf8(ran.stdout).unwrap())
    };
    let Some(said) = run(&["--etag-save", "tag"]) else { return missing("curl") };
    assert_eq!(said, "200 20000000");
    assert!(fs::read(&copy).unwrap() == bytes);
    fs::File::options().write(true).open(&copy).unwrap().set_len(1_234_567).unwrap();
    assert_eq!(run(&["--continue-at", "-"]).unwrap(), "206 18765433");
    assert!(fs::read(&copy).unwrap() == bytes);
    assert_eq!(run(&["--etag-compare", "tag"]).unwrap(), "304 0");
    assert_eq!(run(&["--time-cond", root.path.join("large").to_str().unwrap()]).unwrap(), "304 0");
    // The rest of a file that is another one by now is not wanted.
    let tag = fs::read_to_string(root.around.join("tag")).unwrap();
    let of = |tag: &str| format!("If-Match: {}", tag.trim());
    assert_eq!(run(&["-H", &of(&tag), "--range", "1-2"]).unwrap(), "206 2");
    let gone = "412 Precondition Failed\n".len();
    assert_eq!(run(&["-H", &of("\"other\"")]).unwrap(), format!("412 {gone}"));
    let since = "If-Unmodified-Since: Sun, 09 Sep 2001 01:46:39 GMT";
    assert_eq!(run(&["-H", since]).unwrap(), format!("412 {gone}"));
    server.stopped();
}

/// Of the file `file.txt`, which was written long ago: the second of its date is over.
const DATE: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
const OLDER: &str = "Sun, 09 Sep 2001 01:46:39 GMT";
const WHOLE: &str = "0123456789";

/// Makes that file.
fn write_old(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    let then = UNIX_EPOCH + Duration::from_millis(1_000_000_000_500);
    fs::File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
}

/// Asks for a file under conditions: the status, the headers, and the body.
fn ask(server: &Server, method: &str, path: &str, headers: &str) -> (u16, String, String) {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}");
    let answer = server.asked(&format!("{request}Connection: close\r\n\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_owned(), body.to_owned())
}

/// The value of a header.
fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn ranges_are_those_of_the_standard() {
    let root = Root::new("ranges");
    write_old(&root.path.join("file.txt"), WHOLE);
    fs::write(root.path.join("empty"), "").unwrap();
    let server = root.server(&[]);
    let not = "416 Range Not Satisfiable\n";
    for (range, status, body, part) in [
        ("bytes=2-4", 206, "234", Some("bytes 2-4/10")),
        ("bytes=7-", 206, "789", Some("bytes 7-9/10")),
        ("bytes=-4", 206, "6789", Some("bytes 6-9/10")),
        ("bytes=-99", 206, WHOLE, Some("bytes 0-9/10")),
        ("bytes=0-99999999999999999999999", 206, WHOLE, Some("bytes 0-9/10")),
        ("bytes=9-9", 206, "9", Some("bytes 9-9/10")),
        ("bytes=10-", 416, not, Some("bytes */10")),
        ("bytes=-0", 416, not, Some("bytes */10")),
        ("bytes=99999999999999999999999-", 416, not, Some("bytes */10")),
        // None, no single one, or of something else: it is ignored.
        ("bytes=4-2", 200, WHOLE, None),
        ("bytes=0-1,3-4", 200, WHOLE, None),
        ("bytes=+1-2", 200, WHOLE, None),
        ("bytes=1-2-3", 200, WHOLE, None),
        ("bytes=-", 200, WHOLE, None),
        ("lines=1-2", 200, WHOLE, None),
    ] {
        let headers = format!("Range: {range}\r\n");
        let (came, head, text) = ask(&server, "GET", "/file.txt", &headers);
        assert_eq!((came, &text[..]), (status, body), "{range}");
        assert_eq!(header(&head, "Content-Range"), part, "{range}");
        assert_eq!(header(&head, "Content-Length"), Some(&*body.len().to_string()), "{range}");
        // The head of a file knows nothing of ranges.
        let (came, head, text) = ask(&server, "HEAD", "/file.txt", &headers);
        assert_eq!((came, &text[..], header(&head, "Content-Length")), (200, "", Some("10")));
    }
    assert_eq!(ask(&server, "GET", "/empty", "").2, "");
    assert_eq!(ask(&server, "GET", "/empty", "Range: bytes=0-\r\n").0, 416);
    server.stopped();
}

#[test]
fn conditions_are_those_of_the_standard() {
    let root = Root::new("conditions");
    let path = root.path.join("file.txt");
    write_old(&path, WHOLE);
    let server = root.server(&[]);
    let (_, plain, _) = ask(&server, "GET", "/file.txt", "");
    let tag = header(&plain, "ETag").unwrap();
    assert_eq!(header(&plain, "Last-Modified"), Some(DATE));
    assert_eq!(header(&plain, "Accept-Ranges"), Some("bytes"));
    let known = |value: &str| format!("If-None-Match: {value}\r\n");
    let since = |value: &str| format!("If-Modified-Since: {value}\r\n");
    let if_range = |value: &str| format!("If-Range: {value}\r\nRange: bytes=0-0\r\n");
    for (headers, status, body) in [
        (known(tag), 304, ""),
        (known(&format!("\"other\", W/{tag}")), 304, ""),
        (known("*"), 304, ""),
        (known("\"other\""), 200, WHOLE),
        (since(DATE), 304, ""),
        (since(OLDER), 200, WHOLE),
        (since("nonsense"), 200, WHOLE),
        // The tag says it, whatever the date.
        (known("\"other\"") + &since(DATE), 200, WHOLE),
        (known(tag) + &if_range(tag), 304, ""),
        // Tags in several lines are one list.
        (known(tag) + &known("\"other\""), 304, ""),
        (if_range(tag), 206, "0"),
        (if_range(&format!("W/{tag}")), 200, WHOLE),
        (if_range("\"other\""), 200, WHOLE),
        (if_range(DATE), 206, "0"),
        (if_range(OLDER), 200, WHOLE),
    ] {
        answers(&server, &headers, (status, body, Some(tag)));
    }
    // Another file of the same length and time has another tag.
    write_old(&root.path.join("new"), "0123456780");
    fs::rename(root.path.join("new"), &path).unwrap();
    assert_eq!(ask(&server, "GET", "/file.txt", &known(tag)).2, "0123456780");
    // A file that was written just now may be written again in the same second.
    fs::write(&path, "new").unwrap();
    let (_, head, _) = ask(&server, "GET", "/file.txt", "");
    let date = header(&head, "Last-Modified").unwrap();
    assert_eq!(ask(&server, "GET", "/file.txt", &if_range(date)).0, 200);
    server.stopped();
}

/// By `GET` and by `HEAD`: the status, the body, and the tag of `file.txt` under these conditions.
#[track_caller]
fn answers(server: &Server, headers: &str, expected: (u16, &str, Option<&str>)) {
    let (status, head, text) = ask(server, "GET", "/file.txt", headers);
    assert_eq!((status, &text[..], header(&head, "ETag")), expected, "{headers}");
    let (came, _, text) = ask(server, "HEAD", "/file.txt", headers);
    // The head of a file knows nothing of ranges.
    assert_eq!((came, &text[..]), (if status == 206 { 200 } else { status }, ""), "{headers}");
}

/// Those of a client that wants one state of a file alone.
#[test]
fn preconditions_are_those_of_the_standard() {
    let root = Root::new("preconditions");
    write_old(&root.path.join("file.txt"), WHOLE);
    let server = root.server(&[]);
    let (_, plain, _) = ask(&server, "GET", "/file.txt", "");
    let tag = header(&plain, "ETag").unwrap();
    let only = |value: &str| format!("If-Match: {value}\r\n");
    let unless = |value: &str| format!("If-Unmodified-Since: {value}\r\n");
    let known = format!("If-None-Match: {tag}\r\n");
    let range = format!("If-Range: {tag}\r\nRange: bytes=0-0\r\n");
    let failed = "412 Precondition Failed\n";
    for (headers, status, body) in [
        (only(tag) + &only("\"other\""), 200, WHOLE),
        (only(&format!("\"other\", {tag}")), 200, WHOLE),
        (only("*"), 200, WHOLE),
        (only("\"other\""), 412, failed),
        (only(&format!("W/{tag}")), 412, failed),
        (unless(DATE), 200, WHOLE),
        (unless(OLDER), 412, failed),
        (unless("nonsense"), 200, WHOLE),
        // In this order, in which a tag counts more than a date.
        (only(tag) + &unless(OLDER), 200, WHOLE),
        (only("\"other\"") + &unless(DATE), 412, failed),
        (only("\"other\"") + &known, 412, failed),
        (only(tag) + &known, 304, ""),
        (unless(OLDER) + &format!("If-Modified-Since: {DATE}\r\n"), 412, failed),
        (only("\"other\"") + &range, 412, failed),
        (only(tag) + &range, 206, "0"),
    ] {
        answers(&server, &headers, (status, body, Some(tag)));
    }
    server.stopped();
    // What has no tag matches none.
    let memory = Server::start(&[]);
    assert_eq!(ask(&memory, "GET", "/hello.txt", &only(tag)).0, 412);
    assert_eq!(ask(&memory, "GET", "/hello.txt", &only("*")).0, 200);
    assert_eq!(ask(&memory, "GET", "/hello.txt", &unless(OLDER)).0, 200);
    assert_eq!(ask(&memory, "GET", "/none", &only(tag)).0, 404);
    memory.stopped();
}

/// Paths that want out, or that are none.
const PATHS: [&str; 40] = [
    "/../secret",
    "/sub/../../secret",
    "/./../secret",
    "/..",
    "/../",
    "/sub/..",
    "/%2e%2e/secret",
    "/%2E%2E%2Fsecret",
    "/..%2fsecret",
    "/sub%2f..%2f..%2fsecret",
    "/%252e%252e/secret",
    "/%c0%ae%c0%ae/secret",
    "/%e0%80%ae%e0%80%ae/secret",
    "/..\\secret",
    "/..%5csecret",
    "/....//secret",
    "/..;/secret",
    "/sub/inside/../../../secret",
    "/secret%00",
    "/%00/../secret",
    "/sub/inside%00.html",
    "/file",
    "/file/",
    "/absolute",
    "/up/secret",
    "/up/",
    "/up/root/file",
    "/top/etc/passwd",
    "/magic/etc/passwd",
    "/loop",
    "/loop/",
    "/through",
    "/sub/chain",
    "/fifo",
    "/fifo/",
    "//../secret",
    "/proc/self/environ",
    "../secret",
    "http://x/../secret",
    "file:///etc/passwd",
];

/// Whatever a path is made of, and wherever links lead: nothing from outside of the root comes.
#[test]
fn no_path_leads_out_of_the_root() {
    use std::os::unix::fs::symlink;
    let root = Root::new("corpus");
    let secret = root.around.join("secret");
    fs::create_dir_all(root.path.join("sub")).unwrap();
    fs::write(root.path.join("sub/inside"), "inside").unwrap();
    for (target, name) in [
        ("../secret", "file"),
        (secret.to_str().unwrap(), "absolute"),
        ("..", "up"),
        ("/", "top"),
        ("/proc/self/root", "magic"),
        ("loop", "loop"),
        ("sub/../../secret", "through"),
        ("sub/inside", "good"),
    ] {
        symlink(target, root.path.join(name)).unwrap();
    }
    symlink("../up/secret", root.path.join("sub/chain")).unwrap();
    assert!(Command::new("mkfifo").arg(root.path.join("fifo")).status().unwrap().success());
    let server = root.server(&["--list"]);
    let absolute = secret.to_str().unwrap();
    let encoded = absolute.replace('/', "%2F");
    let dynamic = [
        absolute.to_owned(),
        format!("/{absolute}"),
        format!("/{encoded}"),
        format!("/{encoded}/"),
        absolute.trim_start_matches('/').to_owned(),
        format!("/{}", "a/".repeat(2_000)),
        format!("/{}", "x".repeat(300)),
    ];
    for path in PATHS.into_iter().chain(dynamic.iter().map(String::as_str)) {
        let asked = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = server.asked(&asked);
        let status = answer.get(9..12);
        assert!(matches!(status, Some("400" | "404")), "{path}\n{answer}");
        assert!(!answer.contains("SECRET") && !answer.contains("root:"), "{path}\n{answer}");
    }
    let good = "GET //good HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(server.asked(good).ends_with("\r\n\r\ninside"), "a link within the root");
    // A place to go on that is no other host.
    let asked = "GET //sub HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(header(&server.asked(asked), "Location"), Some("/sub/"));
    server.stopped();
}

#[test]
fn folders_are_listed_only_if_that_is_wanted() {
    let root = Root::new("list");
    fs::create_dir_all(root.path.join("sub")).unwrap();
    fs::write(root.path.join("<b>&\" %.txt"), "").unwrap();
    fs::write(root.path.join("javascript:alert(1)"), "").unwrap();
    let get = |server: &Server, path: &str| {
        server.asked(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    };
    let server = root.server(&[]);
    assert!(get(&server, "/").starts_with("HTTP/1.1 404 "));
    server.stopped();
    let server = root.server(&["--list"]);
    let page = get(&server, "/");
    for link in [
        "<a href=\"./%3Cb%3E%26%22%20%25.txt\">&lt;b&gt;&amp;&quot; %.txt</a>",
        "<a href=\"./javascript%3Aalert%281%29\">javascript:alert(1)</a>",
        "<a href=\"./sub/\">sub/</a>",
    ] {
        assert!(page.contains(link), "{page}");
    }
    assert!(!page.contains("../") && get(&server, "/sub/").contains("<a href=\"../\">"));
    assert!(get(&server, "/%3Cb%3E%26%22%20%25.txt").starts_with("HTTP/1.1 200 "));
    assert!(get(&server, "/none/").starts_with("HTTP/1.1 404 "));
    fs::write(root.path.join("sub/index.html"), "page").unwrap();
    assert!(get(&server, "/sub/").ends_with("\r\n\r\npage"));
    server.stopped();
}

#[test]
fn wrk_meets_no_error() {
    let root = Root::new("wrk");
    fs::write(root.path.join("hello.txt"), "hello\n").unwrap();
    fs::write(root.path.join("large"), vec![7; 1 << 20]).unwrap();
    for (server, path) in [
        (Server::start(&[]), "hello.txt"),
        (root.server(&[]), "hello.txt"),
        (root.server(&[]), "large"),
    ] {
        let url = format!("http://{}/{path}", server.address);
        let wrk = Command::new("wrk").args(["-t1", "-c64", "-d1", &url]).output();
        let Ok(wrk) = wrk else { return missing("wrk") };
        let said = String::from_utf8(wrk.stdout).unwrap();
        assert!(said.contains(" requests in "), "{said}");
        assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");
        server.stopped();
    }
}
