//! A large file, copied with many reads and writes in flight.

use crate::folder::Folder;
use crate::run;
use nestling::Options;
use nestling::fs::{Advice, File};
use nestling::io::nursery_with;
use sha2::{Digest, Sha256};
use std::env;
use std::io::{Read, Write};
use std::path::Path;

const PART: u64 = 1 << 20;

/// Bytes that no other part has: each page names its part and itself.
fn part(number: u64) -> Vec<u8> {
    let mut bytes = vec![number as u8; PART as usize];
    for (at, page) in (0_u64..).zip(bytes.chunks_mut(4096)) {
        page[..8].copy_from_slice(&number.to_le_bytes());
        page[8..16].copy_from_slice(&at.to_le_bytes());
    }
    bytes
}

fn digest(path: &Path) -> impl PartialEq + std::fmt::Debug {
    let mut file = std::fs::File::open(path).unwrap();
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; PART as usize]);
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return digest.finalize(),
            length => digest.update(&buffer[..length]),
        }
    }
}

/// 256 MiB; as many as `NESTLING_COPY_MIB` says.
#[test]
fn a_large_file_is_copied_whole() {
    let parts = env::var("NESTLING_COPY_MIB").map_or(256, |mib| mib.parse().expect("a number"));
    let folder = Folder::new();
    let (from, to) = (folder.join("from"), folder.join("to"));
    let mut source = std::fs::File::create(&from).unwrap();
    (0..parts).for_each(|number| source.write_all(&part(number)).unwrap());
    drop(source);
    run(async || {
        let source = File::open(&from).await.unwrap();
        source.advise(0, 0, Advice::Sequential).await.unwrap();
        let copy = File::create(&to).await.unwrap();
        let options = Options { slots: Some(16), ..Options::default() };
        nursery_with(options, async |n| {
            for number in 0..parts {
                let slot = n.slot().await;
                let (source, copy) = (&source, &copy);
                slot.spawn(async move {
                    let buffer = vec![0; PART as usize];
                    let (result, buffer) = source.read_exact_at(buffer, number * PART).await;
                    result?;
                    copy.write_all_at(buffer, number * PART).await.0
                });
            }
            Ok(())
        })
        .await
        .unwrap();
        copy.close().await.unwrap();
    });
    assert_eq!(std::fs::metadata(&to).unwrap().len(), parts * PART);
    assert_eq!(digest(&to), digest(&from));
}
