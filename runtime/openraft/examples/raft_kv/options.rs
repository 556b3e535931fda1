//! The command line.

use lexopt::prelude::*;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
A replicated key-value store: three processes that agree by Raft.

  --demo               start three nodes, write, kill leaders with SIGKILL, and look for lost writes
  --rounds N           how many leaders are killed (3)
  --writes N           how many writes are confirmed before a kill, and after it (200)

  --node ID            be this node of the cluster
  --nodes LIST         all nodes: 1=ADDRESS,2=ADDRESS,3=ADDRESS
  --data FOLDER        where this node has its log and its snapshot
  --end-with-stdin     end when the standard input ends

  --set KEY VALUE      with --nodes: have the cluster store a value
  --get KEY            with --nodes: print a value

  --help               this text";

/// What the user wants.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Demo { rounds: u32, writes: usize },
    Node(NodeOptions),
    Set { nodes: Vec<String>, key: String, value: String },
    Get { nodes: Vec<String>, key: String },
}

/// How to be a node.
#[derive(Debug)]
pub(crate) struct NodeOptions {
    pub(crate) id: u64,
    pub(crate) nodes: BTreeMap<u64, String>,
    pub(crate) data: PathBuf,
    pub(crate) ends_with_stdin: bool,
}

impl NodeOptions {
    /// The address of this node.
    pub(crate) fn address(&self) -> &str {
        &self.nodes[&self.id]
    }
}

/// What was on the command line.
#[derive(Default)]
struct Given {
    demo: bool,
    rounds: Option<u32>,
    writes: Option<usize>,
    id: Option<u64>,
    nodes: BTreeMap<u64, String>,
    data: Option<PathBuf>,
    ends_with_stdin: bool,
    set: Option<(String, String)>,
    get: Option<String>,
}

/// Reads the command line.
///
/// # Errors
///
/// It does not say what to do; the error is one line.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut given = Given::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return Ok(Command::Help),
            Long("demo") => given.demo = true,
            Long("rounds") => given.rounds = Some(parser.value()?.parse()?),
            Long("writes") => given.writes = Some(parser.value()?.parse()?),
            Long("node") => given.id = Some(parser.value()?.parse()?),
            Long("nodes") => given.nodes = nodes(parser.value()?)?,
            Long("data") => given.data = Some(parser.value()?.into()),
            Long("end-with-stdin") => given.ends_with_stdin = true,
            Long("set") => {
                given.set = Some((parser.value()?.string()?, parser.value()?.string()?));
            }
            Long("get") => given.get = Some(parser.value()?.string()?),
            other => return Err(other.unexpected()),
        }
    }
    command(given)
}

fn command(given: Given) -> Result<Command, lexopt::Error> {
    if given.demo {
        let (rounds, writes) = (given.rounds.unwrap_or(3), given.writes.unwrap_or(200));
        return Ok(Command::Demo { rounds, writes });
    }
    if given.nodes.is_empty() {
        return Err("--demo, or --nodes with --node, --set or --get".into());
    }
    let addresses = || given.nodes.values().cloned().collect();
    if let Some((key, value)) = given.set {
        return Ok(Command::Set { nodes: addresses(), key, value });
    }
    if let Some(key) = given.get {
        return Ok(Command::Get { nodes: addresses(), key });
    }
    let id = given.id.ok_or("--node says which of the nodes this one is")?;
    if !given.nodes.contains_key(&id) {
        return Err(format!("--nodes has no node {id}").into());
    }
    let data = given.data.ok_or("--data says where the node has its files")?;
    let (nodes, ends_with_stdin) = (given.nodes, given.ends_with_stdin);
    Ok(Command::Node(NodeOptions { id, nodes, data, ends_with_stdin }))
}

/// `1=ADDRESS,2=ADDRESS`
fn nodes(list: OsString) -> Result<BTreeMap<u64, String>, lexopt::Error> {
    let list = list.string()?;
    let node = |text: &str| {
        let (id, address) = text.split_once('=')?;
        Some((id.parse().ok()?, address.to_owned()))
    };
    let nodes: Option<BTreeMap<_, _>> = list.split(',').map(node).collect();
    nodes.ok_or_else(|| format!("--nodes: '{list}' is not like 1=ADDRESS,2=ADDRESS").into())
}
