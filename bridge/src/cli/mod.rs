// SPDX-License-Identifier: LGPL-2.1-or-later
//! The command line.
#![expect(clippy::print_stderr, reason = "standard error is the command line's own voice")]

mod json;
mod waive;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Serialize;

use crate::audit::{Audit, Scope};
use crate::checks::{self, CHECKS, Severity};
use crate::facts::collect::{self, Progress, Sources};
use crate::facts::libvirt::Target;
use crate::facts::root::{FILE_LIMIT, Root};
use crate::facts::{Fact, Facts, Link, Vm};
use crate::peer;
use crate::policy::Profile;
use crate::report::streamed::Streamed;
use crate::report::{Findings, catalogue, html, picture, terminal};
use waive::{SubjectArgs, WaiveArgs};

/// A recording of ten thousand VMs is smaller.
const RECORDING_LIMIT: u64 = 256 << 20;
/// Of a pipe, in bytes: what the kernel grants anybody.
const PIPE: usize = 1 << 20;

/// Shows whether virtual machines could attack their host or their neighbours, and whether the host would stop them.
#[derive(Parser)]
#[command(name = "vm-security", bin_name = "vm-security", version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Audit the host and its virtual machines, or definitions from files
    ///
    /// Looks at what is configured and at what is running, and changes nothing. Without root, what needs root is reported as unknown.
    /// Exit status: 0 the audit ran; 1 it ran, and --fail-on found something; 2 it could not run.
    #[command(
        after_help = "Examples:\n  vm-security audit                      the host and all VMs\n  vm-security audit web1 db1             the host and two of them\n  vm-security audit new.xml              a definition, before anybody defines it\n  vm-security audit web1 --picture       who could attack whom, and what stands in the way\n  vm-security audit --fail-on high       for scripts\n  vm-security audit --facts host.json    what was recorded elsewhere"
    )]
    Audit(AuditArgs),
    /// Print the facts that an audit judges, as JSON for `audit --facts`
    ///
    /// The recording contains no passwords, keys or other secrets, only whether they are set.
    Facts(SourceArgs),
    /// List all checks
    Checks {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Explain a check: what it looks at, why, how to fix it, what the fix costs, and its basis
    Explain {
        /// The check's id, as in `vm.graphics-listen`
        #[arg(required_unless_present_any = ["all", "vectors"])]
        id: Option<String>,
        /// Explain all checks
        #[arg(long, conflicts_with = "id")]
        all: bool,
        /// Explain the attack vectors, and what stands in their way
        #[arg(long, conflicts_with_all = ["id", "all"])]
        vectors: bool,
    },
    /// Accept a finding: it stays visible, and counts no more
    ///
    /// A VM's waivers are kept in its libvirt metadata and move with it, the host's in /etc/cockpit-vm-security/waivers.json.
    Waive(WaiveArgs),
    /// Take the acceptance of a finding back
    Unwaive(SubjectArgs),
    /// List what was accepted, by whom and until when
    Waivers(SourceArgs),
    /// Serve Cockpit's channel protocol on standard input and output; started by Cockpit
    Bridge,
}

#[derive(Args)]
struct AuditArgs {
    /// Names or UUIDs of VMs, or files with a domain definition that end in .xml; none means all VMs
    #[arg(value_name = "VM|FILE.xml")]
    subjects: Vec<String>,
    #[command(flatten)]
    sources: SourceArgs,
    /// How strict to be
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
    /// Judge the facts of a recording instead of this host
    #[arg(long, value_name = "FILE", conflicts_with_all = ["connect", "root"])]
    facts: Option<PathBuf>,
    /// Exit with 1 if anything fails or warns at this severity or above
    #[arg(long, value_name = "SEVERITY", value_enum)]
    fail_on: Option<Severity>,
    /// Also list what passes or does not apply
    #[arg(long)]
    all: bool,
    /// Show the ways in which each VM could be attacked or could attack, and what stands in their way
    #[arg(long, conflicts_with_all = ["format", "all"])]
    picture: bool,
}

#[derive(Args)]
struct SourceArgs {
    /// libvirt connection: system, session, or a URI [default: system]
    #[arg(short, long, value_name = "URI")]
    connect: Option<String>,
    /// Read the host's files below this directory; its stored definitions too, unless a connection is named
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    #[default]
    Terminal,
    Json,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    #[default]
    Terminal,
    Json,
    /// One file to print, mail or keep
    Html,
}

