//! Random reads, writes and cuts of a file, against a vector.

use crate::folder::Folder;
use crate::run;
use crate::support::random::{Random, seeds};
use nestling::buf::IoBuf;
use nestling::fs::File;

/// The file that there would be.
#[derive(Default)]
struct Model(Vec<u8>);

impl Model {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        self.0.resize(self.0.len().max(end), 0);
        self.0[offset..end].copy_from_slice(bytes);
    }

    fn read(&self, offset: usize, most: usize) -> &[u8] {
        let start = offset.min(self.0.len());
        &self.0[start..(start + most).min(self.0.len())]
    }
}

const STEPS: usize = 300;
const LARGEST: usize = 70_000;

async fn step(random: &mut Random, file: &File, model: &mut Model) {
    let (offset, length) = (random.below(2 * LARGEST), random.below(LARGEST));
    match random.below(8) {
        0 | 1 => {
            let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
            let (result, bytes) = file.write_all_at(bytes, offset as u64).await;
            result.unwrap();
            model.write(offset, &bytes);
        }
        2 => {
            let parts: Vec<Vec<u8>> =
                (0..random.below(5)).map(|part| vec![part as u8; random.below(900)]).collect();
            let (result, parts) = file.writev_at(parts, offset as u64).await;
            let all = parts.concat();
            assert_eq!(result.unwrap(), all.len());
            model.write(offset, &all);
        }
        3 | 4 => {
            let (result, bytes) = file.read_at(Vec::with_capacity(length), offset as u64).await;
            let expected = model.read(offset, bytes.capacity());
            assert_eq!(result.unwrap(), expected.len());
            assert!(bytes == expected, "at {offset}");
        }
        5 => {
            let rooms: Vec<usize> = (0..random.below(5)).map(|_| random.below(900)).collect();
            let buffers = rooms.iter().map(|room| vec![0; *room].slice(..*room)).collect();
            let (result, buffers) = file.readv_at(buffers, offset as u64).await;
            let all: Vec<u8> = buffers.into_iter().flat_map(|part| part.into_inner()).collect();
            let expected = model.read(offset, all.len());
            assert_eq!(result.unwrap(), expected.len());
            assert!(all[..expected.len()] == *expected, "at {offset}");
        }
        6 => {
            file.set_len(offset as u64).await.unwrap();
            model.0.resize(offset, 0);
        }
        _ => {
            let (result, all) = file.read_to_end(Vec::new(), offset as u64).await;
            assert_eq!(result.unwrap(), all.len());
            assert!(all == model.read(offset, usize::MAX / 2), "from {offset}");
        }
    }
}

#[test]
fn a_file_is_as_a_vector() {
    for seed in seeds(0..6) {
        println!("seed {seed}");
        let folder = Folder::new();
        let path = folder.join("file");
        let model = run(async || {
            let mut random = Random::new(seed);
            let mut options = File::options();
            let file = options.read(true).write(true).create(true).open(&path).await.unwrap();
            let mut model = Model::default();
            for _ in 0..STEPS {
                step(&mut random, &file, &mut model).await;
            }
            assert_eq!(file.metadata().await.unwrap().len(), model.0.len() as u64);
            model
        });
        assert!(std::fs::read(&path).unwrap() == model.0, "what std reads");
    }
}
