//! A file from front to back, in pieces: what it gives to have several reads in flight, and to tell
//! the kernel of it.
//!
//! ```text
//! cargo bench --bench sequential
//! TMPDIR=/a/disk cargo bench --bench sequential -- --mib 4096
//! ```
//!
//! Rounds of all ways alternate; a ratio is the median of those within a round. Each byte is looked
//! at, as a reader would.

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use nestling::Runtime;
use nestling::fs::{Advice, File, TempDir};
use std::fs;
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Instant;

/// What is read at a time.
const PIECE: usize = 128 << 10;
const ROUNDS: usize = 9;

/// How it is read.
#[derive(Debug, Clone, Copy)]
enum Way {
    Std,
    /// One read after the other.
    Cursor,
    /// The same, and the kernel knows.
    Advised,
    /// So many in flight, of which the first is taken.
    Ahead(u64),
}

const WAYS: [Way; 5] = [Way::Cursor, Way::Advised, Way::Ahead(2), Way::Ahead(8), Way::Std];

fn look(bytes: &[u8]) {
    black_box(bytes.iter().fold(0_u64, |sum, byte| sum + u64::from(*byte)));
}

async fn one_by_one(file: File) -> io::Result<u64> {
    let (mut cursor, mut buffer) = (file.into_cursor(), Vec::with_capacity(PIECE));
    loop {
        let result;
        (result, buffer) = cursor.read(buffer).await;
        match result? {
            0 => return Ok(cursor.position()),
            length => look(&buffer[..length]),
        }
    }
}

async fn ahead(file: File, depth: u64) -> io::Result<u64> {
    let (file, piece) = (&file, PIECE as u64);
    let read = |buffer, number| file.read_at(buffer, number * piece);
    let mut reads: FuturesOrdered<_> =
        (0..depth).map(|number| read(Vec::with_capacity(PIECE), number)).collect();
    let (mut next, mut sum) = (depth, 0);
    while let Some((result, buffer)) = reads.next().await {
        let length = result?;
        look(&buffer[..length]);
        sum += length as u64;
        if length > 0 {
            reads.push_back(read(buffer, next));
            next += 1;
        }
    }
    Ok(sum)
}

fn std(path: &Path) -> io::Result<u64> {
    let (mut file, mut buffer, mut sum) = (fs::File::open(path)?, vec![0; PIECE], 0);
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(sum);
        }
        look(&buffer[..length]);
        sum += length as u64;
    }
}

/// Milliseconds for the file.
fn round(runtime: &mut Runtime, path: &Path, way: Way, cold: bool) -> io::Result<f64> {
    if cold {
        runtime.block_on(async { File::open(path).await?.advise(0, 0, Advice::DontNeed).await })?;
    }
    let start = Instant::now();
    let read = match way {
        Way::Std => std(path)?,
        Way::Cursor => runtime.block_on(async { one_by_one(File::open(path).await?).await })?,
        Way::Ahead(depth) => {
            runtime.block_on(async { ahead(File::open(path).await?, depth).await })?
        }
        Way::Advised => runtime.block_on(async {
            let file = File::open(path).await?;
            file.advise(0, 0, Advice::Sequential).await?;
            one_by_one(file).await
        })?,
    };
    let elapsed = start.elapsed();
    assert_eq!(read, fs::metadata(path)?.len());
    Ok(elapsed.as_secs_f64() * 1e3)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() -> io::Result<()> {
    let arguments: Vec<_> = std::env::args().collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("only `cargo bench` measures");
        return Ok(());
    }
    let given = arguments.iter().skip_while(|argument| *argument != "--mib").nth(1);
    let mib = given.map_or(1024, |given| given.parse().expect("a number"));
    let mut runtime = Runtime::builder().build()?;
    // Removed also if something fails.
    let folder = runtime.block_on(TempDir::new())?;
    let path = folder.path().join("file");
    let mut file = fs::File::create(&path)?;
    (0..mib).try_for_each(|number: u64| file.write_all(&vec![number as u8; 1 << 20]))?;
    file.sync_all()?;
    for (title, cold) in [("from the page cache", false), ("from the disk", true)] {
        let mut figures = [const { Vec::new() }; WAYS.len()];
        // The first round warms up.
        for number in 0..=ROUNDS {
            for (way, figures) in WAYS.iter().zip(&mut figures) {
                let figure = round(&mut runtime, &path, *way, cold)?;
                figures.extend((number > 0).then_some(figure));
            }
        }
        println!("{mib} MiB {title}, {ROUNDS} rounds");
        for (way, each) in WAYS.iter().zip(&figures) {
            let ratios = each.iter().zip(&figures[0]).map(|(this, cursor)| this / cursor);
            let (ratio, time) = (median(ratios.collect()), median(each.clone()));
            println!("{:10} {time:9.1} ms {ratio:8.3}", format!("{way:?}"));
        }
    }
    Ok(())
}
