//! `Model`: reads a log from start to end and says what in it the rules do not allow.
//!
//! It is no second runtime: it schedules nothing and waits for nothing. It follows who is
//! cancelled, who was told, and what each nursery has on its books, and so knows the one result
//! that each nursery may return.

use crate::awaits::{Awaits, For};
use crate::books::Books;
use crate::log::{E, Event, Outcome, What};
use crate::plan::{Id, Kind};
use crate::task::Task;
use crate::tree::{ROOT, Reason, State, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What is wrong, in the words of the rules.
pub(crate) type Verdict = Result<(), String>;

fn rule(holds: bool, breach: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(breach()) }
}

#[derive(Debug)]
struct Timeout {
    limit: Duration,
    done: bool,
}

#[derive(Debug)]
pub(crate) struct Model {
    tree: Tree,
    awaits: Awaits,
    books: BTreeMap<Id, Books>,
    tasks: BTreeMap<Id, Task>,
    /// Timeouts, and nurseries with a deadline.
    timeouts: BTreeMap<Id, Timeout>,
    /// Nurseries that another thread is about to cancel; and those of which this thread cannot tell
    /// whether that was what cancelled them.
    remote: BTreeSet<Id>,
    unsure: BTreeSet<Id>,
    /// When each message was sent.
    posts: Vec<usize>,
    /// Parts that are being dropped, each with the first panic of a destructor.
    drops: Vec<(Id, Option<Id>)>,
}

/// Follows a log to its end.
///
/// # Errors
///
/// The number of the event that the rules do not allow, and why.
pub(crate) fn check(log: &[Event]) -> Result<(), (usize, String)> {
    let mut model = Model::new();
    let mut before = false;
    for (number, event) in log.iter().enumerate() {
        let found = matches!(event, Event::Found { .. });
        if !(before && found) {
            model.tree.clock = number;
        }
        before = found;
        model.follow(*event).map_err(|breach| (number, breach))?;
    }
    model.finish().map_err(|breach| (log.len(), breach))
}

impl Model {
    fn new() -> Self {
        Self {
            tree: Tree::new(),
            awaits: Awaits::default(),
            books: BTreeMap::new(),
            tasks: BTreeMap::from([(ROOT, Task::new(ROOT, None))]),
            timeouts: BTreeMap::new(),
            remote: BTreeSet::new(),
            unsure: BTreeSet::new(),
            posts: Vec::new(),
            drops: Vec::new(),
        }
    }

    fn follow(&mut self, event: Event) -> Verdict {
        match event {
            Event::Open { nursery, body, scope, deadline } => {
                self.open(nursery, body, scope, deadline)
            }
            Event::Return { nursery, outcome } => self.returns(nursery, outcome),
            Event::Spawn { task, nursery, kind } => self.spawn(task, nursery, kind),
            Event::Spawned { task, refused } => self.spawned(task, refused),
            Event::Start { task } => self.start(task),
            Event::End { task, result } => self.end(task, result),
            Event::Panic { task, number, cut } => self.panic(task, number, cut),
            Event::Gone { task } => self.gone(task),
            Event::Cancel { nursery: id } | Event::CancelChild { task: id } => self.cancel(id),
            Event::Remote { nursery } => self.remote(nursery),
            Event::Begin { id, task, scope, what } => self.begin(id, task, scope, what),
            Event::Answer { id, error, value, took } => self.answer(id, error, value, took),
            Event::Left { id } => self.left(id),
            Event::Held { id } => self.turn_into(id, For::Held),
            Event::Submitted { id } => self.turn_into(id, For::What(What::Op)),
            Event::Post { message } => self.post(message),
            Event::Got { id, message } => self.got(id, message),
            Event::Timeout { id, scope, limit } => self.timeout(id, scope, limit),
            Event::Found { id, after } => self.found(id, after),
            Event::Done { id } => self.done(id),
            Event::Over { id, elapsed, after } => self.over(id, elapsed, after),
            Event::Shield { id, scope } => self.shield(id, scope),
            Event::Unshield { id } => self.unshield(id),
            Event::Part { id, scope } => self.part(id, scope),
            Event::Drop { id } => self.drop(id),
            Event::Dropped { id, thrown } => self.dropped(id, thrown),
            Event::Forget { id } => self.become_state(id, State::Forgotten),
            Event::Aside { id } => self.become_state(id, State::Aside),
            Event::Resume { id } => self.become_state(id, State::Open),
            Event::Seen { scope, cancelled } => self.seen(scope, cancelled),
            Event::Leftover { nursery, what } => {
                Err(format!("r01: nursery {nursery} has returned, and left {what}"))
            }
        }
    }