/// Runs the program and gives its exit status.
pub fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        // Whoever reads our output has enough of it.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vm-security: {}", terminal::clean(&format!("{error:#}")));
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Audit(args) => return audit(&args),
        Command::Facts(args) => json(&read(&args)?)?,
        Command::Checks { format: Format::Json } => json(&catalogue::Catalogue::new())?,
        Command::Checks { format: Format::Terminal } => print(|out, style| catalogue::list(out, style))?,
        Command::Explain { id: Some(id), .. } => {
            let check = checks::find(&id).with_context(|| unknown_check(&id))?;
            print(|out, style| catalogue::explain(out, check, style))?;
        }
        Command::Explain { vectors: true, .. } => print(|out, style| picture::explain(out, style))?,
        Command::Explain { .. } => print(|out, style| catalogue::explain_all(out, style))?,
        Command::Waive(args) => {
            let waiver = waive::waive(&args)?;
            eprintln!("Waived {} as {}.", waiver.check, terminal::clean(&waiver.by));
        }
        Command::Unwaive(args) => eprintln!("{} is waived no more.", waive::unwaive(&args)?.check),
        Command::Waivers(args) => {
            let facts = read(&args)?;
            let audit = Audit::new(&facts, Profile::default(), &Scope::All);
            print(|out, style| waive::list(out, &audit, style))?;
        }
        Command::Bridge => peer::serve_stdio(peer::audit_channel::open)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn unknown_check(id: &str) -> String {
    let last = id.rsplit('.').next().unwrap_or(id);
    let near: Vec<&str> = CHECKS.iter().map(|check| check.id).filter(|other| other.contains(last)).collect();
    let hint = if near.is_empty() { "vm-security checks lists them".to_owned() } else { near.join(", ") };
    format!("there is no check '{id}' ({hint})")
}

fn audit(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let (files, names): (Vec<&String>, Vec<&String>) =
        args.subjects.iter().partition(|subject| Path::new(subject).extension().is_some_and(|end| end == "xml"));
    if !files.is_empty() && !names.is_empty() {
        bail!("'{}' is a VM and '{}' a file: audit one kind at a time", names[0], files[0]);
    }
    let (facts, scope, wanted) = if files.is_empty() {
        let facts = match &args.facts {
            Some(path) => recording(path)?,
            None => read(&args.sources)?,
        };
        let wanted = select(&facts, &names)?;
        (facts, Scope::All, wanted)
    } else {
        if args.facts.is_some() || args.sources.connect.is_some() || args.sources.root != Path::new("/") {
            bail!("a definition from a file is judged alone: leave --facts, --connect and --root out");
        }
        (definitions(&files)?, Scope::Definitions, Vec::new())
    };
    let reaches = |findings: &Findings| args.fail_on.is_some_and(|severity| reaches(findings, severity));
    // The process ends with this audit, and the kernel takes its memory back faster than we could give it piece by piece.
    let facts = ManuallyDrop::new(facts);
    let audit = ManuallyDrop::new(Audit::new(&facts, args.profile, &scope));
    let mut vms: Vec<&Vm> = audit.vms().filter(|vm| wanted.is_empty() || wanted.contains(&vm.uuid)).collect();
    vms.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    if args.format == ReportFormat::Json {
        let report = audit.report(Streamed::new(&audit, vms, &reaches));
        json(&report)?;
        return Ok(status(report.vms.found() || reaches(&report.host.findings)));
    }
    let report = audit.report(vms.into_iter().map(|vm| (vm.uuid.clone(), audit.vm(vm))).collect());
    print(|out, style| match args.format {
        ReportFormat::Html => html::write(out, &report),
        _ if args.picture => picture::write(out, &report, style),
        _ => terminal::write(out, &report, terminal::Style { all: args.all, ..style }),
    })?;
    let mut vms = report.vms.values();
    Ok(status(vms.any(|vm| reaches(&vm.findings)) || reaches(&report.host.findings)))
}

