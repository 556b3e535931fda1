//! `Builder`: the options of a runtime.

use super::{Core, Cores, run};
use crate::config::Config;
use crate::diagnosis::{Facts, Refusal, thread as no_thread};
use crate::metrics::Metrics;
use crate::pool;
use crate::runtime::Runtime;
use crate::stall::{OnStall, Stall, Watchdog};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The options of a runtime: of one core with [`build`](Self::build), of several with
/// [`run`](Self::run).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::{Builder, Runtime};
/// let builder: Builder = Runtime::builder().entries(512).completions(16_384).name("server");
/// let mut runtime = builder.build()?;
/// runtime.block_on(async {});
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Builder {
    pub(crate) config: Config,
    pub(super) cores: Cores,
    pub(super) pin: bool,
    pub(super) spin: Option<Duration>,
    per_core: Option<Arc<dyn Fn(Core, Builder) -> Builder + Send + Sync>>,
    stall_threshold: Option<Duration>,
    on_stall: OnStall,
    pub(super) metrics: Option<Metrics>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            config: Config::default(),
            cores: Cores::All,
            pin: true,
            spin: None,
            per_core: None,
            stall_threshold: None,
            on_stall: OnStall::default(),
            metrics: None,
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, cores, pin, spin, stall_threshold, .. } = self;
        let mut builder = f.debug_struct("Builder");
        builder.field("config", config).field("cores", cores);
        builder.field("pin", pin).field("spin", spin);
        builder.field("stall_threshold", stall_threshold).finish_non_exhaustive()
    }
}

impl Runtime {
    /// The options of a runtime.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Which cores [`run`](Self::run) uses. All that the process may use, unless said otherwise.
    pub fn cores(mut self, cores: Cores) -> Self {
        self.cores = cores;
        self
    }

    /// Entries of each core's submission queue: what a turn may submit with one system call.
    /// 256 unless said otherwise; the kernel rounds up to a power of two, and limits to 32,768.
    pub fn entries(mut self, entries: u32) -> Self {
        self.config.entries = entries.max(1);
        self
    }

    /// Entries of each core's completion queue; completions that do not fit are kept by the kernel,
    /// at a cost. 8192 unless said otherwise; fewer make mass cancellation slower, too. At least as
    /// many as [`entries`](Self::entries); the kernel rounds up to a power of two, and limits to
    /// 65,536.
    pub fn completions(mut self, completions: u32) -> Self {
        self.config.completions = completions.max(2);
        self
    }

    /// How long a core that has nothing to do looks for work, at most, before it sleeps. The core
    /// looks only while work mostly comes within that time, and not while other threads want its
    /// processor. 50 us for the pinned cores of [`run`](Self::run), otherwise not at all, unless
    /// said so.
    pub fn spin(mut self, limit: Duration) -> Self {
        self.spin = Some(limit);
        self
    }

    /// Has cores sleep as soon as they have nothing to do.
    pub fn no_spin(self) -> Self {
        self.spin(Duration::ZERO)
    }

    /// Under load, has a core that would sleep wait so long for more completions than one, so that
    /// it takes them with one system call. In microseconds, rounded up; 10 to 50 are usual. Not at
    /// all unless said so: each completion may come later by that. Needs Linux 6.12; before that,
    /// it does nothing. A core that [spins](Self::spin) seldom gets here.
    pub fn batch(mut self, wait: Duration) -> Self {
        self.config.batch = wait;
        self
    }

    /// The default pool of each core, from which [`recv`](crate::net::TcpStream::recv) takes its
    /// buffers: `count` of them, a power of two up to 32,768, of `size` bytes each. 1,024 of 4 KiB
    /// unless said otherwise. It is made by its first use, and a buffer is memory of the process's
    /// as soon as it was used once. [`Pool::new`](crate::pool::Pool::new) makes further pools.
    ///
    /// More buffers are for programs that keep many leases at a time; larger ones for long
    /// messages, which come in pieces of this size otherwise.
    pub fn buffers(mut self, count: usize, size: usize) -> Self {
        self.config.buffers = (count, size);
        self
    }

    /// Threads for blocking calls (`task::spawn_blocking`, names that are looked up), at most; all
    /// cores of [`run`](Self::run) share them. 64 unless said otherwise, and at least one. Calls
    /// that find all threads busy wait, so use more if calls wait for each other, or for many at
    /// once.
    ///
    /// A thread is started when a call finds none that is idle, and ends when it was idle for 10
    /// seconds, or with the runtime. They are named after [`name`](Self::name), with `-blocking-`
    /// and a number.
    pub fn blocking_threads(mut self, threads: usize) -> Self {
        self.config.blocking_threads = threads.max(1);
        self
    }

