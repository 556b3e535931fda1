//! Tables that shrink: what stays in them keeps its number, and no number is given twice.

use crate::config::SMALLEST_TABLE;
use crate::table::{Slots, Table, Trim, When, pop_front};
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

/// Whatever stands at the end keeps its place, and the table; those who come later stand in front
/// of it, so that the table shrinks when that one is gone. The numbers of operations have room for
/// 24 bits: they stay as small.
#[test]
fn what_follows_the_last_one_stands_in_front() {
    let mut slots = Slots::<Large>::new();
    let most = 64 * LEAST;
    let mut last: Option<usize> = None;
    for _ in 0..20 {
        let burst: Vec<_> = (0..most).map(|number| slots.insert([number; 128])).collect();
        assert!(burst.iter().all(|slot| *slot <= most), "places are used again");
        last.into_iter().for_each(|slot| assert_eq!(slots.remove(slot)[0], most));
        let (staying, going) = burst.split_last().expect("there are some");
        for slot in going {
            slots.remove(*slot);
        }
        shrink(&mut slots);
        assert!(!slots.is_sparse(), "it is in the way, and no core wakes up for that");
        let next = slots.insert([most; 128]);
        assert!(next < 4);
        slots.remove(*staying);
        shrink(&mut slots);
        assert!(slots.end() <= LEAST + 1, "{} places", slots.end());
        last = Some(next);
    }
}

/// Random inserts and removals in a `Table`, which does not know which of its places are taken.
#[test]
fn a_place_that_is_taken_stays_where_it_is() {
    let (mut table, mut model) = (Table::<Large>::new(), BTreeMap::new());
    let seed = &mut 1;
    for _ in 0..60 {
        for _ in 0..next(seed, 40 * LEAST) {
            let value = next(seed, usize::MAX);
            assert_eq!(model.insert(table.insert(|| [value; 128]), value), None);
        }
        let stay = next(seed, 12);
        while model.len() > stay {
            let at = next(seed, model.len());
            let index = *model.keys().nth(at).expect("there are so many");
            model.remove(&index);
            table.free(index);
        }
        while table.trim(When::Running) {}
        assert_eq!(table.taken(), model.keys().copied().collect::<Vec<_>>());
        assert!(model.iter().all(|(index, value)| table[*index][127] == *value));
    }
    model.into_keys().for_each(|index| table.free(index));
    assert!(!table.trim(When::Ended) && table.is_unused() && table.get(0).is_none());
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