fn status(is_reached: bool) -> ExitCode {
    if is_reached { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Whether anything fails or warns at the severity or above, and nobody accepted it.
fn reaches(findings: &Findings, severity: Severity) -> bool {
    findings.values().any(|finding| finding.is_bad() && finding.severity >= severity)
}

fn recording(path: &Path) -> anyhow::Result<Facts> {
    let text = read_text(path, RECORDING_LIMIT)?;
    Facts::from_recording(&text).with_context(|| format!("reading {}", path.display()))
}

fn definitions(files: &[&String]) -> anyhow::Result<Facts> {
    let mut facts = Facts::default();
    facts.stamp();
    for name in files {
        let text = read_text(Path::new(name), FILE_LIMIT)?;
        checks::Domain::parse(&text, false).map_err(|gap| anyhow::anyhow!("{name}: {}", gap.reason))?;
        collect::add_definition(&mut facts.vms, name, Fact::known(name.as_str(), text));
    }
    Ok(facts)
}

fn read_text(path: &Path, limit: u64) -> anyhow::Result<String> {
    let place = || format!("reading {}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(place)?;
    io::Read::read_to_end(&mut io::Read::take(file, limit + 1), &mut bytes).with_context(place)?;
    if bytes.len() as u64 > limit {
        bail!("{} is larger than {} MiB", path.display(), limit >> 20);
    }
    String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{} is not UTF-8", path.display()))
}

/// The UUIDs of the named VMs.
fn select(facts: &Facts, names: &[&String]) -> anyhow::Result<Vec<String>> {
    let mut wanted = Vec::new();
    for name in names {
        let vm = facts.vms.iter().find(|vm| vm.name == **name || vm.uuid == **name);
        let Some(vm) = vm else {
            let place =
                if facts.libvirt.uri.is_empty() { "among these facts" } else { &format!("at {}", facts.libvirt.uri) };
            bail!("there is no VM '{name}' {place}")
        };
        wanted.push(vm.uuid.clone());
    }
    Ok(wanted)
}

/// Reads the sources, with a word on standard error when that takes longer than a second.
fn read(args: &SourceArgs) -> anyhow::Result<Facts> {
    let connect = match (&args.connect, args.root == Path::new("/")) {
        (Some(connect), _) => Some(connect.as_str()),
        (None, true) => Some("system"),
        (None, false) => None,
    };
    // Named before anything is read, so that a wrong directory is the first thing said.
    Root::open(&args.root)?;
    let sources = Sources { target: connect.map(Target::new), root: args.root.clone() };
    let progress = Progress::default();
    let counter = Arc::clone(&progress);
    let reader = std::thread::spawn(move || collect::read(&sources, &counter));
    let (start, mut next) = (Instant::now(), Duration::from_secs(1));
    while !reader.is_finished() {
        std::thread::park_timeout(Duration::from_millis(2));
        if start.elapsed() >= next {
            let count = progress.load(Ordering::Relaxed);
            let far =
                if count == 0 { "waiting for libvirt".to_owned() } else { format!("{count} answers from libvirt") };
            eprintln!("Reading facts: {} s, {far} …", next.as_secs());
            next += next.max(Duration::from_secs(2));
        }
    }
    let facts = reader.join().map_err(|_| anyhow::anyhow!("reading the facts failed unexpectedly"))??;
    match &facts.libvirt.link {
        Link::Unreachable { message } | Link::Denied { message } => bail!("{message}"),
        Link::Connected | Link::NotUsed => Ok(facts),
    }
}

fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let stdout = io::stdout();
    // A thousand VMs are 50 MB: through a pipe of the usual 64 KiB, writer and reader would mostly wait for each other.
    let _ = rustix::pipe::fcntl_setpipe_size(&stdout, PIPE);
    let mut out = BufWriter::new(stdout.lock());
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, json::Terminal))?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

fn print(write: impl FnOnce(&mut BufWriter<io::StdoutLock>, terminal::Style) -> io::Result<()>) -> anyhow::Result<()> {
    let stdout = io::stdout();
    let terminal = stdout.is_terminal();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    let columns = rustix::termios::tcgetwinsize(&stdout).map_or(80, |size| usize::from(size.ws_col));
    let width = if columns == 0 { 80 } else { columns.clamp(40, 100) };
    let style = terminal::Style { color: terminal && !no_color && !dumb, width, all: false };
    let mut out = BufWriter::new(stdout.lock());
    write(&mut out, style)?;
    out.flush()?;
    Ok(())
}
