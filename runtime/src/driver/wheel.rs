//! `Wheel`: timers that are far away, in lists of about the same time, each opened when that
//! begins.
//!
//! ```text
//!   origin, in digits of six bits:   7 41 09 .. 33 02
//!   a deadline:                      7 41 20 .. 15 60
//!                                         └─ the first digit that differs: list 20 of that level
//! ```
//!
//! All deadlines of a list have the same digits, up to the one that names the list; so a list is
//! over before the next one begins. When the time of a list has come, that is the new origin, and
//! the timers of the list go to lower levels. Lists of the lowest level are nanoseconds.

const BITS: u32 = 6;
/// Lists of one level.
const DIGITS: usize = 1 << BITS;
const LEVELS: usize = u64::BITS.div_ceil(BITS) as usize;

/// Room that a list begins with, and keeps; more than that is given back when it is little used.
const SMALL: usize = 16;

/// A timer, by the slot that has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Far {
    pub(super) deadline: u64,
    pub(super) slot: u32,
}

/// A place in a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct FarPlace {
    list: u32,
    at: u32,
}

/// The lists of all levels.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    /// A moment that is not later than any deadline in a list.
    origin: u64,
    /// The levels with something in a list.
    levels: u16,
    /// The lists of each level that are not empty.
    digits: [u64; LEVELS],
    /// Made when the first list is needed.
    lists: Vec<Vec<Far>>,
    /// The list that begins with the origin, until all of it has gone to lower levels.
    opening: Option<u32>,
}

impl Wheel {
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.levels == 0
    }

    /// The moment before which no list has anything, and nothing may be put into one.
    #[inline]
    pub(super) fn origin(&self) -> u64 {
        self.origin
    }

    /// No list begins up to that moment: from now on the origin is there.
    #[inline]
    pub(super) fn turn_to(&mut self, moment: u64) {
        self.origin = moment;
    }

    /// The list that begins first, and when.
    #[inline]
    pub(super) fn first(&self) -> Option<(u32, u64)> {
        if let Some(opening) = self.opening {
            return Some((opening, self.origin));
        }
        if self.is_empty() {
            return None;
        }
        let level = self.levels.trailing_zeros();
        let digit = self.digits[level as usize].trailing_zeros();
        let below = level * BITS;
        let above = self.origin.checked_shr(below + BITS).unwrap_or(0);
        let start = above.checked_shl(below + BITS).unwrap_or(0) | u64::from(digit) << below;
        Some((level << BITS | digit, start))
    }

    /// The first list begins, at that moment.
    pub(super) fn open(&mut self, list: u32, start: u64) {
        self.origin = start;
        self.opening = Some(list);
    }

    /// Whether a part of a list has gone to lower levels, and the rest is to follow.
    #[inline]
    pub(super) fn is_open(&self, list: u32) -> bool {
        self.opening == Some(list)
    }

    /// Whether all timers of a list have the same deadline.
    pub(super) fn is_moment(list: u32) -> bool {
        list >> BITS == 0
    }

    /// How many timers are in a list.
    #[inline]
    pub(super) fn len(&self, list: u32) -> usize {
        self.lists[list as usize].len()
    }

    /// Puts something into the list of its deadline, which is not before the origin.
    #[inline]
    pub(super) fn push(&mut self, far: Far) -> FarPlace {
        let differs = (far.deadline ^ self.origin) | (DIGITS as u64 - 1);
        let level = differs.ilog2() / BITS;
        let digit = (far.deadline >> (level * BITS)) as u32 % DIGITS as u32;
        if self.lists.is_empty() {
            self.lists.resize_with(LEVELS * DIGITS, Vec::new);
        }
        self.digits[level as usize] |= 1 << digit;
        self.levels |= 1 << level;
        let list = level << BITS | digit;
        let into = &mut self.lists[list as usize];
        if into.capacity() == 0 {
            into.reserve(SMALL);
        }
        into.push(far);
        FarPlace { list, at: into.len() as u32 - 1 }
    }

    /// Takes something out of a list.
    #[inline]
    pub(super) fn pop(&mut self, list: u32) -> Option<Far> {
        let from = &mut self.lists[list as usize];
        let far = from.pop();
        if from.is_empty() {
            self.emptied(list);
        }
        far
    }

    /// Takes out what is in a place. Something else may get the place, which then comes back.
    #[inline]
    pub(super) fn remove(&mut self, place: FarPlace) -> Option<Far> {
        let list = &mut self.lists[place.list as usize];
        list.swap_remove(place.at as usize);
        let moved = list.get(place.at as usize).copied();
        if list.len() < list.capacity() / 4 && list.capacity() > SMALL {
            list.shrink_to(list.capacity() / 2);
        }
        if list.is_empty() {
            self.emptied(place.list);
        }
        moved
    }

    #[inline]
    fn emptied(&mut self, list: u32) {
        let empty = &mut self.lists[list as usize];
        if empty.capacity() > SMALL {
            *empty = Vec::new();
        }
        let (level, digit) = (list >> BITS, list % DIGITS as u32);
        self.digits[level as usize] &= !(1 << digit);
        if self.digits[level as usize] == 0 {
            self.levels &= !(1 << level);
        }
        if self.opening == Some(list) {
            self.opening = None;
        }
    }

    /// Gives back the memory of lists that are empty.
    pub(super) fn trim(&mut self) {
        if self.is_empty() {
            self.lists = Vec::new();
        }
        self.lists.iter_mut().filter(|list| list.is_empty()).for_each(|list| *list = Vec::new());
    }

    /// What there is memory for, lists among it.
    #[allow(dead_code, reason = "for tests, which compile this a second time")]
    pub(super) fn capacity(&self) -> usize {
        self.lists.capacity() + self.lists.iter().map(Vec::capacity).sum::<usize>()
    }
}
