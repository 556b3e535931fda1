//! `Machine`: the data of one node. They are in memory; snapshots of them are on the disk, and what
//! came after the last one is in the log.

use crate::data::Data;
use crate::journal::{damaged, first_frame, frame};
use crate::types::Kv;
use futures_util::{Stream, TryStreamExt};
use nestling::fs;
use nestling::sync::Mutex;
use openraft::alias::{LogIdOf, SnapshotMetaOf, SnapshotOf, StoredMembershipOf};
use openraft::entry::RaftEntry;
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

/// The data, and which part of the log made them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct State {
    applied: Option<LogIdOf<Kv>>,
    membership: StoredMembershipOf<Kv>,
    pub(crate) data: Data,
}

impl State {
    fn snapshot(self) -> SnapshotOf<Kv, Data> {
        let meta =
            SnapshotMetaOf::<Kv> { last_log_id: self.applied, last_membership: self.membership };
        SnapshotOf::<Kv, Data> { meta, snapshot: self.data }
    }
}

/// The file with the newest snapshot, as a frame like those of the log, which may be purged up to
/// there.
struct File {
    path: PathBuf,
    /// What is in it. Locked while it is written: a snapshot of ours may be under way when a newer
    /// one comes from the leader.
    newest: Mutex<Option<State>>,
}

impl File {
    async fn save(&self, state: &State) -> io::Result<()> {
        let mut newest = self.newest.lock().await;
        if newest.as_ref().is_some_and(|newest| newest.applied >= state.applied) {
            return Ok(());
        }
        fs::replace(&self.path, frame(&serde_json::to_vec(state)?)).await?;
        *newest = Some(state.clone());
        Ok(())
    }
}

/// The state machine that openraft drives.
pub(crate) struct Machine {
    state: Rc<RefCell<State>>,
    file: Rc<File>,
}

impl Machine {
    /// Begins with the snapshot, if there is one.
    ///
    /// # Errors
    ///
    /// Those of the file; and `InvalidData` if it is damaged.
    pub(crate) async fn open(path: PathBuf) -> io::Result<Self> {
        let newest: Option<State> = match fs::read(&path).await {
            Ok(bytes) => match first_frame(&bytes) {
                Some((state, [])) => Some(serde_json::from_slice(state)?),
                // It is replaced as a whole: a kill leaves no part of it.
                _ => return Err(damaged(&path, "the snapshot is damaged")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let state = Rc::new(RefCell::new(newest.clone().unwrap_or_default()));
        Ok(Self { state, file: Rc::new(File { path, newest: Mutex::new(newest) }) })
    }

    /// The state, for those that read it.
    pub(crate) fn state(&self) -> Rc<RefCell<State>> {
        Rc::clone(&self.state)
    }
}

impl RaftStateMachine<Kv> for Machine {
    type SnapshotData = Data;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogIdOf<Kv>>, StoredMembershipOf<Kv>)> {
        let state = self.state.borrow();
        Ok((state.applied, state.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Kv>>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let mut state = self.state.borrow_mut();
            let log_id = entry.log_id();
            state.applied = Some(log_id);
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Normal(set) => state.data.set(set, log_id.index()),
                EntryPayload::Membership(members) => {
                    state.membership = StoredMembershipOf::<Kv>::new(Some(log_id), members);
                }
            }
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder { state: self.state.borrow().clone(), file: Rc::clone(&self.file) }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMetaOf<Kv>, data: Data) -> io::Result<()> {
        let (applied, membership) = (meta.last_log_id, meta.last_membership.clone());
        let state = State { applied, membership, data };
        self.file.save(&state).await?;
        self.state.replace(state);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<Kv, Data>>> {
        Ok(self.file.newest.lock().await.clone().map(State::snapshot))
    }
}

/// The state of one moment, on its way to the disk.
pub(crate) struct Builder {
    state: State,
    file: Rc<File>,
}

impl RaftSnapshotBuilder<Kv> for Builder {
    type SnapshotData = Data;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Kv, Data>> {
        self.file.save(&self.state).await?;
        Ok(self.state.clone().snapshot())
    }
}