    fn finish(&self) -> Verdict {
        self.nothing_left(ROOT)?;
        rule(self.drops.is_empty(), || "a drop does not end".to_owned())
    }

    /// No task runs any more below a scope, and nothing is awaited, but for what was forgotten.
    fn nothing_left(&self, scope: Id) -> Verdict {
        let is_left =
            |id: Id| self.tree.is_within(id, scope) && !self.tree.is_in(id, State::Forgotten);
        let task = self.tasks.iter().find(|(id, task)| **id != ROOT && !task.gone && is_left(**id));
        rule(task.is_none(), || format!("r01: task {task:?} is left in scope {scope}"))?;
        let waits = self.awaits.find(is_left);
        rule(waits.is_none(), || format!("r01: {waits:?} is awaited in scope {scope}"))
    }

    /// Whether code may run in a scope.
    fn runs(&self, scope: Id) -> Verdict {
        let gone = [State::Forgotten, State::Aside, State::Closed];
        let runs = gone.iter().all(|s| !self.tree.is_in(scope, *s));
        rule(runs, || {
            format!("r01, r12: code runs in scope {scope}, which is closed, aside or forgotten")
        })
    }

    fn seen(&self, scope: Id, cancelled: bool) -> Verdict {
        self.runs(scope)?;
        let expected = self.tree.is_cancelled(scope);
        rule(expected == cancelled, || {
            format!("r02: scope {scope}: cancelled {cancelled}, but it should be {expected}")
        })
    }
}

/// Nurseries.
impl Model {
    fn open(&mut self, nursery: Id, body: Id, scope: Id, deadline: Option<Duration>) -> Verdict {
        self.tree.open(nursery, scope);
        self.tree.open(body, nursery);
        self.books.insert(nursery, Books::default());
        self.tasks.insert(body, Task::new(nursery, None));
        if let Some(limit) = deadline {
            self.timeouts.insert(nursery, Timeout { limit, done: false });
        }
        let admitted = !self.tree.is_cancelled(scope);
        self.awaits.begin(nursery, scope, For::Nursery, admitted);
        Ok(())
    }

    fn returns(&mut self, nursery: Id, outcome: Outcome) -> Verdict {
        let (scope, _, admitted) = self.awaits.end(nursery);
        self.nothing_left(nursery)?;
        let (books, reason) = (&self.books[&nursery], self.tree.reason(nursery));
        let (mut allowed, mut stopped) = books.close(reason);
        if outcome != allowed && self.unsure.contains(&nursery) {
            (allowed, stopped) = books.close(Some(Reason::Asked));
        }
        rule(outcome == allowed, || {
            format!("r09, r10: {outcome:?} instead of {allowed:?} ({books:?}, {reason:?})")
        })?;
        self.tree.set(nursery, State::Closed);
        if stopped { self.tell(nursery, scope, admitted) } else { Ok(()) }
    }

    /// Of a nursery, or of a child by its handle.
    fn cancel(&mut self, id: Id) -> Verdict {
        self.tree.cancel(id, Reason::Asked);
        Ok(())
    }

    fn remote(&mut self, nursery: Id) -> Verdict {
        self.remote.insert(nursery);
        Ok(())
    }
}

/// Tasks.
impl Model {
    fn spawn(&mut self, task: Id, nursery: Id, kind: Kind) -> Verdict {
        self.tree.open(task, nursery);
        let late = self.tree.is_cancelled(nursery);
        self.tasks.insert(task, Task { late, ..Task::new(nursery, Some(kind)) });
        Ok(())
    }

