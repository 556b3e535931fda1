//! PostgreSQL over streams of Nestling's, against a server from Debian's packages.

use nestling::io::nursery;
use nestling::task::yield_now;
use nestling::{block_on, is_cancelled, stats, timeout};
use nestling_beside::postgres::{failed, stopped_by_cancel, with_client};
use process::{PATIENCE, Process, build, eventually};
use std::ffi::OsStr;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::{env, fs, thread};
use tokio_postgres::{Client, Config};

#[path = "../../../tests/support/process.rs"]
#[allow(dead_code, reason = "the tests of the other examples use the rest")]
mod process;

/// The newest version that is installed. Debian puts none of it on the path.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
    let folders = versions.map(|version| version.path().join("bin"));
    folders.filter(|folder| folder.join("initdb").exists()).max()
}

/// A server of one test, on a Unix socket, which ends with the test.
struct Server {
    programs: PathBuf,
    folder: PathBuf,
    process: Option<Process>,
}

impl Server {
    /// None, and a word about it, if PostgreSQL is not installed.
    fn start(name: &str) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(
                env::var_os("NESTLING_REAL_SERVERS").is_none_or(|it| it != "required"),
                "PostgreSQL is required: apt-get install postgresql"
            );
            eprintln!("NOT RUN, without PostgreSQL: apt-get install postgresql");
            return None;
        };
        let folder = env::temp_dir().join(format!("nestling-pg-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let mut server = Self { programs, folder, process: None };
        if let Some((user, group)) = other_user() {
            chown(&server.folder, Some(user), Some(group)).unwrap();
        }
        let mut init = server.program(server.programs.join("initdb"));
        init.args(["--no-sync", "--auth=trust", "--username=nestling", "--encoding=UTF8"]);
        let ended = process::run(init, &["--locale=C"]);
        assert!(ended.status.success(), "{}", ended.stderr);
        server.serve();
        Some(server)
    }

    /// A program, as a user that PostgreSQL agrees to, with the data.
    fn program(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = other_user() {
            command.uid(user).gid(group);
        }
        command.current_dir(&self.folder).env("PGDATA", self.folder.join("data"));
        command
    }

    /// Runs it until it says that it is ready.
    fn serve(&mut self) {
        // What it says is an error to the shell, and the output to the test.
        let mut postgres = self.program("sh");
        postgres.args(["-c", "exec \"$0\" \"$@\" 2>&1"]).arg(self.programs.join("postgres"));
        postgres.args(["-k", "..", "-c", "listen_addresses=", "-c", "fsync=off"]);
        let mut process = Process::start(&mut postgres);
        while !process.line().contains("ready to accept connections") {}
        self.process = Some(process);
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config.host_path(&self.folder).user("nestling").dbname("postgres");
        config
    }

    /// Ends it without a word, and waits for its own processes, which end when they see that: the
    /// next one does not begin before.
    fn kill(&mut self) {
        let process = self.process.take().expect("it runs");
        let children = format!("/proc/{0}/task/{0}/children", process.id());
        let children = fs::read_to_string(children).unwrap();
        drop(process);
        for child in children.split_whitespace() {
            // One that has ended and was not reaped has an empty command line.
            let command = format!("/proc/{child}/cmdline");
            eventually("it ends", || fs::read(&command).unwrap_or_default().is_empty());
        }
    }

    fn run<T>(&self, work: impl AsyncFnOnce(&mut Client) -> std::io::Result<T>) -> T {
        let config = self.config();
        block_on(timeout(PATIENCE, with_client(&config, work))).expect("in time").unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal("INT"); // it ends its own processes, and the memory that they share
            drop(process.ended());
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// PostgreSQL refuses to be root.
fn other_user() -> Option<(u32, u32)> {
    let status = fs::metadata("/proc/self").unwrap();
    (std::os::unix::fs::MetadataExt::uid(&status) == 0).then_some((65534, 65534))
}

#[test]
fn the_example_with_postgres_runs() {
    let Some(server) = Server::start("example") else { return };
    let config = format!("host={} user=nestling dbname=postgres", server.folder.display());
    let ended = process::run(Command::new(build("postgres")), &[&config]);
    assert!(ended.status.success(), "{}", ended.stderr);
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(lines[0], "ada has given 30 euros to bob");
    assert!(lines[1].starts_with("ada has not given 500 euros to bob: "), "{}", lines[1]);
    assert!(lines[1].contains("account_euros_check"), "{}", lines[1]);
    assert_eq!(lines[2], "ada has 70 euros, bob has 50");
    assert!(lines[3].starts_with("a query of an hour was cancelled"), "{}", lines[3]);
    assert_eq!(lines[4], "the connection goes on: there are 2 accounts");
}

/// How many queries sleep, in the server.
async fn asleep(client: &Client) -> i64 {
    let text = "SELECT count(*) FROM pg_stat_activity
        WHERE state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
    client.query_one(text, &[]).await.unwrap().get(0)
}

/// Waits until so many do, as another client sees it.
async fn until_asleep(watcher: &Client, queries: i64) {
    while asleep(watcher).await != queries {
        yield_now().await;
    }
}

#[test]
fn a_query_that_is_cancelled_is_stopped_in_the_server_and_its_client_goes_on() {
    let Some(server) = Server::start("stopped") else { return };
    let config = server.config();
    server.run(async |watcher| {
        let watcher = &*watcher;
        with_client(&config, async |client| {
            let client = &*client;
            for round in 0..5 {
                nursery(async |n| {
                    let sleep = client.batch_execute("SELECT pg_sleep(3600)");
                    n.spawn(async { stopped_by_cancel(&config, client, sleep).await });
                    until_asleep(watcher, 1).await;
                    n.cancel();
                    Ok::<_, Error>(())
                })
                .await?;
                assert_eq!(asleep(watcher).await, 0, "the nursery waits for the server's end");
                // Not this one is stopped, and its answer is no other query's.
                let row = client.query_one("SELECT $1::int", &[&round]).await.map_err(failed)?;
                assert_eq!(row.get::<_, i32>(0), round);
            }
            Ok(())
        })
        .await
    });
}

#[test]
fn a_connection_that_is_cancelled_is_closed_and_what_was_not_committed_is_undone() {
    let Some(server) = Server::start("closed") else { return };
    let config = server.config();
    server.run(async |watcher| {
        watcher.batch_execute("CREATE TABLE kept (number int)").await.map_err(failed)?;
        let watcher = &*watcher;
        let before = stats().in_flight;
        nursery(async |n| {
            n.spawn(with_client(&config, async |client| {
                let transaction = client.transaction().await.map_err(failed)?;
                let insert = transaction.batch_execute("INSERT INTO kept VALUES (1)");
                insert.await.map_err(failed)?;
                transaction.batch_execute("SELECT pg_sleep(0.2)").await.map_err(failed)?;
                transaction.commit().await.map_err(failed)
            }));
            until_asleep(watcher, 1).await;
            n.cancel();
            Ok::<_, Error>(())
        })
        .await?;
        // The watcher's own connection may wait now, and not have waited before.
        assert!(stats().in_flight <= before + 1);
        // The server sees it when it wants to answer.
        let others = "SELECT count(*) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        while watcher.query_one(others, &[]).await.map_err(failed)?.get::<_, i64>(0) > 0 {
            yield_now().await;
        }
        let row = watcher.query_one("SELECT count(*) FROM kept", &[]).await.map_err(failed)?;
        assert_eq!(row.get::<_, i64>(0), 0);
        Ok(())
    });
}

#[test]
fn a_server_that_is_killed_is_an_error_that_names_it_and_the_next_one_is_found() {
    let Some(mut server) = Server::start("killed") else { return };
    let config = server.config();
    let client = thread::spawn(move || {
        block_on(async {
            let asked = with_client(&config, async |client| {
                client.batch_execute("SELECT pg_sleep(3600)").await.map_err(failed)
            });
            let error = asked.await.unwrap_err();
            (error, stats().in_flight)
        })
    });
    server.run(async |watcher| {
        until_asleep(watcher, 1).await;
        Ok(())
    });
    server.kill();
    let (error, in_flight) = client.join().unwrap();
    let text = error.to_string();
    assert!(text.starts_with(&format!("PostgreSQL in {}", server.folder.display())), "{text}");
    assert!(text.ends_with("connection closed"), "{text}");
    assert!(!is_cancelled(&error));
    assert_eq!(in_flight, 0);
    let refused = block_on(with_client(&server.config(), async |_| Ok(()))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{refused}");
    assert!(refused.to_string().contains(".s.PGSQL.5432"), "{refused}");
    server.serve();
    server.run(async |client| client.batch_execute("SELECT 1").await.map_err(failed));
}

#[test]
fn rows_of_many_megabytes_come_whole_to_children_that_share_a_connection() {
    let Some(server) = Server::start("large") else { return };
    server.run(async |client| {
        let client = &*client;
        nursery(async |n| {
            for child in 0..8_u8 {
                n.spawn(async move {
                    let sent = vec![child; 1 << 20];
                    let text = "SELECT $1::bytea || $1::bytea";
                    let row = client.query_one(text, &[&sent]).await.map_err(failed)?;
                    let got: &[u8] = row.get(0);
                    assert!(got.len() == 2 << 20 && got.iter().all(|byte| *byte == child));
                    Ok::<_, Error>(())
                });
            }
            Ok(())
        })
        .await
    });
}
