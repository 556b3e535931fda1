//! Random calls of a buffered reader over a source in pieces, which fails now and then: it gives
//! what std's gives. A call that is dropped, or fails, has taken nothing, or says what it took.

use crate::pieces::{Pieces, for_a_while};
use crate::run;
use crate::support::random::{Random, seeds};
use nestling::io::{AsyncRead, BufReader};
use nestling::net::transferred;
use std::io::{self, BufRead, ErrorKind, Read};

/// Text with lines of any length, some of them with letters of several bytes.
fn text(random: &mut Random) -> String {
    let letters = ["a", "\u{e9}", "\u{1f41d}", "\n", "\r\n"];
    (0..random.below(200)).map(|_| letters[random.below(letters.len())]).collect()
}

struct Pair<'a> {
    ours: BufReader<Pieces<&'a [u8]>>,
    std: io::BufReader<&'a [u8]>,
    random: Random,
}

impl Pair<'_> {
    /// What our call has taken comes next in that of std.
    fn same(&mut self, ours: &[u8]) {
        let mut theirs = vec![0; ours.len()];
        self.std.read_exact(&mut theirs).unwrap();
        assert_eq!(ours, theirs);
    }

    fn is_at_the_end(&mut self) -> bool {
        self.std.fill_buf().unwrap().is_empty()
    }

    async fn step(&mut self) {
        match self.random.below(7) {
            0 => self.fill_buf().await,
            1 => self.read().await,
            2 => self.read_exact().await,
            3 => self.read_until().await,
            4 => self.read_line().await,
            5 => self.read_owned().await,
            _ if self.random.percent(5) => self.read_to_end().await,
            _ => {}
        }
    }

    async fn fill_buf(&mut self) {
        let Some(Ok(bytes)) = for_a_while(&mut self.random, self.ours.fill_buf()).await else {
            return;
        };
        let bytes = bytes.to_vec();
        let taken = self.random.below(bytes.len() + 1);
        self.ours.consume(taken);
        self.same(&bytes[..taken]);
        assert!(!bytes.is_empty() || self.is_at_the_end());
    }

    async fn read(&mut self) {
        let mut bytes = vec![0; self.random.below(20)];
        let read = for_a_while(&mut self.random, self.ours.read(&mut bytes)).await;
        if let Some(Ok(length)) = read {
            assert!(length > 0 || bytes.is_empty() || self.is_at_the_end());
            self.same(&bytes[..length]);
        }
    }

    async fn read_owned(&mut self) {
        let bytes = Vec::with_capacity(self.random.below(40));
        let room = bytes.capacity();
        let read = AsyncRead::read(&mut self.ours, bytes);
        if let Some((Ok(length), bytes)) = for_a_while(&mut self.random, read).await {
            assert!(length > 0 || room == 0 || self.is_at_the_end());
            assert_eq!(bytes.len(), length);
            self.same(&bytes);
        }
    }

    async fn read_exact(&mut self) {
        let mut bytes = vec![0; self.random.below(40)];
        match for_a_while(&mut self.random, self.ours.read_exact(&mut bytes)).await {
            None => {}
            Some(Ok(())) => self.same(&bytes),
            Some(Err(error)) => {
                self.same(&bytes[..transferred(&error).unwrap()]);
                assert!(error.kind() == ErrorKind::ConnectionReset || self.is_at_the_end());
            }
        }
    }

    async fn read_until(&mut self) {
        let mut bytes = b"before".to_vec();
        match for_a_while(&mut self.random, self.ours.read_until(b'a', &mut bytes)).await {
            Some(Ok(length)) => {
                let mut theirs = b"before".to_vec();
                assert_eq!(self.std.read_until(b'a', &mut theirs).unwrap(), length);
                assert_eq!(bytes, theirs);
            }
            _ => assert_eq!(bytes, b"before"),
        }
    }

    async fn read_line(&mut self) {
        let mut line = "before".to_owned();
        match for_a_while(&mut self.random, self.ours.read_line(&mut line)).await {
            Some(Err(error)) if error.kind() == ErrorKind::InvalidData => {
                // Another call has taken a part of a letter.
                let mut theirs = Vec::new();
                self.std.read_until(b'\n', &mut theirs).unwrap();
                assert!(String::from_utf8(theirs).is_err());
                assert_eq!(line, "before");
            }
            Some(Ok(length)) => {
                let mut theirs = "before".to_owned();
                assert_eq!(self.std.read_line(&mut theirs).unwrap(), length);
                assert_eq!(line, theirs);
            }
            _ => assert_eq!(line, "before"),
        }
    }

    async fn read_to_end(&mut self) {
        let mut bytes = b"before".to_vec();
        match for_a_while(&mut self.random, self.ours.read_to_end(&mut bytes)).await {
            Some(Ok(length)) => assert_eq!(length + 6, bytes.len()),
            Some(Err(error)) => assert_eq!(transferred(&error).unwrap() + 6, bytes.len()),
            None => {}
        }
        self.same(&bytes[6..]);
    }
}

#[test]
fn r17_random_reads_and_those_of_std() {
    for seed in seeds(0..400) {
        let mut random = Random::new(seed);
        let text = text(&mut random);
        let most = 1 + random.below(100);
        let failing = [0, 5][random.below(2)];
        let source = Pieces::new(text.as_bytes(), &mut random, most).failing(failing);
        let ours = BufReader::with_capacity(random.below(120), source);
        let mut pair = Pair { ours, std: io::BufReader::new(text.as_bytes()), random };
        println!("seed {seed}");
        run(async || {
            for _ in 0..100 {
                pair.step().await;
            }
            let mut rest = Vec::new();
            while pair.ours.read_to_end(&mut rest).await.is_err() {}
            pair.same(&rest);
            assert!(pair.is_at_the_end());
        });
    }
}

/// A buffer that has room for more than the reader's is lent to the source itself.
#[test]
fn a_large_read_is_not_copied() {
    run(async || {
        let mut reader = BufReader::with_capacity(4, &b"abcdefgh"[..]);
        let mut two = [0; 2];
        reader.read_exact(&mut two).await.unwrap();
        let (result, bytes) = AsyncRead::read(&mut reader, Vec::with_capacity(6)).await;
        assert_eq!((result.unwrap(), &bytes[..]), (2, &b"cd"[..]));
        let (result, bytes) = AsyncRead::read(&mut reader, Vec::with_capacity(6)).await;
        assert_eq!((result.unwrap(), &bytes[..]), (4, &b"efgh"[..]));
        assert!(reader.buffer().is_empty());
    });
}

/// What is in the buffer, and what consuming more than that does.
#[test]
fn a_reader_shows_its_buffer() {
    run(async || {
        let mut reader = BufReader::with_capacity(4, &b"abcdefgh"[..]);
        assert!(reader.buffer().is_empty());
        reader.consume(3);
        assert_eq!(reader.fill_buf().await.unwrap(), b"abcd");
        reader.consume(1);
        assert_eq!((reader.buffer(), *reader.get_ref()), (&b"bcd"[..], &b"efgh"[..]));
        reader.consume(usize::MAX);
        assert_eq!(reader.fill_buf().await.unwrap(), b"efgh");
        assert!(reader.get_mut().is_empty());
        assert_eq!(format!("{reader:?}"), "BufReader { inner: [], buffered: 4, capacity: 4, .. }");
        assert!(reader.into_inner().is_empty());
    });
}