    fn spawned(&mut self, id: Id, refused: bool) -> Verdict {
        let Task { nursery, late, gone, .. } = self.tasks[&id];
        let falling = self.tree.is_in(nursery, State::Falling);
        rule(refused == late || falling, || {
            format!("r11: task {id} spawned when cancelled {late}, refused {refused}")
        })?;
        rule(refused == gone, || format!("r11: task {id} refused {refused}, dropped {gone}"))
    }

    fn start(&mut self, id: Id) -> Verdict {
        let task = &self.tasks[&id];
        let begins = task.kind.is_none() || !self.tree.is_cancelled(id);
        rule(begins && !task.gone, || format!("r04: task {id} begins although it is cancelled"))?;
        self.task(id).started = true;
        Ok(())
    }

    fn end(&mut self, id: Id, result: Result<Id, E>) -> Verdict {
        let waits = self.awaits.find(|scope| {
            self.tree.is_within(scope, id) && !self.tree.is_in(scope, State::Forgotten)
        });
        rule(waits.is_none(), || format!("task {id} ends, and {waits:?} is awaited"))?;
        self.task(id).end = Some(result);
        Ok(())
    }

    fn task(&mut self, id: Id) -> &mut Task {
        self.tasks.get_mut(&id).expect("the log has spawned it")
    }

    fn panic(&mut self, id: Id, number: Id, cut: bool) -> Verdict {
        let task = self.task(id);
        // A supervised child that is cut was cut, whatever its destructors throw.
        if !(cut && task.kind == Some(Kind::Supervised)) {
            task.panic.get_or_insert(number);
        }
        self.tree.set(id, State::Falling);
        // Nothing else happens while something is dropped. A supervised child that is dropped with
        // it keeps what it throws to itself.
        let supervised =
            |scope| self.tasks.get(&scope).is_some_and(|task| task.kind == Some(Kind::Supervised));
        for (part, first) in &mut self.drops {
            let mut around = self.tree.around(id).take_while(|scope| scope != part);
            if !(self.tree.is_within(id, *part) && around.any(supervised)) {
                first.get_or_insert(number);
            }
        }
        // What was set aside is dropped with its task, which throws what it throws.
        if let Some(aside) = self.tree.outermost(id, State::Aside)
            && !self.tree.around(id).take_while(|scope| *scope != aside).any(supervised)
        {
            let mut around = self.tree.around(aside);
            let owner = around.find(|scope| self.tasks.contains_key(scope));
            drop(around);
            owner.into_iter().for_each(|owner| _ = self.task(owner).panic.get_or_insert(number));
        }
        Ok(())
    }

    /// A task's last local is gone: it has resolved or panicked, or it was dropped.
    fn gone(&mut self, id: Id) -> Verdict {
        rule(!self.tree.is_in(id, State::Forgotten), || format!("r12: task {id} was forgotten"))?;
        self.task(id).gone = true;
        let task = self.tasks[&id];
        let nursery = task.nursery;
        if self.tree.is_in(nursery, State::Falling) {
            self.tree.set(id, State::Closed);
            return Ok(());
        }
        if let Some(aside) = self.tree.outermost(nursery, State::Aside) {
            // Its nursery is not polled either, and never returns.
            self.tree.set(id, State::Closed);
            return self.goes_with(aside, || format!("task {id}"));
        }
        let cut = task.end.is_none() && task.panic.is_none();
        let cancelled = self.tree.is_cancelled(id) || self.retires(id);
        rule(cancelled || !cut, || format!("r02: task {id} is cut; nobody cancelled it"))?;
        if !task.started && self.retires(id) {
            // No task saw from inside whether it was sent away before that.
            self.unsure.insert(nursery);
        }
        let alone = matches!(self.tree.reason(id), None | Some(Reason::Asked));
        let told = self.tree.is_delivered(id);
        self.tree.set(id, State::Closed);
        let books = self.books.get_mut(&nursery).expect("it was opened");
        // Who was cancelled by itself has come to its own end.
        books.incomplete |= (cut || told) && !alone;
        if books.enter(&task, told) {
            self.tree.cancel(nursery, Reason::Failure);
        }
        Ok(())
    }

