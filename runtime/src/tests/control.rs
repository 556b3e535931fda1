//! The list against the C library's macros, and against lists that make no sense.

use super::random::Random;
use crate::op::Control;
use crate::op::control::list::{Message, Messages, push, space};
use libc::c_int;
use std::io::{Read, pipe};
use std::os::fd::{IntoRawFd, RawFd};

/// A level, a kind and data, by chance.
type Made = (c_int, c_int, Vec<u8>);

fn some(random: &mut Random) -> Vec<Made> {
    let data =
        |random: &mut Random| (0..random.below(40)).map(|_| random.below(256) as u8).collect();
    let one = |random: &mut Random| {
        (random.below(300) as c_int, random.below(300) as c_int, data(random))
    };
    (0..random.below(6)).map(|_| one(random)).collect()
}

/// A list with the alignment that the macros ask for.
#[derive(Clone)]
struct Aligned(Vec<u64>, usize);

impl Aligned {
    fn new(list: &[u8]) -> Self {
        let words = list.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        });
        Self(words.collect(), list.len())
    }

    fn header(&mut self) -> libc::msghdr {
        // SAFETY: zeros are a header without anything.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_control = self.0.as_mut_ptr().cast();
        header.msg_controllen = self.1 as _;
        header
    }

    /// What the macros find, as far as it lies in the list.
    fn by_macros(&mut self) -> Vec<Made> {
        let (header, mut found) = (self.header(), Vec::new());
        let end = header.msg_control as usize + self.1;
        // SAFETY: the header points to as many bytes as it says.
        let mut at = unsafe { libc::CMSG_FIRSTHDR(&header) };
        while !at.is_null() {
            // SAFETY: the macro has found room for a header there.
            let one = unsafe { at.read() };
            // SAFETY: as above.
            let start = unsafe { libc::CMSG_DATA(at) };
            let length = (one.cmsg_len as usize).saturating_sub(start as usize - at as usize);
            if length > end - start as usize || (one.cmsg_len as usize) < space(0) {
                break;
            }
            // SAFETY: so many bytes of the list are there.
            let data = unsafe { std::slice::from_raw_parts(start, length) };
            found.push((one.cmsg_level, one.cmsg_type, data.to_vec()));
            // SAFETY: the header points to as many bytes as it says, and `at` is within them.
            at = unsafe { libc::CMSG_NXTHDR(&header, at) };
        }
        found
    }
}

fn by_us(list: &[u8]) -> Vec<Made> {
    let made = |Message { level, kind, data }: Message<'_>| (level, kind, data.to_vec());
    Messages::new(list).map(made).collect()
}

#[test]
fn what_is_written_is_what_the_macros_read() {
    let mut random = Random::new(1);
    for _ in 0..5_000 {
        let (made, mut list) = (some(&mut random), Vec::new());
        for (level, kind, data) in &made {
            let before = list.len();
            push(&mut list, *level, *kind, data);
            // SAFETY: it only computes.
            let expected = unsafe { libc::CMSG_SPACE(data.len() as u32) } as usize;
            assert_eq!((list.len() - before, space(data.len())), (expected, expected));
        }
        assert_eq!(Aligned::new(&list).by_macros(), made);
        assert_eq!(by_us(&list), made);
        // Zeros behind it are no message, and a place that is not aligned does no harm.
        list.resize(list.len() + random.below(70), 0);
        assert_eq!(by_us(&list), made);
        list.insert(0, 0);
        assert_eq!(by_us(&list[1..]), made);
    }
}

/// The kernel leaves the padding out where the room ends: the macros pass over that message.
#[test]
fn a_last_message_without_padding_is_read() {
    let mut list = Vec::new();
    push(&mut list, 1, 2, b"first");
    push(&mut list, 3, 4, b"second");
    let end = list.len() - 2;
    let made = vec![(1, 2, b"first".to_vec()), (3, 4, b"second".to_vec())];
    assert_eq!(by_us(&list[..end]), made);
    assert_eq!(by_us(&list[..end - 1]), made[..1], "cut");
}

/// Lists of chance: none reaches outside, and what the macros find whole is found.
#[test]
fn lists_that_make_no_sense_do_no_harm() {
    let mut random = Random::new(2);
    let mut found = 0;
    for _ in 0..50_000 {
        let mut list = Vec::new();
        for (level, kind, data) in some(&mut random) {
            push(&mut list, level, kind, &data);
        }
        list.truncate(random.below(list.len() + 1));
        for _ in 0..random.below(4) {
            if list.is_empty() {
                break;
            }
            let at = random.below(list.len());
            list[at] =
                [0, 1, 15, 16, 17, 0x7f, 0x80, 0xff, random.below(256) as u8][random.below(9)];
        }
        let (ours, theirs) = (by_us(&list), Aligned::new(&list).by_macros());
        assert!(ours.starts_with(&theirs), "{list:?}");
        assert!(ours.len() <= theirs.len() + 1, "more than one without padding: {list:?}");
        found += ours.len();
    }
    assert!(found > 10_000, "most make some sense: {found}");
}

/// Descriptors behind something that was not asked for; of a number that is cut, there is none.
#[test]
fn descriptors_are_owned_wherever_they_stand() {
    let (mut reader, writer) = pipe().unwrap();
    let [one, two] = [writer.try_clone().unwrap(), writer].map(IntoRawFd::into_raw_fd);
    let mut list = Vec::new();
    push(&mut list, libc::SOL_SOCKET, 84, &7_i32.to_ne_bytes());
    let mut cut = one.to_ne_bytes().to_vec();
    cut.extend_from_slice(&two.to_ne_bytes()[..2]);
    push(&mut list, libc::SOL_SOCKET, libc::SCM_RIGHTS, &cut);
    let pidfd = 4; // which is closed at once
    push(&mut list, libc::SOL_SOCKET, pidfd, &two.to_ne_bytes());
    list.resize(list.len() + 64, 0);
    // SAFETY: each of the two descriptors is in the list once, and nothing else has it.
    let control = unsafe { Control::read(&list, false) };
    assert_eq!(control.fds.iter().map(std::os::fd::AsRawFd::as_raw_fd).collect::<Vec<_>>(), [one]);
    drop(control);
    assert_eq!(reader.read(&mut [0]).unwrap(), 0, "all copies are closed");
}

/// Values whose length is not that of their kind.
#[test]
fn values_that_make_no_sense_say_nothing() {
    let kinds = [
        (libc::SOL_SOCKET, libc::SCM_CREDENTIALS, 12),
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS_NEW, 16),
        (libc::IPPROTO_IP, libc::IP_PKTINFO, 12),
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20),
    ];
    for (level, kind, length) in kinds {
        for given in 0..40 {
            let mut list = Vec::new();
            push(&mut list, level, kind, &vec![1; given]);
            // SAFETY: there are no descriptors in it.
            let control = unsafe { Control::read(&list, false) };
            assert_eq!(!control.is_empty(), given == length, "{level}, {kind}, {given}");
        }
    }
    let mut list = Vec::new();
    push(&mut list, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS_NEW, &[0xff; 16]);
    push(&mut list, libc::SOL_UDP, libc::UDP_GRO, &RawFd::to_ne_bytes(-1));
    push(&mut list, libc::IPPROTO_IP, libc::IP_TOS, &[]);
    // SAFETY: there are no descriptors in it.
    assert!(unsafe { Control::read(&list, false) }.is_empty());
}
