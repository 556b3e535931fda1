//! Tables that shrink: what stays in them keeps its number, and no number is given twice.

use crate::config::SMALLEST_TABLE;
use crate::table::{Slots, Trim, When, pop_front};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// Large enough that a table of few is sparse soon.
type Large = [usize; 128];

const LEAST: usize = SMALLEST_TABLE / size_of::<Large>();

/// The next number of a sequence that looks random.
fn next(seed: &mut u64, limit: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize % limit
}

/// Shrinks as often as that changes something.
fn shrink(slots: &mut Slots<Large>) {
    while slots.trim(When::Running) {}
}

fn same(slots: &Slots<Large>, model: &BTreeMap<usize, usize>) {
    let found: BTreeMap<_, _> = slots.iter().map(|(slot, value)| (slot, value[0])).collect();
    assert_eq!(&found, model);
    assert_eq!(slots.len(), model.len());
    assert_eq!(slots.is_unused(), model.is_empty());
}

#[test]
fn a_table_is_the_same_however_often_it_shrinks() {
    for seed in 0..6 {
        let (mut slots, mut model) = (Slots::<Large>::new(), BTreeMap::new());
        let seed = &mut (seed + 1);
        for round in 0..12 {
            // Up, and down to a random few: now the last, now the first, now those between.
            for _ in 0..next(seed, 60 * LEAST) {
                let value = next(seed, usize::MAX);
                let slot = slots.insert([value; 128]);
                assert_eq!(model.insert(slot, value), None, "a slot is given once");
            }
            let stay = next(seed, 12);
            while model.len() > stay {
                let at = next(seed, model.len());
                let slot = *model.keys().nth(at).expect("there are so many");
                assert_eq!(slots.remove(slot)[0], model.remove(&slot).expect("it is there"));
                assert!(slots.get(slot).is_none(), "what was taken out is a miss");
                if round % 2 == 0 && next(seed, 40) == 0 {
                    slots.trim(When::Running);
                    same(&slots, &model);
                }
            }
            shrink(&mut slots);
            same(&slots, &model);
            for (slot, value) in &model {
                assert_eq!(slots[*slot][127], *value);
                slots[*slot][1] = *value;
                assert_eq!(slots.get_mut(*slot).map(|kept| kept[1]), Some(*value));
            }
            assert!(slots.get(usize::MAX >> 32).is_none(), "no slot at all");
        }
        for slot in model.into_keys() {
            slots.remove(slot);
        }
        assert!(!slots.trim(When::Ended) && slots.is_unused());
    }
}

/// The numbers of operations have room for 24 bits: a table that grows and shrinks for ever may
/// not use up more than it has in use at a time.
#[test]
fn numbers_stay_small() {
    let mut slots = Slots::<Large>::new();
    let most = 50 * LEAST;
    let mut staying = Vec::new();
    for _ in 0..100 {
        let mut burst: Vec<_> = (0..most).map(|number| slots.insert([number; 128])).collect();
        assert!(burst.iter().all(|slot| *slot < 2 * most));
        staying.push(burst.swap_remove(most / 2));
        for slot in burst {
            slots.remove(slot);
        }
        shrink(&mut slots);
    }
    assert_eq!(slots.len(), staying.len());
}

#[test]
fn a_small_table_and_one_in_use_stay_as_they_are() {
    let mut slots = Slots::<Large>::new();
    let all: Vec<_> = (0..16 * LEAST).map(|number| slots.insert([number; 128])).collect();
    assert!(!slots.is_sparse());
    let remove = |slots: &mut Slots<Large>, range: Range<usize>| {
        for slot in &all[range] {
            slots.remove(*slot);
        }
    };
    remove(&mut slots, 8 * LEAST..16 * LEAST);
    assert!(!slots.is_sparse(), "half of it is in use");
    remove(&mut slots, LEAST..8 * LEAST);
    assert!(slots.is_sparse());
    shrink(&mut slots);
    remove(&mut slots, 0..LEAST);
    shrink(&mut slots);
    assert!(!slots.is_sparse(), "it does not shrink below the smallest");
}

#[test]
fn a_queue_that_was_long_becomes_small_on_the_way() {
    let mut queue: VecDeque<_> = (0..100_000_u64).collect();
    for number in 0..100_000 {
        assert_eq!(pop_front(&mut queue), Some(number));
        assert!(!queue.is_sparse());
    }
    assert_eq!(pop_front(&mut queue), None);
    assert!(queue.capacity() * size_of::<u64>() <= 2 * SMALLEST_TABLE);
}