    /// Whether this is a daemon for which it is time to go.
    fn retires(&self, id: Id) -> bool {
        let Some(Task { nursery, kind: Some(Kind::Daemon), .. }) = self.tasks.get(&id) else {
            return false;
        };
        let mut others = self.tasks.values().filter(|other| other.nursery == *nursery);
        others.all(|other| other.gone || other.kind == Some(Kind::Daemon))
    }
}

/// Awaits.
impl Model {
    fn begin(&mut self, id: Id, task: Id, scope: Id, what: What) -> Verdict {
        rule(!self.tasks[&task].gone, || format!("task {task} has ended, and awaits #{id}"))?;
        let admitted = !self.tree.is_cancelled(scope);
        self.awaits.begin(id, scope, For::What(what), admitted);
        Ok(())
    }

    fn turn_into(&mut self, id: Id, what: For) -> Verdict {
        self.awaits.turn_into(id, what);
        Ok(())
    }

    fn answer(&mut self, id: Id, error: Option<E>, value: Option<Id>, took: Duration) -> Verdict {
        let (scope, what, admitted) = self.awaits.end(id);
        let told = error == Some(E::Cancelled);
        match what {
            For::What(What::Join(child)) => {
                let told = self.joined(id, child, error, value)?;
                return if told { self.tell(id, scope, admitted) } else { Ok(()) };
            }
            For::What(What::Sleep(time)) => {
                rule(took >= time, || format!("r07: sleep #{id} of {time:?} took {took:?}"))?;
            }
            For::What(What::Op) | For::Held => {
                let allowed = error.is_none() || told && self.tree.is_cancelled(scope);
                rule(allowed, || format!("r09: op #{id} failed with {error:?}"))?;
            }
            For::What(What::Yield | What::Receive) | For::Nursery | For::Shield => {}
        }
        rule(admitted, || format!("r06, r07: #{id} is past a drop point"))?;
        if told {
            self.hear(scope);
        }
        Ok(())
    }

    fn post(&mut self, message: usize) -> Verdict {
        rule(message == self.posts.len(), || format!("message {message} is sent out of order"))?;
        self.posts.push(self.tree.clock);
        Ok(())
    }

    /// A message is not for one that was cancelled before it was sent.
    fn got(&self, id: Id, message: usize) -> Verdict {
        let (scope, ..) = self.awaits.get(id);
        let late = self.tree.since(scope).is_some_and(|since| since < self.posts[message]);
        rule(!late, || format!("r19: #{id} is cancelled, and is handed message {message}"))
    }

    /// An await says "cancelled" to the code in a scope: one that had begun before, or the first.
    fn tell(&mut self, id: Id, scope: Id, admitted: bool) -> Verdict {
        rule(admitted || !self.has_heard(scope), || format!("r06: #{id} is told a second time"))?;
        self.hear(scope);
        Ok(())
    }

    fn hear(&mut self, scope: Id) {
        let Self { tree, tasks, .. } = self;
        tree.hear(scope, |id| tasks.contains_key(&id));
    }

    fn has_heard(&self, scope: Id) -> bool {
        self.tree.has_heard(scope, |id| self.tasks.contains_key(&id))
    }

    /// Tells if the answer counts as a cancellation.
    fn joined(
        &self,
        id: Id,
        child: Id,
        error: Option<E>,
        value: Option<Id>,
    ) -> Result<bool, String> {
        let child = &self.tasks[&child];
        let supervised = child.kind == Some(Kind::Supervised);
        let (expected, told) = match (child.panic, child.end) {
            (None, Some(Ok(value))) => ((None, Some(value)), false),
            (None, Some(Err(error))) if supervised => ((Some(error), None), false),
            (Some(number), None) if supervised => ((Some(E::Boom(number)), None), false),
            _ => ((Some(E::Cancelled), None), true),
        };
        rule(child.gone && (error, value) == expected, || {
            format!("join #{id} says {error:?}, {value:?} of {child:?}")
        })?;
        Ok(told)
    }

