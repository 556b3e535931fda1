//! Keys: every slot, generation and tag comes back as it went in.

use crate::key::{Key, Tag};

const SLOTS: [usize; 9] = [0, 1, 2, 15, 16, 0x7F_FFFF, 0x80_0000, 0xFF_FFFE, (1 << 24) - 1];
const GENERATIONS: [u64; 9] =
    [0, 1, 2, 0xF, 0x10, (1 << 35) - 1, 1 << 35, (1 << 36) - 2, (1 << 36) - 1];

#[test]
fn c10_keys_come_back_at_every_edge() {
    let mut seen = std::collections::BTreeSet::new();
    for slot in SLOTS {
        for generation in GENERATIONS {
            let key = Key::op(slot, generation);
            let back = Key::from_user_data(key.user_data());
            assert_eq!((back, back.slot(), back.tag()), (key, slot, Tag::Op));
            assert_eq!(back.user_data() >> 28, generation);
            let cancel = key.cancel();
            assert_eq!((cancel.slot(), cancel.tag()), (slot, Tag::Cancel));
            assert_ne!(cancel, key);
            assert_eq!(cancel.cancel(), cancel);
            // No two submissions share a name, nor does a request with anything.
            assert!(seen.insert(key.user_data()) && seen.insert(cancel.user_data()));
        }
    }
    assert!(seen.insert(Key::doorbell().user_data()), "the doorbell is no operation");
    assert_eq!(seen.len(), 2 * SLOTS.len() * GENERATIONS.len() + 1);
}

#[test]
fn c10_every_slot_of_one_generation_is_distinct() {
    // All 2^24 slots; their keys are in the order of the slots, so neighbours tell.
    let mut before = Key::op(0, 7).user_data();
    for slot in 1..1 << 24 {
        let key = Key::op(slot, 7);
        assert!(key.user_data() > before);
        assert_eq!(key.slot(), slot);
        before = key.user_data();
    }
    assert!(before < Key::op(0, 8).user_data());
}

#[test]
fn c10_tags_are_told_apart() {
    for low in 0..16u64 {
        let tag = Key::from_user_data(0xABCD_0000 | low).tag();
        let expected = match low {
            0 => Tag::Op,
            1 => Tag::Cancel,
            2 => Tag::Doorbell,
            3 => Tag::Message,
            _ => Tag::Unknown,
        };
        assert_eq!(tag, expected);
    }
    assert_eq!(Key::from_user_data(u64::MAX).tag(), Tag::Unknown);
}

/// A generation that has gone round is the same name again: after 2^36 operations in one slot.
#[test]
fn c10_generations_go_round_and_stay_in_their_bits() {
    assert_eq!(Key::op(5, 1 << 36), Key::op(5, 0));
    assert_eq!(Key::op(5, u64::MAX), Key::op(5, (1 << 36) - 1));
    assert_eq!(Key::op(5, u64::MAX).slot(), 5);
}
