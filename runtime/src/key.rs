//! `Key`: what a submission is called, on its way into the kernel and back.

/// Bits that number a slot of the in-flight table.
const SLOT_BITS: u32 = 24;
/// Bits that tell the uses of one slot apart.
const GENERATION_BITS: u32 = 36;

/// Which kind of submission a completion answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    /// An operation of the in-flight table.
    Op = 0,
    /// The request to cancel an operation; its own answer says nothing about its target.
    Cancel = 1,
    /// The poll of the event counter by which other threads wake this core.
    Doorbell = 2,
    /// A message from one core's ring to another's, to wake it.
    Message = 3,
    /// Anything else: nothing of ours, counted as stale.
    Unknown = 15,
}

/// Slot, generation and tag of a submission, packed into the 64 bits of `user_data`.
///
/// ```text
///  63                            28 27             4 3    0
/// +--------------------------------+----------------+------+
/// |           generation           |      slot      | tag  |
/// +--------------------------------+----------------+------+
/// ```
///
/// Never an address: a completion that comes too late misses its slot's generation and is counted,
/// where a pointer would be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(u64);

impl Key {
    pub(crate) fn op(slot: usize, generation: u64) -> Self {
        debug_assert!(slot < 1 << SLOT_BITS, "the in-flight limit keeps slots in range");
        let generation = generation & ((1 << GENERATION_BITS) - 1);
        Self(generation << (SLOT_BITS + 4) | (slot as u64) << 4)
    }

    pub(crate) fn doorbell() -> Self {
        Self(Tag::Doorbell as u64)
    }

    /// The key of messages to the core with that index.
    pub(crate) fn message(core: usize) -> Self {
        Self((core as u64) << 4 | Tag::Message as u64)
    }

    /// The key of the request that cancels this operation.
    pub(crate) fn cancel(self) -> Self {
        Self(self.0 & !0xF | Tag::Cancel as u64)
    }

    pub(crate) fn slot(self) -> usize {
        (self.0 >> 4) as usize & ((1 << SLOT_BITS) - 1)
    }

    pub(crate) fn tag(self) -> Tag {
        match self.0 & 0xF {
            0 => Tag::Op,
            1 => Tag::Cancel,
            2 => Tag::Doorbell,
            3 => Tag::Message,
            _ => Tag::Unknown,
        }
    }

    pub(crate) fn from_user_data(user_data: u64) -> Self {
        Self(user_data)
    }

    pub(crate) fn user_data(self) -> u64 {
        self.0
    }
}