    /// An await ends without an answer: it was dropped by who awaited it, or with its task.
    fn left(&mut self, id: Id) -> Verdict {
        let (scope, what, admitted) = self.awaits.end(id);
        rule(!self.tree.is_in(scope, State::Forgotten), || format!("r12: #{id} was forgotten"))?;
        let never_begun = what == For::Nursery && !admitted && self.never_begun(id);
        if what == For::Nursery {
            self.tree.set(id, State::Falling);
            self.nothing_left(id)?;
            self.tree.set(id, State::Closed);
        }
        if self.tree.is_in(scope, State::Falling) {
            return Ok(());
        }
        if let Some(aside) = self.tree.outermost(scope, State::Aside) {
            return self.goes_with(aside, || format!("#{id}"));
        }
        if let For::What(What::Join(child)) = what {
            self.waits_outwards(scope, child);
        }
        let around = self.tree.around(scope).find(|id| self.tasks.contains_key(id));
        let retires = around.is_some_and(|task| self.retires(task));
        let cancelled = self.tree.is_cancelled(scope) || retires;
        rule(cancelled, || format!("r02: #{id} is dropped; nobody cancelled it"))?;
        // An await that began too late says nothing of what the task has heard.
        let silent = !admitted && self.has_heard(scope);
        let keeps = match what {
            For::Nursery => {
                let (_, stopped) = self.books[&id].close(self.tree.reason(id));
                !(never_begun || self.books[&id].waits_outwards || stopped && silent)
            }
            For::Shield => true,
            For::What(What::Op) => admitted,
            For::What(What::Sleep(_) | What::Yield | What::Receive) | For::Held => false,
            For::What(What::Join(child)) if self.tasks[&child].gone => {
                !(silent && self.says_cancelled(child))
            }
            For::What(What::Join(child)) => self.is_kept(child, scope),
        };
        rule(!keeps, || format!("r05: {what:?} #{id} is dropped, and was to be answered"))
    }

    /// What is not polled is not answered, and keeps nothing, not even by a shield: it is dropped
    /// with the task that has set it aside, and so only when that is cancelled.
    fn goes_with(&self, aside: Id, what: impl Fn() -> String) -> Verdict {
        let cancelled = self.tree.is_cancelled(self.tree.parent(aside));
        rule(cancelled, || format!("r02: {} is dropped with {aside}, set aside", what()))
    }

    /// A cancelled task has opened so many nurseries that this one was its end: the body is not
    /// called.
    fn never_begun(&mut self, nursery: Id) -> bool {
        let bodies = self.tasks.values_mut();
        let mut bodies = bodies.filter(|task| task.nursery == nursery && task.kind.is_none());
        let body = bodies.next().filter(|body| !body.started);
        body.map(|body| body.gone = true).is_some()
    }

    /// Whether the handle of a child that is gone says "cancelled".
    fn says_cancelled(&self, child: Id) -> bool {
        let child = &self.tasks[&child];
        let supervised = child.kind == Some(Kind::Supervised);
        match (child.panic, child.end) {
            (None, Some(Ok(_))) => false,
            (None, Some(Err(_))) | (Some(_), None) => !supervised,
            _ => true,
        }
    }

    fn waits_outwards(&mut self, scope: Id, child: Id) {
        for outer in self.tree.around(scope).take_while(|id| !self.tree.is_within(child, *id)) {
            if let Some(books) = self.books.get_mut(&outer) {
                books.waits_outwards = true;
            }
        }
    }