    /// Reports tasks that hold their core for longer than this, in one poll: all others wait
    /// meanwhile. Off unless said otherwise, and costs nothing then; on, each poll costs two looks
    /// at the clock. At least a millisecond; 10 to 100 of them find what is worth finding.
    ///
    /// While the stall lasts, a thread tells [`on_stall`](Self::on_stall) of it, once, so that a
    /// task is named which never returns; that thread sleeps while no core has anything to do. When
    /// the stall is over, `inspect::Event::Stalled` tells how long it was, and `dump_tree` shows it
    /// on the task's line for a while. What counts is a task's own time, not that of the tasks
    /// which are polled inside it.
    pub fn stall_threshold(mut self, threshold: Duration) -> Self {
        self.stall_threshold = Some(threshold.max(Duration::from_millis(1)));
        self
    }

    /// What is called for a stall, instead of a line on the standard error. A thread of its own
    /// calls
    /// `hook`, which must not wait for the core that stalls.
    pub fn on_stall(mut self, hook: impl Fn(&Stall) + Send + Sync + 'static) -> Self {
        self.on_stall = OnStall(Arc::new(hook));
        self
    }

    /// Has what the cores count be read through `metrics`, from any thread. One handle serves all
    /// cores of [`run`](Self::run), and several runtimes. It costs the cores nothing.
    ///
    /// # Examples
    ///
    /// See [`Metrics`].
    pub fn metrics(mut self, metrics: &Metrics) -> Self {
        self.metrics = Some(metrics.clone());
        self
    }

    /// The name of the threads that [`run`](Self::run) starts, before their core's number. Of the
    /// whole, the kernel (`ps`, `top`) keeps 15 bytes, so a short name shows the number, too.
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.config.name);
        self
    }

    /// Whether [`run`](Self::run) keeps each thread on its core: so unless said otherwise.
    pub fn pin(mut self, pin: bool) -> Self {
        self.pin = pin;
        self
    }

    /// Gives the cores of [`run`](Self::run) options that differ: `options` is called for each
    /// core, before any starts, with this builder, and returns the core's own. Which cores run
    /// stays as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::Runtime;
    /// // The first core accepts for the others: more that it submits in a turn.
    /// let builder = Runtime::builder().per_core(|core, options| match core.index() {
    ///     0 => options.name("acceptor").entries(1024),
    ///     _ => options.name("worker"),
    /// });
    /// builder.run(async |_| Ok::<_, std::io::Error>(()))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn per_core(
        mut self,
        options: impl Fn(Core, Self) -> Self + Send + Sync + 'static,
    ) -> Self {
        self.per_core = Some(Arc::new(options));
        self
    }

    /// The options of one core.
    pub(super) fn of(&self, core: Core) -> Self {
        match &self.per_core {
            Some(options) => options(core, self.clone()),
            None => self.clone(),
        }
    }

    /// Makes a runtime of one core, on the calling thread.
    ///
    /// # Errors
    ///
    /// The machine lacks what is needed; the error names what, and the remedy.
    pub fn build(self) -> io::Result<Runtime> {
        self.check()?;
        Runtime::alone(&self.config(Duration::ZERO), self.watchdog()?, self.metrics.as_ref())
    }

    /// What a core's ring and loop are made with, if it spins so long by default.
    pub(super) fn config(&self, spin: Duration) -> Config {
        Config { spin: self.spin.unwrap_or(spin), ..self.config.clone() }
    }

    /// The watchdog for stalls, if there is a threshold.
    pub(super) fn watchdog(&self) -> io::Result<Option<Watchdog>> {
        let threshold = self.stall_threshold.into_iter();
        let start = |time| Watchdog::start(&self.config.name, time, self.on_stall.clone());
        threshold.map(start).next().transpose().map_err(|error| {
            let error = no_thread(&error, &Facts::read());
            Refusal::at("the stall detector cannot start", &error)
        })
    }

    /// Whether threads can be named so, and a pool can have such buffers.
    pub(super) fn check(&self) -> io::Result<()> {
        pool::check(self.config.buffers)?;
        if !self.config.name.contains('\0') {
            return Ok(());
        }
        let text = format!("a thread cannot be named {:?}: it contains a null", self.config.name);
        Err(io::Error::new(io::ErrorKind::InvalidInput, text))
    }

    /// Runs `main` once on each core, each on a thread of its own. Nothing runs before every core
    /// is ready; the first to fail cancels the others; all are joined. What they returned comes in
    /// the order of [`Core::index`].
    ///
    /// # Errors
    ///
    /// The first error of a core; or what kept one from starting.
    ///
    /// # Panics
    ///
    /// With the first panic of a core, after all were joined.
    ///
    /// # Examples
    ///
    /// See [`Cores`].
    pub fn run<M, T, E>(self, main: M) -> Result<Vec<T>, E>
    where
        M: AsyncFn(Core) -> Result<T, E> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<io::Error> + Send + 'static,
    {
        run::run(&self, main)
    }
}
