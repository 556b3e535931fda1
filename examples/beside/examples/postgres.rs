//! PostgreSQL by `tokio-postgres`, over a stream of Nestling's: no thread of Tokio's is there.
//!
//! ```text
//! cargo run --manifest-path examples/beside/Cargo.toml --example postgres -- \
//!     'host=127.0.0.1 user=postgres password=secret'
//! ```
//!
//! `host=/run/postgresql` is a server's Unix socket. The example makes a temporary table, and
//! leaves nothing. `src/postgres.rs` has what a program needs: how a connection belongs to a
//! nursery, and how a query is stopped with its task.

use nestling::io::nursery;
use nestling::timeout;
use nestling_beside::postgres::{failed, stopped_by_cancel, with_client};
use std::env;
use std::io::{Error, ErrorKind, Result};
use std::time::Duration;
use tokio_postgres::{Client, Config};

fn main() -> Result<()> {
    let usage = "say where the server is: postgres 'host=127.0.0.1 user=postgres'";
    let server = env::args().nth(1).ok_or_else(|| Error::new(ErrorKind::InvalidInput, usage))?;
    let config: Config = server.parse().map_err(failed)?;
    nestling::block_on(with_client(&config, async |client| {
        accounts(client).await?;
        transfers(client).await?;
        many_at_once(client).await?;
        cancelled(&config, client).await
    }))
}

async fn accounts(client: &Client) -> Result<()> {
    let table = "CREATE TEMPORARY TABLE account (
        name text PRIMARY KEY, euros bigint NOT NULL CHECK (euros >= 0))";
    client.batch_execute(table).await.map_err(failed)?;
    let insert = "INSERT INTO account VALUES ($1, $2)";
    for (name, euros) in [("ada", 100_i64), ("bob", 20)] {
        client.execute(insert, &[&name, &euros]).await.map_err(failed)?;
    }
    Ok(())
}

/// A transaction is committed, or it was not there: also if a child fails or is cancelled in it.
async fn transfers(client: &mut Client) -> Result<()> {
    for euros in [30, 500] {
        match transfer(client, "ada", "bob", euros).await {
            Ok(()) => println!("ada has given {euros} euros to bob"),
            Err(error) => println!("ada has not given {euros} euros to bob: {error}"),
        }
    }
    Ok(())
}

async fn transfer(client: &mut Client, from: &str, to: &str, euros: i64) -> Result<()> {
    let change = "UPDATE account SET euros = euros + $2 WHERE name = $1";
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.execute(change, &[&to, &euros]).await.map_err(failed)?;
    transaction.execute(change, &[&from, &-euros]).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// Children share one connection; their queries are on their way at the same time.
async fn many_at_once(client: &Client) -> Result<()> {
    let euros = nursery(async |n| {
        let ask = async |name| {
            let select = "SELECT euros FROM account WHERE name = $1";
            let row = client.query_one(select, &[&name]).await.map_err(failed)?;
            Ok::<i64, Error>(row.get(0))
        };
        let (ada, bob) = (n.spawn(ask("ada")), n.spawn(ask("bob")));
        Ok::<_, Error>((ada.await?, bob.await?))
    })
    .await?;
    println!("ada has {} euros, bob has {}", euros.0, euros.1);
    Ok(())
}

/// A query that takes too long is stopped, in the server as well; its connection goes on.
async fn cancelled(config: &Config, client: &Client) -> Result<()> {
    let long = stopped_by_cancel(config, client, client.batch_execute("SELECT pg_sleep(3600)"));
    match timeout(Duration::from_millis(50), long).await {
        Ok(ended) => ended?,
        Err(elapsed) => println!("a query of an hour was cancelled: {elapsed}"),
    }
    let row = client.query_one("SELECT count(*) FROM account", &[]).await.map_err(failed)?;
    println!("the connection goes on: there are {} accounts", row.get::<_, i64>(0));
    Ok(())
}