    /// Whether something is to be answered in a cancelled task: a least fixpoint over the joins.
    /// Tasks around the joiner do not count: they cannot end before it does.
    fn is_kept(&self, task: Id, joiner: Id) -> bool {
        let mut seen = Vec::new();
        let mut pending = vec![task];
        while let Some(task) = pending.pop() {
            let ends = self.tree.is_cancelled(task) && !self.tasks[&task].gone;
            if !ends || seen.contains(&task) || self.tree.is_within(joiner, task) {
                continue;
            }
            seen.push(task);
            for (scope, what, admitted) in self.awaits.all() {
                let left = [State::Forgotten, State::Aside];
                let left = left.iter().any(|state| self.tree.is_in(scope, *state));
                match what {
                    _ if left || !self.tree.is_within(scope, task) => {}
                    For::What(What::Op) if admitted => return true,
                    For::Shield => return true,
                    For::What(What::Join(child)) => pending.push(child),
                    For::What(_) | For::Held | For::Nursery => {}
                }
            }
        }
        false
    }
}

/// Timeouts, and parts that are given up.
impl Model {
    fn timeout(&mut self, id: Id, scope: Id, limit: Duration) -> Verdict {
        self.tree.open(id, scope);
        self.timeouts.insert(id, Timeout { limit, done: false });
        Ok(())
    }

    /// Something is cancelled, and the log has not said so yet, or it has.
    fn found(&mut self, id: Id, after: Duration) -> Verdict {
        let is_in = |state| self.tree.is_in(id, state);
        if is_in(State::Forgotten) || is_in(State::Falling) {
            return Ok(());
        }
        let late = self.timeouts.get(&id).is_some_and(|timeout| after >= timeout.limit);
        let remote = self.remote.contains(&id);
        let fresh = self.tree.is_fresh(id);
        match self.tree.reason(id) {
            // Of several that are found at once, this one may have been first. A daemon is: its
            // nursery sends it away before anything further out has its turn.
            Some(_) if fresh && self.retires(id) => self.tree.set_reason(id, Reason::Asked),
            Some(_) if fresh && late => self.tree.set_reason(id, Reason::Deadline),
            Some(_) if fresh && remote => _ = self.unsure.insert(id),
            Some(_) => {}
            None if remote => self.tree.cancel(id, Reason::Asked),
            None if late => self.tree.cancel(id, Reason::Deadline),
            None if self.retires(id) => self.tree.cancel(id, Reason::Asked),
            None => return Err(format!("r02, r14: {id} is cancelled after {after:?}, by nobody")),
        }
        Ok(())
    }

    fn shield(&mut self, id: Id, scope: Id) -> Verdict {
        self.tree.open_shield(id, scope);
        self.awaits.begin(id, scope, For::Shield, true);
        Ok(())
    }

    fn unshield(&mut self, id: Id) -> Verdict {
        self.awaits.end(id);
        self.nothing_left(id)?;
        self.tree.set(id, State::Closed);
        Ok(())
    }

    fn done(&mut self, id: Id) -> Verdict {
        self.timeouts.get_mut(&id).expect("it began").done = true;
        Ok(())
    }

    fn over(&mut self, id: Id, elapsed: bool, after: Duration) -> Verdict {
        let Timeout { limit, done } = self.timeouts[&id];
        self.nothing_left(id)?;
        let reason = self.tree.reason(id);
        self.tree.set(id, State::Closed);
        rule(elapsed != done, || format!("r14: timeout {id} elapsed {elapsed}, done {done}"))?;
        let late = after >= limit && reason == Some(Reason::Deadline);
        rule(late || !elapsed, || format!("r14: timeout {id} elapsed {after:?}, {reason:?}"))
    }

    fn part(&mut self, id: Id, scope: Id) -> Verdict {
        self.tree.open(id, scope);
        Ok(())
    }

    fn drop(&mut self, id: Id) -> Verdict {
        self.tree.set(id, State::Falling);
        self.drops.push((id, None));
        Ok(())
    }

    fn dropped(&mut self, id: Id, thrown: Option<Id>) -> Verdict {
        self.nothing_left(id)?;
        self.tree.set(id, State::Closed);
        let (part, first) = self.drops.pop().ok_or("a drop ends that did not begin")?;
        rule((part, first) == (id, thrown), || {
            format!("r13: dropping part {id} threw {thrown:?}, and {first:?} was first")
        })
    }

    fn become_state(&mut self, id: Id, state: State) -> Verdict {
        self.tree.set(id, state);
        Ok(())
    }
}
